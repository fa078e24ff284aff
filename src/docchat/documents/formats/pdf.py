"""PDF by pypdfium2: the text of each page in sentences, with the box of every line; and pages as pictures."""

import ctypes
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from ...errors import Unreadable
from ...types import Box
from .. import tables
from .part import Part, clean
from .wrap import continues, glue, starts_item

LARGEST_IMAGE = 2400
"""Largest width and height of a page's picture in pixels."""

_GRID = 20_000  # device units over which pdfium maps a page; fractions are exact to 0.00005
_HYPHEN = "\ufffe"  # pdfium's mark for a hyphen that a line break put into a word
_MARKS = {0: " ", 0x02: _HYPHEN, 0xFFFE: _HYPHEN, 0x0D: "\r", 0x0A: "\n", 0x20: " ", 0xA0: " "}
_PASSWORD = 4  # FPDF_ERR_PASSWORD
_NEAR = 4  # lines above and below that tell where the right margin is
_RAGGED = 0.04  # how far, as a share of the page's width, lines may stay behind their margin
_NARROWEST = 20  # characters; narrower columns are lists and labels, not running text

Edges = tuple[float, float, float, float]
_NOWHERE: Edges = (0.0, 0.0, 0.0, 0.0)


class Glyph(NamedTuple):
    """A character as pdfium gives it; `box` is left, bottom, right, top in points, all zero for one without ink.

    The box is the room that the font gives the character, not its ink: a 1 is as wide as a 7.
    """

    character: str
    box: Edges


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line: cleaned text, edges (left, top, right, bottom, as fractions), whether a hyphen cut its end."""

    text: str
    edges: Edges
    hyphen: bool = False


def read(data: bytes) -> tuple[Part, ...]:
    """Every page as a part `Page n`. Raises Unreadable with code locked or damaged."""
    document = _open(data)
    try:
        return tuple(_page(document, index) for index in range(len(document)))
    finally:
        document.close()


def render(data: bytes, *, number: int, width: int) -> bytes:
    """Page `number` (1-based) as a PNG of `width` pixels, both edges at most LARGEST_IMAGE. Raises Unreadable."""
    document = _open(data)
    try:
        if not 1 <= number <= len(document):
            raise Unreadable("This document has no such page.", code="no_page")
        page = document[number - 1]
        wide, high = (max(1.0, edge) for edge in page.get_size())
        scale = min(max(16, width), LARGEST_IMAGE) / wide
        scale = min(scale, LARGEST_IMAGE / high)
        bitmap = page.render(scale=scale, rev_byteorder=True, may_draw_forms=False)
        return _png(bitmap)
    except pypdfium2.PdfiumError as error:
        raise Unreadable("This page cannot be shown as a picture.", code="damaged") from error
    finally:
        document.close()


def _open(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD or "password" in str(error).lower():
            raise Unreadable(
                "This PDF is locked with a password. Save it without the password and upload it again.", code="locked"
            ) from error
        raise Unreadable("This PDF is damaged and cannot be opened.", code="damaged") from error


def _page(document: pypdfium2.PdfDocument, index: int) -> Part:
    label = f"Page {index + 1}"
    try:
        page = document[index]
        textpage = page.get_textpage()
    except pypdfium2.PdfiumError:
        return Part(label=label, text="")  # one broken page does not take the others with it
    try:
        text, boxes = assemble(_lines(page, textpage))
    finally:
        textpage.close()
        page.close()
    return Part(label=label, text=text, boxes=boxes)


def _lines(page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage) -> list[Line]:
    lines: list[Line] = []
    glyphs: list[Glyph] = []
    for glyph in (*_glyphs(textpage), Glyph("\n", _NOWHERE)):
        if glyph.character not in ("\r", "\n", _HYPHEN):
            glyphs.append(glyph)
            continue
        text = clean(spaced(glyphs)).replace("\n", " ")
        if text:
            lines.append(Line(text, _edges(page, glyphs), glyph.character == _HYPHEN))
        glyphs = []
    return lines


def _glyphs(textpage: pypdfium2.PdfTextPage) -> Iterator[Glyph]:
    """Every character of a page in pdfium's order, with its box."""
    raw = textpage.raw
    box = pdfium.FS_RECTF()
    place = ctypes.byref(box)
    unicode_of, box_of = pdfium.FPDFText_GetUnicode, pdfium.FPDFText_GetLooseCharBox
    for index in range(textpage.count_chars()):
        code = unicode_of(raw, index)
        if code in _MARKS:
            yield Glyph(_MARKS[code], _NOWHERE)
        elif 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            yield Glyph(" ", _NOWHERE)
        elif box_of(raw, index, place):
            yield Glyph(chr(code), (box.left, box.bottom, box.right, box.top))
        else:
            yield Glyph(chr(code), _NOWHERE)


