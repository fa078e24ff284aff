"""Text of a PDF page that nobody sees: invisible mode, no ink, white on white, covered, too small, off the page.

Only objects that could be hidden are looked at closely: for those the page is drawn, and text that leaves no trace
in the picture where it stands is hidden.
"""

import ctypes
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import sub
from typing import NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from .pdf_layout import Edges

_MODES = (3, 7)  # neither filled nor stroked
_PALE = 232
_MOST_OBJECTS = 100_000
_MOST_PAIRS = 400_000
_DEEPEST = 6
_SMALLEST = 1.5  # points
_LONGEST_EDGE = 1000  # pixels of the picture in which traces are looked for
_TRACE = 12  # of 255 levels between the darkest and the lightest pixel
_MANY_PATHS = 50  # a page with more may be text turned into outlines
_RULE = 4.0  # points; what is thinner is a line
_CLEAR, _UNKNOWN = -2, -3
_SAMPLE = 10  # letters of a run that are looked at
_SCAN_SHARE = 0.4  # of the page that a picture covers when the page is a scan


# The same function with plain numbers for handles: it is asked for every character.
_text_object = ctypes.cast(
    pdfium.FPDFText_GetTextObject, ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
)


# Room for what pdfium answers, used again for each of a page's thousands of objects; pdfium serves one thread only.
_INK = (ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint())
_PLACE = (ctypes.c_float(), ctypes.c_float(), ctypes.c_float(), ctypes.c_float())


@dataclass(slots=True)
class Objects:
    """What stands on a page: texts by how they may be hidden, the largest picture's share of the page."""

    texts: int = 0
    paths: int = 0
    invisible: set[int] = field(default_factory=set)
    doubtful: set[int] = field(default_factory=set)
    under: set[int] = field(default_factory=set)
    picture: float = 0.0

    @property
    def needs_ocr(self) -> bool:
        """Whether a page without text may show some: in a picture, as drawn outlines, in letters without a meaning."""
        return self.picture > 0 or self.paths > _MANY_PATHS or self.texts > len(self.invisible)

    @property
    def is_scan(self) -> bool:
        """Whether the page is a picture, and its letters lie over or under it for search only.

        What people see is the picture then, and its letters are the text of it.
        """
        behind = len(self.invisible) + len(self.under)
        return self.picture >= _SCAN_SHARE and 2 * behind > self.texts


class _Text(NamedTuple):
    """A text as it is painted: its address, by which its characters name it, and its colour."""

    address: int
    handle: object  # None when it is nested in a form, where places are told in the form's own measure
    colour: int


class _Area(NamedTuple):
    """Something painted: how many texts were painted before it, its colour (-1 for a picture), where it is."""

    before: int
    colour: int
    edges: Edges
    large: bool


def look(page: pypdfium2.PdfPage) -> Objects:
    """The objects of a page."""
    found = Objects()
    width, height = page.get_size()
    room = max(1.0, width * height)
    texts: list[_Text] = []
    areas: list[_Area] = []
    for handle, kind, depth in _walk(page):
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            found.texts += 1
            texts.append(_text(handle, depth, found))
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            edges = _bounds(handle)
            share = 1.0 if depth else _size(edges) / room
            found.picture = max(found.picture, share)
            areas.append(_Area(0 if depth else len(texts), -1, edges, share >= _SCAN_SHARE))
        elif kind == pdfium.FPDF_PAGEOBJ_PATH:
            found.paths += 1
            if depth == 0 and _filled(handle):
                areas.append(_Area(len(texts), _colour(handle), _bounds(handle), large=False))
    _behind(texts, areas, found)
    return found


def _walk(page: pypdfium2.PdfPage) -> Iterator[tuple[object, int, int]]:
    """Every object in the order in which it is painted, its kind, and how deep it is nested."""
    left = _MOST_OBJECTS
    stack = [iter([pdfium.FPDFPage_GetObject(page, n) for n in range(min(left, _count(page)))])]
    kind_of, form = pdfium.FPDFPageObj_GetType, pdfium.FPDF_PAGEOBJ_FORM
    while stack and left:
        handle = next(stack[-1], None)
        if handle is None:
            stack.pop()
            continue
        left -= 1
        kind = kind_of(handle)
        yield handle, kind, len(stack) - 1
        if kind == form and len(stack) <= _DEEPEST:
            inside = min(left, max(0, pdfium.FPDFFormObj_CountObjects(handle)))
            stack.append(iter([pdfium.FPDFFormObj_GetObject(handle, n) for n in range(inside)]))


def _count(page: pypdfium2.PdfPage) -> int:
    return max(0, int(pdfium.FPDFPage_CountObjects(page)))


def _text(handle: object, depth: int, found: Objects) -> _Text:
    """Note how a text is painted."""
    address = ctypes.cast(handle, ctypes.c_void_p).value or 0  # type: ignore[arg-type]
    colour = _colour(handle)
    mode = pdfium.FPDFTextObj_GetTextRenderMode(handle)
    if mode in _MODES or (colour == _CLEAR and mode in (0, 4)):
        found.invisible.add(address)
    elif colour >= 0 and colour & 0xFF >= _PALE and colour >> 8 & 0xFF >= _PALE and colour >> 16 >= _PALE:
        found.doubtful.add(address)
    return _Text(address, None if depth else handle, colour)


