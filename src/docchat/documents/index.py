"""The Index protocol: words to passages, each owner's own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from sqlalchemy import Connection

from ..types import ScoredChunk
from .scope import Scope
from .terms import Known, body, terms

Signal = Literal["words", "meaning", "default"]
"""What a search goes by: words alone, vectors alone, or both as the index thinks best."""


@dataclass(frozen=True, slots=True)
class Told:
    """Text from before a question that says what it is about; its words count `weight` of the question's own.

    `asked`: it is a question itself, and belongs to what the question means.
    """

    text: str
    weight: float
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """The terms of a passage as they are indexed, parted by blanks: made before the transaction that writes them."""

    label: str
    body: str
    heads: str

    @classmethod
    def of(cls, *, label: str, text: str, heads: str = "", known: Known | None = None) -> "Words":
        """From the texts themselves; `heads` are the column heads of the table the passage is cut from.

        `known` is as of `terms`, for many passages in a row.
        """
        return cls(*(" ".join(found) for found in (terms(label, known), body(text, known), terms(heads, known))))


@dataclass(frozen=True, slots=True)
class Entry:
    """A chunk and what of it is indexed."""

    chunk_id: int
    words: Words


class Index(Protocol):
    """Finds passages by their words. An owner's search never sees, nor is weighed by, another owner's documents."""

    def add(
        self, connection: Connection, *, owner: str, name: str, entries: Sequence[Entry], collection: UUID | None = None
    ) -> None:
        """Index chunks of a document called `name`, in the caller's write transaction.

        It is found by those who may read `collection`, by its owner without one.
        """

    def remove(self, connection: Connection, *, document_no: int, last: int | None = None) -> None:
        """Take all chunks of a document out, in the caller's write transaction, before their rows go.

        With `last` only those up to this chunk id.
        """

    def rename(self, connection: Connection, *, document_no: int, name: str) -> None:
        """Have a document found by its new name, in the caller's write transaction."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What a search can go by: `meaning` only with an embedder."""

    @property
    def embedder(self) -> str:
        """Name of what makes its vectors; empty without an embedder. Raises ModelUnavailable."""

    def search(
        self,
        *,
        scope: Scope,
        question: str,
        limit: int = 10,
        signal: Signal = "default",
        about: Sequence[Told] = (),
    ) -> tuple[ScoredChunk, ...]:
        """The passages of `scope` that fit the question best, best first; nothing when nothing of it is found.

        `about` is what the question may leave unsaid, newest first.
        """

    def frequencies(self, *, scope: Scope, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """How many chunks `scope` has, and how many hold each of `terms` (as `terms.terms` makes them)."""

    def optimize(self, beat: Callable[[], None]) -> None:
        """Drop what deleted documents left in the index's files, where deleting did not do it at once.

        It works in short transactions, with a `beat` after each.
        """
