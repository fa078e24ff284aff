"""What an attachment consists of once it is open, and the bytes that its pages and passages are sealed as."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from ..types import Box, Document, PageText

_PAGE_CHARS = 250_000


@dataclass(frozen=True, slots=True)
class AttachedPassage:
    """A passage of page `page`, with the terms it is found by: of its text, its heading and its table's head."""

    page: int
    start: int
    end: int
    label: str
    text: str
    body: str
    heading: str
    heads: str


@dataclass(frozen=True, slots=True)
class Attached:
    """An attachment that is ready, with its passages in order."""

    document: Document
    passages: tuple[AttachedPassage, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """An attachment that is being read: its row's number, and whose it is."""

    no: int
    owner: str
    session_id: UUID
    document: Document


def grouped(pages: Sequence[PageText]) -> Iterator[list[PageText]]:
    """Pages in groups that are small enough to open for one of them."""
    group: list[PageText] = []
    for page in pages:
        if group and sum(len(one.text) for one in group) + len(page.text) > _PAGE_CHARS:
            yield group
            group = []
        group.append(page)
    if group:
        yield group


def dump_pages(pages: Sequence[PageText]) -> bytes:
    """Pages as bytes, to be sealed."""
    boxes = [[(b.start, b.end, b.left, b.top, b.right, b.bottom) for b in page.boxes] for page in pages]
    return _dump([(page.number, page.label, page.text, box) for page, box in zip(pages, boxes, strict=True)])


def load_pages(opened: bytes) -> Iterator[PageText]:
    """The pages in what `dump_pages` made."""
    for number, label, text, boxes in json.loads(opened):
        yield PageText(number, label, text, tuple(Box(*box) for box in boxes))


def dump_passages(passages: Sequence[AttachedPassage]) -> bytes:
    """Passages as bytes, to be sealed."""
    return _dump([(p.page, p.start, p.end, p.label, p.text, p.body, p.heading, p.heads) for p in passages])


def load_passages(opened: bytes) -> list[AttachedPassage]:
    """The passages in what `dump_passages` made."""
    return [AttachedPassage(*fields) for fields in json.loads(opened)]


def _dump(rows: object) -> bytes:
    return json.dumps(rows, ensure_ascii=False).encode("utf-8", "replace")
