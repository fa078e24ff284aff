"""CSV and TSV to a table part; the delimiter is found, quotes and ragged rows are taken as they come."""

import csv
import io

from .. import tables
from .part import Part, clean

_DELIMITERS = ",;\t|"
_LONGEST_CELL = 1_000_000


def read(text: str, *, label: str = "") -> tuple[Part, ...]:
    """One part with a line for each row. A quote left open is read as an ordinary character."""
    text = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    delimiter = _delimiter(text)
    csv.field_size_limit(_LONGEST_CELL)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=False))
    except csv.Error:
        rows = [line.split(delimiter) for line in text.split("\n")]
    return table(rows, label=label)


def table(rows: list[list[str]], *, label: str) -> tuple[Part, ...]:
    """The part of one table, none when it has no text."""
    text = tables.render([clean(cell) for cell in row] for row in rows)
    return (Part(label=label, text=text, rows=True),) if text.strip() else ()


def _delimiter(text: str) -> str:
    lines = [line for line in text.split("\n", 30)[:30] if line.strip()][:20]

    def steadiness(delimiter: str) -> tuple[int, int]:
        counts = [line.count(delimiter) for line in lines]
        usual = max(set(counts), key=counts.count, default=0)
        return (counts.count(usual) if usual else 0, usual)

    return max(_DELIMITERS, key=steadiness)
