"""Streams of a compound file (the container of .doc, .xls, .ppt, .msg and of locked Office files), read with limits."""

import struct

from ...errors import Unreadable

START = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LAST = 0xFFFFFFFA  # from here on: end of a chain, free, and other marks
_MOST_ENTRIES = 20_000


def streams(data: bytes) -> dict[str, bytes]:
    """The streams of a file by their name in small letters, without their folders. Raises Unreadable: damaged."""
    try:
        return _File(data).streams()
    except (struct.error, IndexError, ValueError) as error:
        raise Unreadable("This file is damaged: its parts cannot be found.", code="damaged") from error


class _File:
    def __init__(self, data: bytes) -> None:
        self._data = data
        shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if shift not in (9, 12) or mini_shift > shift:
            raise ValueError("no sector size")
        self._size, self._mini_size = 1 << shift, 1 << mini_shift
        self._fat = self._read_fat()
        (first_directory,) = struct.unpack_from("<I", data, 48)
        self._cutoff, first_mini = struct.unpack_from("<II", data, 56)
        self._directory = self._chain(first_directory)
        mini = self._chain(first_mini) if first_mini < _LAST else b""
        self._mini_fat = struct.unpack(f"<{len(mini) // 4}I", mini[: len(mini) // 4 * 4])
        self._mini = b""

    def _sector(self, number: int) -> bytes:
        start = (number + 1) * self._size
        return self._data[start : start + self._size]

    def _read_fat(self) -> tuple[int, ...]:
        numbers = list(struct.unpack_from("<109I", self._data, 76))
        more, count = struct.unpack_from("<II", self._data, 68)
        most = len(self._data) // self._size + 1
        for _ in range(min(count, most)):
            if more >= _LAST:
                break
            table = struct.unpack(f"<{self._size // 4}I", self._sector(more))
            numbers += table[:-1]
            more = table[-1]
        sectors = b"".join(self._sector(number) for number in numbers[:most] if number < _LAST)
        return struct.unpack(f"<{len(sectors) // 4}I", sectors[: len(sectors) // 4 * 4])

    def _chain(self, number: int) -> bytes:
        pieces = []
        for _ in range(len(self._fat)):
            if number >= _LAST:
                break
            pieces.append(self._sector(number))
            number = self._fat[number]
        return b"".join(pieces)

    def streams(self) -> dict[str, bytes]:
        """Every stream by name; of several with one name the first."""
        found: dict[str, bytes] = {}
        for at in range(0, min(len(self._directory), _MOST_ENTRIES * 128), 128):
            entry = self._directory[at : at + 128]
            length, kind = struct.unpack_from("<HB", entry, 64)
            start, size = struct.unpack_from("<II", entry, 116)
            name = entry[: max(0, min(64, length) - 2)].decode("utf-16-le", "replace")
            if kind == 5:
                self._mini = self._chain(start)[:size]
            elif kind == 2:
                found.setdefault(name.lower(), self._stream(start, size))
        return found

    def _stream(self, start: int, size: int) -> bytes:
        if size >= self._cutoff:
            return self._chain(start)[:size]
        pieces = []
        for _ in range(len(self._mini_fat)):
            if start >= _LAST:
                break
            pieces.append(self._mini[start * self._mini_size : (start + 1) * self._mini_size])
            start = self._mini_fat[start]
        return b"".join(pieces)[:size]
