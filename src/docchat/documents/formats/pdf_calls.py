"""pdfium's functions with plain numbers for handles and addresses: they are called for every character and object.

pypdfium2's own prototypes make a Python object of each handle, which takes longer than most of the calls. Those that
are called for all characters or objects of a page have no prototype at all: their arguments are made ready before the
call, the addresses among them once for all pages. That takes a quarter of the time.
"""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from ctypes import addressof, byref, c_float, c_int, c_uint, c_ulong, c_void_p, create_string_buffer
from itertools import repeat
from struct import unpack_from
from typing import Any

import pypdfium2.raw as pdfium

Edges = tuple[float, float, float, float]


def address_of(handle: Any) -> int:
    """The number of a page or a text page that pypdfium2 opened."""
    return ctypes.cast(handle, c_void_p).value or 0


def _plain(function: Any, result: Any, *arguments: Any) -> Any:
    return ctypes.cast(function, ctypes.CFUNCTYPE(result, *arguments))


def _bare(function: Any, result: Any) -> Any:
    """Without a prototype: its arguments are small numbers, which C has as an int, or what `_ready` and byref give."""
    return ctypes.PYFUNCTYPE(result)(ctypes.cast(function, c_void_p).value or 0)


_ready = c_void_p.from_param
unicode_of = _plain(pdfium.FPDFText_GetUnicode, c_uint, c_void_p, c_int)
count_objects = _plain(pdfium.FPDFPage_CountObjects, c_int, c_void_p)
count_inside = _plain(pdfium.FPDFFormObj_CountObjects, c_int, c_void_p)
object_inside = _plain(pdfium.FPDFFormObj_GetObject, c_void_p, c_void_p, c_ulong)
type_of = _plain(pdfium.FPDFPageObj_GetType, c_int, c_void_p)
font_size = _plain(pdfium.FPDFTextObj_GetFontSize, c_int, c_void_p, c_void_p)
_text = _plain(pdfium.FPDFText_GetText, c_int, c_void_p, c_int, c_int, c_void_p)
_object_text = _plain(pdfium.FPDFTextObj_GetText, c_ulong, c_void_p, c_void_p, c_void_p, c_ulong)
_matrix = _plain(pdfium.FPDFPageObj_GetMatrix, c_int, c_void_p, c_void_p)
_draw_mode = _plain(pdfium.FPDFPath_GetDrawMode, c_int, c_void_p, c_void_p, c_void_p)

_box = _bare(pdfium.FPDFText_GetLooseCharBox, c_int)
_text_object = _bare(pdfium.FPDFText_GetTextObject, c_void_p)
_object_at = _bare(pdfium.FPDFPage_GetObject, c_void_p)
_type = _bare(pdfium.FPDFPageObj_GetType, c_int)
_render_mode = _bare(pdfium.FPDFTextObj_GetTextRenderMode, c_int)
_bounds = _bare(pdfium.FPDFPageObj_GetBounds, c_int)
_fill = _bare(pdfium.FPDFPageObj_GetFillColor, c_int)


# Room for what pdfium answers, used again for each of thousands of objects; pdfium serves one thread only.
_FLOATS = (c_float * 6)()
_WORDS = (c_uint * 2)()
_AT_ONCE = 2048
_ROOM = (c_float * (4 * _AT_ONCE))()
_PLACES = tuple([byref(_ROOM, 16 * number + 4 * edge) for number in range(_AT_ONCE)] for edge in range(4))
"""For each of four numbers where it goes in the room, for so many characters or objects."""


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
    page = repeat(_ready(handle))
    lefts, tops, rights, bottoms = _told(characters, lambda some: map(_box, page, some, _PLACES[0]), "f")[1]
    return lefts, bottoms, rights, tops


def text_objects(handle: int, characters: Sequence[int]) -> list[int]:
    """The text object that each character of a text page belongs to; 0 for one that pdfium made up."""
    return [found or 0 for found in map(_text_object, repeat(_ready(handle)), characters)]


def objects(handle: int, count: int) -> list[int]:
    """The first `count` objects of a page in the order in which they are painted."""
    return [found for found in map(_object_at, repeat(_ready(handle)), range(count)) if found]


def types(handles: Sequence[int]) -> list[int]:
    """The kind of each object."""
    return list(map(_type, map(_ready, handles)))


def render_modes(handles: Sequence[int]) -> list[int]:
    """How the letters of each text object are painted."""
    return list(map(_render_mode, map(_ready, handles)))


def bounds(handles: Sequence[int]) -> list[Edges]:
    """Left, bottom, right and top of objects, in points, or in the measure of the form they are nested in."""
    return list(zip(*sides(handles), strict=True))


def sides(handles: Sequence[int]) -> tuple[list[float], list[float], list[float], list[float]]:
    """The same as all lefts, all bottoms, all rights and all tops."""
    return _told(handles, lambda some: map(_bounds, map(_ready, some), *_PLACES), "f")[1]


def fills(handles: Sequence[int]) -> list[tuple[int, int, int, int] | None]:
    """Red, green, blue and alpha of what objects are filled with, 0 to 255; None for a pattern."""
    told, values = _told(handles, lambda some: map(_fill, map(_ready, some), *_PLACES), "I")
    found = zip(*values, strict=True)
    return [ink if known else None for known, ink in zip(told, found, strict=True)]


def _told(
    asked: Sequence[int], ask: Callable[[Sequence[int]], Iterator[int]], kind: str
) -> tuple[list[int], tuple[list[Any], list[Any], list[Any], list[Any]]]:
    """What pdfium answers for each, and the four numbers that it writes for each, in four columns."""
    told: list[int] = []
    values: list[Any] = []
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        ctypes.memset(_ROOM, 0, 16 * len(some))
        told += ask(some)
        values += unpack_from(f"{4 * len(some)}{kind}", _ROOM)
    return told, (values[0::4], values[1::4], values[2::4], values[3::4])


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
