"""The SessionStore protocol: what a chat store can do. Every verb takes the owner and is one transaction."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from ..types import ChatSession, Draft, Message, Page


class SessionStore(Protocol):
    """Keeps the sessions of many owners.

    An unknown id and another owner's id raise the same NotFound; a cleared or deleted one raises Cleared,
    for readers and late writers alike.
    """

    def create(self, *, owner: str, title: str = "") -> ChatSession:
        """A new empty session."""

    def get(self, *, owner: str, session_id: UUID) -> ChatSession:
        """One session with its title opened."""

    def list(
        self, *, owner: str, cursor: str | None = None, limit: int = 20, archived: bool | None = None
    ) -> Page[ChatSession]:
        """The owner's sessions, newest change first; those that are put away after the others, alone or not at all."""

    def messages(self, *, owner: str, session_id: UUID, cursor: str | None = None, limit: int = 50) -> Page[Message]:
        """The newest `limit` messages before `cursor`, in the order they were said; `next` leads to older ones."""

    def rename(self, *, owner: str, session_id: UUID, title: str) -> ChatSession:
        """Give the session another title."""

    def append(self, *, owner: str, session_id: UUID, drafts: Sequence[Draft]) -> tuple[Message, ...]:
        """Store messages at the end, all or none."""

    def revise(self, *, owner: str, session_id: UUID, message_id: int, draft: Draft) -> Message:
        """Replace the body of a message (an answer as it grows). Fenced: fails when the session is cleared."""
