"""Page text to passages, with exact character offsets: `passage.start:passage.end` cuts it out of the page's text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SIZE = 1600
"""A paragraph up to this length is never cut: a passage that begins or ends inside one is found less often."""
LONGEST_ROW = 2400
"""A table row up to this length is never cut, so that a passage holds whole rows."""

_PIECE = 1 / 2
"""Pieces of a longer paragraph, and tables, are at most this share of the size: they leave room for what is near."""
_LEAST = 3 / 16
"""A passage shorter than this share of the size takes the next paragraph in; counted in bytes of UTF-8, because
scripts with many letters say more with each."""

_BREAKS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"[.!?\u2026][\"'\u201d\u2019)\]]*\s|[\u3002\uff01\uff1f\uff61\u0964\u061f]"),
    re.compile(r"\n"),
    re.compile(r"\s"),
)
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Passage:
    """The characters [start, end) of a page's text; `heading` is the nearest heading above, empty if none."""

    start: int
    end: int
    heading: str = ""


def split(
    text: str, *, headings: Sequence[tuple[int, int]] = (), rows: bool = False, size: int = SIZE
) -> tuple[Passage, ...]:
    """Cut `text` into passages of at most `size` characters: whole paragraphs, or pieces of one that is longer.

    Short paragraphs share a passage. `headings` are [start, end) ranges in order; a passage begins at a heading unless
    what is before it is short, and never ends with one. With `rows` each line is a row: passages hold whole rows (up
    to LONGEST_ROW characters each). Everything but white space is in exactly one passage; passages neither begin nor
    end with white space.
    """
    cut = _rows(text, 0, len(text), int(size * _PIECE)) if rows else _paragraphs(text, headings, size)
    return tuple(Passage(start, end, _heading(text, headings, start, end)) for start, end in cut)


def _paragraphs(text: str, headings: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    starts = {start for start, _ in headings}
    begin = reached = 0
    opened = leads = False
    for start, end in _blocks(text, starts):
        # A heading stays with what follows it, were it only with its first piece.
        full = len(text[begin:reached].encode(errors="replace")) >= size * _LEAST or end - begin > size
        if opened and full and not leads:
            yield begin, reached
            opened = False
        begin = begin if opened else start
        opened = end - begin <= size
        if not opened:
            yield from _pieces(text, begin, end, int(size * _PIECE))
        reached, leads = end, start in starts
    if opened:
        yield begin, reached


def _pieces(text: str, start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """A long paragraph in pieces of at most `size`, the last one not much shorter than the others."""
    count = -(-(end - start) // size)
    return _flow(text, start, end, min(size, int(1.15 * (end - start) / count) + 1))


def _blocks(text: str, headings: set[int]) -> Iterator[tuple[int, int]]:
    """The paragraphs of a text, trimmed; each heading begins one."""
    cuts = {match.end() for match in _BREAKS[0].finditer(text)} | headings
    start = _skip(text, 0)
    for cut in [*sorted(cuts), len(text)]:
        end = start + len(text[start:cut].rstrip()) if cut > start else start
        if end > start:
            yield start, end
            start = _skip(text, cut)


def _heading(text: str, headings: Sequence[tuple[int, int]], start: int, end: int) -> str:
    above = [h for h in headings if h[0] <= start]
    if not above:
        above = [h for h in headings if h[0] < end][:1]
    return " ".join(text[above[-1][0] : above[-1][1]].split()) if above else ""


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    return start, start + len(text[start:end].rstrip())


def _flow(text: str, start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    position = _skip(text, start)
    while position < end:
        stop = end if end - position <= size else position + _cut(text[position : position + size])
        yield _trimmed(text, position, stop)
        position = _skip(text, stop)


def _cut(window: str) -> int:
    """Where to end a passage in a window of its largest size: as late as possible, at the best kind of break."""
    for pattern in _BREAKS:
        ends = [match.end() for match in pattern.finditer(window, len(window) // 2)]
        if ends:
            return ends[-1]
    ends = [match.end() for match in _BREAKS[-1].finditer(window)]
    return ends[-1] if ends else len(window)


def _rows(text: str, start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    begin = position = _skip(text, start)
    while position < end:
        line_end = text.find("\n", position, end)
        line_end = end if line_end < 0 else line_end
        if line_end - begin > size and position > begin:
            yield _trimmed(text, begin, position)
            begin = position
        if line_end - begin > LONGEST_ROW:
            yield from _flow(text, begin, line_end, size)
            begin = _skip(text, line_end)
            position = begin
        else:
            position = min(line_end + 1, end)
    if begin < end and text[begin:end].strip():
        yield _trimmed(text, _skip(text, begin), end)
