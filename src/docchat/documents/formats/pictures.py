"""Pictures: their kind and size by their first bytes, so that none is unpacked that is too large."""

import struct
from collections.abc import Callable, Iterator

from ...errors import Unreadable
from .part import Part

MOST_PIXELS = 60_000_000
"""Pixels of a picture that is read; a page scanned at 600 dpi has 35 million."""
_MOST_FRAMES = 200
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _png(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return int(width), int(height)


def _gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return int(width), int(height)


def _bmp(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<ii", data, 18)
    return int(width), abs(int(height))


def _webp(data: bytes) -> tuple[int, int]:
    if data[12:16] == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return int(width) & 0x3FFF, int(height) & 0x3FFF


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while data[at] == 0xFF:
        if data[at + 1] in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return int(width), int(height)
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    raise ValueError("no size before the picture")


def _frames(data: bytes) -> Iterator[tuple[int, int]]:
    """Width and height of each picture in a TIFF file."""
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    seen: set[int] = set()
    while at and at not in seen and len(seen) < _MOST_FRAMES:
        seen.add(at)
        (count,) = struct.unpack_from(f"{order}H", data, at)
        sizes = {256: 0, 257: 0}
        for entry in range(count):
            tag, kind = struct.unpack_from(f"{order}HH", data, at + 2 + 12 * entry)
            if tag in sizes:
                (sizes[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, at + 10 + 12 * entry)
        yield sizes[256], sizes[257]
        (at,) = struct.unpack_from(f"{order}I", data, at + 2 + 12 * count)


_SIZES: tuple[tuple[bytes, Callable[[bytes], tuple[int, int]]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png), (b"\xff\xd8\xff", _jpeg), (b"GIF8", _gif), (b"BM", _bmp), (b"RIFF", _webp),
)  # fmt: skip
_TIFF = (b"II*\x00", b"MM\x00*")
_OTHERS = (b"\x00\x00\x01\x00", b"8BPS", b"\x00\x00\x00\x0cjP", b"\xd7\xcd\xc6\x9a")


def is_picture(data: bytes) -> bool:
    """Whether a file is a picture, also of a kind that is not read."""
    if data.startswith(b"RIFF"):
        return data[8:12] == b"WEBP"
    return data.startswith((*(start for start, _ in _SIZES), *_TIFF, *_OTHERS)) or b"ftypheic" in data[:16]


def read(data: bytes) -> tuple[Part, ...]:
    """A part without text for each picture of a file. Raises Unreadable: unsupported, damaged, too_complex."""
    try:
        sizes = _sizes(data)
    except (struct.error, IndexError, ValueError) as error:
        raise Unreadable("This picture is damaged.", code="damaged") from error
    if any(width * height > MOST_PIXELS for width, height in sizes):
        raise Unreadable("This picture is too large to be read.", code="too_complex")
    many = len(sizes) > 1
    return tuple(Part(label=f"Page {n}" if many else "", text="", scan=(str(n),)) for n in range(1, len(sizes) + 1))


def _sizes(data: bytes) -> list[tuple[int, int]]:
    if data.startswith(_TIFF):
        return list(_frames(data))
    for start, size in _SIZES:
        if data.startswith(start):
            return [size(data)]
    raise Unreadable(
        "Pictures of this kind cannot be read. PNG, JPEG, TIFF, GIF, BMP and WebP can.", code="unsupported"
    )
