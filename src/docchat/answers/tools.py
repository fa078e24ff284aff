"""What every answer is made with, and what it needs of the session store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from ..config import Settings
from ..sessions.sql import Watch
from ..types import ChatSession, Draft, Message, Page
from .attachments import Attachments
from .models.model import ChatModel
from .retrieve import Index, Pages
from .section import Sections


class Store(Protocol):
    """What answers need of the session store; `sessions.sql.SqlSessionStore` is one."""

    def get(self, *, owner: str, session_id: UUID) -> ChatSession:
        """One session."""

    def messages(self, *, owner: str, session_id: UUID, cursor: str | None = None, limit: int = 50) -> Page[Message]:
        """The newest messages before `cursor`."""

    def rename(self, *, owner: str, session_id: UUID, title: str) -> ChatSession:
        """Give the session a title."""

    def start_run(self, *, owner: str, session_id: UUID, question: Draft, answer: Draft) -> tuple[Message, Message]:
        """Append the question and its running answer."""

    def revise(self, *, owner: str, session_id: UUID, message_id: int, draft: Draft) -> Message:
        """Replace the answer; one that is not running any more ends its run."""

    def beat_run(self, *, run_id: UUID) -> bool:
        """Say that a run lives; True when it shall stop."""

    def stop_run(self, *, owner: str, session_id: UUID, run_id: UUID) -> None:
        """Ask the process that makes the answer to stop."""

    def watch(self, *, owner: str, session_id: UUID) -> Watch:
        """A watch on the session."""

    def alive(self, watches: Sequence[Watch]) -> tuple[bool, ...]:
        """Whether each watched session lives."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every answer is made with."""

    store: Store
    index: Index
    library: Pages
    model: ChatModel | None
    """The model that was chosen for this answer."""
    settings: Settings
    attachments: Attachments | None = None
    sections: Sections | None = None
