"""The lines of a PDF page from its words: their ends alone are asked for boxes, which takes a third of the time.

What could matter within a word is looked at letter by letter: a gap that pdfium overlooked, a wide one between columns.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import accumulate
from operator import sub

import pypdfium2

from . import pdf_calls
from .part import clean
from .pdf_calls import Edges
from .pdf_glyphs import BREAKS, HYPHEN, NOWHERE, Glyphs
from .pdf_hidden import SMALLEST
from .pdf_layout import Line, is_apart, spaced
from .pdf_sheet import Sheet

_BREAK = re.compile(f"[{BREAKS}]")
_WORD = re.compile(rf"[^\W\d_]+|\d+|([^\w \r\n{HYPHEN}])\1*|_+")


class Words:
    """The words of a page in their lines, with their edges in points."""

    def __init__(self, textpage: pypdfium2.PdfTextPage, characters: str) -> None:
        self._characters = characters
        self._lines = list(_ranges(characters))
        every = [[word.span() for word in _WORD.finditer(characters, *line)] for line in self._lines]
        ends = list(accumulate(map(len, every), initial=0))
        self._places = list(map(slice, ends, ends[1:]))
        self._spans = [span for spans in every for span in spans]
        raw = pdf_calls.address_of(textpage.raw)
        starts, lasts = [start for start, _ in self._spans], [end - 1 for _, end in self._spans]
        first, last = pdf_calls.boxes(raw, starts), pdf_calls.boxes(raw, lasts)
        self._lefts, self._bottoms = (list(map(min, *pair)) for pair in zip(first[:2], last[:2], strict=True))
        self._rights, self._tops = (list(map(max, *pair)) for pair in zip(first[2:], last[2:], strict=True))
        self._first, self._last = pdf_calls.text_objects(raw, starts), pdf_calls.text_objects(raw, lasts)

    def in_doubt(self, suspects: Set[int]) -> list[tuple[int, range]]:
        """The lines of which a letter may be hidden, or whose letters leave gaps: number, places of the characters."""
        widths = list(map(sub, self._rights, self._lefts))
        gaps = list(map(sub, self._lefts[1:], self._rights))
        found = []
        for number, (line, words) in enumerate(zip(self._lines, self._places, strict=True)):
            if words.stop > words.start and not (
                self._first[words] == self._last[words]
                and (not suspects or suspects.isdisjoint(self._first[words]))
                and self._is_even(words, widths[words], gaps[words.start : words.stop - 1])
            ):
                found.append((number, range(*line)))
        return found

    def too_small(self, lines: Sequence[tuple[int, range]]) -> dict[int, str]:
        """Those of the lines of which no letter can be read, by their number, with their text.

        To know that, their letters need not be asked for one by one.
        """
        found = {}
        for number, places in lines:
            words = self._places[number]
            highs = map(sub, self._tops[words], self._bottoms[words])
            wides = map(sub, self._rights[words], self._lefts[words])
            lengths = [end - start for start, end in self._spans[words]]
            if all(0 < high < SMALLEST for high in highs) and all(
                0 < wide < SMALLEST * length for wide, length in zip(wides, lengths, strict=True)
            ):
                found[number] = clean(self._characters[places.start : places.stop]).replace("\n", " ")
        return found

    def lines(self, sheet: Sheet, letters: Mapping[int, Glyphs]) -> list[Line]:
        """All lines with text; those that are in `letters`, by number, as they are there."""
        found = []
        for number, ((start, end), words) in enumerate(zip(self._lines, self._places, strict=True)):
            if number in letters:
                line = letters[number]
                text, edges = spaced(line), _around(sheet, line.boxes)
            elif words.stop > words.start:
                text = self._characters[start:end]
                low, high = min(self._bottoms[words]), max(self._tops[words])
                edges = sheet.edges(min(self._lefts[words]), low, max(self._rights[words]), high)
            else:
                continue
            found.append(line_of(text, edges, self._characters[end : end + 1]))
        return [line for line in found if line.text]

    def _is_even(self, words: slice, widths: Sequence[float], gaps: Sequence[float]) -> bool:
        """Whether all words of a line have ink, and the gaps between them part words and nothing else."""
        if min(widths) <= 0:
            return False
        if not gaps:
            return True
        widest = max(gaps)
        height = max(self._tops[words]) - min(self._bottoms[words])
        if widest <= 0.12 * height:
            return True
        spans = self._spans[words]
        width = sum(widths) / sum(end - start for start, end in spans)
        if is_apart(widest, height, width):
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
    if "  " in text or not (text.isascii() and text.isprintable()):
        text = clean(text).replace("\n", " ")
    return Line(text, edges, end == HYPHEN)


def _around(sheet: Sheet, boxes: Sequence[Edges]) -> Edges:
    inked = [box for box in boxes if box[2] > box[0]]
    if not inked:
        return NOWHERE
    lefts, bottoms, rights, tops = zip(*inked, strict=True)
    return sheet.edges(min(lefts), min(bottoms), max(rights), max(tops))
