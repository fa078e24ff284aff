"""From a question to passages: search, leave out what says the same twice, and make each passage read whole."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from ..documents.terms import terms
from ..errors import NotFound
from ..types import Chunk, PageText, ScoredChunk
from .passages import Passage
from .units import Unit, units_of

PASSAGES = 8
"""An answer rests on at most this many passages."""

_SEARCHED = 20
_SAME = 0.85
_JOINED_CHARS = 1800
_WINDOW_CHARS = 30_000


class Index(Protocol):
    """What answers need of the index."""

    def search(self, *, owner: str, question: str, limit: int = 10) -> tuple[ScoredChunk, ...]:
        """The owner's chunks that fit the question, best first."""

    def frequencies(self, *, owner: str, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """The number of the owner's chunks, and of those that hold each term."""


class Pages(Protocol):
    """What answers need of the library."""

    def page(self, *, owner: str, document_id: UUID, number: int) -> PageText:
        """One page of a document. Raises NotFound."""


def retrieve(index: Index, pages: Pages, *, owner: str, question: str, limit: int = PASSAGES) -> tuple[Passage, ...]:
    """At most `limit` passages for the question, best first, numbered from 1.

    A document deleted between the search and the reading of its page is left out.
    """
    found = _distinct(index.search(owner=owner, question=question, limit=_SEARCHED))
    texts: dict[tuple[UUID, int], str] = {}
    joined: list[ScoredChunk] = []
    for scored in found:
        key = (scored.chunk.document_id, scored.chunk.page)
        if key not in texts:
            try:
                texts[key] = pages.page(owner=owner, document_id=key[0], number=key[1]).text
            except NotFound:
                continue
        if not _join(joined, scored, texts[key]):
            joined.append(scored)
    units: dict[tuple[UUID, int, int], tuple[Unit, ...]] = {}
    passages = []
    for number, scored in enumerate(joined[:limit], 1):
        chunk = scored.chunk
        text = texts[chunk.document_id, chunk.page]
        first = _window_start(text, chunk)
        place = (chunk.document_id, chunk.page, first)
        if place not in units:
            units[place] = _units(text, first)
        whole = _whole(chunk, text, units[place])
        passages.append(Passage(number, whole, text, units[place], scored.score))
    return tuple(passages)


def _distinct(found: Sequence[ScoredChunk]) -> list[ScoredChunk]:
    """Without the chunks that repeat a better one almost word for word."""
    kept: list[tuple[ScoredChunk, frozenset[str]]] = []
    for scored in found:
        words = frozenset(terms(scored.chunk.text))
        if not any(len(words & other) >= _SAME * max(1, len(words | other)) for _, other in kept):
            kept.append((scored, words))
    return [scored for scored, _ in kept]


def _join(joined: list[ScoredChunk], scored: ScoredChunk, text: str) -> bool:
    """Append `scored` to a better passage that it directly follows or precedes; whether it was."""
    chunk = scored.chunk
    for place, better in enumerate(joined):
        other = better.chunk
        if (other.document_id, other.page) != (chunk.document_id, chunk.page):
            continue
        start, end = min(chunk.start, other.start), max(chunk.end, other.end)
        gap = text[min(chunk.end, other.end) : max(chunk.start, other.start)]
        if end - start <= _JOINED_CHARS and not gap.strip():
            whole = replace(other, start=start, end=end, text=text[start:end])
            joined[place] = replace(better, chunk=whole)
            return True
    return False


def _window_start(text: str, chunk: Chunk) -> int:
    """Where the part of the page begins that is cut into units: its begin, but for very long pages."""
    if len(text) <= 2 * _WINDOW_CHARS:
        return 0
    first = max(0, chunk.start // _WINDOW_CHARS - 1) * _WINDOW_CHARS
    return text.rfind("\n", 0, first) + 1


def _units(text: str, first: int) -> tuple[Unit, ...]:
    if first == 0 and len(text) <= 2 * _WINDOW_CHARS:
        return units_of(text)
    part = text[first : first + 3 * _WINDOW_CHARS]
    return tuple(replace(unit, start=unit.start + first, end=unit.end + first) for unit in units_of(part))


def _whole(chunk: Chunk, text: str, units: Sequence[Unit]) -> Chunk:
    """The chunk widened to the sentences it cuts through."""
    start = min([chunk.start, *(unit.start for unit in units if unit.start < chunk.start < unit.end)])
    end = max([chunk.end, *(unit.end for unit in units if unit.start < chunk.end < unit.end)])
    if (start, end) == (chunk.start, chunk.end):
        return chunk
    return replace(chunk, start=start, end=end, text=text[start:end])
