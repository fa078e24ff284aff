"""The characters of a PDF page with their boxes, fetched in one go."""

from ctypes import addressof, c_float
from dataclasses import dataclass
from itertools import compress, repeat

import pypdfium2

from . import pdf_calls

HYPHEN = "\ufffe"
"""pdfium's mark for a hyphen that a line break put into a word."""
BREAKS = "\r\n" + HYPHEN
_BARE = " " + BREAKS

Edges = tuple[float, float, float, float]
NOWHERE: Edges = (0.0, 0.0, 0.0, 0.0)


class _Characters(dict[int, str]):
    """The character of each of pdfium's codes; a blank for what is none."""

    def __missing__(self, code: int) -> str:
        found = self[code] = " " if 0xD800 <= code < 0xE000 or code > 0x10FFFF else chr(code)
        return found


_CHARACTERS = _Characters({0: " ", 0x02: HYPHEN, 0xFFFE: HYPHEN, 0xA0: " "})


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Characters in pdfium's order and the box of each: left, bottom, right, top in points, NOWHERE without ink.

    A box is the room that the font gives the character, not its ink: a 1 is as wide as a 7.
    """

    characters: str
    boxes: list[Edges]

    def part(self, start: int, end: int) -> "Glyphs":
        """Those of [start, end)."""
        return Glyphs(self.characters[start:end], self.boxes[start:end])

    def chosen(self, wanted: list[bool]) -> "Glyphs":
        """Those for which `wanted` says so."""
        return Glyphs("".join(compress(self.characters, wanted)), list(compress(self.boxes, wanted)))


def glyphs_of(textpage: pypdfium2.PdfTextPage) -> Glyphs:
    """Every character of a page."""
    count = max(0, textpage.count_chars())
    raw = pdf_calls.address_of(textpage.raw)
    codes = map(pdf_calls.unicode_of, repeat(raw), range(count))
    characters = "".join(map(_CHARACTERS.__getitem__, codes))
    room = (c_float * (4 * count))()  # left, top, right, bottom; stays zero where there is no box
    places = range(addressof(room), addressof(room) + 16 * count, 16)
    for _ in map(pdf_calls.box_of, repeat(raw), range(count), places):
        pass
    values = room[:]
    found = zip(values[0::4], values[3::4], values[2::4], values[1::4], strict=True)
    boxes = [NOWHERE if character in _BARE else box for character, box in zip(characters, found, strict=True)]
    return Glyphs(characters, boxes)
