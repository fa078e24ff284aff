"""Text of a PDF page that nobody sees: invisible mode, no ink, white on white, covered, too small, off the page.

Only objects that could be hidden are looked at closely: for those the page is drawn, and text that leaves no trace
in the picture where it stands is hidden.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, repeat
from operator import add, sub
from typing import NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from . import pdf_calls
from .pdf_calls import Edges
from .pdf_traces import Traces, around

_MODES = (3, 7)  # neither filled nor stroked
_PALE = 232
_MOST_OBJECTS = 100_000
_MOST_PAIRS = 400_000
_DEEPEST = 6
SMALLEST = 1.5
"""Points; letters that are neither higher nor wider cannot be read."""
_MANY_PATHS = 50  # a page with more may be text turned into outlines
_RULE = 4.0  # points; what is thinner is a line
_CLEAR, _UNKNOWN = -2, -3
_SAMPLE = 10  # letters of a run that are looked at
_LEAST_LINE = 9.0  # points; shorter texts are looked at letter by letter
_Sides = tuple[list[float], list[float], list[float], list[float]]  # lefts, bottoms, rights, tops
_BLANK = re.compile("[\\s\\0]*")
_SCAN_SHARE = 0.4  # of the page that a picture covers when the page is a scan


@dataclass(slots=True)
class Objects:
    """What stands on a page: texts by how they may be hidden, the largest picture's share of the page.

    `nested` texts stand in forms, where their place is not told; `strays` reach off the page or are very small.
    """

    texts: int = 0
    paths: int = 0
    invisible: set[int] = field(default_factory=set)
    doubtful: set[int] = field(default_factory=set)
    nested: set[int] = field(default_factory=set)
    under: set[int] = field(default_factory=set)
    picture: float = 0.0
    strays: set[int] = field(default_factory=set)

    @property
    def suspects(self) -> set[int]:
        """The texts of which letters may be hidden."""
        return self.invisible | self.doubtful | self.nested | self.strays

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


def look(page: pypdfium2.PdfPage) -> Objects:
    """The objects of a page."""
    found = Objects()
    handles, kinds, nested = _walk(page)
    texts = [handle for handle, kind in zip(handles, kinds, strict=True) if kind == pdfium.FPDF_PAGEOBJ_TEXT]
    colours = _colours(texts)
    places = pdf_calls.sides(texts)
    found.texts = len(texts)
    found.paths = kinds.count(pdfium.FPDF_PAGEOBJ_PATH)
    found.nested = nested.intersection(texts)
    found.strays = _strays(page, texts, places)
    _note_inks(texts, colours, found)
    areas = _pictures(page, handles, kinds, nested, found) + _fillings(handles, kinds, nested)
    _behind(texts, colours, places, areas, found)
    return found


def _walk(page: pypdfium2.PdfPage) -> tuple[list[int], list[int], set[int]]:
    """Every object in the order in which it is painted, its kind, and those that are nested in forms."""
    raw = pdf_calls.address_of(page.raw)
    count = min(_MOST_OBJECTS, max(0, pdf_calls.count_objects(raw)))
    handles = pdf_calls.objects(raw, count)
    kinds = pdf_calls.types(handles)
    if pdfium.FPDF_PAGEOBJ_FORM not in kinds:
        return handles, kinds, set()
    every = list(_unfolded(handles))
    return [one[0] for one in every], [one[1] for one in every], {one[0] for one in every if one[2]}


def _unfolded(handles: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Objects with what is nested in them: each with its kind and depth."""
    left = _MOST_OBJECTS
    stack = [iter(handles)]
    while stack and left:
        handle = next(stack[-1], None)
        if handle is None:
            stack.pop()
            continue
        left -= 1
        kind = pdf_calls.type_of(handle)
        yield handle, kind, len(stack) - 1
        if kind == pdfium.FPDF_PAGEOBJ_FORM and len(stack) <= _DEEPEST:
            inside = min(left, max(0, pdf_calls.count_inside(handle)))
            stack.append(iter(list(map(pdf_calls.object_inside, repeat(handle), range(inside)))))


