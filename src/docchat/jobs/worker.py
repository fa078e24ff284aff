"""The worker: claims due jobs and runs them, in a thread of each process or in a process of its own."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..db.engine import Database
from ..errors import DocChatError
from . import queue
from .queue import Job

logger = logging.getLogger(__name__)

Beat = Callable[[], None]
"""Renews the lease of the running job; a handler calls it at least every five seconds."""
Handler = Callable[[Job, Beat], None]

MAX_ATTEMPTS = 5
_PAUSE_SECONDS = 0.5


class Retry(Exception):
    """Raised by a handler whose time has not come: run again after `delay` seconds, without counting the attempt."""

    def __init__(self, reason: str, *, delay: float = 1.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.delay = delay


@dataclass(frozen=True, slots=True)
class Tick:
    """Work that every worker repeats in its own process, `seconds` apart."""

    name: str
    seconds: float
    run: Callable[[], None]


class Worker:
    """Runs the jobs whose kind has a handler. Starts its thread at the first `ensure_started` in each process."""

    def __init__(self, database: Database, handlers: Mapping[str, Handler], *, ticks: tuple[Tick, ...] = ()) -> None:
        self._database = database
        self._handlers = dict(handlers)
        self._kinds = tuple(handlers)
        self._ticks = ticks
        self._last = dict.fromkeys((tick.name for tick in ticks), float("-inf"))
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._thread: tuple[int, threading.Thread] | None = None

    def ensure_started(self) -> None:
        """Start the thread of this process if it does not run yet."""
        thread = self._thread
        if thread is not None and thread[0] == os.getpid() and thread[1].is_alive():
            return
        with self._lock:
            if self._thread is None or self._thread[0] != os.getpid() or not self._thread[1].is_alive():
                self._stopping = threading.Event()
                self._awake = threading.Event()
                new = threading.Thread(target=self.run, name="docchat-worker", daemon=True)
                self._thread = (os.getpid(), new)
                new.start()

    def wake(self) -> None:
        """Look for jobs now rather than in half a second."""
        self._awake.set()

    def stop(self, *, timeout: float = 5.0) -> None:
        """Ask the thread to end and wait for it, at most `timeout` seconds."""
        self._stopping.set()
        self._awake.set()
        thread = self._thread
        if thread is not None and thread[0] == os.getpid():
            thread[1].join(timeout)

    def run(self) -> None:
        """Work until stopped: the body of the thread, and of `docchat worker`."""
        stopping, awake = self._stopping, self._awake
        while not stopping.is_set():
            self._tick()
            try:
                self.run_due()
            except Exception as error:  # noqa: BLE001  (the loop must outlive whatever happens in it)
                logger.warning("worker: cannot look for jobs: %s", type(error).__name__)
                stopping.wait(1.0)
            awake.wait(_PAUSE_SECONDS)
            awake.clear()

    def run_due(self) -> int:
        """Run every job that is due now; their number. For tests and for a host's own scheduler."""
        ran = 0
        while not self._stopping.is_set():
            claimed = queue.claim(self._database, self._kinds)
            if claimed is None:
                break
            self._run_one(claimed)
            ran += 1
        return ran

    def _run_one(self, claimed: Job) -> None:
        try:
            self._handlers[claimed.kind](claimed, lambda: queue.renew(self._database, claimed))
        except Retry as retry:
            queue.postpone(self._database, claimed, delay=retry.delay, error=retry.reason, counted=False)
        except Exception as error:
            code = error.code if isinstance(error, DocChatError) else type(error).__name__
            logger.warning(
                "worker: job %s %s failed at attempt %d: %s",
                claimed.kind,
                claimed.id,
                claimed.attempts,
                code,
                exc_info=not isinstance(error, DocChatError),
            )
            if claimed.attempts >= MAX_ATTEMPTS:
                queue.give_up(self._database, claimed, error=code)
            else:
                queue.postpone(self._database, claimed, delay=2.0**claimed.attempts, error=code)
        else:
            queue.finish(self._database, claimed)

    def _tick(self) -> None:
        for tick in self._ticks:
            now = time.monotonic()
            if now - self._last[tick.name] < tick.seconds:
                continue
            self._last[tick.name] = now
            try:
                tick.run()
            except Exception as error:  # noqa: BLE001  (the loop must outlive whatever happens in it)
                logger.warning("worker: %s failed: %s", tick.name, type(error).__name__)
