"""What a reader returns: parts of a document with their text, headings and boxes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ...types import Box
from ..chunk import split

PART_CHARS = 40_000
"""A flowing text longer than this is cut into several parts, so that a page stays small enough to show."""

_REMOVED = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\ue000-\uf8ff]"
)
_LINE_END = re.compile("\r\n?|[\x0c\x85\u2028\u2029]")
_BLANKS = re.compile("[ \t\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_MANY_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Part:
    """A page, slide, sheet or flowing text. `headings` are [start, end) ranges of `text`; `rows`: it is a table."""

    label: str
    text: str
    headings: tuple[tuple[int, int], ...] = ()
    rows: bool = False
    boxes: tuple[Box, ...] = ()


def clean(text: str) -> str:
    """Text without control, invisible, direction and private-use characters, with single blanks and `\\n` lines."""
    text = _BLANKS.sub(" ", _REMOVED.sub("", _LINE_END.sub("\n", text)))
    lines = [line.strip() for line in text.split("\n")]
    return _MANY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a flowing text. Blocks of the same kind, but for paragraphs and headings, follow line by line."""

    text: str
    kind: Literal["text", "heading", "item", "row", "line"] = "text"


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
        yield Block(block.text[passage.start : passage.end], block.kind)


def _join(label: str, blocks: Sequence[Block]) -> Part:
    pieces: list[str] = []
    headings = []
    before = ""
    length = 0
    for block in blocks:
        text = clean(block.text)
        if not text:
            continue
        gap = "" if not pieces else "\n" if _is_close(before, block.kind) else "\n\n"
        before = block.kind
        if block.kind == "heading":
            headings.append((length + len(gap), length + len(gap) + len(text)))
        pieces.append(gap + text)
        length += len(gap) + len(text)
    return Part(label=label, text="".join(pieces), headings=tuple(headings))


def _is_close(before: str, kind: str) -> bool:
    """Whether a block stands on the line after the one before it: the next row or item, or a list's first item."""
    return (kind == before and kind in ("item", "row", "line")) or (before, kind) == ("text", "item")
