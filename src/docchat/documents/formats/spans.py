"""Cells that reach over several columns or rows: laid out, so that each row has its cells under their heads."""

from collections.abc import Sequence
from dataclasses import dataclass

_WIDEST = 200
_LONGEST = 5_000  # rows
SAID_AGAIN = 100
"""Characters up to which a cell is said again."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text, and over how many columns and rows it reaches."""

    text: str
    columns: int = 1
    rows: int = 1


class Spans:
    """The rows of one table, told from the first on.

    A short cell that reaches down is said again in each of its rows, so that every row tells what it is about; of one
    that reaches across the other columns stay empty.
    """

    def __init__(self) -> None:
        self._open: dict[int, tuple[int, str]] = {}

    def lay(self, cells: Sequence[Cell]) -> list[str]:
        """The texts of the next row, column by column."""
        above, self._open = self._open, {}
        row: list[str] = []
        for cell in cells:
            self._reach(row, above)
            for column in range(max(1, min(cell.columns, _WIDEST))):
                if cell.rows > 1:
                    again = cell.text if not column and len(cell.text) <= SAID_AGAIN else ""
                    self._open[len(row)] = (min(cell.rows, _LONGEST) - 1, again)
                row.append(cell.text if not column else "")
        self._reach(row, above)
        return row

    def _reach(self, row: list[str], above: dict[int, tuple[int, str]]) -> None:
        """Put in what reaches here from above."""
        while found := above.pop(len(row), None):
            left, text = found
            if left > 1:
                self._open[len(row)] = (left - 1, text)
            row.append(text)


def span_of(text: str | None) -> int:
    """A count of rows or columns as a file gives it; 1 for what is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else 1
