"""Questions to suggest: before the first one from the documents, after an answer from what it did not use.

They are made without a model, and each is tried: what the documents would not answer is not suggested. Nothing is kept,
so nothing outlives a deleted document.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Protocol
from uuid import UUID

from ..documents.scope import Scope
from ..documents.sections import visible
from ..documents.terms import terms
from ..errors import NotFound
from ..types import Citation, Document, DocumentState, Page
from .passages import Passage
from .quotes.extractive import extract
from .quotes.units import units_of
from .retrieve import Index, Pages, retrieve
from .suggest_forms import Form, forms, tongue_of

FIRST = 4
"""At most this many questions are suggested for an empty chat."""
NEXT = 3
"""At most this many are suggested after an answer."""

FIRST_SECONDS = 0.04
NEXT_SECONDS = 0.1
_DOCUMENTS = 4
_PLACES = 3
_PLACE_CHARS = 3500
_TRIED_EACH = 6
# What fewer passages answer well enough the full number does too, and each costs time.
_PASSAGES = 3
_CLOCK = 8


class _Budget:
    """Seconds of work. The clock may show more on a machine that is busy with other things, and ends it as well."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._work, self._clock = time.thread_time(), time.monotonic()

    def spent(self, ahead: float) -> bool:
        """Whether it is used up, or would be after `ahead` more seconds of work."""
        return self.used + ahead > self._seconds or time.monotonic() - self._clock > _CLOCK * self._seconds

    @property
    def used(self) -> float:
        """Seconds of work so far."""
        return time.thread_time() - self._work


class Shelf(Pages, Protocol):
    """What suggestions need of the library."""

    def get(self, *, owner: str, document_id: UUID) -> Document:
        """One document. Raises NotFound."""

    def list(
        self,
        *,
        owner: str,
        cursor: str | None = None,
        limit: int = 50,
        collection: UUID | None = None,
        state: DocumentState | None = None,
    ) -> Page[Document]:
        """Documents of a collection, or all that are the owner's to read; newest first. Raises NotFound."""


def first_questions(index: Index, shelf: Shelf, *, scope: Scope, seconds: float = FIRST_SECONDS) -> tuple[str, ...]:
    """At most four questions that the newest documents of `scope` answer, from different documents where it can be.

    What was not tried within `seconds` is left out. Raises StoreError.
    """
    documents = _newest(shelf, scope)
    places = _PLACES if len(documents) == 1 else 2
    made = [_of_document(shelf, scope.owner, document, places) for document in documents]
    return _tried(index, shelf, scope, _turns(made), asked=(), most=FIRST, budget=_Budget(seconds))


def follow_ups(
    index: Index,
    pages: Pages,
    *,
    scope: Scope,
    asked: Sequence[str],
    passages: Sequence[Passage],
    cited: Sequence[Citation],
    seconds: float = NEXT_SECONDS,
) -> tuple[str, ...]:
    """At most three questions from what stands beside the cited sentences and was not used, answered by `scope`.

    `asked` are the questions of the chat so far. Raises StoreError.
    """
    budget = _Budget(seconds)
    used: dict[tuple[UUID, int], list[tuple[int, int]]] = {}
    for one in cited:
        used.setdefault((one.document_id, one.page), []).append((one.start, one.end))
    near = [passage for passage in passages if (passage.chunk.document_id, passage.chunk.page) in used]
    made: list[Iterator[tuple[str, UUID]]] = []
    for passage in (near or passages)[:_DOCUMENTS]:
        spans = used.get((passage.chunk.document_id, passage.chunk.page), [])
        headings = {unit.heading for unit in passage.units if _meets(unit.start, unit.end, spans)}
        seen = len(visible(passage.page_text))
        left = [
            unit
            for unit in passage.units
            if unit.end <= seen and unit.text not in headings and not _meets(unit.start, unit.end, spans)
        ]
        found = _mixed(forms(left, tongue_of(passage.chunk.text)))
        made.append(iter([(form.question, passage.chunk.document_id) for form in found]))
    return _tried(index, pages, scope, _turns(made), asked=asked, most=NEXT, budget=budget)


def _meets(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < to and begin < end for begin, to in spans)


