"""The layout of a printed page: glyphs to lines with columns, lines to sentences with a box for each line."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import sub

from ...types import Box
from .. import tables
from .pdf_calls import Edges
from .pdf_glyphs import Glyphs
from .wrap import continues, glue, starts_item

_NEAR = 4  # lines above and below that tell where the right margin is
_RAGGED = 0.04  # how far, as a share of the page's width, lines may stay behind their margin
_NARROWEST = 20  # characters; narrower columns are lists and labels, not running text


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line: cleaned text, edges (left, top, right, bottom, as fractions), whether a hyphen cut its end."""

    text: str
    edges: Edges
    hyphen: bool = False


def spaced(glyphs: Glyphs) -> str:
    """The text of a line's glyphs: a blank where pdfium overlooked a gap between words, ` | ` between columns."""
    text, boxes = glyphs.characters, glyphs.boxes
    inked = [box for box in boxes if box[2] > box[0]]
    if len(inked) < 2:
        return text
    lefts, bottoms, rights, tops = zip(*inked, strict=True)
    height = max(tops) - min(bottoms)
    width = (sum(rights) - sum(lefts)) / len(inked)
    gaps = list(map(sub, lefts[1:], rights))
    between_words = 0.12 * height + max(0.0, 2 * sorted(gaps)[len(gaps) // 2])
    between_columns = _column_gap(height, width)
    least = min(between_words, between_columns)
    if max(gaps) <= least:
        return text
    pieces: list[str] = []
    done = 0
    places = [place for place, box in enumerate(boxes) if box[2] > box[0]]
    for gap, place in zip(gaps, places[1:], strict=True):
        if gap <= least:
            continue
        if gap > between_columns:
            between = _between(text[max(0, place - 3) : place])
        elif gap > between_words and text[place - 1] != " " and text[place].isascii():
            between = " "
        else:
            continue
        pieces += [text[done:place], between]
        done = place
    return "".join([*pieces, text[done:]])


def is_apart(gap: float, height: float, width: float) -> bool:
    """Whether a gap in a line of such a height, with letters of about such a width, may part columns."""
    return gap > 0.8 * _column_gap(height, width)


def _column_gap(height: float, width: float) -> float:
    return max(2.2 * height, 4 * width) if height < 20 * width else math.inf


def _between(before: str) -> str:
    """What parts two columns: nothing but a blank after `Label:`."""
    return " " if before.rstrip().endswith(":") else tables.SEPARATOR


def assemble(lines: Sequence[Line]) -> tuple[str, tuple[Box, ...]]:
    """The text of a page from its lines, wrapped ones joined and hyphens undone, and a box for each line.

    A paragraph ends with an empty line, a line that stands for itself (a table row, a heading) with a line break.
    """
    pieces: list[str] = []
    boxes: list[Box] = []
    length = 0
    follows = [False, *map(_follows, lines, lines[1:])]
    rights = _margins(lines, follows)
    for index, line in enumerate(lines):
        gap = _gap(lines[index - 1], line, rights[index - 1], follows=follows[index]) if index else ""
        pieces += [gap, line.text]
        start = length + len(gap)
        length = start + len(line.text)
        if line.edges[2] > line.edges[0]:
            boxes.append(Box(start, length, *line.edges))
    return "".join(pieces), tuple(boxes)


def _height(line: Line) -> float:
    return line.edges[3] - line.edges[1]


def _same_row(one: Line, other: Line) -> bool:
    overlap = min(one.edges[3], other.edges[3]) - max(one.edges[1], other.edges[1])
    return overlap > 0.5 * min(_height(one), _height(other)) > 0


def _follows(one: Line, other: Line) -> bool:
    """Whether `other` is the next line of the same column: just below, of about the same size."""
    below = other.edges[1] - one.edges[1]
    tallest = max(_height(one), _height(other))
    beside = other.edges[0] > one.edges[2] or other.edges[2] < one.edges[0]
    return 0 < below < 2.1 * tallest and not beside and tallest < 1.6 * min(_height(one), _height(other))


def _margins(lines: Sequence[Line], follows: Sequence[bool]) -> list[float]:
    """For each line the right margin there: of the lines near it in the run of lines it stands in.

    A margin that only one line reaches is none, unless it is the page's own: then the line may be a heading.
    """
    rights = [line.edges[2] for line in lines]
    margins = list(rights)
    widest = max(rights, default=0.0) - _RAGGED
    start = 0
    for index in range(1, len(lines) + 1):
        if index == len(lines) or not follows[index]:
            for place in range(start, index):
                near = sorted(rights[max(start, place - _NEAR) : min(index, place + _NEAR + 1)])
                shared = len(near) > 1 and near[-2] >= near[-1] - _RAGGED
                margins[place] = near[-1] if shared or near[-1] >= widest else 1.0
            start = index
    return margins


def _gap(line: Line, following: Line, right: float, *, follows: bool) -> str:
    if line.hyphen:
        return ""
    if _same_row(line, following):
        apart = following.edges[0] - line.edges[2]
        if apart < 0:
            return "\n"
        return _between(line.text) if apart > 2.2 * _height(line) else " "
    if not follows:
        return "\n\n"
    if tables.SEPARATOR not in line.text + following.text and _is_wrapped(line, following, right):
        return glue(line.text, following.text)
    far = following.edges[1] - line.edges[3] > 0.9 * _height(line)
    return "\n\n" if far and not starts_item(following.text) else "\n"


def _is_wrapped(line: Line, following: Line, right: float) -> bool:
    advance = (line.edges[2] - line.edges[0]) / len(line.text) or 0.005
    room = (right - line.edges[2]) / advance
    width = (right - min(line.edges[0], following.edges[0])) / advance
    if width < _NARROWEST:
        return False
    goes_on = following.text[0].islower() and not line.text.endswith((".", "!", "?", ":"))
    return continues(line.text, following.text, min(room, 0.3 * width) if goes_on else room, width)
