"""CSV and TSV to a table part; the delimiter is found, quotes and ragged rows are taken as they come."""

import csv
import io
from collections.abc import Iterator

from ...errors import Unreadable
from .. import tables
from .invisible import smuggled
from .part import Part, clean, conceal

_DELIMITERS = ",;\t|"
LONGEST_TABLE = 200_000
"""Characters of a table in one part."""
MOST_CELLS = 4_000_000
"""Cells of a table that is read."""
_LONGEST_CELL = 1_000_000


def read(text: str, *, label: str = "") -> tuple[Part, ...]:
    """One part with a line for each row. A quote left open is read as an ordinary character."""
    text = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    delimiter = _delimiter(text)
    if text.count(delimiter) + text.count("\n") > MOST_CELLS:
        raise Unreadable(f"This table has more than {MOST_CELLS:,} cells. Please split it.", code="too_complex")
    csv.field_size_limit(_LONGEST_CELL)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=False))
    except csv.Error:
        rows = [line.split(delimiter) for line in text.split("\n")]
    return table(rows, label=label)


def table(rows: list[list[str]], *, label: str) -> tuple[Part, ...]:
    """The parts of one table, none when it has no text. Each part of a long one begins with the column heads."""
    secrets = [secret for row in rows for cell in row for secret in smuggled(cell)]
    first, *others = _parts(rows, label) or (Part(label=label, text="", rows=True),)
    found = (conceal(first, secrets), *others)
    return found if found[0].text else ()


def _parts(rows: list[list[str]], label: str) -> tuple[Part, ...]:
    text = tables.render([_plain(cell) for cell in row] for row in rows)
    if not text.strip():
        return ()
    if len(text) <= LONGEST_TABLE:
        return (Part(label=label, text=text, rows=True),)
    found = tables.header(text)
    heads = f"{text[slice(*found)]}\n" if found else ""
    parts: list[Part] = []
    lines = text.split("\n")
    start = 0
    for stop in _stops(lines):
        body = "\n".join(lines[start:stop])
        name = f"{label or 'Rows'} ({start + 1}-{stop})"
        parts.append(Part(label=name, text=(heads if start else "") + body, rows=True))
        start = stop
    return tuple(parts)


def _plain(cell: str) -> str:
    return cell if cell.isascii() and cell.isprintable() else clean(cell)


def _stops(lines: list[str]) -> Iterator[int]:
    """After which lines a long table is cut."""
    length = 0
    for number, line in enumerate(lines, 1):
        length += len(line) + 1
        if length > LONGEST_TABLE:
            yield number
            length = 0
    if length:
        yield len(lines)


def _delimiter(text: str) -> str:
    lines = [line for line in text.split("\n", 30)[:30] if line.strip()][:20]

    def steadiness(delimiter: str) -> tuple[int, int]:
        counts = [line.count(delimiter) for line in lines]
        usual = max(set(counts), key=counts.count, default=0)
        return (counts.count(usual) if usual else 0, usual)

    return max(_DELIMITERS, key=steadiness)
