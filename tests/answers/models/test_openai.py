"""The model behind an OpenAI-compatible server: a real llama.cpp, and a played one for the bad days."""

import threading
import time

import pytest

from docchat.answers.models import connection
from docchat.answers.models.model import ChatMessage, ContextFull
from docchat.answers.models.openai import OpenAIModel
from docchat.errors import ModelUnavailable

from ..conftest import PlayedModel

HELLO = [ChatMessage("user", "Say hello.")]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow one another faster than they do for people."""
    monkeypatch.setattr(connection, "PAUSES", (0.02, 0.1, 0.3))


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


@pytest.mark.parametrize("status", [401, 404, 500])
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


def _all(model: OpenAIModel) -> str:
    with model.stream(messages=HELLO) as stream:
        return "".join(stream)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_is_busy_is_asked_again(played_model: PlayedModel, status: int) -> None:
    played_model.statuses = [status, status]
    assert _all(OpenAIModel(url=played_model.url, name="mine")) == "".join(played_model.pieces)
    assert len(played_model.requests) == 3


def test_it_is_given_up_after_some_tries(played_model: PlayedModel) -> None:
    played_model.status = 503
    with pytest.raises(ModelUnavailable):
        _all(OpenAIModel(url=played_model.url, name="mine"))
    assert len(played_model.requests) == 4


def test_how_long_to_wait_is_the_servers_to_say(played_model: PlayedModel) -> None:
    played_model.statuses, played_model.retry_after = [429], "1"
    begun = time.monotonic()
    assert _all(OpenAIModel(url=played_model.url, name="mine"))
    assert 1 <= time.monotonic() - begun < 1.5
    played_model.statuses, played_model.retry_after = [429], "3600"
    begun = time.monotonic()
    with pytest.raises(ModelUnavailable, match="too much to do"):
        _all(OpenAIModel(url=played_model.url, name="mine"))
    assert time.monotonic() - begun < 0.5


def test_who_waits_for_another_try_can_be_ended(played_model: PlayedModel) -> None:
    played_model.status, played_model.retry_after = 503, "9"
    stream = OpenAIModel(url=played_model.url, name="mine").stream(messages=HELLO)
    threading.Timer(0.1, stream.cancel).start()
    begun = time.monotonic()
    with stream:
        assert list(stream) == []
    assert time.monotonic() - begun < 0.4


def test_nothing_is_asked_again_once_text_was_said(played_model: PlayedModel) -> None:
    played_model.vanishes = True
    with pytest.raises(ModelUnavailable, match="broke off"):
        _all(OpenAIModel(url=played_model.url, name="mine"))
    assert len(played_model.requests) == 1


def test_a_server_that_just_starts_is_waited_for() -> None:
    away = PlayedModel()
    away.close()
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(_all(OpenAIModel(url=away.url, name="mine"))))
    reader.start()
    time.sleep(0.15)
    back = PlayedModel(int(away.url.rpartition(":")[2].removesuffix("/v1")))
    reader.join(5)
    back.close()
    assert found == ["".join(back.pieces)]


@pytest.mark.parametrize(
    "words",
    [
        b'{"error": {"code": "context_length_exceeded", "message": "too long"}}',
        b'{"error": {"message": "This model\'s maximum context length is 4096 tokens."}}',
    ],
)
def test_a_full_window_is_told_apart(played_model: PlayedModel, words: bytes) -> None:
    played_model.status, played_model.refusal = 400, words
    with pytest.raises(ContextFull):
        _all(OpenAIModel(url=played_model.url, name="mine"))
    assert len(played_model.requests) == 1


def test_what_the_server_knows_is_learnt(played_model: PlayedModel) -> None:
    played_model.refuses_temperature = True
    model = OpenAIModel(url=played_model.url, name="mine")
    assert _all(model) == _all(model)
    assert ["temperature" in request for request in played_model.requests] == [True, False, False]
    assert all(request["stream_options"] for request in played_model.requests)


def test_llama_tells_its_tokens_and_its_full_window(llama_server_url: str) -> None:
    model = OpenAIModel(url=llama_server_url, timeout=30)
    with model.stream(messages=HELLO, most=5) as stream:
        list(stream)
    assert 10 < stream.tokens < 80
    with model.stream(messages=[ChatMessage("user", "word " * 3000)]) as stream, pytest.raises(ContextFull):
        list(stream)
