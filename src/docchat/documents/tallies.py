"""Numbers of a large library that one question after another asks for, kept for some seconds."""

import time
from collections.abc import Hashable

KEPT_SECONDS = 20.0
_MOST = 20_000


class Tallies:
    """What was counted less than `KEPT_SECONDS` ago. Safe to use from many threads.

    Only hashes of what was counted are kept: no word of a question or document stays in memory for it.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[float, int]] = {}

    def get(self, counted: Hashable) -> int | None:
        """The number, None when it is not known or has become old."""
        until, number = self._kept.get(hash(counted), (0.0, 0))
        return number if until > time.monotonic() else None

    def put(self, counted: Hashable, number: int) -> None:
        """Keep a number from now on."""
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[hash(counted)] = (time.monotonic() + KEPT_SECONDS, number)
