"""The index of words as SQLite stores it: which rows its segments name, those of deleted rows included.

FTS5 takes deleted rows out of its answers at once and, without secure-delete, out of its segments only when these are
merged. After https://www.sqlite.org/src/file/ext/fts5/fts5_index.c. A leaf has a header of four bytes (where the first
row begins that no row before it on the page leads to; where its list of terms begins), then terms and rows.
"""

from collections.abc import Iterator

_LEAF_BITS = 31
_NO_LEAF = 0x3F << _LEAF_BITS  # height above the leaves, and the lists of rows
FIRST_SEGMENT = 1 << (_LEAF_BITS + 6)
"""Ids of the table's rows below this are not of segments."""


def is_leaf(number: int) -> bool:
    """Whether the row of this id in the index's data is a leaf of a segment."""
    return number >= FIRST_SEGMENT and not number & _NO_LEAF


def rows_of(leaf: bytes) -> Iterator[int]:
    """The row ids that stand on a leaf, one for each word of theirs. Raises IndexError when it makes no sense."""
    if len(leaf) < 4:
        return
    first, size = int.from_bytes(leaf[:2], "big"), int.from_bytes(leaf[2:4], "big")
    terms = list(_terms(leaf, size))
    if first and (not terms or first < terms[0]):
        yield from _list(leaf, first, terms[0] if terms else size)
    for number, at in enumerate(terms):
        end = terms[number + 1] if number + 1 < len(terms) else size
        position = at
        if number:
            _, position = _varint(leaf, position)  # what it shares with the term before
        length, position = _varint(leaf, position)
        yield from _list(leaf, position + length, end)


def _terms(leaf: bytes, size: int) -> Iterator[int]:
    """Where the terms begin."""
    at, position = 0, size
    while position < len(leaf):
        step, position = _varint(leaf, position)
        at += step
        yield at


def _list(leaf: bytes, position: int, end: int) -> Iterator[int]:
    """Rows with their positions, from one whose id stands there in full."""
    row = 0
    while position < end:
        step, position = _varint(leaf, position)
        row += step
        yield row
        if position >= end:
            return  # its positions are on the next page
        length, position = _varint(leaf, position)
        position += length >> 1


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for step in range(8):
        byte = data[at + step]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + step + 1
    return value << 8 | data[at + 8], at + 9
