"""Line boxes as they are stored: 16 bytes a box, compressed."""

import struct
import zlib
from collections.abc import Sequence

from ..types import Box

_BOX = struct.Struct("<IIHHHH")
_SCALE = 65535


def pack(boxes: Sequence[Box]) -> bytes | None:
    """Boxes as bytes, None when there are none."""
    if not boxes:
        return None
    edges = ((b.start, b.end, *(round(e * _SCALE) for e in (b.left, b.top, b.right, b.bottom))) for b in boxes)
    return zlib.compress(b"".join(_BOX.pack(*edge) for edge in edges), 6)


def unpack(data: bytes | None) -> tuple[Box, ...]:
    """Boxes from bytes; edges are exact to a 65,535th of the page."""
    if data is None:
        return ()
    return tuple(
        Box(start, end, *(edge / _SCALE for edge in edges))
        for start, end, *edges in _BOX.iter_unpack(zlib.decompress(data))
    )
