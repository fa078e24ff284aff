"""The helper processes that read files, kept from one test to the next: to start one takes a fifth of a second."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from docchat.documents import sandbox

_start, _dispose, _forget = sandbox._start, sandbox._dispose, sandbox.Sandbox._forget


class Readers:
    """Spare helper processes. One that failed is ended as ever, and none is handed to a process that was forked."""

    def __init__(self) -> None:
        self._spare: list[Any] = []
        self._broken: set[int] = set()

    @contextmanager
    def handed_on(self) -> Iterator[None]:
        """Every Sandbox takes one of these, and gives it back."""

        def forget(box: sandbox.Sandbox, zygote: Any) -> None:
            self._broken.add(id(zygote))
            _forget(box, zygote)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sandbox, "_start", self._take)
            patch.setattr(sandbox, "_dispose", self._give)
            patch.setattr(sandbox.Sandbox, "_forget", forget)
            yield

    @contextmanager
    def left_alone(self) -> Iterator[None]:
        """Every Sandbox starts its own, and ends it."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sandbox, "_start", _start)
            patch.setattr(sandbox, "_dispose", _dispose)
            patch.setattr(sandbox.Sandbox, "_forget", _forget)
            yield

    def end(self) -> None:
        """End those that are spare."""
        while self._spare:
            _dispose(self._spare.pop())

    def _take(self) -> Any:
        while self._spare and self._spare[-1].pid == os.getpid():
            found = self._spare.pop()
            if found.process.poll() is None:
                return found
            _dispose(found)
        return _start()

    def _give(self, zygote: Any) -> None:
        alive = zygote.pid == os.getpid() and zygote.process.poll() is None
        if not alive or id(zygote) in self._broken:
            _dispose(zygote)
            return
        if zygote.at_exit is not None:
            zygote.at_exit.detach()
            zygote.at_exit = None
        self._spare.append(zygote)
