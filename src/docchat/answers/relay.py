"""Follows an answer through the store: one that another process makes, or that has ended."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol
from uuid import UUID

from ..db.schema import SEQ_BITS
from ..errors import Cleared, DocChatError, NotFound, StoreError, StoreUnavailable
from ..types import AnswerEvent, ChatSession, Message, MessageState, Page

POLL_SECONDS = 0.1
"""How often the store is asked for more of another process's answer."""
NOTE_SECONDS = 5.0
"""How often the process that makes the answer is told that somebody follows it here."""
HEARTBEAT_SECONDS = 1.0

_SUCCESSOR_TRIES = 6
_SUCCESSOR_PAUSE = 0.05


class Reader(Protocol):
    """What following needs of the session store."""

    def get(self, *, owner: str, session_id: UUID) -> ChatSession:
        """One session. Raises NotFound, Cleared."""

    def messages(self, *, owner: str, session_id: UUID, cursor: str | None = None, limit: int = 50) -> Page[Message]:
        """The newest messages before `cursor`. Raises NotFound, Cleared."""


class Notes:
    """Tells the processes that make answers that somebody follows them here, by a thread that nobody waits for."""

    def __init__(self, write: Callable[[Sequence[UUID]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: set[UUID] = set()
        self._thread: threading.Thread | None = None

    def add(self, run_id: UUID) -> None:
        """Tell the process that makes this one, soon."""
        with self._lock:
            self._waiting.add(run_id)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._tell, name="docchat-notes", daemon=True)
                self._thread.start()

    def _tell(self) -> None:
        while True:
            with self._lock:
                run_ids, self._waiting = list(self._waiting), set()
                if not run_ids:
                    self._thread = None
                    return
            with suppress(StoreError):
                self._write(run_ids)


def follow_stored(
    store: Reader,
    *,
    owner: str,
    session_id: UUID,
    run_id: UUID,
    offset: int,
    note: Callable[[UUID], None] = lambda run_id: None,
) -> Iterator[AnswerEvent | None]:
    """The events of a stored answer after `offset` characters, until it ends.

    While it is being made `note` is told now and then that somebody follows. NotFound, and Cleared for a session that
    is gone already, are raised before the first event.
    """
    message = _find(store, owner, session_id, run_id)
    if offset == 0:
        yield AnswerEvent("passages", 0, message=message, mode=message.mode)
    known: set[int] = {citation.number for citation in message.citations} if offset >= len(message.text) > 0 else set()
    told_at = time.monotonic()
    noted_at = -math.inf
    while True:
        for event in _news(message, offset, known):
            offset, told_at = event.offset, time.monotonic()
            yield event
            if event.kind in ("done", "error"):
                return
        if time.monotonic() - noted_at >= NOTE_SECONDS:
            noted_at = time.monotonic()
            note(run_id)
        time.sleep(POLL_SECONDS)
        if time.monotonic() - told_at >= HEARTBEAT_SECONDS:
            told_at = time.monotonic()
            yield None
        try:
            message = _again(store, owner, session_id, message)
        except Cleared as error:
            yield AnswerEvent("cleared", offset, successor=error.successor)
            return
        except StoreUnavailable:
            continue


def successor_of(store: Reader, *, owner: str, session_id: UUID) -> UUID | None:
    """The session that replaced a cleared one, as soon as the clear has written it; None when it takes long."""
    for _ in range(_SUCCESSOR_TRIES):
        try:
            store.get(owner=owner, session_id=session_id)
        except Cleared as error:
            if error.successor is not None:
                return error.successor
        except DocChatError:
            return None
        time.sleep(_SUCCESSOR_PAUSE)
    return None


def _again(store: Reader, owner: str, session_id: UUID, message: Message) -> Message:
    """The message as it is now. Raises Cleared when it is gone, with the session or alone."""
    after = str((message.id & (1 << SEQ_BITS) - 1) + 1)
    found = store.messages(owner=owner, session_id=session_id, cursor=after, limit=1).items
    if not found or found[0].id != message.id:
        raise Cleared(successor=session_id)
    return found[0]


def _find(store: Reader, owner: str, session_id: UUID, run_id: UUID) -> Message:
    cursor: str | None = None
    while True:
        page = store.messages(owner=owner, session_id=session_id, cursor=cursor)
        for message in reversed(page.items):
            if message.run_id == run_id:
                return message
        if page.next is None:
            raise NotFound
        cursor = page.next


def _news(message: Message, offset: int, known: set[int]) -> Iterator[AnswerEvent]:
    """What the message says that its follower does not know; `known` are the citations told so far."""
    end = max(offset, len(message.text))
    if message.text[offset:]:
        yield AnswerEvent("text", end, text=message.text[offset:])
    for citation in message.citations:
        if citation.number not in known:
            known.add(citation.number)
            yield AnswerEvent("citation", end, citation=citation)
    if message.state is MessageState.FAILED:
        yield AnswerEvent("error", end, error=message.error or "", code="answer_failed", message=message)
    elif message.state is not MessageState.RUNNING:
        yield AnswerEvent("done", end, message=message)
