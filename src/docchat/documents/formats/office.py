"""Word, PowerPoint, Excel, RTF, EPUB and their legacy forms by kreuzberg, kept to pages, slides and sheets."""

import re
from collections.abc import Iterator
from typing import Any

import kreuzberg

from ...errors import Unreadable
from ...types import new_id
from . import markdown, sheet
from .part import Part, flow

_OPENXML = "application/vnd.openxmlformats-officedocument."
MIME = {
    "docx": f"{_OPENXML}wordprocessingml.document",
    "pptx": f"{_OPENXML}presentationml.presentation",
    "xlsx": f"{_OPENXML}spreadsheetml.sheet",
    "xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "doc": "application/msword",
    "ppt": "application/vnd.ms-powerpoint",
    "xls": "application/vnd.ms-excel",
    "msg": "application/vnd.ms-outlook",
    "rtf": "application/rtf",
    "epub": "application/epub+zip",
}
_SLIDES = ("pptx", "ppt")
_SHEETS = ("xlsx", "xlsb", "xls", "ods")


def read(data: bytes, kind: str) -> tuple[Part, ...]:
    """The parts of an office file. Raises Unreadable: locked, damaged."""
    # A word that no file holds parts the slides: the byte offsets that the library gives beside drift.
    mark = f"slide{new_id().hex}n"
    config = kreuzberg.ExtractionConfig(
        use_cache=False,
        output_format="markdown",
        pages=kreuzberg.PageConfig(
            extract_pages=True, insert_page_markers=kind in _SLIDES, marker_format=f"\n\n{mark}{{page_num}}\n\n"
        ),
        concurrency=kreuzberg.ConcurrencyConfig(max_threads=1),
    )
    try:
        result = kreuzberg.extract_bytes_sync(data, MIME[kind], config=config)
    except kreuzberg.KreuzbergError as error:
        if "password" in str(error).lower() or "encrypt" in str(error).lower():
            raise Unreadable(
                "This file is locked with a password. Save it without the password and upload it again.",
                code="locked",
            ) from error
        raise Unreadable("This file is damaged: no text can be read from it.", code="damaged") from error
    if kind in _SHEETS:
        return tuple(_sheets(result))
    if kind in _SLIDES:
        return tuple(_slides(result.content, mark))
    return markdown.read(result.content, label="Message" if kind == "msg" else "")


def _sheets(result: Any) -> Iterator[Part]:
    names = result.metadata.get("sheet_names") or []
    for found in result.tables:
        number = found.page_number
        name = names[number - 1] if 0 < number <= len(names) else f"Sheet {number}"
        yield from sheet.table(found.cells, label=name)


def _slides(content: str, mark: str) -> Iterator[Part]:
    before, *found = re.split(rf"{mark}(\d+)", content)
    if not found:
        yield from markdown.read(before)
    for number, text in zip(found[::2], found[1::2], strict=True):
        label = f"Slide {number}"
        yield from flow(tuple(markdown.blocks(text)), label=label) or (Part(label=label, text=""),)
