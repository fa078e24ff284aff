"""Reading what models send at a pace: few streams at once as it comes, many in larger pieces, all of it in the end."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from docchat.answers.models import openai
from docchat.answers.models.model import ChatMessage
from docchat.answers.models.openai import OpenAIModel
from docchat.answers.models.pace import Pace, Paced

from ..conftest import PlayedModel

HELLO = [ChatMessage("user", "Say hello.")]


def test_few_streams_do_not_wait() -> None:
    pace = Pace(reads_a_second=1000)
    with pace, pace, pace, pace:
        assert pace.seconds == 0
        with pace:
            assert pace.seconds == 0.005
    assert pace.seconds == 0


class _Bytes:
    """Gives each piece when it is due, and says when it was taken."""

    def __init__(self, *due: float) -> None:
        self._due = due
        self.taken: list[float] = []

    def __iter__(self) -> Iterator[bytes]:
        begun = time.monotonic()
        for due in self._due:
            time.sleep(max(0.0, begun + due - time.monotonic()))
            self.taken.append(time.monotonic() - begun)
            yield b"x"

    def close(self) -> None:
        """Nothing to close."""


def test_what_came_during_a_rest_is_taken_at_once() -> None:
    source = _Bytes(0, 0.01, 0.02, 0.03, 0.04)
    rests: list[float] = []

    def wait(seconds: float) -> None:
        rests.append(seconds)
        time.sleep(seconds)

    assert b"".join(Paced(source, Pace(reads_a_second=10), wait)) == b"xxxxx"  # type: ignore[arg-type]
    assert rests[0] == 0.1
    assert len(rests) <= 2, "the four that waited were taken without a rest between them"


def test_the_text_is_whole_and_comes_in_fewer_reads(played_model: PlayedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace(reads_a_second=4)
    monkeypatch.setattr(openai, "_PACE", pace)
    played_model.pieces = [f"word{number} " for number in range(20)]
    played_model.pause = 0.02
    arrivals: list[float] = []
    with OpenAIModel(url=played_model.url).stream(messages=HELLO) as stream:
        said = []
        for piece in stream:
            arrivals.append(time.monotonic())
            said.append(piece)
    assert "".join(said) == "".join(played_model.pieces)
    waits = [later - earlier for earlier, later in pairwise(arrivals)]
    assert sum(wait > 0.1 for wait in waits) >= 1, "it rested"
    assert sum(wait < 0.01 for wait in waits) >= 8, "and took at once what had come meanwhile"
    assert pace.seconds == 0, "it is not counted any more"


def test_a_rest_ends_with_the_answer(played_model: PlayedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "_PACE", Pace(reads_a_second=0.05))
    played_model.holds = True
    stream = OpenAIModel(url=played_model.url).stream(messages=HELLO)
    begun = time.monotonic()
    with stream:
        threading.Timer(0.3, stream.cancel).start()
        list(stream)
    assert time.monotonic() - begun < 3, "a rest of twenty seconds"
