"""The founding document's function, as it works there: a dictionary in memory, and one JSON file a session.

Written anew from its description. A turn goes into the dictionary and the whole session is written to its file; a
clear takes the entry from the dictionary, unlinks the file when there is one, and puts a new empty entry in place.
Nothing is ever synced to the disk, so its times buy no durability. There is no Flask around it here, which favours it.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from .measure import OWNER, timed
from .stores import ANSWER, LOADED, QUESTION, sync_files

NAME = "founding document"


class FoundingStore:
    """All sessions of a process."""

    name = NAME

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sessions: dict[str, dict[str, Any]] = {}

    def begin(self, messages: int) -> "FoundingChat":
        """A session that was written to its file once."""
        chat = FoundingChat(self._sessions, self._directory, self._new())
        chat.fill(messages)
        return chat

    def settle(self) -> None:
        """Sync the files: a session that is cleared has usually been written a while ago."""
        sync_files(self._directory)

    def close(self) -> None:
        """Forget everything."""
        self._sessions.clear()

    def _new(self) -> str:
        key = str(uuid4())
        self._sessions[key] = _empty()
        return key


class FoundingChat:
    """One session."""

    def __init__(self, sessions: dict[str, dict[str, Any]], directory: Path, key: str) -> None:
        self._sessions = sessions
        self._directory = directory
        self._key = key

    @property
    def path(self) -> Path:
        """The session's file."""
        return self._directory / f"{self._key}.json"

    def fill(self, messages: int) -> None:
        """Give the session so many messages."""
        texts = (QUESTION, ANSWER)
        self._add([texts[number % 2] for number in range(messages)])

    def append(self) -> float:
        """Two messages into the dictionary, then the whole session into its file."""
        return timed(lambda: self._add([QUESTION, ANSWER]))

    def load(self) -> float:
        """The end of the list in memory."""
        return timed(lambda: self._sessions[self._key]["messages"][-LOADED:])

    def clear(self) -> float:
        """Entry, file, new entry."""
        return timed(self._clear)

    def left(self) -> int:
        """Messages in memory, or in the file when the process does not know the session."""
        if self._key in self._sessions:
            return len(self._sessions[self._key]["messages"])
        return len(json.loads(self.path.read_text())["messages"]) if self.path.exists() else 0

    def held(self) -> object:
        """The entry of the dictionary."""
        return self._sessions[self._key]

    def close(self) -> None:
        """Nothing stays open."""

    def _add(self, texts: list[str]) -> None:
        session = self._sessions[self._key]
        for text in texts:
            # A message of its own each time, as a request brings it: equal texts must not share one string.
            session["messages"].append({"role": "user", "content": text[:1] + text[1:], "at": str(datetime.now(UTC))})
        session["updated_at"] = datetime.now(UTC)
        self.path.write_text(json.dumps(session, default=str))

    def _clear(self) -> None:
        if self._key in self._sessions:
            del self._sessions[self._key]
        if self.path.exists():
            self.path.unlink()
        self._sessions[str(uuid4())] = _empty()


def _empty() -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"messages": [], "created_at": now, "updated_at": now, "user": OWNER}
