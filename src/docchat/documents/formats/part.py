"""What a reader returns: parts of a document with their text, headings and boxes."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...errors import Unreadable
from ...types import Box
from ..chunk import split
from .invisible import drop, smuggled
from .wrap import unwrap

PART_CHARS = 40_000
"""A flowing text longer than this is cut into several parts, so that a page stays small enough to show."""
LONGEST_TEXT = 20_000_000
"""Characters of text in all parts of a file together; one that gives more is refused."""
MOST_PARTS = 50_000
"""Pages, sheets, slides and texts of a file that is read."""
TOO_LONG = "This file holds more text than one document may have. Please split it."
NO_TEXT = "No text was found in this file."
LONGEST_HIDDEN = 2_000
"""Characters of hidden text that a part shows."""

_LONGEST_HEADING = 500
_LINE_END = re.compile("\r\n?|[\x0c\x85\u2028\u2029]")
_BLANKS = re.compile("[ \t\u00a0\u2000-\u200a\u202f\u205f\u2800\u3000]+")
_CONCEALED = re.compile(r"(?:\A|\n\n)(\[(?:Hidden text|Note): [^\n]*\])\Z")
_MANY_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Part:
    """A page, slide, sheet or flowing text. `headings` are [start, end) ranges of `text`; `rows`: it is a table.

    `hidden` are the ranges of `text` that a reader of the file would not see, always at its end and marked as hidden
    in words: they are shown to the person who asks for the page, and never reach the index or a model.
    `scan`: where a picture stands from which no text was read yet: its page, behind the names of what it is packed in.
    """

    label: str
    text: str
    headings: tuple[tuple[int, int], ...] = ()
    rows: bool = False
    boxes: tuple[Box, ...] = ()
    hidden: tuple[tuple[int, int], ...] = ()
    scan: tuple[str, ...] = ()

    @property
    def visible(self) -> str:
        """The text that a reader of the file sees: the beginning of `text`, so that offsets are the same."""
        return self.text[: self.hidden[0][0]].rstrip() if self.hidden else self.text


def bounded(parts: Iterable[Part]) -> tuple[Part, ...]:
    """All of them. Raises Unreadable with code too_complex as soon as they are more than one document may have."""
    found: list[Part] = []
    length = 0
    for part in parts:
        length += len(part.text)
        found.append(part)
        if length > LONGEST_TEXT or len(found) > MOST_PARTS:
            raise Unreadable(TOO_LONG, code="too_complex")
    return tuple(found)


def conceal(part: Part, pieces: Iterable[str], *, mark: str = "Hidden text") -> Part:
    """The part with hidden texts behind its own, each text once, cut at LONGEST_HIDDEN characters."""
    found = dict.fromkeys(" ".join(clean(piece).split()) for piece in pieces)
    joined = " / ".join(piece for piece in found if piece)
    if not joined:
        return part
    if len(joined) > LONGEST_HIDDEN:
        joined = f"{joined[:LONGEST_HIDDEN]}\u2026 and {len(joined) - LONGEST_HIDDEN:,} more characters"
    start = len(part.text) + 2 if part.text else 0
    text = f"{part.text}\n\n[{mark}: {joined}]" if part.text else f"[{mark}: {joined}]"
    return replace(part, text=text, hidden=(*part.hidden, (start, len(text))))


def concealed(text: str) -> tuple[tuple[int, int], ...]:
    """The ranges at the end of a page's text that `conceal` put there, as they are after the page was stored."""
    found: list[tuple[int, int]] = []
    end = len(text)
    while match := _CONCEALED.search(text, 0, end):
        found.insert(0, (match.start(1), end))
        end = match.start()
    return tuple(found)


def clean(text: str) -> str:
    """Text without control, invisible, direction and private-use characters, with single blanks and `\\n` lines."""
    if text.isascii() and text.isprintable():  # most are: one line of plain letters
        return (_BLANKS.sub(" ", text) if "  " in text else text).strip()
    text = _BLANKS.sub(" ", drop(_LINE_END.sub("\n", text)))
    lines = [line.strip() for line in text.split("\n")]
    return _MANY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a flowing text. Blocks of the same kind, but for paragraphs and headings, follow line by line."""

    text: str
    kind: Literal["text", "heading", "item", "row", "line"] = "text"
    hidden: bool = False


def paragraphs(text: str) -> list[Block]:
    """The paragraphs of a plain text, its broken lines joined; what invisible characters spell is hidden text."""
    found = re.split(r"\n\s*\n", unwrap(clean(text)))
    return [*map(Block, found), *(Block(secret, hidden=True) for secret in smuggled(text))]


def flow(blocks: Sequence[Block], *, label: str = "") -> tuple[Part, ...]:
    """Parts of a flowing text; long ones are cut between blocks, at a heading where one is near."""
    groups: list[list[Block]] = [[]]
    length = 0
    for block in (piece for whole in blocks for piece in _pieces(whole)):
        if length > PART_CHARS or (block.kind == "heading" and length > PART_CHARS // 2):
            groups.append([])
            length = 0
        groups[-1].append(block)
        length += len(block.text) + 2
    parts = []
    for number, group in enumerate(groups, 1):
        name = label if len(groups) == 1 else f"{label} (part {number})" if label else f"Part {number}"
        parts.append(_join(name, group))
    return tuple(part for part in parts if part.text)


def _pieces(block: Block) -> Iterator[Block]:
    """The block, or when it is longer than a part may be, its pieces."""
    if len(block.text) <= PART_CHARS:
        yield block
        return
    for passage in split(block.text, size=PART_CHARS):
        yield replace(block, text=block.text[passage.start : passage.end])


def _join(label: str, blocks: Sequence[Block]) -> Part:
    pieces: list[str] = []
    headings = []
    hidden: list[str] = []
    before = ""
    length = 0
    for block in blocks:
        hidden += smuggled(block.text)
        text = clean(block.text)
        if block.hidden:
            hidden.append(text)
        if not text or block.hidden:
            continue
        gap = "" if not pieces else "\n" if _is_close(before, block.kind) else "\n\n"
        before = block.kind
        if block.kind == "heading" and len(text) <= _LONGEST_HEADING:
            headings.append((length + len(gap), length + len(gap) + len(text)))
        pieces.append(gap + text)
        length += len(gap) + len(text)
    return conceal(Part(label=label, text="".join(pieces), headings=tuple(headings)), hidden)


def _is_close(before: str, kind: str) -> bool:
    """Whether a block stands on the line after the one before it: the next row or item, or a list's first item."""
    return (kind == before and kind in ("item", "row", "line")) or (before, kind) == ("text", "item")
