"""Pixels to a PNG by the standard library alone."""

import struct
import zlib

import pypdfium2


def encode(bitmap: pypdfium2.PdfBitmap, *, level: int = 6) -> bytes:
    """A bitmap of one, three or four channels as a PNG without transparency."""
    channels = bitmap.n_channels
    pixels = bytes(bitmap.buffer)
    rows = bytearray()
    for y in range(bitmap.height):
        row = pixels[y * bitmap.stride : y * bitmap.stride + bitmap.width * channels]
        if channels == 4:
            packed = bytearray(bitmap.width * 3)
            packed[0::3], packed[1::3], packed[2::3] = row[0::4], row[1::4], row[2::4]
            row = bytes(packed)
        rows += b"\x00" + row
    kind = 0 if channels == 1 else 2
    head = struct.pack(">IIBBBBB", bitmap.width, bitmap.height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), level)), (b"IEND", b""))
    )