def _colour(handle: object) -> int:
    """What an object is filled with as one number, _CLEAR when it shows nothing, _UNKNOWN for a pattern."""
    red, green, blue, alpha = _INK
    if not pdfium.FPDFPageObj_GetFillColor(handle, red, green, blue, alpha):
        return _UNKNOWN
    return (red.value << 16 | green.value << 8 | blue.value) if alpha.value else _CLEAR


def _bounds(handle: object) -> Edges:
    left, bottom, right, top = _PLACE
    if not pdfium.FPDFPageObj_GetBounds(handle, left, bottom, right, top):
        return (0.0, 0.0, 0.0, 0.0)
    return (left.value, bottom.value, right.value, top.value)


def _size(edges: Edges) -> float:
    return (edges[2] - edges[0]) * (edges[3] - edges[1])


def _filled(handle: object) -> bool:
    mode, stroke = ctypes.c_int(), ctypes.c_int()
    return bool(pdfium.FPDFPath_GetDrawMode(handle, mode, stroke)) and mode.value != 0


def _behind(texts: Sequence[_Text], areas: Sequence[_Area], found: Objects) -> None:
    """Texts over which something was painted later, or that stand on an area of their own colour, are doubtful."""
    colours = {text.colour for text in texts if text.colour >= 0}
    areas = [area for area in areas if area.before or area.colour in colours]
    areas = [a for a in areas if a.edges[2] - a.edges[0] >= _RULE and a.edges[3] - a.edges[1] >= _RULE]
    if not areas or len(areas) * len(texts) > _MOST_PAIRS:
        return
    placed = [(number, text, _bounds(text.handle)) for number, text in enumerate(texts) if text.handle is not None]
    for area in areas:
        left, bottom, right, top = area.edges
        for number, text, edges in placed:
            if (number < area.before or text.colour == area.colour) and (
                left <= (edges[0] + edges[2]) / 2 <= right and bottom <= (edges[1] + edges[3]) / 2 <= top
            ):
                found.doubtful.add(text.address)
                if area.large and number < area.before:
                    found.under.add(text.address)


def out_of_sight(page: pypdfium2.PdfPage, boxes: Sequence[Edges]) -> list[bool]:
    """For each character whether it stands off the page or is too small to read; empty when none does."""
    left, bottom, right, top = page.get_bbox()
    inked = [box for box in boxes if box[2] > box[0]]
    if not inked:
        return []
    lefts, bottoms, rights, tops = zip(*inked, strict=True)
    inside = min(rights) >= left and max(lefts) <= right and min(tops) >= bottom and max(bottoms) <= top
    if inside and min(map(sub, tops, bottoms)) >= _SMALLEST:
        return []
    return [
        x1 > x0
        and (x1 < left or x0 > right or y1 < bottom or y0 > top or (y1 - y0 < _SMALLEST and x1 - x0 < _SMALLEST))
        for x0, y0, x1, y1 in boxes
    ]


class Traces:
    """The page as a grey picture, asked whether letters left a trace in it. Drawn at the first question."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self._page = page
        self._pixels = b""
        self._width = self._height = self._stride = 0

    def seen(self, edges: Edges) -> bool:
        """Whether there is any contrast in a box of (left, bottom, right, top) points."""
        if not self._pixels:
            self._draw()
        x0, y0 = self._place(edges[0], edges[3])
        x1, y1 = self._place(edges[2], edges[1])
        left, right = max(0, min(x0, x1)), min(self._width, max(x0, x1) + 1)
        top, bottom = max(0, min(y0, y1)), min(self._height, max(y0, y1) + 1)
        if right <= left or bottom <= top:
            return False  # off the page
        if right - left < 2 and bottom - top < 2:
            return False  # a point
        rows = range(top * self._stride, bottom * self._stride, self._stride)
        pixels = b"".join([self._pixels[row + left : row + right] for row in rows])
        return max(pixels) - min(pixels) > _TRACE

    def _draw(self) -> None:
        scale = min(2.0, _LONGEST_EDGE / max(1.0, *self._page.get_size()))
        bitmap = self._page.render(scale=scale, grayscale=True, may_draw_forms=False)
        self._width, self._height, self._stride = bitmap.width, bitmap.height, bitmap.stride
        self._pixels = bytes(bitmap.buffer)
        bitmap.close()

    def _place(self, x: float, y: float) -> tuple[int, int]:
        across, down = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(self._page, 0, 0, self._width, self._height, 0, x, y, across, down)
        return across.value, down.value


def unseen(
    page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage, boxes: Sequence[Edges], found: Objects
) -> list[bool]:
    """For each character of the page whether nobody sees it; one without a box is as the one before it.

    A run is seen when half of its letters left a trace.
    """
    raw = ctypes.cast(textpage.raw, ctypes.c_void_p)
    runs = [_text_object(raw, index) or 0 if box[2] > box[0] else -1 for index, box in enumerate(boxes)]
    traces = Traces(page)
    looked: Counter[int] = Counter()
    seen: Counter[int] = Counter()
    for run, box in zip(runs, boxes, strict=True):
        if run in found.doubtful and looked[run] < _SAMPLE:
            looked[run] += 1
            seen[run] += traces.seen(box)
    hidden = {run for run, count in looked.items() if 2 * seen[run] < count}
    hidden = hidden - found.under if found.is_scan else hidden | found.invisible
    answer = []
    last = False
    for run in runs:
        last = run in hidden if run >= 0 else last
        answer.append(last)
    return answer
