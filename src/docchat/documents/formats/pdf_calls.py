"""pdfium's functions with plain numbers for handles and addresses: they are called for every character and object.

pypdfium2's own prototypes make a Python object of each handle, which takes longer than most of the calls.
"""

import ctypes
from collections.abc import Sequence
from ctypes import addressof, c_float, c_int, c_uint, c_ulong, c_void_p, create_string_buffer
from typing import Any

import pypdfium2.raw as pdfium

Edges = tuple[float, float, float, float]


def address_of(handle: Any) -> int:
    """The number of a page or a text page that pypdfium2 opened."""
    return ctypes.cast(handle, c_void_p).value or 0


def _plain(function: Any, result: Any, *arguments: Any) -> Any:
    return ctypes.cast(function, ctypes.CFUNCTYPE(result, *arguments))


unicode_of = _plain(pdfium.FPDFText_GetUnicode, c_uint, c_void_p, c_int)
box_of = _plain(pdfium.FPDFText_GetLooseCharBox, c_int, c_void_p, c_int, c_void_p)
text_object = _plain(pdfium.FPDFText_GetTextObject, c_void_p, c_void_p, c_int)
count_objects = _plain(pdfium.FPDFPage_CountObjects, c_int, c_void_p)
object_at = _plain(pdfium.FPDFPage_GetObject, c_void_p, c_void_p, c_int)
count_inside = _plain(pdfium.FPDFFormObj_CountObjects, c_int, c_void_p)
object_inside = _plain(pdfium.FPDFFormObj_GetObject, c_void_p, c_void_p, c_ulong)
type_of = _plain(pdfium.FPDFPageObj_GetType, c_int, c_void_p)
render_mode = _plain(pdfium.FPDFTextObj_GetTextRenderMode, c_int, c_void_p)
font_size = _plain(pdfium.FPDFTextObj_GetFontSize, c_int, c_void_p, c_void_p)
_text = _plain(pdfium.FPDFText_GetText, c_int, c_void_p, c_int, c_int, c_void_p)
_object_text = _plain(pdfium.FPDFTextObj_GetText, c_ulong, c_void_p, c_void_p, c_void_p, c_ulong)
_bounds = _plain(pdfium.FPDFPageObj_GetBounds, c_int, c_void_p, *[c_void_p] * 4)
_matrix = _plain(pdfium.FPDFPageObj_GetMatrix, c_int, c_void_p, c_void_p)
_fill = _plain(pdfium.FPDFPageObj_GetFillColor, c_int, c_void_p, *[c_void_p] * 4)
_draw_mode = _plain(pdfium.FPDFPath_GetDrawMode, c_int, c_void_p, c_void_p, c_void_p)


# Room for what pdfium answers, used again for each of thousands of objects; pdfium serves one thread only.
_FLOATS = (c_float * 6)()
_WORDS = (c_uint * 2)()


def text(handle: int, count: int) -> str:
    """The text of the first `count` characters of a text page, as pdfium has it in one piece."""
    room = create_string_buffer(2 * count + 2)
    written = _text(handle, 0, count, addressof(room))
    return room.raw[: 2 * max(0, written - 1)].decode("utf-16-le", "surrogatepass")


def object_text(handle: int, textpage: int) -> str:
    """The text of a text object."""
    size = _object_text(handle, textpage, None, 0)
    room = create_string_buffer(size + 2)
    _object_text(handle, textpage, addressof(room), size)
    return room.raw[: max(0, size - 2)].decode("utf-16-le", "surrogatepass")


def boxes(handle: int, characters: Sequence[int]) -> tuple[list[float], list[float], list[float], list[float]]:
    """Lefts, bottoms, rights and tops of characters of a text page, zero where there is no box."""
    room, places = _room(c_float, len(characters))
    for _ in map(box_of, [handle] * len(characters), characters, places):
        pass
    values = room[:]
    return values[0::4], values[3::4], values[2::4], values[1::4]


def bounds(handles: Sequence[int]) -> list[Edges]:
    """Left, bottom, right and top of objects, in points, or in the measure of the form they are nested in."""
    room, places = _room(c_float, len(handles))
    for _ in map(_bounds, handles, places, *(map(step.__add__, places) for step in (4, 8, 12))):
        pass
    values = room[:]
    return list(zip(values[0::4], values[1::4], values[2::4], values[3::4], strict=True))


def fills(handles: Sequence[int]) -> list[tuple[int, int, int, int] | None]:
    """Red, green, blue and alpha of what objects are filled with, 0 to 255; None for a pattern."""
    room, places = _room(c_uint, len(handles))
    told = list(map(_fill, handles, places, *(map(step.__add__, places) for step in (4, 8, 12))))
    values = room[:]
    found = zip(values[0::4], values[1::4], values[2::4], values[3::4], strict=True)
    return [ink if known else None for known, ink in zip(told, found, strict=True)]


def _room(kind: Any, count: int) -> tuple[Any, range]:
    """Room for four numbers for each of so many, and the address of each four."""
    room = (kind * (4 * count))()
    return room, range(addressof(room), addressof(room) + 16 * count, 16)


def is_upright(handle: int) -> bool:
    """Whether an object's lines run along the edges of the page."""
    if not _matrix(handle, addressof(_FLOATS)):
        return False
    a, b, c, d, _, _ = (abs(value) for value in _FLOATS)
    return b + c <= 0.001 * (a + d) or a + d <= 0.001 * (b + c)


def size(handle: int) -> float:
    """The size of a text's letters in points, as its matrix makes it; in the measure of the form it is nested in."""
    if not font_size(handle, addressof(_FLOATS)):
        return 0.0
    points = _FLOATS[0]
    if not _matrix(handle, addressof(_FLOATS)):
        return 0.0
    a, b, c, d, _, _ = (abs(value) for value in _FLOATS)
    return float(points * min(max(a, b), max(c, d)))


def is_filled(handle: int) -> bool:
    """Whether the inside of a path is painted."""
    mode = addressof(_WORDS)
    return bool(_draw_mode(handle, mode, mode + 4)) and _WORDS[0] != 0
