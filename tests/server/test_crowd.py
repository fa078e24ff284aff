"""A crowded process: its threads are kept on one processor and wait in peace, until it is not crowded any more."""

import gc
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docchat.server import app as server
from docchat.server.crowd import Crowd

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="no thread can be tied to a processor here"
)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """Three answers are many, one is few; what it did is undone at the end."""
    crowd = Crowd(many=3, few=2)
    yield crowd
    crowd.count(0)


class _Waiting:
    """A thread that waits, and is asked where it may run."""

    def __init__(self, name: str) -> None:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._end.wait, name=name)
        self._thread.start()

    @property
    def processors(self) -> set[int]:
        assert self._thread.native_id is not None
        return os.sched_getaffinity(self._thread.native_id)

    def end(self) -> None:
        self._end.set()
        self._thread.join()


def test_threads_are_kept_together_while_there_are_many(crowd: Crowd) -> None:
    all_of_them, interval, collected = os.sched_getaffinity(0), sys.getswitchinterval(), gc.get_threshold()
    reader, worker = _Waiting("docchat-answer"), _Waiting("docchat-worker")
    crowd.count(3)
    assert not crowd.crowded
    assert reader.processors == all_of_them
    crowd.count(300)
    one = os.sched_getaffinity(0)
    assert len(one) == 1
    assert one < all_of_them or one == all_of_them
    assert reader.processors == one
    assert worker.processors == all_of_them, "who reads files works elsewhere"
    later = _Waiting("docchat-answer")
    assert later.processors == one
    assert sys.getswitchinterval() == pytest.approx(max(interval, 0.06))
    assert gc.get_threshold() == (*collected[:2], 20 * collected[2])
    crowd.count(2)
    assert crowd.crowded, "it does not come and go with each answer"
    crowd.count(1)
    assert not crowd.crowded
    assert {frozenset(thread.processors) for thread in (reader, worker, later)} == {frozenset(all_of_them)}
    assert sys.getswitchinterval() == pytest.approx(interval)
    assert gc.get_threshold() == collected
    for thread in (reader, worker, later):
        thread.end()


def test_a_server_counts_its_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    class Counting(Crowd):
        def count(self, answers: int) -> None:
            counts.append(answers)

    monkeypatch.setattr(server, "Crowd", Counting)
    app = server.create_app({"DOCCHAT_DATA_DIR": str(tmp_path), "DOCCHAT_WORKER": "external"})
    services: Any = app.extensions["docchat"]
    chat = services.store.create(owner="ann")
    run = services.answers.start(owner="ann", session_id=chat.id, question="When does it open?")
    assert list(services.answers.follow(owner="ann", session_id=chat.id, run_id=run.id))[-1].kind == "done"
    for thread in threading.enumerate():
        if thread.name == "docchat-answer":
            thread.join(5)
    assert counts == [1, 0]
    services.library.close()
    services.database.close()
    services.keyring.close()
