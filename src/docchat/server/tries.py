"""A limit on failed sign-ins, counted in the memory of each worker process (N workers allow N times as many)."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MAX_KEYS = 10_000


class FailedTries:
    """Counts failures by key within a sliding window; above `limit` a key has to wait."""

    def __init__(self, *, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, key: str) -> int:
        """Whole seconds until `key` may try again, 0 when it may now."""
        with self._lock:
            times = self._recent(key)
            if len(times) < self._limit:
                return 0
            return int(times[-self._limit] + self._seconds - self._clock()) + 1

    def failed(self, key: str) -> None:
        """Count a failure."""
        with self._lock:
            self._failures[key] = [*self._recent(key), self._clock()][-self._limit :]
            self._failures.move_to_end(key)
            while len(self._failures) > _MAX_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of a key."""
        with self._lock:
            self._failures.pop(key, None)

    def _recent(self, key: str) -> list[float]:
        since = self._clock() - self._seconds
        return [moment for moment in self._failures.get(key, ()) if moment > since]
