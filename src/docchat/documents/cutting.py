"""The parts of a document as pages and passages, with the words that passages are found by."""

import re
from collections.abc import Iterator, Sequence

from ..types import PageText
from . import chunk, tables
from .formats.part import Part
from .index import Words
from .sql_documents import Batch, PassageRow
from .terms import Known

BATCH = 400
"""Passages written in one transaction; the write lock is held for some tens of milliseconds."""
_LONGEST_LABEL = 120
_MOST_KNOWN = 65_536
_COUNTED = re.compile(r"(?:(?:Page|Slide|Part|Sheet|Message) \d+|Message)(?: \((?:scan|hidden|part \d+)\))?(?:, |$)")
_ONLY_COUNTED = re.compile(r"Part \d+$")


def passages_of(number: int, part: Part, known: Known | None = None) -> list[PassageRow]:
    """The passages of a part that is page `number`, each with its words for the index; `known` is as of `terms`."""
    seen = part.visible
    heads_at = tables.header(seen) if part.rows else None
    heads = seen[slice(*heads_at)] if heads_at else ""
    named = plain_label(part.label)
    found = []
    for passage in chunk.split(seen, headings=part.headings, rows=part.rows):
        text = seen[passage.start : passage.end]
        beside = "" if heads_at and passage.start <= heads_at[0] else heads
        found.append(
            PassageRow(
                page=number,
                start=passage.start,
                end=passage.end,
                text=text,
                label=_where(part.label, passage.heading),
                words=Words.of(label=f"{named} {passage.heading}", text=text, heads=beside, known=known),
            )
        )
    return found


def plain_label(label: str) -> str:
    """What a label says of the content, without what only counts pages or slides."""
    return _COUNTED.sub("", label, count=1) if _COUNTED.match(label) else label


def _where(label: str, heading: str) -> str:
    """What a passage is cited by: its page, slide, sheet or chapter with its heading, each only where it says more."""
    if heading and (not label or _ONLY_COUNTED.match(label)):
        found = heading
    else:
        found = f"{label}, {heading}" if heading and heading not in label else label
    return found[:_LONGEST_LABEL]


def batches(parts: Sequence[Part], known: Known | None = None) -> Iterator[Batch]:
    """The parts of a document as batches of at most BATCH passages.

    `known` is as of `terms`, for documents read in a row: most words of one are words of the others.
    """
    pages: list[PageText] = []
    passages: list[PassageRow] = []
    done = 0
    known = {} if known is None else known
    for number, part in enumerate(parts, 1):
        if len(known) > _MOST_KNOWN:
            known.clear()
        pages.append(PageText(number, part.label, part.text, part.boxes))
        passages += passages_of(number, part, known)
        while len(passages) > BATCH:
            yield Batch(tuple(pages), tuple(passages[:BATCH]), done, last=False, of=len(parts))
            done += BATCH
            pages, passages = [], passages[BATCH:]
    yield Batch(tuple(pages), tuple(passages), done, last=True, of=len(parts))
