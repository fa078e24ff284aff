"""One section of a document for the answers of a chat that is bound to it: nothing else is searched, read or quoted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from ..documents import rank
from ..documents.index import Signal, Told
from ..documents.scope import Scope
from ..documents.sections import Section, visible
from ..documents.terms import Known, terms
from ..errors import NotFound
from ..types import ChatSession, Chunk, PageText, ScoredChunk
from .retrieve import Index, Pages

WHOLE_CHARS = 6000
"""A section up to this length is given whole: every passage of it is looked at, whatever its words."""

_CARRIED = 16


class Sections(Protocol):
    """What answers need of a document's sections; `documents.sql_sections.Sections` is one."""

    def find(self, *, owner: str, document_id: UUID, section_id: str) -> Section:
        """One section. Raises NotFound."""

    def passages(self, *, owner: str, document_id: UUID, section: Section) -> tuple[Chunk, ...]:
        """Its passages in order, cut at its ends. Raises NotFound."""


class OneSection:
    """An Index and Pages over one section; to whoever reads through it, the rest of the document is blank."""

    def __init__(
        self, index: Index, library: Pages, sections: Sections, *, owner: str, document_id: UUID, section: Section
    ) -> None:
        self._index = index
        self._library = library
        self._sections = sections
        self._owner = owner
        self._document_id = document_id
        self._section = section

    def search(
        self,
        *,
        scope: Scope,
        question: str,
        limit: int = 10,
        signal: Signal = "default",
        about: Sequence[Told] = (),
    ) -> tuple[ScoredChunk, ...]:
        """The passages of the section that fit the question best; of a short section all, the others behind them.

        `scope` and `signal` change nothing: the section is what is asked, and it is ranked in memory by words.
        """
        try:
            there = self._sections.passages(owner=self._owner, document_id=self._document_id, section=self._section)
        except NotFound:
            return ()
        known: Known = {}  # of this question alone: nothing of it may stay in memory
        near = [
            rank.Candidate(one, terms(one.text, known), terms(one.document_name, known), terms(one.label, known), ())
            for one in there
        ]
        asked = terms(question, known)
        best = rank.rank(asked, near, telling=self._telling(asked, about, near, known), limit=limit)
        if sum(len(one.text) for one in there) > WHOLE_CHARS:
            return best
        found = {one.chunk.id for one in best}
        return (best + tuple(ScoredChunk(one, 0.0) for one in there if one.id not in found))[:limit]

    def frequencies(self, *, scope: Scope, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """How common words are in all that the owner may read: in a few passages none would be telling."""
        return self._index.frequencies(scope=Scope(self._owner), terms=terms)

    def page(self, *, owner: str, document_id: UUID, number: int) -> PageText:
        """A page of the document with everything outside of the section made blank, at its old offsets."""
        found = self._library.page(owner=owner, document_id=document_id, number=number)
        first, last = self._section.span(number, len(visible(found.text)))
        return replace(found, text="\n" * first + found.text[first:last])

    def missing(self, *, owner: str, document_ids: Sequence[UUID]) -> frozenset[UUID]:
        """Those documents of the library that are deleted, or not the owner's to read any more."""
        return self._library.missing(owner=owner, document_ids=document_ids)

    def _telling(
        self, asked: Sequence[str], about: Sequence[Told], near: Sequence[rank.Candidate], known: Known
    ) -> dict[str, float]:
        """What each word of the question tells among these passages, and less what was said before."""
        shares = dict.fromkeys(asked, 1.0)
        for told in about:
            for term, _ in Counter(terms(told.text, known)).most_common(_CARRIED):
                shares.setdefault(term, told.weight)
        held = Counter(term for one in near for term in {*one.body, *one.title, *one.label})
        weights = rank.weights(list(shares), total=len(near), frequencies=held)
        return {term: weight * shares[term] for term, weight in weights.items()}


def narrowed(index: Index, library: Pages, sections: Sections | None, chat: ChatSession) -> OneSection | None:
    """What the answers of a bound chat are made from; None for a chat about everything.

    Raises NotFound when its section is gone: the document was deleted, or is not shared with the owner any more.
    """
    if chat.document_id is None:
        return None
    if sections is None or chat.section is None:
        raise NotFound
    section = sections.find(owner=chat.owner, document_id=chat.document_id, section_id=chat.section)
    return OneSection(index, library, sections, owner=chat.owner, document_id=chat.document_id, section=section)
