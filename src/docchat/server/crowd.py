"""A process with very many running answers: its threads get out of each other's way.

Only one thread of a process runs Python at a time. With hundreds that wake for each piece of text, most of the time
goes into handing the interpreter from one processor to another: on one processor the same work takes half of it
(measured by `docchat bench --only streams`; docs/explanation/answer-run.md).
"""

import gc
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

MANY = 100
"""With more running answers than these a process is crowded."""
FEW = 50
"""With fewer it is not any more."""

# A thread that waits for the interpreter wakes as often to ask for it: a thousand at Python's own 5 ms do nothing else.
_SWITCH_SECONDS_AN_ANSWER = 0.0002
# To look for garbage among all the objects of a thousand answers takes a quarter of a second, in which nothing is sent.
_RARER = 20
_TASKS = "/proc/self/task"
# These read files and count words: work for the other processors.
_APART = "docchat-worker"


class Crowd:
    """Told how many answers run, it keeps the threads of a crowded process on one processor.

    Undone when they are few again. Only for a process of docchat's own: what else a host's does is not known here.
    """

    def __init__(self, *, many: int = MANY, few: int = FEW) -> None:
        self._many = many
        self._few = few
        self._lock = threading.Lock()
        self._before: tuple[float, frozenset[int]] | None = None

    @property
    def crowded(self) -> bool:
        """Whether the threads are kept together now."""
        return self._before is not None

    def count(self, answers: int) -> None:
        """So many answers run in this process now."""
        if answers <= self._many and not self.crowded:
            return
        with self._lock:
            if self._before is None and answers > self._many:
                self._before = sys.getswitchinterval(), _processors()
                _collect(_RARER, 1)
                _keep_on(_one_of(sorted(self._before[1])))
            if self._before is not None:
                seconds, processors = self._before
                sys.setswitchinterval(max(seconds, answers * _SWITCH_SECONDS_AN_ANSWER))
                if answers < self._few:
                    self._before = None
                    _collect(1, _RARER)
                    sys.setswitchinterval(seconds)
                    _keep_on(processors)


def _collect(times: int, of: int) -> None:
    """Have the collector look through all objects so many times as rarely."""
    first, second, third = gc.get_threshold()
    gc.set_threshold(first, second, third * times // of)


def _processors() -> frozenset[int]:
    """Those that this thread may run on; none where the system does not tell."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


def _one_of(processors: Sequence[int]) -> frozenset[int]:
    """One for this process; the workers of a server, whose numbers follow each other, get one each."""
    return frozenset(processors[os.getpid() % len(processors) :][:1]) if processors else frozenset()


def _keep_on(processors: frozenset[int]) -> None:
    """Let the threads of this process run there; those they start from now on run there too."""
    if not processors:
        return
    apart = {thread.native_id for thread in threading.enumerate() if thread.name.startswith(_APART)}
    # Not by `threading` alone: of a forked process it does not know the first thread's number.
    tasks = {int(name) for name in os.listdir(_TASKS)} if os.path.isdir(_TASKS) else set()
    for task in tasks - apart:
        with suppress(OSError):  # it has ended meanwhile
            os.sched_setaffinity(task, processors)
