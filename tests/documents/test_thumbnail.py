"""Pages and pictures drawn small: what is seen through stands on white, photographs upright, nothing too large."""

import base64
import struct
import zlib
from collections.abc import Callable

import pytest

from docchat.documents import thumbnail
from docchat.documents.formats.pictures import MOST_PIXELS
from docchat.errors import Unreadable

from .samples import pdf as make_pdf

# 32 by 16 pixels, red on the left, blue on the right.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8"
    "ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/wAAR"
    "CAAQACADASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAT/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAA"
    "BgT/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCABGSIQDAVf//Z"
)
RED, BLUE = (255, 0, 0), (0, 0, 255)


def png(kind: int, bits: int, pixel: bytes, *, palette: bytes = b"", size: int = 8, interlaced: int = 0) -> bytes:
    """A square of one colour."""
    row = pixel * size if bits >= 8 else pixel * -(-size * bits // 8)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", size, size, bits, kind, 0, 0, interlaced))]
    chunks += [(b"PLTE", palette)] if palette else []
    chunks += [(b"IDAT", zlib.compress((b"\0" + row) * min(size, 64))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def photograph(orientation: int) -> bytes:
    """The JPEG as a camera writes it that was held in some way."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    return JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + JPEG[2:]


def drawn(data: bytes, width: int = 32) -> tuple[int, int, Callable[[float, float], tuple[int, ...]]]:
    """Width and height of a thumbnail, and a function that gives its colour at a place (fractions)."""
    found = thumbnail.draw(data, number=1, width=width)
    wide, high = struct.unpack_from(">II", found, 16)
    (length,) = struct.unpack_from(">I", found, 33)
    rows = zlib.decompress(found[41 : 41 + length])

    def colour(x: float, y: float) -> tuple[int, ...]:
        start = int(y * high) * (3 * wide + 1) + 1 + 3 * int(x * wide)
        return tuple(rows[start : start + 3])

    return wide, high, colour


def near(one: tuple[int, ...], other: tuple[int, ...], by: int) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (png(2, 8, bytes((200, 10, 30))), (200, 10, 30)),
        (png(2, 16, bytes((200, 0, 10, 0, 30, 0))), (200, 10, 30)),
        (png(0, 8, b"\x64"), (100, 100, 100)),
        (png(0, 1, b"\xff"), (255, 255, 255)),
        (png(3, 8, b"\x01", palette=bytes((1, 2, 3, 40, 50, 60))), (40, 50, 60)),
        (png(6, 8, bytes((200, 10, 30, 255))), (200, 10, 30)),
        (png(6, 8, bytes((200, 10, 30, 0))), (255, 255, 255)),
        (png(6, 8, bytes((200, 10, 30, 128))), (227, 132, 142)),
        (png(4, 8, bytes((40, 128))), (147, 147, 147)),
    ],
)
def test_every_kind_of_png(picture: bytes, expected: tuple[int, int, int]) -> None:
    wide, high, colour = drawn(picture)
    assert (wide, high) == (32, 32)
    assert near(colour(0.5, 0.5), expected, 2)


@pytest.mark.parametrize(
    ("orientation", "red", "blue"),
    [
        (1, (0.1, 0.5), (0.9, 0.5)),
        (3, (0.9, 0.5), (0.1, 0.5)),
        (6, (0.5, 0.1), (0.5, 0.9)),
        (8, (0.5, 0.9), (0.5, 0.1)),
    ],
)
def test_a_photograph_is_upright(orientation: int, red: tuple[float, float], blue: tuple[float, float]) -> None:
    wide, high, colour = drawn(photograph(orientation))
    assert (wide > high) is (orientation < 6)
    assert near(colour(*red), RED, 40)
    assert near(colour(*blue), BLUE, 40)


def test_a_page_of_a_pdf() -> None:
    found = thumbnail.draw(make_pdf([[(72, 700, "One page")], [(72, 700, "Two pages")]]), number=2, width=120)
    assert found.startswith(b"\x89PNG")
    assert struct.unpack_from(">I", found, 16) == (120,)


@pytest.mark.parametrize(
    ("data", "number", "code"),
    [
        (png(2, 8, b"\1\2\3"), 2, "no_page"),
        (b"GIF89a\x08\0\x08\0\0\0\0", 1, "unsupported"),
        (png(2, 8, b"\1\2\3", interlaced=1), 1, "unsupported"),
        (png(2, 8, b"\1\2\3")[:20], 1, "damaged"),
        (png(9, 8, b"\1\2\3"), 1, "damaged"),
        (JPEG[:24], 1, "damaged"),
        (png(2, 8, b"\1\2\3", size=int(MOST_PIXELS**0.5) + 1), 1, "too_complex"),
        (png(6, 8, b"\1\2\3\4", size=4000), 1, "unsupported"),
    ],
)
def test_what_is_not_drawn(data: bytes, number: int, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        thumbnail.draw(data, number=number, width=240)
    assert refused.value.code == code


def test_text_in_a_picture_is_no_part_of_the_page() -> None:
    """What is put around the picture is ours alone: its bytes cannot end their stream."""
    broken = png(2, 8, bytes((200, 10, 30)))
    evil = b"endstream endobj 4 0 obj << /Length 3 >> stream q Q endstream"
    comment = struct.pack(">I", len(evil)) + b"IDAT" + evil + struct.pack(">I", 0)
    assert near(drawn(broken[:-12] + comment + broken[-12:])[2](0.5, 0.5), (200, 10, 30), 2)
