"""The model behind an OpenAI-compatible server: a real llama.cpp, and a played one for the bad days."""

import threading
import time

import pytest

from docchat.answers.models.model import ChatMessage
from docchat.answers.models.openai import OpenAIModel
from docchat.errors import ModelUnavailable

from ..conftest import PlayedModel

HELLO = [ChatMessage("user", "Say hello.")]


def test_llama_streams_and_tells_its_name(llama_server_url: str) -> None:
    model = OpenAIModel(url=llama_server_url, timeout=30)
    assert model.name == ""
    with model.stream(messages=HELLO) as stream:
        pieces = list(stream)
    assert len(pieces) > 1
    assert "hello" in "".join(pieces).lower()
    assert model.name == "SmolLM2-135M-Instruct.Q4_1.gguf"


def test_llama_is_cancelled_while_it_reads_the_prompt(llama_server_url: str) -> None:
    model = OpenAIModel(url=llama_server_url, timeout=30)
    stream = model.stream(messages=[ChatMessage("user", "Tell a very long story. " * 150)])
    cancelled: list[float] = []

    def cancel() -> None:
        cancelled.append(time.monotonic())
        stream.cancel()

    threading.Timer(0.3, cancel).start()
    with stream:
        assert list(stream) == []
    assert time.monotonic() - cancelled[0] < 0.25


def test_pieces_and_request(played_model: PlayedModel) -> None:
    model = OpenAIModel(url=played_model.url + "/", name="mine", key="secret")
    with model.stream(messages=HELLO) as stream:
        assert list(stream) == played_model.pieces
    sent = played_model.requests[0]
    assert sent["model"] == "mine"
    assert sent["messages"] == [{"role": "user", "content": "Say hello."}]


def test_temperature_is_left_out_where_it_is_refused(played_model: PlayedModel) -> None:
    played_model.refuses_temperature = True
    with OpenAIModel(url=played_model.url).stream(messages=HELLO) as stream:
        assert list(stream) == played_model.pieces
    assert ["temperature" in request for request in played_model.requests] == [True, False]


@pytest.mark.parametrize("silent", [True, False], ids=["before the first byte", "in mid-stream"])
def test_cancel_wakes_a_waiting_reader(played_model: PlayedModel, silent: bool) -> None:
    played_model.silent, played_model.holds = silent, True
    stream = OpenAIModel(url=played_model.url, name="mine").stream(messages=HELLO)
    ended: list[float] = []

    def read() -> None:
        with stream:
            list(stream)
        ended.append(time.monotonic())

    reader = threading.Thread(target=read)
    reader.start()
    assert played_model.held.wait(5)
    begun = time.monotonic()
    stream.cancel()
    reader.join(5)
    assert ended[0] - begun < 0.2
    assert played_model.left.wait(1), "the server must see that nobody reads any more"


def test_a_cancelled_stream_never_connects(played_model: PlayedModel) -> None:
    stream = OpenAIModel(url=played_model.url).stream(messages=HELLO)
    stream.cancel()
    with stream:
        assert list(stream) == []
    assert played_model.requests == []


def test_no_server() -> None:
    with OpenAIModel(url="http://127.0.0.1:9/v1").stream(messages=HELLO) as stream, pytest.raises(ModelUnavailable):
        list(stream)


def test_silence_is_given_up(played_model: PlayedModel) -> None:
    played_model.silent = True
    model = OpenAIModel(url=played_model.url, name="mine", timeout=0.2)
    with model.stream(messages=HELLO) as stream, pytest.raises(ModelUnavailable):
        list(stream)


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_refused(played_model: PlayedModel, status: int) -> None:
    played_model.status = status
    with OpenAIModel(url=played_model.url).stream(messages=HELLO) as stream, pytest.raises(ModelUnavailable):
        list(stream)


def test_halves_of_characters_never_leave(played_model: PlayedModel) -> None:
    played_model.pieces = ["smile \ud83d", "\ude00, half \ud800", " and half \udc00 again", "\ud83d"]
    with OpenAIModel(url=played_model.url, name="mine").stream(messages=HELLO) as stream:
        assert "".join(stream) == "smile \U0001f600, half \ufffd and half \ufffd again\ufffd"


@pytest.mark.parametrize(
    "raw", [b"data: {no json\n\n", b'data: {"error": {"message": "out of memory"}}\n\n', b"data: []\n\n"]
)
def test_what_is_no_answer(played_model: PlayedModel, raw: bytes) -> None:
    played_model.raw = raw
    with OpenAIModel(url=played_model.url).stream(messages=HELLO) as stream, pytest.raises(ModelUnavailable):
        list(stream)