def _strays(page: pypdfium2.PdfPage, texts: Sequence[int], places: _Sides) -> set[int]:
    """The texts that reach off the page or may be too small to read."""
    if not texts:
        return set()
    left, bottom, right, top = page.get_bbox()
    lefts, bottoms, rights, tops = places
    found: set[int] = set()
    if min(lefts) < left or min(bottoms) < bottom or max(rights) > right or max(tops) > top:
        found.update(
            text
            for text, x0, y0, x1, y1 in zip(texts, *places, strict=True)
            if x1 > x0 and (x0 < left or y0 < bottom or x1 > right or y1 > top)
        )
    highs, wides = list(map(sub, tops, bottoms)), list(map(sub, rights, lefts))
    if min(highs) < SMALLEST or min(wides) < SMALLEST:
        found.update(
            text
            for text, high, wide in zip(texts, highs, wides, strict=True)
            if (high < SMALLEST or wide < SMALLEST) and wide > 0 and pdf_calls.size(text) < 2 * SMALLEST
        )
    return found


def _note_inks(texts: Sequence[int], colours: Sequence[int], found: Objects) -> None:
    """Note what is painted without ink, and what in a pale one."""
    inks = list(zip(pdf_calls.render_modes(texts), colours, strict=True))
    kinds = set(inks)
    without = {(mode, ink) for mode, ink in kinds if mode in _MODES or (ink == _CLEAR and mode in (0, 4))}
    pale = {(mode, ink) for mode, ink in kinds - without if ink >= 0 and _is_pale(ink)}
    if without:
        found.invisible.update(text for text, ink in zip(texts, inks, strict=True) if ink in without)
    if pale:
        found.doubtful.update(text for text, ink in zip(texts, inks, strict=True) if ink in pale)


def _is_pale(ink: int) -> bool:
    return ink & 0xFF >= _PALE and ink >> 8 & 0xFF >= _PALE and ink >> 16 >= _PALE


def _colours(handles: Sequence[int]) -> list[int]:
    """What each object is filled with, as of `_colour`."""
    filled = pdf_calls.fills(handles)
    known = {ink: _colour(ink) for ink in set(filled)}
    return [known[ink] for ink in filled]


def _colour(filled: tuple[int, int, int, int] | None) -> int:
    """What an object is filled with as one number, _CLEAR when it shows nothing, _UNKNOWN for a pattern."""
    if filled is None:
        return _UNKNOWN
    red, green, blue, alpha = filled
    return (red << 16 | green << 8 | blue) if alpha else _CLEAR


class _Area(NamedTuple):
    """Something painted: how many texts were painted before it, its colour (-1 for a picture), where it is."""

    before: int
    colour: int
    edges: Edges
    large: bool


def _pictures(
    page: pypdfium2.PdfPage, handles: Sequence[int], kinds: Sequence[int], nested: set[int], found: Objects
) -> list[_Area]:
    width, height = page.get_size()
    room = max(1.0, width * height)
    at = [place for place, kind in enumerate(kinds) if kind == pdfium.FPDF_PAGEOBJ_IMAGE]
    areas = []
    for place, edges in zip(at, pdf_calls.bounds([handles[place] for place in at]), strict=True):
        inside = handles[place] in nested
        share = 1.0 if inside else _size(edges) / room
        found.picture = max(found.picture, share)
        before = 0 if inside else kinds[:place].count(pdfium.FPDF_PAGEOBJ_TEXT)
        areas.append(_Area(before, -1, edges, share >= _SCAN_SHARE))
    return areas


def _fillings(handles: Sequence[int], kinds: Sequence[int], nested: set[int]) -> list[_Area]:
    """The filled paths that are more than lines."""
    at = [n for n, kind in enumerate(kinds) if kind == pdfium.FPDF_PAGEOBJ_PATH and handles[n] not in nested]
    places = zip(at, pdf_calls.bounds([handles[place] for place in at]), strict=True)
    wide = [(n, edges) for n, edges in places if edges[2] - edges[0] >= _RULE and edges[3] - edges[1] >= _RULE]
    filled = [(n, edges) for n, edges in wide if pdf_calls.is_filled(handles[n])]
    colours = _colours([handles[n] for n, _ in filled])
    before = list(accumulate((kind == pdfium.FPDF_PAGEOBJ_TEXT for kind in kinds), initial=0))
    return [_Area(before[n], ink, edges, large=False) for (n, edges), ink in zip(filled, colours, strict=True)]


def _size(edges: Edges) -> float:
    return (edges[2] - edges[0]) * (edges[3] - edges[1])


