"""Cells of workbooks, Outlook messages and the legacy forms of Word and PowerPoint, by kreuzberg."""

import re
from collections.abc import Iterator
from typing import Any

import kreuzberg

from ...errors import Unreadable
from ...types import new_id
from . import markdown, sheet
from .part import Part, flow

MIME = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    "doc": "application/msword",
    "ppt": "application/vnd.ms-powerpoint",
    "xls": "application/vnd.ms-excel",
    "msg": "application/vnd.ms-outlook",
}
LOCKED = "This file is locked with a password. Give the password to have it read."
STAYS_LOCKED = (
    "This file is locked in an old way that is not supported. Save it without the password and upload it again."
)


def read(data: bytes, kind: str) -> tuple[Part, ...]:
    """The parts of an office file that is no workbook. Raises Unreadable: locked, damaged."""
    # A word that no file holds parts the slides: the byte offsets that the library gives beside drift.
    mark = f"slide{new_id().hex}n"
    result = _extracted(data, kind, mark if kind == "ppt" else None)
    if kind == "ppt":
        return tuple(_slides(result.content, mark))
    return markdown.read(result.content, label="Message" if kind == "msg" else "")


def sheets(data: bytes, kind: str) -> dict[str, tuple[Part, ...]]:
    """The parts of each sheet of a workbook by its name. Raises Unreadable: locked, damaged."""
    result = _extracted(data, kind, None)
    names = result.metadata.get("sheet_names") or []
    found: dict[str, tuple[Part, ...]] = {}
    for table in result.tables:
        number = table.page_number
        name = names[number - 1] if 0 < number <= len(names) else f"Sheet {number}"
        found[name] = found.get(name, ()) + sheet.table(table.cells, label=name)
    return found


def _extracted(data: bytes, kind: str, mark: str | None) -> Any:
    config = kreuzberg.ExtractionConfig(
        use_cache=False,
        output_format="markdown",
        pages=kreuzberg.PageConfig(
            extract_pages=True, insert_page_markers=mark is not None, marker_format=f"\n\n{mark}{{page_num}}\n\n"
        ),
        concurrency=kreuzberg.ConcurrencyConfig(max_threads=1),
    )
    try:
        return kreuzberg.extract_bytes_sync(data, MIME[kind], config=config)
    except kreuzberg.KreuzbergError as error:
        if "password" in str(error).lower() or "encrypt" in str(error).lower():
            raise Unreadable(STAYS_LOCKED, code="locked") from error
        raise Unreadable("This file is damaged: no text can be read from it.", code="damaged") from error


def _slides(content: str, mark: str) -> Iterator[Part]:
    before, *found = re.split(rf"{mark}(\d+)", content)
    if not found:
        yield from markdown.read(before)
    for number, text in zip(found[::2], found[1::2], strict=True):
        label = f"Slide {number}"
        yield from flow(tuple(markdown.blocks(text)), label=label) or (Part(label=label, text=""),)
