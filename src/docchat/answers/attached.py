"""The attachments of one chat beside the library, for one answer: scored in memory, cited like documents.

Nothing of it is kept when the answer ends: no index, no cache, no key.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from ..documents import rank
from ..documents.index import Signal, Told
from ..documents.scope import Scope
from ..documents.terms import MARK, Known, terms
from ..sessions.attachment_parts import Attached, AttachedPassage
from ..types import Chunk, PageText, ScoredChunk
from .attachments import Attachments
from .retrieve import Index, Pages

CANDIDATES = 120
"""Passages that are ranked, as many as an index gives for it."""

_FIRST_ID = -(1 << 62)  # of passages that are in no table


@dataclass(frozen=True, slots=True)
class _Place:
    """A passage in memory: its number in file order, and the terms of its document's name."""

    number: int
    file: Attached
    title: Sequence[str]
    passage: AttachedPassage
    body: str  # its terms between blanks, to look quickly whether one is there
    names: str  # the same of heading, table heads and title


class WithAttachments:
    """An Index and Pages over the library and the opened attachments of one chat."""

    def __init__(
        self, index: Index, library: Pages, attachments: Attachments, session_id: UUID, files: Sequence[Attached]
    ) -> None:
        self._index = index
        self._library = library
        self._attachments = attachments
        self._session_id = session_id
        self._ids = frozenset(file.document.id for file in files)
        self._places: list[_Place] = []
        for file in files:
            title = terms(file.document.name)
            for passage in file.passages:
                names = f" {passage.heading} {passage.heads} {' '.join(title)} "
                self._places.append(_Place(len(self._places), file, title, passage, f" {passage.body} ", names))

    def search(
        self,
        *,
        scope: Scope,
        question: str,
        limit: int = 10,
        signal: Signal = "default",
        about: Sequence[Told] = (),
    ) -> tuple[ScoredChunk, ...]:
        """The passages of both that fit the question, best first. The library's keep their order among themselves."""
        found = self._index.search(scope=scope, question=question, limit=limit, signal=signal, about=about)
        asked = terms(question)
        total, frequencies = self.frequencies(scope=scope, terms=asked)
        telling = rank.weights(asked, total=total, frequencies=frequencies)
        if not telling:
            return found
        near = [_candidate(place) for place in self._near(telling, max(CANDIDATES, limit))]
        mine = rank.rank(asked, near, telling=telling, limit=limit)
        return _merged(found, _weighed(found, asked, telling), mine)[:limit]

    def frequencies(self, *, scope: Scope, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """How many chunks both have together, and how many of them hold each of `terms` in their text."""
        total, counts = self._index.frequencies(scope=scope, terms=terms)
        more = {term: sum(needle in place.body for place in self._places) for term, needle in _needles(counts)}
        return total + len(self._places), {term: count + more[term] for term, count in counts.items()}

    def _near(self, telling: Mapping[str, float], limit: int) -> list[_Place]:
        """The places that hold the most telling terms, to be ranked; in a long file many hold one that says little."""
        needles = [(telling[term], needle) for term, needle in _needles(telling)]
        sums = [
            (sum(weight for weight, needle in needles if needle in place.body or needle in place.names), place)
            for place in self._places
        ]
        found = sorted((one for one in sums if one[0]), key=lambda one: (-one[0], len(one[1].body)))
        return [place for _, place in found[:limit]]

    def page(self, *, owner: str, document_id: UUID, number: int) -> PageText:
        """One page of an attachment or of a document. Raises NotFound, Cleared."""
        if document_id not in self._ids:
            return self._library.page(owner=owner, document_id=document_id, number=number)
        ids = {"session_id": self._session_id, "attachment_id": document_id}
        return self._attachments.page(owner=owner, **ids, number=number)

    def missing(self, *, owner: str, document_ids: Sequence[UUID]) -> frozenset[UUID]:
        """Those documents of the library that are deleted, or not the owner's to read any more."""
        return self._library.missing(owner=owner, document_ids=document_ids)


def _needles(asked: Iterable[str]) -> list[tuple[str, str]]:
    return [(term, f" {term} ") for term in asked]


def _candidate(place: _Place) -> rank.Candidate:
    passage, document = place.passage, place.file.document
    chunk = Chunk(
        _FIRST_ID + place.number,
        document.id,
        document.name,
        passage.page,
        passage.label,
        passage.start,
        passage.end,
        passage.text,
        attached=True,
    )
    body = [term for term in passage.body.split() if not term.startswith(MARK)]
    return rank.Candidate(chunk, body, place.title, passage.heading.split(), passage.heads.split())


def _weighed(found: Sequence[ScoredChunk], asked: Sequence[str], telling: Mapping[str, float]) -> dict[int, float]:
    """What the library's passages score by the same words and weights as those in memory."""
    known: Known = {}
    near = [
        rank.Candidate(
            one.chunk, terms(one.chunk.text, known), terms(one.chunk.document_name), terms(one.chunk.label), ()
        )
        for one in found
    ]
    return {one.chunk.id: one.score for one in rank.rank(asked, near, telling=telling, limit=len(near))}


def _merged(
    found: Sequence[ScoredChunk], scores: Mapping[int, float], mine: Sequence[ScoredChunk]
) -> tuple[ScoredChunk, ...]:
    """Both lists as one, each in its own order, the better head first; scores are those of the words."""
    merged: list[ScoredChunk] = []
    left = [ScoredChunk(one.chunk, scores.get(one.chunk.id, 0.0)) for one in found]
    right = list(mine)
    while left and right:
        merged.append(left.pop(0) if left[0].score >= right[0].score else right.pop(0))
    return tuple(merged + left + right)
