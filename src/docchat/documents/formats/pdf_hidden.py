"""Text of a PDF page that nobody sees: invisible mode, no ink, white on white, covered, too small, off the page.

Only objects that could be hidden are looked at closely: for those the page is drawn, and text that leaves no trace
in the picture where it stands is hidden.
"""

import ctypes
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from operator import sub
from typing import NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from . import pdf_calls
from .pdf_glyphs import Edges

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


@dataclass(slots=True)
class Objects:
    """What stands on a page: texts by how they may be hidden, the largest picture's share of the page."""

    texts: int = 0
    paths: int = 0
    invisible: set[int] = field(default_factory=set)
    doubtful: set[int] = field(default_factory=set)
    nested: set[int] = field(default_factory=set)
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
    """A text as it is painted: its handle, by which its characters name it, and its colour."""

    handle: int
    colour: int
    nested: bool  # in a form, where places are told in the form's own measure


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
            edges = pdf_calls.bounds(handle)
            share = 1.0 if depth else _size(edges) / room
            found.picture = max(found.picture, share)
            areas.append(_Area(0 if depth else len(texts), -1, edges, share >= _SCAN_SHARE))
        elif kind == pdfium.FPDF_PAGEOBJ_PATH:
            found.paths += 1
            if depth == 0 and pdf_calls.is_filled(handle):
                areas.append(_Area(len(texts), _colour(handle), pdf_calls.bounds(handle), large=False))
    _behind(texts, areas, found)
    return found


def _walk(page: pypdfium2.PdfPage) -> Iterator[tuple[int, int, int]]:
    """Every object in the order in which it is painted, its kind, and how deep it is nested."""
    left = _MOST_OBJECTS
    raw = pdf_calls.address_of(page.raw)
    stack = [map(pdf_calls.object_at, repeat(raw), range(min(left, max(0, pdf_calls.count_objects(raw)))))]
    type_of, form = pdf_calls.type_of, pdfium.FPDF_PAGEOBJ_FORM
    while stack and left:
        handle = next(stack[-1], None)
        if handle is None:
            stack.pop()
            continue
        left -= 1
        kind = type_of(handle)
        yield handle, kind, len(stack) - 1
        if kind == form and len(stack) <= _DEEPEST:
            inside = min(left, max(0, pdf_calls.count_inside(handle)))
            stack.append(map(pdf_calls.object_inside, repeat(handle), range(inside)))


def _text(handle: int, depth: int, found: Objects) -> _Text:
    """Note how a text is painted."""
    colour = _colour(handle)
    mode = pdf_calls.render_mode(handle)
    if mode in _MODES or (colour == _CLEAR and mode in (0, 4)):
        found.invisible.add(handle)
    elif colour >= 0 and colour & 0xFF >= _PALE and colour >> 8 & 0xFF >= _PALE and colour >> 16 >= _PALE:
        found.doubtful.add(handle)
    if depth:
        found.nested.add(handle)
    return _Text(handle, colour, depth > 0)


def _colour(handle: int) -> int:
    """What an object is filled with as one number, _CLEAR when it shows nothing, _UNKNOWN for a pattern."""
    filled = pdf_calls.fill(handle)
    if filled is None:
        return _UNKNOWN
    red, green, blue, alpha = filled
    return (red << 16 | green << 8 | blue) if alpha else _CLEAR


def _size(edges: Edges) -> float:
    return (edges[2] - edges[0]) * (edges[3] - edges[1])


