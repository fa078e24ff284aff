"""One running answer in memory: its events, who follows them, and the switches that stop it."""

import math
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from ..errors import DocChatError, StoreError
from ..sessions.sql import Watch
from ..types import AnswerEvent, Message, Mode
from .models.model import ModelStream

FLUSH_SECONDS = 0.125
"""Text is sent at most eight times a second."""
HEARTBEAT_SECONDS = 1.0
"""A follower that has nothing to tell for so long yields None."""
PATIENCE_SECONDS = 10.0
"""How long an answer waits for a keyring that does not answer, before it gives up."""
ELSEWHERE_SECONDS = 10.0
"""How long somebody who follows through another process is believed to be there, unless heard of again."""

_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """An answer that was started: the stored question, and the message that will hold the answer."""

    id: UUID
    owner: str
    session_id: UUID
    question: Message
    answer: Message
    mode: Mode


class LiveRun:
    """The events of one running answer in memory, and the switches to stop it.

    One thread writes; any number follow. `clear()` drops everything it holds and leaves the one event that says so.
    """

    def __init__(self, run: Run, watch: Watch) -> None:
        self.run = run
        self.watch = watch
        self.ended_at: float | None = None
        self.stopping = False
        self.cleared = False
        self._changed = threading.Condition()
        self._events: list[AnswerEvent] = []
        """All but those of text: there may be thousands of these."""
        self._text = ""
        self._pending = ""
        self._offset = 0
        self._flushed_at = 0.0
        self._stream: ModelStream | None = None
        self.reason: str | None = None
        """Why it was stopped, for people; None when its owner did it."""
        self.finishing = False
        """Its end is being stored: nothing may be stored, or missed, any more."""
        self.keep: Callable[[], None] = _nothing
        """Stores what was said so far."""
        self.kept_at = time.monotonic()
        """When that was done last."""
        self._followers = 0
        self._followed_at = time.monotonic()
        self._elsewhere: datetime | None = None
        self._elsewhere_at = -math.inf

    def tell(self, event: AnswerEvent) -> None:
        """Add an event at the present offset; text that waits goes first. The last event of a run ends it."""
        with self._changed:
            if self.cleared or self.ended_at is not None:
                return
            self._flush()
            self._events.append(replace(event, offset=self._offset))
            if event.kind in ("done", "error", "cleared"):
                self.ended_at = time.monotonic()
            self._changed.notify_all()

    def end(self) -> None:
        """Tell followers of a failure if no last event came: none may wait for a thread that is gone."""
        self.keep = _nothing
        if self.ended_at is None:
            failure = DocChatError()
            self.tell(AnswerEvent("error", 0, error=failure.message, code=failure.code))

    def say(self, text: str) -> None:
        """Add text. It is sent at once when nothing was sent for a while, else with what follows."""
        with self._changed:
            if not self.cleared:
                self._pending += text

    def flush_due(self) -> bool:
        """Whether text waits that may be sent now."""
        with self._changed:
            return bool(self._pending) and time.monotonic() - self._flushed_at >= FLUSH_SECONDS

    def flush(self) -> None:
        """Send the text that waits: each follower asks the watch before a word of it leaves."""
        with self._changed:
            if not self.cleared:
                self._flush()
                self._changed.notify_all()

    def attach(self, stream: ModelStream) -> None:
        """The stream to cut when the run is stopped or its session cleared; cut at once when that has happened."""
        with self._changed:
            self._stream = stream
            late = self.stopping or self.cleared
        if late:
            stream.cancel()

    def stop(self, reason: str | None = None) -> None:
        """End the answer with what it has said; `reason` is kept with it."""
        with self._changed:
            if not self.stopping:
                self.reason = reason
            self.stopping = True
            stream = self._stream
        if stream is not None:
            stream.cancel()

    def clear(self, successor: UUID | None = None) -> None:
        """The session is gone: forget all that was said, tell the followers, and cut the model's stream."""
        with self._changed:
            if self.cleared:
                return
            self.cleared = True
            self.run = replace(self.run, question=_emptied(self.run.question), answer=_emptied(self.run.answer))
            self._text = self._pending = ""
            self.keep = _nothing
            self._events = [AnswerEvent("cleared", self._offset, successor=successor)]
            self.ended_at = time.monotonic()
            stream, self._stream = self._stream, None
            self._changed.notify_all()
        if stream is not None:
            stream.cancel()

    def heard(self, followed_at: datetime | None) -> None:
        """What its row says of followers in other processes: somebody is there as long as the time changes."""
        if followed_at != self._elsewhere:
            self._elsewhere, self._elsewhere_at = followed_at, time.monotonic()

    @property
    def followed_elsewhere(self) -> bool:
        """Whether another process follows it, or did until a moment ago."""
        return time.monotonic() - self._elsewhere_at < ELSEWHERE_SECONDS

    @property
    def alone_for(self) -> float:
        """Seconds for which nobody has followed it, in any process; 0 while somebody does."""
        with self._changed:
            last = max(self._followed_at, self._elsewhere_at)
            return 0.0 if self._followers or self.followed_elsewhere else time.monotonic() - last

    def follow(self, offset: int) -> Iterator[AnswerEvent | None]:
        """The events after `offset` characters of text; None for every second of silence."""
        with self._changed:
            self._followers += 1
        try:
            yield from self._follow(offset)
        finally:
            with self._changed:
                self._followers -= 1
                self._followed_at = time.monotonic()

    def _follow(self, offset: int) -> Iterator[AnswerEvent | None]:
        with self._changed:
            position, offset = self._place(offset)
            events, cleared = self._since(position, offset), self.cleared
            position, offset = len(self._events), self._offset
        while True:
            for event in events:
                if not cleared and not (yield from self._still_alive()):
                    break
                yield event
                if event.kind in ("done", "error", "cleared"):
                    return
            with self._changed:
                if self.cleared and not cleared:
                    position, cleared = 0, True
                if len(self._events) <= position and self._offset <= offset:
                    self._changed.wait(HEARTBEAT_SECONDS)
                if self.cleared and not cleared:
                    position, cleared = 0, True
                events = self._since(position, offset)
                position, offset = len(self._events), self._offset
            if not events:
                yield None

    def _still_alive(self) -> Generator[None, None, bool]:
        """Ask the watch before an event leaves; while the keyring does not answer, the stream pauses."""
        patience = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                alive = not self.cleared and self.watch.alive()
            except StoreError:
                if time.monotonic() > patience:
                    raise
                yield None
                time.sleep(_PAUSE_SECONDS)
                continue
            if not alive:
                self.clear()
            return alive

    def _place(self, offset: int) -> tuple[int, int]:
        """Where a reader of `offset` characters stands: how many events it knows, and how many characters."""
        if offset <= 0 or self.cleared:
            return 0, 0
        # A reader can know more than there is only by mistake; the last event must reach it all the same.
        offset = min(offset, self._offset)
        known = sum(event.kind == "passages" or event.offset < offset for event in self._events)
        return known, offset

    def _since(self, position: int, offset: int) -> list[AnswerEvent]:
        """The events from `position` on, and between them the text after `offset` characters, in as few as it can."""
        news: list[AnswerEvent] = []
        for event in self._events[position:]:
            if event.offset > offset and not self.cleared:
                news.append(AnswerEvent("text", event.offset, text=self._text[offset : event.offset]))
                offset = event.offset
            news.append(event)
        if self._offset > offset and not self.cleared:
            news.append(AnswerEvent("text", self._offset, text=self._text[offset:]))
        return news

    def _flush(self) -> None:
        if self._pending:
            self._offset += len(self._pending)
            self._text += self._pending
            self._pending = ""
            self._flushed_at = time.monotonic()


def _nothing() -> None:
    """Nothing is said yet."""


def _emptied(message: Message) -> Message:
    return replace(message, text="", citations=())
