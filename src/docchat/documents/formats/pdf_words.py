"""The lines of a PDF page from its words: their ends alone are asked for boxes, which takes a third of the time.

What could matter within a word is looked at letter by letter: a gap that pdfium overlooked, a wide one between columns.
"""

import ctypes
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import repeat
from operator import sub

import pypdfium2
import pypdfium2.raw as pdfium

from . import pdf_calls
from .part import clean
from .pdf_calls import Edges
from .pdf_glyphs import BREAKS, HYPHEN, NOWHERE, Glyphs
from .pdf_layout import Line, is_apart, spaced

_GRID = 1_000_000  # device units over which pdfium maps a page
_FAR = 1000.0  # points
_BREAK = re.compile(f"[{BREAKS}]")
_WORD = re.compile(rf"[^\W\d_]+|\d+|([^\w \r\n{HYPHEN}])\1*|_+")
_PLAIN = re.compile("[!-~]+(?: [!-~]+)*")


class Sheet:
    """Points of a page as fractions from its top left, cropping and rotation taken into account."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        (self._x, self._y), (ax, ay), (bx, by) = (self._device(page, *at) for at in ((0, 0), (_FAR, 0), (0, _FAR)))
        self._xx, self._xy = (ax - self._x) / _FAR, (bx - self._x) / _FAR
        self._yx, self._yy = (ay - self._y) / _FAR, (by - self._y) / _FAR

    @staticmethod
    def _device(page: pypdfium2.PdfPage, x: float, y: float) -> tuple[float, float]:
        across, down = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, _GRID, _GRID, 0, x, y, across, down)
        return across.value / _GRID, down.value / _GRID

    def edges(self, left: float, bottom: float, right: float, top: float) -> Edges:
        """A box, given in points, as left, top, right and bottom."""
        x0, y0 = self._place(left, bottom)
        x1, y1 = self._place(right, top)
        return (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    def _place(self, x: float, y: float) -> tuple[float, float]:
        across = self._x + self._xx * x + self._xy * y
        down = self._y + self._yx * x + self._yy * y
        return min(1.0, max(0.0, across)), min(1.0, max(0.0, down))


class Words:
    """The words of a page in their lines, with their edges in points."""

    def __init__(self, textpage: pypdfium2.PdfTextPage, characters: str) -> None:
        self._characters = characters
        self._lines = list(_ranges(characters))
        self._spans = [[word.span() for word in _WORD.finditer(characters, *line)] for line in self._lines]
        raw = pdf_calls.address_of(textpage.raw)
        starts = [start for spans in self._spans for start, _ in spans]
        ends = [end - 1 for spans in self._spans for _, end in spans]
        first, last = pdf_calls.boxes(raw, starts), pdf_calls.boxes(raw, ends)
        self._lefts, self._bottoms = (list(map(min, *pair)) for pair in zip(first[:2], last[:2], strict=True))
        self._rights, self._tops = (list(map(max, *pair)) for pair in zip(first[2:], last[2:], strict=True))
        self._first = list(map(pdf_calls.text_object, repeat(raw), starts))
        self._last = list(map(pdf_calls.text_object, repeat(raw), ends))

    def in_doubt(self, suspects: Set[int]) -> list[tuple[int, range]]:
        """The lines of which a letter may be hidden, or whose letters leave gaps: number, places of the characters."""
        found = []
        for number, (line, words) in enumerate(zip(self._lines, self._places(), strict=True)):
            if self._spans[number] and not (
                self._first[words] == self._last[words]
                and self._is_even(self._spans[number], words)
                and suspects.isdisjoint(self._first[words])
            ):
                found.append((number, range(*line)))
        return found

    def lines(self, sheet: Sheet, letters: Mapping[int, Glyphs]) -> list[Line]:
        """All lines with text; those that are in `letters`, by number, as they are there."""
        found = []
        for number, ((start, end), words) in enumerate(zip(self._lines, self._places(), strict=True)):
            if number in letters:
                line = letters[number]
                text, edges = spaced(line), _around(sheet, line.boxes)
            elif self._spans[number]:
                text = self._characters[start:end]
                low, high = min(self._bottoms[words]), max(self._tops[words])
                edges = sheet.edges(min(self._lefts[words]), low, max(self._rights[words]), high)
            else:
                continue
            found.append(line_of(text, edges, self._characters[end : end + 1]))
        return [line for line in found if line.text]

    def _places(self) -> Iterator[slice]:
        """For each line, which of all words are its."""
        first = 0
        for spans in self._spans:
            yield slice(first, first + len(spans))
            first += len(spans)

    def _is_even(self, spans: Sequence[tuple[int, int]], words: slice) -> bool:
        """Whether all words of a line have ink, and the gaps between them part words and nothing else."""
        lefts, rights = self._lefts[words], self._rights[words]
        widths = list(map(sub, rights, lefts))
        if min(widths) <= 0:
            return False
        if len(spans) == 1:
            return True
        height = max(self._tops[words]) - min(self._bottoms[words])
        width = sum(widths) / sum(end - start for start, end in spans)
        gaps = list(map(sub, lefts[1:], rights))
        if is_apart(max(gaps), height, width):
            return False
        touching = [gap for gap, (_, end), (start, _) in zip(gaps, spans, spans[1:], strict=False) if start == end]
        return not touching or max(touching) <= 0.12 * height


def _ranges(characters: str) -> Iterator[tuple[int, int]]:
    """Where lines start and end."""
    start = 0
    for found in _BREAK.finditer(characters):
        if found.start() > start:
            yield start, found.start()
        start = found.end()
    if start < len(characters):
        yield start, len(characters)


def line_of(text: str, edges: Edges, end: str) -> Line:
    """A line, its text cleaned, and what it ends with."""
    text = text.strip(" ")
    if not _PLAIN.fullmatch(text):
        text = clean(text).replace("\n", " ")
    return Line(text, edges, end == HYPHEN)


def _around(sheet: Sheet, boxes: Sequence[Edges]) -> Edges:
    inked = [box for box in boxes if box[2] > box[0]]
    if not inked:
        return NOWHERE
    lefts, bottoms, rights, tops = zip(*inked, strict=True)
    return sheet.edges(min(lefts), min(bottoms), max(rights), max(tops))