def _newest(shelf: Shelf, scope: Scope) -> list[Document]:
    """The documents that are looked at: those chosen, else the newest of the collections chosen, else the newest."""
    if scope.documents:
        chosen = [shelf.get(owner=scope.owner, document_id=found) for found in scope.documents[:_DOCUMENTS]]
        return [document for document in chosen if document.state is DocumentState.READY]
    if scope.collections is None:
        found = shelf.list(owner=scope.owner, limit=_DOCUMENTS, collection=None, state=DocumentState.READY).items
        return list(found)
    lists = [
        shelf.list(owner=scope.owner, limit=_DOCUMENTS, collection=one, state=DocumentState.READY).items
        for one in scope.collections[:_DOCUMENTS]
    ]
    return [document for turn in zip_longest(*lists) for document in turn if document is not None][:_DOCUMENTS]


def _of_document(shelf: Shelf, owner: str, document: Document, places: int) -> Iterator[tuple[str, UUID]]:
    """Questions from a few places of a document, the different sorts by turns. It is read when the first is wanted."""
    made: list[Form] = []
    for text, start, end in _places(shelf, owner, document, places):
        made += forms(units_of(text, start, end), tongue_of(text[start:end]))
    yield from ((form.question, document.id) for form in _mixed(made))


def _turns(made: Sequence[Iterator[tuple[str, UUID]]]) -> Iterator[tuple[str, UUID]]:
    """One of each by turns, none before it is its turn."""
    waiting = list(made)
    while waiting:
        for one in tuple(waiting):
            found = next(one, None)
            if found is None:
                waiting.remove(one)
            else:
                yield found


def _places(shelf: Shelf, owner: str, document: Document, most: int) -> Iterator[tuple[str, int, int]]:
    """Parts of a document, [start, end) of a page's text: its beginning, and places further in."""
    pages = max(1, document.pages)
    numbers = sorted({1, min(2, pages), 1 + pages // 2})[-most:] if pages > 1 else [1]
    starts = [0] if pages > 1 else range(most)
    for number in numbers:
        try:
            # What nobody sees who opens the file makes no question either.
            text = visible(shelf.page(owner=owner, document_id=document.id, number=number).text)
        except NotFound:
            return
        for part in starts:
            start = text.rfind("\n", 0, len(text) * part // most) + 1 if part else 0
            end = min(len(text), start + _PLACE_CHARS)
            if start < end and (part == 0 or len(text) > 2 * _PLACE_CHARS):
                yield text, start, end


def _mixed(made: Sequence[Form]) -> list[Form]:
    """The sorts by turns, better ones first, so that not all questions are of one kind."""
    sorts: dict[int, list[Form]] = {}
    for form in sorted(made, key=lambda form: form.sort):
        sorts.setdefault(form.sort, []).append(form)
    return [form for turn in zip_longest(*sorts.values()) for form in turn if form is not None]


def _tried(
    index: Index,
    pages: Pages,
    scope: Scope,
    turns: Iterator[tuple[str, UUID]],
    *,
    asked: Sequence[str],
    most: int,
    budget: "_Budget",
) -> tuple[str, ...]:
    """The first of these questions that are answered from the document they were made of, and were not asked before."""
    found: list[str] = []
    said = [frozenset(terms(question)) for question in asked]
    tries, longest = 0, 0.0
    for question, document_id in turns:
        if len(found) == most or tries == most * _TRIED_EACH or budget.spent(longest):
            break
        words = frozenset(terms(question))
        if not words or any(words <= before or before <= words for before in said if before):
            continue
        tries, begun = tries + 1, budget.used
        if answered(index, pages, scope, question, document_id):
            found.append(question)
            said.append(words)
        longest = max(longest, budget.used - begun)
    return tuple(found)


def answered(index: Index, pages: Pages, scope: Scope, question: str, document_id: UUID) -> bool:
    """Whether asking this of `scope` would be answered with a quote from this document."""
    passages = retrieve(index, pages, scope=scope, question=question, limit=_PASSAGES)
    extracted = extract(question, passages, index.frequencies(scope=scope, terms=terms(question)))
    if extracted.refused:
        return False
    documents = {passage.number: passage.chunk.document_id for passage in passages}
    return any(documents[quote.number] == document_id for quote in extracted.quotes)
