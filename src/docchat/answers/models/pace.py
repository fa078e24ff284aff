"""How often a process reads what models send: so often for all of its answers together, and no more."""

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType

import httpx

READS_A_SECOND = 1000.0
"""More would leave a process little time for anything else: text then comes in larger pieces instead."""

_WORTH_SECONDS = 0.005
_DRAINED_SECONDS = 0.01  # what was there already is taken without a rest, in whatever pieces it comes


class Pace:
    """Counts the streams that are read. Safe to use from many threads."""

    def __init__(self, reads_a_second: float = READS_A_SECOND) -> None:
        self._reads_a_second = reads_a_second
        self._lock = threading.Lock()
        self._streams = 0

    def __enter__(self) -> "Pace":
        """One more stream is read."""
        with self._lock:
            self._streams += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._streams -= 1

    @property
    def seconds(self) -> float:
        """How long a stream is to be left alone after it was read; 0 while there are few."""
        seconds = self._streams / self._reads_a_second
        return seconds if seconds >= _WORTH_SECONDS else 0.0


class Paced(httpx.SyncByteStream):
    """A response's bytes, read at a pace; `wait` waits so many seconds, or less when it is all over."""

    def __init__(self, stream: httpx.SyncByteStream, pace: Pace, wait: Callable[[float], object]) -> None:
        self._stream = stream
        self._pace = pace
        self._wait = wait

    def __iter__(self) -> Iterator[bytes]:
        rested_at = 0.0
        with self._pace as pace:
            for data in self._stream:
                yield data
                if pace.seconds and time.monotonic() - rested_at > _DRAINED_SECONDS:
                    self._wait(pace.seconds)
                    rested_at = time.monotonic()

    def close(self) -> None:
        """Close the response."""
        self._stream.close()