def _behind(
    texts: Sequence[int], colours: Sequence[int], places: _Sides, areas: Sequence[_Area], found: Objects
) -> None:
    """Texts over which something was painted later, or that stand on an area of their own colour, are doubtful."""
    used = {colour for colour in colours if colour >= 0}
    areas = [area for area in areas if area.before or area.colour in used]
    areas = [a for a in areas if a.edges[2] - a.edges[0] >= _RULE and a.edges[3] - a.edges[1] >= _RULE]
    if not areas or len(areas) * len(texts) > _MOST_PAIRS:
        return
    lefts, bottoms, rights, tops = places
    heights = list(map(add, bottoms, tops))  # twice the middle
    order = sorted(range(len(texts)), key=heights.__getitem__)
    sorted_heights = [heights[number] for number in order]
    for area in areas:
        left, bottom, right, top = area.edges
        first, last = bisect_left(sorted_heights, 2 * bottom), bisect_right(sorted_heights, 2 * top)
        for number in order[first:last]:
            if texts[number] in found.nested or not 2 * left <= lefts[number] + rights[number] <= 2 * right:
                continue
            if number < area.before or colours[number] == area.colour:
                found.doubtful.add(texts[number])
                if area.large and number < area.before:
                    found.under.add(texts[number])


def out_of_sight(page: pypdfium2.PdfPage, boxes: Sequence[Edges]) -> list[bool]:
    """For each character whether it stands off the page or is too small to read; empty when none does."""
    left, bottom, right, top = page.get_bbox()
    inked = [box for box in boxes if box[2] > box[0]]
    if not inked:
        return []
    lefts, bottoms, rights, tops = zip(*inked, strict=True)
    inside = min(rights) >= left and max(lefts) <= right and min(tops) >= bottom and max(bottoms) <= top
    if inside and min(map(sub, tops, bottoms)) >= SMALLEST:
        return []
    return [
        x1 > x0 and (x1 < left or x0 > right or y1 < bottom or y0 > top or (y1 - y0 < SMALLEST and x1 - x0 < SMALLEST))
        for x0, y0, x1, y1 in boxes
    ]


def settle(page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage, found: Objects) -> None:
    """Take from the doubtful texts what is blank, and what left traces all along its box."""
    raw = pdf_calls.address_of(textpage.raw)
    found.doubtful = {text for text in found.doubtful if not _BLANK.fullmatch(pdf_calls.object_text(text, raw))}
    # One that is nested or turned has no box that says where it stands.
    placed = [text for text in found.doubtful - found.nested if pdf_calls.is_upright(text)]
    places = {
        text: edges
        for text, edges in zip(placed, pdf_calls.bounds(placed), strict=True)
        # A thin one is too small to read, or all dashes: the picture need not be drawn to know it.
        if max(edges[2] - edges[0], edges[3] - edges[1]) >= _LEAST_LINE
        and min(edges[2] - edges[0], edges[3] - edges[1]) >= SMALLEST
    }
    if places:
        traces = Traces(page, around(places.values()))
        found.doubtful -= {text for text, edges in places.items() if traces.along(edges)}


def unseen(
    page: pypdfium2.PdfPage,
    textpage: pypdfium2.PdfTextPage,
    characters: Sequence[int],
    boxes: Sequence[Edges],
    gone: Sequence[bool],
    found: Objects,
) -> list[bool]:
    """For each of these characters whether nobody sees it; one without a box is as the one before it; or nothing.

    `found` was settled; `gone` are those out of sight, if there are any. A run is seen when half of its other letters
    left a trace.
    """
    doubtful = found.doubtful
    if not doubtful and not found.invisible:
        return []
    every = pdf_calls.text_objects(pdf_calls.address_of(textpage.raw), characters)
    runs = [run if box[2] > box[0] else -1 for run, box in zip(every, boxes, strict=True)]
    wanted = [-1 if out else run for run, out in zip(runs, gone, strict=True)] if gone else runs
    hidden = _traceless(page, wanted, boxes, doubtful) | (set(runs) - set(wanted))
    hidden = hidden - found.under if found.is_scan else hidden | found.invisible
    answer = []
    last = False
    for run in runs if hidden else ():
        last = run in hidden if run >= 0 else last
        answer.append(last)
    return answer


def _traceless(page: pypdfium2.PdfPage, runs: Sequence[int], boxes: Sequence[Edges], doubtful: set[int]) -> set[int]:
    """The doubtful runs of which fewer than half of the first letters left a trace."""
    letters: defaultdict[int, list[Edges]] = defaultdict(list)
    for run, box in zip(runs, boxes, strict=True):
        if run in doubtful and len(letters[run]) < _SAMPLE:
            letters[run].append(box)
    if not letters:
        return set()
    traces = Traces(page, around(chain.from_iterable(letters.values())))
    return {run for run, places in letters.items() if 2 * sum(map(traces.seen, places)) < len(places)}
