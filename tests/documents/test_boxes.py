"""Boxes as they are stored."""

from hypothesis import given
from hypothesis import strategies as st

from docchat.documents import boxes
from docchat.types import Box

_EDGE = st.floats(0, 1)
_BOXES = st.builds(Box, st.integers(0, 2**31), st.integers(0, 2**31), _EDGE, _EDGE, _EDGE, _EDGE)


@given(st.lists(_BOXES, max_size=20))
def test_boxes_survive(given_boxes: list[Box]) -> None:
    found = boxes.unpack(boxes.pack(given_boxes))
    assert [(b.start, b.end) for b in found] == [(b.start, b.end) for b in given_boxes]
    for one, other in zip(found, given_boxes, strict=True):
        assert abs(one.left - other.left) + abs(one.bottom - other.bottom) < 1e-4
