"""A look at the packed streams of a PDF before it is parsed: one that unpacks to far more than its size is refused."""

import re
import zlib
from collections.abc import Iterator

from ...errors import Unreadable

LARGEST = 96 * 1024 * 1024
"""Bytes of one stream, unpacked, when it is no picture. The text of a page takes some kilobytes."""
LARGEST_TOTAL = 256 * 1024 * 1024
"""Bytes of all the streams together that unpack to many times their size."""
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_PACKED = re.compile(rb"/(?:FlateDecode|Fl)\b")
_DICTIONARY = 600  # bytes before a stream in which its filters stand
_FIRST = 4096
_PIECE = 1 << 16
_HARMLESS = 60  # times its size that a usual stream unpacks to
_MOST_STREAMS = 200_000


def check(data: bytes) -> None:
    """Raises Unreadable with code too_complex."""
    total = 0
    for number, match in enumerate(_STREAM.finditer(data)):
        if number > _MOST_STREAMS:
            return
        head = data[max(0, match.start() - _DICTIONARY) : match.start()].rpartition(b" obj")[2]
        layers = len(_PACKED.findall(head))
        if layers and b"/Image" not in head:
            size = _unpacked_size(data, match.end(), layers)
            total += size
            if size <= LARGEST and total <= LARGEST_TOTAL:
                continue
            raise Unreadable("This PDF unpacks to far more than its size. It was not read.", code="too_complex")


def _unpacked_size(data: bytes, start: int, layers: int) -> int:
    """Bytes that a dense stream unpacks to, counted up to LARGEST; 0 for a usual one."""
    if layers == 1 and not _is_dense(data[start : start + _FIRST]):
        return 0
    pieces: Iterator[bytes] = (data[at : at + _PIECE] for at in range(start, len(data), _PIECE))
    for _ in range(min(layers, 4)):
        pieces = _unpacked(pieces)
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > LARGEST:
            break
    return total


def _is_dense(first: bytes) -> bool:
    """Whether the beginning of a stream unpacks to many times its size."""
    try:
        return len(zlib.decompressobj().decompress(first, _HARMLESS * _FIRST)) >= _HARMLESS * min(_FIRST, len(first))
    except zlib.error:
        return False


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    try:
        for piece in pieces:
            rest = piece
            while rest and not unpacker.eof:
                yield unpacker.decompress(rest, 1 << 20)
                rest = unpacker.unconsumed_tail
            if unpacker.eof:
                return
    except zlib.error:
        return  # damaged, or no such stream at all