def _behind(texts: Sequence[_Text], areas: Sequence[_Area], found: Objects) -> None:
    """Texts over which something was painted later, or that stand on an area of their own colour, are doubtful."""
    colours = {text.colour for text in texts if text.colour >= 0}
    areas = [area for area in areas if area.before or area.colour in colours]
    areas = [a for a in areas if a.edges[2] - a.edges[0] >= _RULE and a.edges[3] - a.edges[1] >= _RULE]
    if not areas or len(areas) * len(texts) > _MOST_PAIRS:
        return
    placed = [(n, text, pdf_calls.bounds(text.handle)) for n, text in enumerate(texts) if not text.nested]
    for area in areas:
        left, bottom, right, top = area.edges
        for number, text, edges in placed:
            if (number < area.before or text.colour == area.colour) and (
                left <= (edges[0] + edges[2]) / 2 <= right and bottom <= (edges[1] + edges[3]) / 2 <= top
            ):
                found.doubtful.add(text.handle)
                if area.large and number < area.before:
                    found.under.add(text.handle)


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
        left, top, right, bottom = self._pixels_of(edges)
        if right <= left or bottom <= top:
            return False  # off the page
        if right - left < 2 and bottom - top < 2:
            return False  # a point
        return self._contrast(left, top, right, bottom)

    def along(self, edges: Edges) -> bool:
        """Whether there is contrast in half of the pieces that a box is cut into along its longer edge."""
        left, top, right, bottom = self._pixels_of(edges)
        wide, high = right - left, bottom - top
        if min(wide, high) < 2 or max(wide, high) < 2 * _SAMPLE:
            return False
        if wide >= high:
            cuts = [left + wide * n // _SAMPLE for n in range(_SAMPLE + 1)]
            pieces = [self._contrast(x0, top, x1, bottom) for x0, x1 in pairwise(cuts)]
        else:
            cuts = [top + high * n // _SAMPLE for n in range(_SAMPLE + 1)]
            pieces = [self._contrast(left, y0, right, y1) for y0, y1 in pairwise(cuts)]
        return 2 * sum(pieces) >= _SAMPLE

    def _contrast(self, left: int, top: int, right: int, bottom: int) -> bool:
        rows = range(top * self._stride, bottom * self._stride, self._stride)
        pixels = b"".join([self._pixels[row + left : row + right] for row in rows])
        return max(pixels) - min(pixels) > _TRACE

    def _pixels_of(self, edges: Edges) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a box in the picture, as far as it is on it."""
        if not self._pixels:
            self._draw()
        x0, y0 = self._place(edges[0], edges[3])
        x1, y1 = self._place(edges[2], edges[1])
        left, right = max(0, min(x0, x1)), min(self._width, max(x0, x1) + 1)
        top, bottom = max(0, min(y0, y1)), min(self._height, max(y0, y1) + 1)
        return left, top, right, bottom

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
    """For each character of the page whether nobody sees it; one without a box is as the one before it; or nothing.

    A run is seen when half of its letters left a trace. One that left them all along its box need not be looked at
    letter by letter.
    """
    traces = Traces(page)
    doubtful = {run for run in found.doubtful if not _shows(run, found, traces)}
    if not doubtful and not found.invisible:
        return []
    every = map(pdf_calls.text_object, repeat(pdf_calls.address_of(textpage.raw)), range(len(boxes)))
    runs = [run or 0 if box[2] > box[0] else -1 for run, box in zip(every, boxes, strict=True)]
    looked: Counter[int] = Counter()
    seen: Counter[int] = Counter()
    for run, box in [(run, box) for run, box in zip(runs, boxes, strict=True) if run in doubtful]:
        if looked[run] < _SAMPLE:
            looked[run] += 1
            seen[run] += traces.seen(box)
    hidden = {run for run, count in looked.items() if 2 * seen[run] < count}
    hidden = hidden - found.under if found.is_scan else hidden | found.invisible
    answer = []
    last = False
    for run in runs if hidden else ():
        last = run in hidden if run >= 0 else last
        answer.append(last)
    return answer


def _shows(run: int, found: Objects, traces: Traces) -> bool:
    """Whether a text left traces all along; one that is nested or turned has no box that says where it stands."""
    return run not in found.nested and pdf_calls.is_upright(run) and traces.along(pdf_calls.bounds(run))
