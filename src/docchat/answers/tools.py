"""What every answer is made with, and what it needs of the session store."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ..config import Settings
from ..sessions.sql import Watch
from ..sessions.sql_runs import RunRow
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

    def retitle(self, *, owner: str, session_id: UUID, before: str, title: str, watch: Watch) -> bool:
        """Put a title in the place of another, while what the watch looks at lives."""

    def start_run(
        self, *, owner: str, session_id: UUID, question: Draft, answer: Draft, title: str = ""
    ) -> tuple[Message, Message]:
        """Append the question and its running answer; an untitled session is called `title` from now on."""

    def revise(self, *, owner: str, session_id: UUID, message_id: int, draft: Draft) -> Message:
        """Replace the answer; one that is not running any more ends its run."""

    def replace_run(
        self, *, owner: str, session_id: UUID, message_id: int, question: Draft | None, answer: Draft
    ) -> tuple[Message, ...]:
        """As `start_run`, in place of a message and all that follow it."""

    def turn(self, *, owner: str, session_id: UUID, message_id: int) -> tuple[Message, ...]:
        """A message, after the one before it."""

    def beat_runs(self, *, run_ids: Sequence[UUID]) -> None:
        """Say that these runs live."""

    def look_at_runs(self, *, run_ids: Sequence[UUID]) -> Mapping[UUID, RunRow]:
        """The rows of those that were not ended."""

    def standing(self, *, message_ids: Sequence[int]) -> Set[int]:
        """Those messages that were not deleted."""

    def follow_runs(self, *, run_ids: Sequence[UUID]) -> None:
        """Say that somebody follows these runs here."""

    def stop_run(self, *, owner: str, session_id: UUID, run_id: UUID) -> None:
        """Ask the process that makes the answer to stop."""

    def watch(self, *, owner: str, session_id: UUID) -> Watch:
        """A watch on the session."""

    def alive(self, watches: Sequence[Watch]) -> tuple[bool, ...]:
        """Whether each watched session lives."""


class Usage(Protocol):
    """Where what models' servers count is kept; `sessions.sql_usage.SqlUsage` is one."""

    def add_tokens(self, *, owner: str, at: datetime, tokens: int) -> None:
        """Count tokens of an answer that began at `at`."""


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
    usage: Usage | None = None
