"""Tables as text: a row is a line, its cells are parted by ` | `, and the row of column heads is found again."""

from collections.abc import Iterable, Sequence

SEPARATOR = " | "
_LOOKED_AT = 12
_LONGEST_HEADER = 4_000


def render(rows: Iterable[Sequence[str]]) -> str:
    """Rows as lines; empty rows and empty cells at the end of a row are left out."""
    lines = []
    for row in rows:
        cells = [" ".join(cell.split()).replace(SEPARATOR, "|") for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            lines.append(cells[0] + "".join(f"{SEPARATOR}{cell}" if cell else " |" for cell in cells[1:]))
    return "\n".join(lines)


def cells(line: str) -> tuple[str, ...]:
    """The cells of a row as `render` wrote it."""
    return tuple(cell.strip() for cell in line.split(SEPARATOR.rstrip())) if SEPARATOR in line else (line.strip(),)


def header(text: str) -> tuple[int, int] | None:
    """Where the row of column heads stands in the text of a table: [start, end), None when there is none.

    It is the first row as wide as the table whose cells are all filled and none of which is a number, unless it is
    longer than a page: it stands beside every passage of the table.
    """
    rows: list[tuple[int, int, tuple[str, ...]]] = []
    start = 0
    for line in text.split("\n", _LOOKED_AT)[:_LOOKED_AT]:
        rows.append((start, start + len(line), cells(line)))
        start += len(line) + 1
    width = max(len(row) for _, _, row in rows)
    if width < 2 or len(rows) < 2:
        return None
    for begin, end, row in rows[:-1]:
        if len(row) == width:
            named = all(cell and not is_number(cell) for cell in row)
            return (begin, end) if named and end - begin <= _LONGEST_HEADER else None
    return None


def heads(text: str) -> tuple[str, ...]:
    """The column heads of a table's text, empty when it has none. A row's cells stand in the same order."""
    found = header(text)
    return cells(text[found[0] : found[1]]) if found else ()


def is_number(cell: str) -> bool:
    """Whether a cell holds an amount rather than a name: digits with signs, separators, currency or percent."""
    bare = cell.strip().strip("$€£¥%+-() ").replace(",", "").replace(".", "").replace(" ", "")
    return bare.isdigit()
