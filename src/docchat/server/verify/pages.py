"""SQLite's files as bytes: pages, the write-ahead log's frames, the freelist, and the rows that stand on a page.

After https://www.sqlite.org/fileformat2.html. Reads a file that others may be writing to: a page that makes no sense
holds no rows.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Value = int | bytes | None
_LEAF = 13  # a leaf of a table's b-tree; rows stand nowhere else
_WAL_HEADER = struct.Struct(">8I")
_FRAME_HEADER = struct.Struct(">6I")
_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)  # bytes of the serial types 0 to 9


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it stands on a page: its rowid and its columns, the last one perhaps cut short."""

    rowid: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """A page image in the write-ahead log; a stale one is left of an earlier round of the log."""

    page: int
    offset: int
    stale: bool
    data: bytes


class MainFile:
    """The main file of a SQLite database."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        header = self._file.read(100)
        size = int.from_bytes(header[16:18], "big")
        self.page_size = 65536 if size == 1 else size
        self.whole = header.startswith(b"SQLite format 3\0")

    def page(self, number: int) -> bytes:
        """A page, counted from 1."""
        self._file.seek((number - 1) * self.page_size)
        return self._file.read(self.page_size)

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """All pages with their numbers."""
        number = 1
        while len(data := self.page(number)) == self.page_size:
            yield number, data
            number += 1

    def close(self) -> None:
        """Give the descriptor back."""
        self._file.close()


def frames(path: Path) -> Iterator[Frame]:
    """Every frame that stands in a write-ahead log, also those that do not count any more."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        header = file.read(_WAL_HEADER.size)
        if len(header) < _WAL_HEADER.size:
            return
        _, _, page_size, _, first_salt, second_salt, _, _ = _WAL_HEADER.unpack(header)
        stale = False
        while True:
            offset = file.tell()
            head = file.read(_FRAME_HEADER.size)
            data = file.read(page_size)
            if len(head) < _FRAME_HEADER.size or not data:
                return
            page, _, first, second, _, _ = _FRAME_HEADER.unpack(head)
            stale = stale or (first, second) != (first_salt, second_salt)
            yield Frame(page, offset, stale, data)


def rows(page: bytes, *, first: bool = False) -> Iterator[Row]:
    """The rows on a page of a table; none on any other page. The `first` page begins with the file's header."""
    start = 100 if first else 0
    if len(page) < start + 8 or page[start] != _LEAF:
        return
    count = int.from_bytes(page[start + 3 : start + 5], "big")
    for number in range(count):
        at = start + 8 + 2 * number
        cell = int.from_bytes(page[at : at + 2], "big")
        try:
            _, after_length = _varint(page, cell)
            rowid, payload = _varint(page, after_length)
            values = _record(page, payload)
        except IndexError:
            continue
        yield Row(rowid, values)


def freelist(first_page: bytes, page_of: "PageSource") -> Iterator[tuple[int, bool]]:
    """The numbers of the free pages, and whether each is a trunk (it lists others) or empty."""
    trunk = int.from_bytes(first_page[32:36], "big")
    seen: set[int] = set()
    while trunk and trunk not in seen:
        seen.add(trunk)
        yield trunk, True
        data = page_of(trunk)
        count = int.from_bytes(data[4:8], "big")
        for number in range(min(count, len(data) // 4 - 2)):
            yield int.from_bytes(data[8 + 4 * number : 12 + 4 * number], "big"), False
        trunk = int.from_bytes(data[:4], "big")


def is_empty(page: bytes, *, trunk: bool, page_count: int) -> bool:
    """Whether a free page holds nothing: zeros, and on a trunk the numbers of pages besides."""
    if not trunk:
        return not any(page)
    words = struct.unpack(f">{len(page) // 4}I", page[: len(page) // 4 * 4])
    return all(word <= page_count for word in words)


class PageSource:
    """Pages as they are now: from the log where it has them, else from the main file."""

    def __init__(self, main: MainFile, log: dict[int, bytes]) -> None:
        self.main = main
        self.log = log

    def __call__(self, number: int) -> bytes:
        """The newest image of a page."""
        return self.log.get(number) or self.main.page(number)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for step in range(8):
        byte = data[at + step]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + step + 1
    return value << 8 | data[at + 8], at + 9


def _record(page: bytes, at: int) -> tuple[Value, ...]:
    length, position = _varint(page, at)
    end = at + length
    types = []
    while position < end:
        kind, position = _varint(page, position)
        types.append(kind)
    values: list[Value] = []
    for kind in types:
        size = _SIZES[kind] if kind < len(_SIZES) else max(0, (kind - 12) // 2)
        data = page[position : position + size]
        position += size
        values.append(_value(kind, data))
    return tuple(values)


def _value(kind: int, data: bytes) -> Value:
    if kind == 0:
        return None
    if kind in (8, 9):
        return kind - 8
    if kind >= len(_SIZES) or kind == 7:  # texts, blobs, and a float, whose number nobody asks for
        return data
    return int.from_bytes(data, "big", signed=True)