def spaced(glyphs: Sequence[Glyph]) -> str:
    """The text of a line's glyphs: a blank where pdfium overlooked a gap between words, ` | ` between columns."""
    boxed = [g.box for g in glyphs if g.box[2] > g.box[0]]
    if len(boxed) < 2:
        return "".join(g.character for g in glyphs)
    height = max(box[3] for box in boxed) - min(box[1] for box in boxed)
    width = sum(box[2] - box[0] for box in boxed) / len(boxed)
    gaps = sorted(after[0] - before[2] for before, after in pairwise(boxed))
    between_words = 0.12 * height + max(0.0, 2 * gaps[len(gaps) // 2])
    pieces: list[str] = []
    last: Edges | None = None
    for glyph in glyphs:
        if glyph.box[2] > glyph.box[0]:
            gap = glyph.box[0] - last[2] if last else 0.0
            if gap > max(2.2 * height, 4 * width) and height < 20 * width:
                pieces.append(_between("".join(pieces[-3:])))
            elif gap > between_words and pieces[-1] != " " and glyph.character.isascii():
                pieces.append(" ")
            last = glyph.box
        pieces.append(glyph.character)
    return "".join(pieces)


def _between(before: str) -> str:
    """What parts two columns: nothing but a blank after `Label:`."""
    return " " if before.rstrip().endswith(":") else tables.SEPARATOR


def _edges(page: pypdfium2.PdfPage, glyphs: Sequence[Glyph]) -> Edges:
    corners = [g.box for g in glyphs if g.box[2] > g.box[0]]
    if not corners:
        return _NOWHERE
    x0, y0 = _device(page, min(c[0] for c in corners), min(c[1] for c in corners))
    x1, y1 = _device(page, max(c[2] for c in corners), max(c[3] for c in corners))
    return (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def _device(page: pypdfium2.PdfPage, x: float, y: float) -> tuple[float, float]:
    """A point of the page as fractions from its top left, cropping and rotation taken into account."""
    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, _GRID, _GRID, 0, x, y, across, down)
    return min(1.0, max(0.0, across.value / _GRID)), min(1.0, max(0.0, down.value / _GRID))


def assemble(lines: Sequence[Line]) -> tuple[str, tuple[Box, ...]]:
    """The text of a page from its lines, wrapped ones joined and hyphens undone, and a box for each line.

    A paragraph ends with an empty line, a line that stands for itself (a table row, a heading) with a line break.
    """
    pieces: list[str] = []
    boxes: list[Box] = []
    length = 0
    rights = _margins(lines)
    for index, line in enumerate(lines):
        gap = _gap(lines[index - 1], line, rights[index - 1]) if index else ""
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


def _margins(lines: Sequence[Line]) -> list[float]:
    """For each line the right margin there: of the lines near it in the run of lines it stands in.

    A margin that only one line reaches is none, unless it is the page's own: then the line may be a heading.
    """
    rights = [line.edges[2] for line in lines]
    margins = list(rights)
    widest = max(rights, default=0.0) - _RAGGED
    start = 0
    for index in range(1, len(lines) + 1):
        if index == len(lines) or not _follows(lines[index - 1], lines[index]):
            for place in range(start, index):
                near = sorted(rights[max(start, place - _NEAR) : min(index, place + _NEAR + 1)])
                shared = len(near) > 1 and near[-2] >= near[-1] - _RAGGED
                margins[place] = near[-1] if shared or near[-1] >= widest else 1.0
            start = index
    return margins


def _gap(line: Line, following: Line, right: float) -> str:
    if line.hyphen:
        return ""
    if _same_row(line, following):
        apart = following.edges[0] - line.edges[2]
        if apart < 0:
            return "\n"
        return _between(line.text) if apart > 2.2 * _height(line) else " "
    if not _follows(line, following):
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


def _png(bitmap: pypdfium2.PdfBitmap) -> bytes:
    channels = bitmap.n_channels
    pixels = bytes(bitmap.buffer)
    rows = bytearray()
    for y in range(bitmap.height):
        row = pixels[y * bitmap.stride : y * bitmap.stride + bitmap.width * channels]
        if channels == 4:
            packed = bytearray(bitmap.width * 3)
            packed[0::3], packed[1::3], packed[2::3] = row[0::4], row[1::4], row[2::4]
            row = bytes(packed)
        rows += b"\x00" + row
    kind = 0 if channels == 1 else 2
    head = struct.pack(">IIBBBBB", bitmap.width, bitmap.height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), 6)), (b"IEND", b""))
    )
