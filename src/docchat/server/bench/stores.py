"""What is compared: a store of chats that begins, appends, loads and clears. docchat's own is in here."""

import os
from pathlib import Path
from typing import Protocol
from uuid import UUID

from ...errors import Cleared
from ...types import Draft
from ...web.state import Services
from .measure import OURS, OWNER, TURN_CHARS, timed

LOADED = 50
QUESTION = "Where does it say so? ".ljust(TURN_CHARS, "q")
ANSWER = "It says so on this page. ".ljust(TURN_CHARS, "a")
TURN = (Draft(role="user", text=QUESTION), Draft(role="assistant", text=ANSWER))
_AT_ONCE = 1000


class Chat(Protocol):
    """One chat in a store. What is timed returns milliseconds."""

    def append(self) -> float:
        """Add a turn: two messages of 1,000 characters, durable where the store makes them so."""

    def load(self) -> float:
        """Read the last 50 messages."""

    def clear(self) -> float:
        """Clear the chat."""

    def left(self) -> int:
        """How many of its messages can be read now."""

    def held(self) -> object:
        """What a process keeps while it has this chat open."""

    def close(self) -> None:
        """Give back what this chat holds open."""


class Store(Protocol):
    """A way to keep chats."""

    name: str

    def begin(self, messages: int) -> Chat:
        """A new chat with so many messages."""

    def settle(self) -> None:
        """Finish what earlier work has left to the background, so that it is not timed."""

    def close(self) -> None:
        """Give back what is open."""


class DocChatStore:
    """docchat itself: `SqlSessionStore` and `Clearing`."""

    name = OURS

    def __init__(self, services: Services) -> None:
        self._services = services

    def begin(self, messages: int) -> "DocChatChat":
        """A titled chat, its messages appended through the API."""
        return DocChatChat(self._services, new_chat(self._services, messages=messages))

    def settle(self) -> None:
        """Run the jobs that are due, and empty the write-ahead log."""
        while self._services.worker.run_due():
            pass
        self._services.database.checkpoint()

    def close(self) -> None:
        """The services belong to whoever made them."""


class DocChatChat:
    """A chat of docchat."""

    def __init__(self, services: Services, session_id: UUID) -> None:
        self.id = session_id
        self._services = services

    def append(self) -> float:
        """Both messages in one transaction."""
        return timed(lambda: self._services.store.append(owner=OWNER, session_id=self.id, drafts=TURN))

    def load(self) -> float:
        """The newest page."""
        return timed(lambda: self._services.store.messages(owner=OWNER, session_id=self.id, limit=LOADED))

    def clear(self) -> float:
        """The whole clear: keys, rows, receipt, successor."""
        return timed(lambda: self._services.clearing.clear(owner=OWNER, session_id=self.id))

    def left(self) -> int:
        """Messages that the newest page gives."""
        try:
            return len(self._services.store.messages(owner=OWNER, session_id=self.id, limit=LOADED).items)
        except Cleared:
            return 0

    def held(self) -> object:
        """The session and a watch on it, as a running answer has them."""
        store = self._services.store
        return store.get(owner=OWNER, session_id=self.id), store.watch(owner=OWNER, session_id=self.id)

    def close(self) -> None:
        """Nothing stays open."""


def new_chat(services: Services, *, messages: int, owner: str = OWNER) -> UUID:
    """A titled chat with so many messages of 1,000 characters."""
    session = services.store.create(owner=owner, title="A chat about the handbook")
    drafts = [TURN[number % 2] for number in range(min(messages, _AT_ONCE))]
    for start in range(0, messages, _AT_ONCE):
        services.store.append(owner=owner, session_id=session.id, drafts=drafts[: messages - start])
    return session.id


def sync_files(directory: Path) -> None:
    """Let the disk finish writing all files of a directory, so that no measured sync waits for earlier work.

    Not for the files of a SQLite database that is open: closing any descriptor of one drops the process's locks on it.
    """
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                descriptor = os.open(Path(folder) / name, os.O_RDONLY)
            except OSError:
                continue  # gone meanwhile
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
