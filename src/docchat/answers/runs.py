"""Running answers of this process: how many may be, and the threads that watch over them."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from typing import Protocol
from uuid import UUID

from ..errors import DocChatError, NotFound, Overloaded
from ..sessions.sql import Watch
from ..sessions.sql_runs import RunRow
from .live import LiveRun, Run

__all__ = ["LiveRun", "Run", "Runs"]

WATCH_SECONDS = 0.1
"""How often the process asks whether its running answers still live, and shall go on."""
LOOK_SECONDS = 0.5
"""How long at most it does not look, however long that takes: what was replaced or stopped elsewhere ends soon."""
BEAT_SECONDS = 2.0
"""How often it says in the database that they do."""
FOLLOWED_SECONDS = 0.25
"""How often the text of an answer is stored that somebody follows through another process."""
STORED_SECONDS = 2.0
"""How often that of the others is, unless there are very many."""
KEPT_SECONDS = 30.0
"""How long an answer that has ended can be followed from memory."""

LEFT_ALONE = "Nobody was following this answer any more, so it was stopped. Ask again to have it whole."
# Asking for many rows may take one part in so many of the time, and storing what nobody reads from there too.
_LOOK_SHARE = 20.0
_STORE_SHARE = 5.0

logger = logging.getLogger(__name__)


class Rows(Protocol):
    """What watching needs of the session store."""

    def alive(self, watches: Sequence[Watch]) -> Sequence[bool]:
        """Whether each watched session lives."""

    def beat_runs(self, *, run_ids: Sequence[UUID]) -> None:
        """Say that these runs live."""

    def look_at_runs(self, *, run_ids: Sequence[UUID]) -> Mapping[UUID, RunRow]:
        """The rows of those that were not ended."""

    def standing(self, *, message_ids: Sequence[int]) -> Set[int]:
        """Those messages that were not deleted."""


class Runs:
    """The running answers of a process, and the threads that watch over them, begun when first needed.

    After a fork the child begins anew: it has none of its parent's threads, so none of its runs. `limit` is how many
    one owner may have, `most` how many there may be at all; a model's that nobody follows for `grace` seconds is
    stopped.
    """

    def __init__(self, rows: Rows, *, limit: int, most: int = 200, grace: float = 60.0) -> None:
        self.counted: Callable[[int], None] = _unheard
        """Told how many answers run here, each time that changes."""
        self._rows = rows
        self._limit = limit
        self._most = most
        self._grace = grace
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
            count = sum(self._places.values())
            if count >= self._most:
                raise Overloaded("The server makes as many answers as it can. Please try again soon.", retry_after=5)
            self._places[owner] = self._places.get(owner, 0) + 1
        self.counted(count + 1)

    def give_place(self, owner: str) -> None:
        """A running answer has ended, or could not start."""
        with self._lock:
            self._places[owner] -= 1
            if not self._places[owner]:
                del self._places[owner]
            count = sum(self._places.values())
        self.counted(count)

    def add(self, live: LiveRun) -> None:
        """Watch over a run from now on."""
        with self._lock:
            self._live[live.run.id] = live
            if not self._threads:
                works = {
                    "watch": self._watch,
                    "look": self._keep_looking,
                    "beat": self._keep_beating,
                    "store": self._keep_storing,
                }
                for name, work in works.items():
                    thread = threading.Thread(target=work, name=f"docchat-{name}", daemon=True)
                    self._threads.append(thread)
                    thread.start()
        self._busy.set()

    def forget(self, run_id: UUID) -> None:
        """Give up a run whose thread could not be started."""
        with self._lock:
            self._live.pop(run_id, None)

    def replaced(self, *, session_id: UUID, first: int, by: UUID) -> None:
        """The answers of a session from the message `first` on were replaced: those made here end at once."""
        with self._lock:
            lives = [live for live in self._live.values() if live.run.session_id == session_id]
        for live in lives:
            if live.run.id != by and live.run.answer.id >= first:
                live.clear(session_id)

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
        """The runs that were not cleared; forgets those that ended long ago, and waits while there are none."""
        with self._lock:
            now = time.monotonic()
            for live in list(self._live.values()):
                if live.ended_at is not None and now - live.ended_at > KEPT_SECONDS:
                    del self._live[live.run.id]
            if not self._live:
                self._busy.clear()
            return [live for live in self._live.values() if not live.cleared]

    def _running(self) -> list[LiveRun]:
        return [live for live in self._snapshot() if live.ended_at is None and not live.finishing]

    def _watch(self) -> None:
        """Ten times a second: is each session still there, and does text wait to be sent? It waits for no database."""
        while self._busy.wait():
            self._ask_keyring(self._snapshot())
            time.sleep(WATCH_SECONDS)

    def _keep_looking(self) -> None:
        """As often, unless it takes long: what is wanted of the answers that are made here?"""
        while self._busy.wait():
            begun = time.monotonic()
            _guarded("looked after", self._look)
            took = time.monotonic() - begun
            time.sleep(min(LOOK_SECONDS, max(WATCH_SECONDS, took * _LOOK_SHARE)))

    def _ask_keyring(self, lives: Sequence[LiveRun]) -> None:
        try:
            answers = self._rows.alive([live.watch for live in lives]) if lives else ()
        except DocChatError as error:
            logger.warning("running answers pause: the keyring does not answer (%s)", error.code)
            return
        for live, alive in zip(lives, answers, strict=True):
            if not alive:
                live.clear()
            elif live.flush_due():
                live.flush()

    def _look(self) -> None:
        """What other processes want of the answers made here, and whether anybody follows them."""
        running = self._running()
        rows = self._rows.look_at_runs(run_ids=[live.run.id for live in running]) if running else {}
        for live in running:
            row = rows.get(live.run.id)
            if row is None:
                continue
            live.heard(row.followed_at)
            if row.stop:
                live.stop()
            elif live.run.mode == "model" and live.alone_for > self._grace:
                live.stop(LEFT_ALONE)
        # One whose end was stored just now has no row either.
        missing = [live for live in running if live.run.id not in rows and not live.finishing]
        standing = self._rows.standing(message_ids=[live.run.answer.id for live in missing]) if missing else ()
        for live in missing:
            if live.run.answer.id in standing:
                live.stop()  # given up by others, who thought this process dead
            else:
                live.clear(live.run.session_id if live.watch.alive() else None)

    def _keep_beating(self) -> None:
        while self._busy.wait():
            time.sleep(BEAT_SECONDS)
            run_ids = [live.run.id for live in self._running()]
            if run_ids:
                _guarded("said to live", partial(self._rows.beat_runs, run_ids=run_ids))

    def _keep_storing(self) -> None:
        """Store what running answers have said: often when somebody reads it from there, else now and then."""
        while self._busy.wait():
            time.sleep(FOLLOWED_SECONDS)
            running = self._running()
            for live in running:
                if live.followed_elsewhere:
                    _store(live)
            until = time.monotonic() + FOLLOWED_SECONDS / _STORE_SHARE
            for live in sorted(running, key=lambda live: live.kept_at):
                if time.monotonic() > until or time.monotonic() - live.kept_at < STORED_SECONDS:
                    break
                _store(live)


def _unheard(count: int) -> None:
    """Nobody asked to be told."""


def _store(live: LiveRun) -> None:
    begun = time.monotonic()
    live.kept_at = begun
    _guarded("stored", live.keep)
    time.sleep(time.monotonic() - begun)  # others write, too: one after another would shut them out


def _guarded(what: str, work: Callable[[], None]) -> None:
    try:
        work()
    except DocChatError as error:
        logger.warning("running answers could not be %s: %s", what, error.code)
