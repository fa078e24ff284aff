"""Tests that change the machine's network, and tests with a browser, which gives up what it loads when that changes.

A lock among processes: any number of browsers at a time, or one change. Who wants to change it goes first.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def network_stays() -> Iterator[None]:
    """Nobody changes addresses or lines meanwhile."""
    with _held("turn", fcntl.LOCK_EX):
        pass  # whoever waits for a change is before us
    with _held("network", fcntl.LOCK_SH):
        yield


@contextmanager
def network_changes() -> Iterator[None]:
    """No browser runs meanwhile."""
    with _held("turn", fcntl.LOCK_EX), _held("network", fcntl.LOCK_EX):
        yield


@contextmanager
def _held(name: str, how: int) -> Iterator[None]:
    path = Path(tempfile.gettempdir()) / f"docchat-tests-{os.getuid()}-{name}.lock"
    with path.open("a") as file:
        fcntl.flock(file, how)
        yield
