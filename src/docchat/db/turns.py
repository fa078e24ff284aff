"""Turns: who wants to do a thing that only one may do at a time gets it in the order of coming."""

import threading
from collections import deque


class Turns:
    """A lock that is handed on in order: SQLite's own wait is a lottery, which some of many threads lose for long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    def take(self, *, timeout: float) -> bool:
        """Wait at most `timeout` seconds for one's turn; whether it came. Then `give` has to follow."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
        if gate.acquire(timeout=max(0.0, timeout)):
            return True
        with self._lock:
            if gate in self._waiting:
                self._waiting.remove(gate)
                return False
        return True  # it was handed over in the last moment

    def give(self) -> None:
        """Hand the turn to the next who waits."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
