"""Tables in the text of a page: which row has the most or the least of what a question asks for."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ...documents.terms import terms
from .cues import Extreme
from .lines import cells_of
from .units import Unit

_NUMBER = re.compile(r"^[^\w\s-]{0,3}(-?\d[\d,  ]*+(?:\.\d+)?)\s*[%\w]{0,3}$")
_FEWEST_ROWS = 3
_YEARS = range(1500, 2101)


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    values: tuple[float | None, ...]

    @property
    def is_measure(self) -> bool:
        """Numbers that measure something, not years and not row numbers."""
        numbers = [value for value in self.values if value is not None]
        if len(numbers) < max(_FEWEST_ROWS, 0.8 * len(self.values)):
            return False
        if all(value in _YEARS for value in numbers):
            return False
        return numbers != [numbers[0] + step for step in range(len(numbers))]


def extreme_rows(units: Sequence[Unit], asked: Extreme, question: frozenset[str]) -> Iterator[Unit]:
    """The row with the greatest or least value of each table on the page whose column fits the question.

    `question` are its terms. The column is the one that a word of the superlative or of the question names, else the
    only one that measures.
    """
    for table, group in groupby(units, key=lambda unit: unit.table):
        rows = [unit for unit in group if unit.kind == "row"]
        if table < 0 or len(rows) <= _FEWEST_ROWS or not rows[1].lead:
            continue
        head, body = rows[1].lead, [row for row in rows if row.lead]
        column = _fitting(_columns(head, body), frozenset(terms(" ".join(asked.words))), question)
        if column is not None:
            yield _extreme_row(body, column, greatest=asked.greatest)


def _columns(head: str, rows: Sequence[Unit]) -> list[_Column]:
    heads, split = _splitter(head, rows)
    cells = [split(row.text) for row in rows]
    return [
        _Column(name, tuple(_value(row[place]) if -len(row) <= place < len(row) else None for row in cells))
        for name, place in heads
    ]


def _splitter(head: str, rows: Sequence[Unit]) -> tuple[list[tuple[str, int]], Callable[[str], Sequence[str]]]:
    """The columns as (name, place in a row) and how to cut a row.

    Where only blanks part the cells the places of the middle ones are unknown: the first and the last are kept.
    """
    names = cells_of(head)
    if names and cells_of(rows[0].text):
        return [(name, place) for place, name in enumerate(names)], cells_of
    words = head.split()
    return [(words[0], 0), (words[-1], -1)], str.split


def _value(cell: str) -> float | None:
    found = _NUMBER.match(cell)
    return float(re.sub(r"[,\s]", "", found.group(1))) if found else None


def _fitting(columns: Sequence[_Column], named: frozenset[str], question: frozenset[str]) -> _Column | None:
    measures = [column for column in columns if column.is_measure]
    for words in (named, question):
        fits = [column for column in measures if words.intersection(terms(column.name))]
        if len(fits) == 1:
            return fits[0]
    return measures[0] if len(measures) == 1 else None


def _extreme_row(rows: Sequence[Unit], column: _Column, *, greatest: bool) -> Unit:
    known = [(value, row) for value, row in zip(column.values, rows, strict=True) if value is not None]
    pick = max if greatest else min
    return pick(known, key=lambda pair: pair[0])[1]
