"""Running answers of this process: their events, who follows them, and the threads that watch over them."""

import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from ..errors import DocChatError, NotFound, Overloaded, StoreError
from ..sessions.sql import Watch
from ..types import AnswerEvent, Message, Mode
from .models.model import ModelStream

FLUSH_SECONDS = 0.125
"""Text is sent at most eight times a second."""
WATCH_SECONDS = 0.1
"""How often the process asks whether the sessions of its running answers still live."""
BEAT_SECONDS = 2.0
"""How often a running answer says in the database that it lives, and looks whether it shall stop."""
KEPT_SECONDS = 30.0
"""How long an answer that has ended can be followed from memory."""
HEARTBEAT_SECONDS = 1.0
"""A follower that has nothing to tell for so long yields None."""
PATIENCE_SECONDS = 10.0
"""How long an answer waits for a keyring that does not answer, before it gives up."""

logger = logging.getLogger(__name__)


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
        self._pending = ""
        self._offset = 0
        self._flushed_at = 0.0
        self._stream: ModelStream | None = None

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
        """Send the text that waits. Ask the watch before."""
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

    def stop(self) -> None:
        """End the answer with what it has said."""
        with self._changed:
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
            self._pending = ""
            self._events = [AnswerEvent("cleared", self._offset, successor=successor)]
            self.ended_at = time.monotonic()
            stream, self._stream = self._stream, None
            self._changed.notify_all()
        if stream is not None:
            stream.cancel()

    def follow(self, offset: int) -> Iterator[AnswerEvent | None]:
        """The events after `offset` characters of text; None for every second of silence."""
        with self._changed:
            events, position, cleared = self._replay(offset), len(self._events), self.cleared
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
                if len(self._events) <= position:
                    self._changed.wait(HEARTBEAT_SECONDS)
                if self.cleared and not cleared:
                    position, cleared = 0, True
                events = self._events[position:]
                position += len(events)
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
                time.sleep(WATCH_SECONDS)
                continue
            if not alive:
                self.clear()
            return alive

    def _replay(self, offset: int) -> list[AnswerEvent]:
        if offset <= 0 or self.cleared:
            return list(self._events)
        # A reader can know more than there is only by mistake; the last event must reach it all the same.
        offset = min(offset, self._offset)
        said = "".join(event.text for event in self._events if event.kind == "text")
        rest = [event for event in self._events if event.kind not in ("passages", "text") and event.offset >= offset]
        missing = [AnswerEvent("text", len(said), text=said[offset:])] if said[offset:] else []
        return missing + rest

    def _flush(self) -> None:
        if self._pending:
            self._offset += len(self._pending)
            self._events.append(AnswerEvent("text", self._offset, text=self._pending))
            self._pending = ""
            self._flushed_at = time.monotonic()


class Runs:
    """The running answers of a process, and its watcher and beater threads, begun when first needed.

    After a fork the child begins anew: it has none of its parent's threads, so none of its runs.
    `alive` asks for many sessions at once; `beat` says that a run lives and returns whether it shall stop.
    """

    def __init__(
        self, *, alive: Callable[[Sequence[Watch]], Sequence[bool]], beat: Callable[[UUID], bool], limit: int
    ) -> None:
        self._alive = alive
        self._beat = beat
        self._limit = limit
        self._forked = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._busy = threading.Event()
        self._live: dict[UUID, LiveRun] = {}
        self._places: dict[str, int] = {}
        self._threads: list[threading.Thread] = []

    def take_place(self, owner: str) -> None:
        """Count one more running answer of the owner. Raises Overloaded when there are too many."""
        with self._forked:
            if self._pid != os.getpid():
                self._begin()
        with self._lock:
            if self._places.get(owner, 0) >= self._limit:
                raise Overloaded("You have several answers running already. Wait for one to end, or stop it.")
            self._places[owner] = self._places.get(owner, 0) + 1

    def give_place(self, owner: str) -> None:
        """A running answer has ended, or could not start."""
        with self._lock:
            self._places[owner] -= 1
            if not self._places[owner]:
                del self._places[owner]

    def add(self, live: LiveRun) -> None:
        """Watch over a run from now on."""
        with self._lock:
            self._live[live.run.id] = live
            if not self._threads:
                for name, work in (("docchat-watch", self._watch), ("docchat-beat", self._keep_beating)):
                    thread = threading.Thread(target=work, name=name, daemon=True)
                    self._threads.append(thread)
                    thread.start()
        self._busy.set()

    def forget(self, run_id: UUID) -> None:
        """Give up a run whose thread could not be started."""
        with self._lock:
            self._live.pop(run_id, None)

    def find(self, *, owner: str, session_id: UUID, run_id: UUID) -> LiveRun | None:
        """The run if this process has it; None when it may be another's. Raises NotFound for a foreign one."""
        if self._pid != os.getpid():
            return None
        with self._lock:
            live = self._live.get(run_id)
        if live is not None and (live.run.owner, live.run.session_id) != (owner, session_id):
            raise NotFound
        return live

    def _snapshot(self) -> list[LiveRun]:
        """The runs that have not ended; forgets those that ended long ago, and waits while there are none."""
        with self._lock:
            now = time.monotonic()
            for live in list(self._live.values()):
                if live.ended_at is not None and now - live.ended_at > KEPT_SECONDS:
                    del self._live[live.run.id]
            if not self._live:
                self._busy.clear()
            return [live for live in self._live.values() if not live.cleared]

    def _watch(self) -> None:
        """Five times a second: is each session still there, and does text wait to be sent?"""
        while self._busy.wait():
            lives = self._snapshot()
            try:
                answers = self._alive([live.watch for live in lives]) if lives else ()
            except DocChatError as error:
                logger.warning("running answers pause: the keyring does not answer (%s)", error.code)
            else:
                for live, alive in zip(lives, answers, strict=True):
                    if not alive:
                        live.clear()
                    elif live.flush_due():
                        live.flush()
            time.sleep(WATCH_SECONDS)

    def _keep_beating(self) -> None:
        while self._busy.wait():
            time.sleep(BEAT_SECONDS)
            for live in self._snapshot():
                if live.ended_at is not None:
                    continue
                try:
                    if self._beat(live.run.id) and live.ended_at is None:
                        live.stop()
                except DocChatError as error:
                    logger.warning("run %s could not say that it lives: %s", live.run.id, error.code)


def _emptied(message: Message) -> Message:
    return replace(message, text="", citations=())
