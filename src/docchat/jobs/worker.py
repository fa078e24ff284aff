"""The worker: claims due jobs and runs them, in a thread of each process or in a process of its own."""

import logging
import os
import threading
from collections.abc import Callable, Collection, Mapping

from ..db.engine import Database
from ..errors import DocChatError, trail
from . import queue
from .queue import Job

logger = logging.getLogger(__name__)

Beat = Callable[[], None]
"""Renews the lease of the running job; a handler calls it at least every five seconds."""
Handler = Callable[[Job, Beat], None]

MAX_ATTEMPTS = 5
_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE = 60.0


class Retry(Exception):
    """Raised by a handler whose time has not come: run again after `delay` seconds, without counting the attempt."""

    def __init__(self, reason: str, *, delay: float = 1.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.delay = delay


class Worker:
    """Runs the jobs whose kind has a handler, in threads that start at the first `ensure_started` of each process.

    Kinds named in `slow` have a thread of their own, so that reading a long document holds nothing else up, and run
    one at a time among all processes, so that they leave the database to the others. Kinds
    named in `periodic` run again and again, so many seconds apart, in one process at a time; their subject is "all".
    Kinds named in `tireless` are tried until they succeed, others five times.
    """

    def __init__(
        self,
        database: Database,
        handlers: Mapping[str, Handler],
        *,
        slow: frozenset[str] = frozenset(),
        periodic: Mapping[str, float] | None = None,
        tireless: frozenset[str] = frozenset(),
    ) -> None:
        self._database = database
        self._handlers = dict(handlers)
        self._slow = slow
        self._tireless = tireless
        self._periodic = dict(periodic or {})
        quick = tuple(kind for kind in handlers if kind not in slow)
        self._lanes = tuple(lane for lane in (quick, tuple(slow)) if lane)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._awake = [threading.Event() for _ in self._lanes]
        self._threads: tuple[int, list[threading.Thread]] | None = None

    def ensure_started(self) -> None:
        """Start the threads of this process if they do not run yet."""
        if self._runs_here():
            return
        with self._lock:
            if self._runs_here():
                return
            self._stopping = threading.Event()
            self._awake = [threading.Event() for _ in self._lanes]
            threads = [
                threading.Thread(
                    target=self._work, args=(lane, self._stopping, awake), name="docchat-worker", daemon=True
                )
                for lane, awake in zip(self._lanes, self._awake, strict=True)
            ]
            self._threads = (os.getpid(), threads)
            for thread in threads:
                thread.start()

    def wake(self) -> None:
        """Look for jobs now rather than in half a second."""
        for awake in self._awake:
            awake.set()

    def stop(self, *, timeout: float = 5.0) -> None:
        """Ask the threads to end and wait for them, at most `timeout` seconds each."""
        self._stopping.set()
        self.wake()
        if self._threads is not None and self._threads[0] == os.getpid():
            for thread in self._threads[1]:
                thread.join(timeout)

    def run_due(self, kinds: Collection[str] | None = None) -> int:
        """Run every job that is due now, or those of some kinds, quick ones first; their number.

        For tests, commands and a host's own scheduler.
        """
        lanes = [tuple(kind for kind in lane if kinds is None or kind in kinds) for lane in self._lanes]
        return sum(self._run_lane(lane, self._stopping) for lane in lanes if lane)

    def _runs_here(self) -> bool:
        threads = self._threads
        return threads is not None and threads[0] == os.getpid() and all(thread.is_alive() for thread in threads[1])

    def _work(self, lane: tuple[str, ...], stopping: threading.Event, awake: threading.Event) -> None:
        armed = False
        while not stopping.is_set():
            try:
                if not armed:
                    self._arm(lane)
                    armed = True
                self._run_lane(lane, stopping)
            except Exception as error:  # noqa: BLE001  (the loop must outlive whatever happens in it)
                logger.warning("worker: cannot look for jobs: %s at %s", _code(error), trail(error))
                stopping.wait(1.0)
            awake.wait(_PAUSE_SECONDS)
            awake.clear()

    def _arm(self, lane: tuple[str, ...]) -> None:
        for kind in lane:
            if kind in self._periodic:
                queue.arm(self._database, kind=kind, delay=self._periodic[kind])

    def _run_lane(self, lane: tuple[str, ...], stopping: threading.Event) -> int:
        ran = 0
        while not stopping.is_set():
            claimed = queue.claim(self._database, lane, alone=self._slow.issuperset(lane))
            if claimed is None:
                break
            self._run_one(claimed)
            ran += 1
        return ran

    def _run_one(self, claimed: Job) -> None:
        period = self._periodic.get(claimed.kind)
        try:
            self._handlers[claimed.kind](claimed, lambda: queue.renew(self._database, claimed))
        except Retry as retry:
            queue.postpone(self._database, claimed, delay=retry.delay, error=retry.reason, counted=False)
        except Exception as error:  # noqa: BLE001  (one job that fails must not end the loop)
            code, attempt = _code(error), claimed.attempts
            logger.warning(
                "worker: job %s %s failed at attempt %d: %s at %s",
                claimed.kind,
                claimed.id,
                attempt,
                code,
                trail(error),
            )
            if period is not None:
                queue.postpone(self._database, claimed, delay=period, error=code, counted=False)
            elif attempt >= MAX_ATTEMPTS and claimed.kind not in self._tireless:
                queue.give_up(self._database, claimed, error=code)
            else:
                queue.postpone(self._database, claimed, delay=min(_LONGEST_PAUSE, 2.0**attempt), error=code)
        else:
            if period is not None:
                queue.postpone(self._database, claimed, delay=period, error=None, counted=False)
            else:
                queue.finish(self._database, claimed)


def _code(error: Exception) -> str:
    return error.code if isinstance(error, DocChatError) else DocChatError.code
