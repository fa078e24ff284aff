"""The characters of a PDF page with their boxes, fetched in one go."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress, repeat

import pypdfium2

from . import pdf_calls
from .pdf_calls import Edges

HYPHEN = "\ufffe"
"""pdfium's mark for a hyphen that a line break put into a word."""
BREAKS = "\r\n" + HYPHEN
_BARE = " " + BREAKS
_OUTSIDE = re.compile("[\ud800-\udfff\U00010000-\U0010ffff]")

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


NOTHING = Glyphs("", [])
"""What is left of a line that nobody sees."""


def characters_of(textpage: pypdfium2.PdfTextPage) -> str:
    """Every character of a page, a blank for what is none."""
    count = max(0, textpage.count_chars())
    raw = pdf_calls.address_of(textpage.raw)
    text = pdf_calls.text(raw, count)
    if len(text) == count and (text.isascii() or not _OUTSIDE.search(text)):
        return text.replace("\0", " ").replace("\xa0", " ").replace("\x02", HYPHEN)
    # Not in step with pdfium's count of characters: some have no code, or one of two halves.
    codes = map(pdf_calls.unicode_of, repeat(raw), range(count))
    return "".join(map(_CHARACTERS.__getitem__, codes))


def glyphs_of(textpage: pypdfium2.PdfTextPage, characters: str, wanted: Sequence[int]) -> Glyphs:
    """Those of a page's characters that are wanted, by their places, with the box of each."""
    found = zip(*pdf_calls.boxes(pdf_calls.address_of(textpage.raw), wanted), strict=True)
    text = "".join([characters[place] for place in wanted])
    return Glyphs(text, [NOWHERE if character in _BARE else box for character, box in zip(text, found, strict=True)])
