"""pdfium's functions with plain numbers for handles and addresses: they are called for every character and object.

pypdfium2's own prototypes make a Python object of each handle, which takes longer than most of the calls.
"""

import ctypes
from ctypes import addressof, c_float, c_int, c_uint, c_ulong, c_void_p
from typing import Any

import pypdfium2.raw as pdfium


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
_bounds = _plain(pdfium.FPDFPageObj_GetBounds, c_int, c_void_p, *[c_void_p] * 4)
_matrix = _plain(pdfium.FPDFPageObj_GetMatrix, c_int, c_void_p, c_void_p)
_fill = _plain(pdfium.FPDFPageObj_GetFillColor, c_int, c_void_p, *[c_void_p] * 4)
_draw_mode = _plain(pdfium.FPDFPath_GetDrawMode, c_int, c_void_p, c_void_p, c_void_p)


# Room for what pdfium answers, used again for each of thousands of objects; pdfium serves one thread only.
_FLOATS = (c_float * 6)()
_WORDS = (c_uint * 4)()
_EDGES = tuple(addressof(_FLOATS) + 4 * number for number in range(4))
_INK = tuple(addressof(_WORDS) + 4 * number for number in range(4))


def bounds(handle: int) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of an object, in points, or in the measure of the form it is nested in."""
    if not _bounds(handle, *_EDGES):
        return (0.0, 0.0, 0.0, 0.0)
    left, bottom, right, top, _, _ = _FLOATS
    return (left, bottom, right, top)


def is_upright(handle: int) -> bool:
    """Whether an object's lines run along the edges of the page."""
    if not _matrix(handle, addressof(_FLOATS)):
        return False
    a, b, c, d, _, _ = (abs(value) for value in _FLOATS)
    return b + c <= 0.001 * (a + d) or a + d <= 0.001 * (b + c)


def fill(handle: int) -> tuple[int, int, int, int] | None:
    """Red, green, blue and alpha of what an object is filled with, 0 to 255; None for a pattern."""
    if not _fill(handle, *_INK):
        return None
    red, green, blue, alpha = _WORDS
    return (red, green, blue, alpha)


def is_filled(handle: int) -> bool:
    """Whether the inside of a path is painted."""
    return bool(_draw_mode(handle, _INK[0], _INK[1])) and _WORDS[0] != 0
