"""From a question to passages: search, leave out what says the same twice, and make each passage read whole."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from ..documents.index import Signal, Told
from ..documents.scope import Scope
from ..documents.terms import terms
from ..errors import NotFound
from ..types import Chunk, PageText, ScoredChunk
from .passages import Passage
from .quotes.lines import is_row
from .quotes.units import Unit, units_of

PASSAGES = 8
"""An answer rests on at most this many passages."""

_SEARCHED = 14
_QUESTION_BEFORE = 0.2
_ANSWER_BEFORE = 0.05
_FEW_TERMS = 3
_POINTS_BACK = re.compile(
    r"\b(?:its?|they|them|theirs?|he|him|his|she|hers?|this|that|these|those|there|ones?|such|same|others?|else|more)\b",
    re.IGNORECASE,
)
_SAME = 0.85
_WORD = re.compile(r"\w+")
_WITHOUT_BLANKS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_JOINED_CHARS = 1800
_GAP_CHARS = 3
_BEFORE_CHARS = 700
_AFTER_CHARS = 300
_TABLE_CHARS = 30_000


class Index(Protocol):
    """What answers need of the index."""

    def search(
        self,
        *,
        scope: Scope,
        question: str,
        limit: int = 10,
        signal: Signal = "default",
        about: Sequence[Told] = (),
    ) -> tuple[ScoredChunk, ...]:
        """The chunks that fit the question, best first."""

    def frequencies(self, *, scope: Scope, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """The number of chunks, and of those that hold each term."""


class Pages(Protocol):
    """What answers need of the library."""

    def page(self, *, owner: str, document_id: UUID, number: int) -> PageText:
        """One page of a document. Raises NotFound."""

    def missing(self, *, owner: str, document_ids: Sequence[UUID]) -> frozenset[UUID]:
        """Those that are deleted, or not the owner's to read any more."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What was said before the question; `role` is "user" or "assistant"."""

    role: str
    text: str


def find(
    index: Index,
    *,
    scope: Scope,
    question: str,
    history: Sequence[Turn] = (),
    limit: int = _SEARCHED,
    signal: Signal = "default",
) -> list[ScoredChunk]:
    """The chunks that fit the question as it is meant after `history`, best first, none repeating a better one."""
    found = index.search(
        scope=scope, question=question, limit=limit, signal=signal, about=carried_over(question, history)
    )
    return _distinct(found)


def carried_over(question: str, history: Sequence[Turn]) -> tuple[Told, ...]:
    """What the turns before a question say of its subject, newest first: the last two questions, the last answer.

    Their words count for a fraction of the question's own: joined with it in full they find worse than it does alone.
    They count less still when the question stands for itself.
    """
    weight = _QUESTION_BEFORE if _leans(question) else _QUESTION_BEFORE / 2
    asked = [Told(turn.text, weight, asked=True) for turn in reversed(history) if turn.role == "user"]
    said = [Told(turn.text, _ANSWER_BEFORE) for turn in reversed(history) if turn.role != "user"]
    return (*asked[:2], *said[:1])


def _leans(question: str) -> bool:
    """Whether a question names little itself, or points back."""
    return len(set(terms(question))) <= _FEW_TERMS or _POINTS_BACK.search(question) is not None


def retrieve(
    index: Index,
    pages: Pages,
    *,
    scope: Scope,
    question: str,
    history: Sequence[Turn] = (),
    limit: int = PASSAGES,
) -> tuple[Passage, ...]:
    """At most `limit` passages for the question, best first, numbered from 1; `history` is oldest first.

    A document deleted between the search and the reading of its page is left out.
    """
    found = _joined(find(index, scope=scope, question=question, history=history))[:limit]
    texts: dict[tuple[UUID, int], str] = {}
    units: dict[tuple[UUID, int, int, int], tuple[Unit, ...]] = {}
    passages: list[Passage] = []
    for scored in found:
        chunk = scored.chunk
        key = (chunk.document_id, chunk.page)
        if key not in texts:
            try:
                texts[key] = pages.page(owner=scope.owner, document_id=chunk.document_id, number=chunk.page).text
            except NotFound:
                continue
        text = texts[key]
        start, end = window(text, chunk.start, chunk.end)
        if (*key, start, end) not in units:
            units[*key, start, end] = units_of(text, start, end)
        near = units[*key, start, end]
        passages.append(Passage(len(passages) + 1, _whole(chunk, text, near), text, near, scored.score))
    return tuple(passages)


def _distinct(found: Sequence[ScoredChunk]) -> list[ScoredChunk]:
    """Without the chunks that repeat a better one almost word for word."""
    kept: list[tuple[ScoredChunk, frozenset[str]]] = []
    for scored in found:
        words = _words(scored.chunk.text)
        if not any(len(words & other) >= _SAME * max(1, len(words | other)) for _, other in kept):
            kept.append((scored, words))
    return [scored for scored, _ in kept]


def _words(text: str) -> frozenset[str]:
    """What a text says, to compare it with another: its words as they stand, which are quickly had."""
    return frozenset(terms(text) if _WITHOUT_BLANKS.search(text) else _WORD.findall(text.casefold()))


def _joined(found: Sequence[ScoredChunk]) -> list[ScoredChunk]:
    """With chunks that directly follow each other made one, at the place of the better."""
    joined: list[ScoredChunk] = []
    for scored in found:
        for place, better in enumerate(joined):
            if _adjoin(better.chunk, scored.chunk):
                joined[place] = replace(better, chunk=_span(better.chunk, scored.chunk))
                break
        else:
            joined.append(scored)
    return joined


def _adjoin(one: Chunk, other: Chunk) -> bool:
    if (one.document_id, one.page) != (other.document_id, other.page):
        return False
    gap = max(one.start, other.start) - min(one.end, other.end)
    return gap <= _GAP_CHARS and max(one.end, other.end) - min(one.start, other.start) <= _JOINED_CHARS


def _span(one: Chunk, other: Chunk) -> Chunk:
    """Both chunks as one; its text is cut from the page later."""
    return replace(one, start=min(one.start, other.start), end=max(one.end, other.end), text="")


def window(text: str, start: int, end: int) -> tuple[int, int]:
    """The part of a page that is cut into units for [start, end): what leads to it, all rows of its table.

    It begins and ends at a line.
    """
    first = _line_start(text, max(0, start - _BEFORE_CHARS))
    last = _line_end(text, min(len(text), end + _AFTER_CHARS))
    if is_row(text[_line_start(text, start) : _line_end(text, start)]):
        lowest, highest = max(0, start - _TABLE_CHARS), min(len(text), end + _TABLE_CHARS)
        while first > lowest and is_row(text[_line_start(text, first - 1) : first]):
            first = _line_start(text, first - 1)
        while last < highest and is_row(text[last + 1 : _line_end(text, last + 1)]):
            last = _line_end(text, last + 1)
    return first, last


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _whole(chunk: Chunk, text: str, units: Sequence[Unit]) -> Chunk:
    """The chunk widened to the sentences it cuts through."""
    start = min([chunk.start, *(unit.start for unit in units if unit.start < chunk.start < unit.end)])
    end = max([chunk.end, *(unit.end for unit in units if unit.start < chunk.end < unit.end)])
    return replace(chunk, start=start, end=end, text=text[start:end])
