"""Framing of Server-Sent Events, against the parsing rules of the HTML standard."""

import json
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from docchat.errors import Cleared, InvalidInput, NotFound, StoreUnavailable
from docchat.types import AnswerEvent, Chunk, Citation, Message, utc_now
from docchat.web import sse

RUN = UUID("0fd3c5f8-9d1c-4f3e-8a0f-3f6a3c9b2a11")
TEXT = st.text(st.characters(codec=None))  # half surrogates too, as a model may send them
CITATIONS = st.builds(
    Citation,
    number=st.integers(1, 99),
    document_id=st.uuids(),
    document_name=TEXT,
    page=st.integers(1, 9),
    label=TEXT,
    start=st.integers(0, 9),
    end=st.integers(9, 99),
    quote=TEXT,
)
CHUNKS = st.builds(
    Chunk,
    id=st.integers(1, 9),
    document_id=st.uuids(),
    document_name=TEXT,
    page=st.integers(1, 9),
    label=TEXT,
    start=st.integers(0, 9),
    end=st.integers(9, 99),
    text=TEXT,
)
MESSAGES = st.builds(
    Message,
    id=st.integers(1, 2**53),
    role=st.just("assistant"),
    text=TEXT,
    created_at=st.just(utc_now()),
    citations=st.lists(CITATIONS, max_size=2).map(tuple),
)
EVENTS = st.one_of(
    st.builds(AnswerEvent, kind=st.just("text"), offset=st.integers(0, 10**6), text=TEXT),
    st.builds(AnswerEvent, kind=st.just("citation"), offset=st.integers(0, 10**6), citation=CITATIONS),
    st.builds(AnswerEvent, kind=st.just("done"), offset=st.integers(0, 10**6), message=MESSAGES),
    st.builds(AnswerEvent, kind=st.just("error"), offset=st.integers(0, 10**6), error=TEXT, code=TEXT),
    st.builds(AnswerEvent, kind=st.just("cleared"), offset=st.integers(0, 10**6), successor=st.none() | st.uuids()),
    st.builds(
        AnswerEvent,
        kind=st.just("passages"),
        offset=st.just(0),
        passages=st.lists(CHUNKS, max_size=3).map(tuple),
        message=MESSAGES,
    ),
)


def parse(stream: bytes) -> list[tuple[str, str, str]]:
    """(id, event, data) of each event, as a browser reads them."""
    found, last_id, event, data = [], "", "", []
    text = stream.decode("utf-8")
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line:
            if data:
                found.append((last_id, event, "\n".join(data)))
            event, data = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            last_id = value
        elif name == "event":
            event = value
        elif name == "data":
            data.append(value)
    return found


@given(st.lists(EVENTS, max_size=5))
def test_every_event_arrives_as_itself(events: list[AnswerEvent]) -> None:
    stream = sse.HEARTBEAT.join(sse.encode(event, run_id=RUN) for event in events)
    parsed = parse(stream)
    assert [(name, kind) for name, kind, _ in parsed] == [(f"{RUN}.{event.offset}", event.kind) for event in events]
    for (_, _, data), event in zip(parsed, events, strict=True):
        expected = json.dumps(sse.payload(event, run_id=RUN), ensure_ascii=False)
        assert json.loads(data) == json.loads(expected.encode("utf-8", "replace"))


def test_half_a_character_of_a_model_does_not_break_the_stream() -> None:
    [(_, _, data)] = parse(sse.encode(AnswerEvent("text", 3, text="a\ud83db"), run_id=RUN))
    assert json.loads(data) == {"text": "a?b"}


@given(EVENTS, st.integers(0, 200))
def test_half_an_event_is_no_event(event: AnswerEvent, cut: int) -> None:
    stream = sse.encode(event, run_id=RUN)
    assert parse(stream[: -2 - cut].decode("utf-8", "ignore").encode()) == []


def test_the_fields_of_each_kind() -> None:
    chunk = Chunk(7, uuid4(), "a.pdf", 2, "Page 2", 10, 20, "some words")
    question = Message("user", "What?", id=1, created_at=utc_now())
    answer = Message("assistant", "", id=2, created_at=utc_now(), run_id=RUN)
    event = AnswerEvent("passages", 0, passages=(chunk,), message=answer, mode="quotes")
    data = sse.payload(event, run_id=RUN, question=question)
    assert set(data) == {"run", "question", "answer", "mode", "passages"}
    assert data["run"] == str(RUN)
    assert data["passages"] == [
        {
            "number": 1,
            "document": str(chunk.document_id),
            "name": "a.pdf",
            "page": 2,
            "label": "Page 2",
            "start": 10,
            "end": 20,
            "text": "some words",
            "attachment": False,
            "deleted": False,
        }
    ]
    citation = Citation(1, chunk.document_id, "a.pdf", 2, "Page 2", 10, 20, "some words")
    data = sse.payload(AnswerEvent("citation", 33, citation=citation), run_id=RUN)
    assert data["at"] == 33
    assert data["quote"] == "some words"


@pytest.fixture
def context() -> Iterator[None]:
    with Flask("test").test_request_context():
        yield


def collect(events: Iterator[AnswerEvent | None]) -> list[tuple[str, dict[str, object]]]:
    response = sse.stream(events, run_id=RUN)
    return [(kind, json.loads(data)) for _, kind, data in parse(b"".join(response.response))]  # type: ignore[arg-type]


@pytest.mark.usefixtures("context")
def test_silence_is_a_heartbeat() -> None:
    response = sse.stream(iter([None, AnswerEvent("text", 2, text="hi"), None]), run_id=RUN)
    parts = list(response.response)
    assert parts[0] == parts[2] == b": hb\n\n"
    assert response.headers["X-Accel-Buffering"] == "no"


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(
    ("error", "kind", "data"),
    [
        (Cleared(successor=RUN), "cleared", {"successor": str(RUN)}),
        (
            StoreUnavailable("The storage is away."),
            "error",
            {"error": "The storage is away.", "code": "store_unavailable"},
        ),
        (
            RuntimeError("secret inside"),
            "error",
            {"error": "Something went wrong on the server.", "code": "internal"},
        ),
    ],
)
def test_a_stream_that_breaks_says_so(
    caplog: pytest.LogCaptureFixture, error: Exception, kind: str, data: dict[str, object]
) -> None:
    def events() -> Iterator[AnswerEvent]:
        yield AnswerEvent("text", 2, text="hi")
        raise error

    assert collect(events()) == [("text", {"text": "hi"}), (kind, data)]
    assert "secret" not in caplog.text


@pytest.mark.usefixtures("context")
def test_what_fails_before_the_stream_is_an_error_answer() -> None:
    def events() -> Iterator[AnswerEvent]:
        raise NotFound
        yield

    with pytest.raises(NotFound):
        sse.stream(events(), run_id=RUN)


@pytest.mark.usefixtures("context")
def test_a_reader_who_leaves_closes_the_source() -> None:
    closed = []

    def events() -> Iterator[AnswerEvent]:
        try:
            while True:
                yield AnswerEvent("text", 1, text="a")
        finally:
            closed.append(True)

    source = events()  # held here, so that only an explicit close ends it
    response = sse.stream(source, run_id=RUN)
    next(iter(response.response))
    response.close()
    assert closed == [True]


@pytest.mark.parametrize(
    ("value", "offset"),
    [("", 0), (f"{RUN}.0", 0), (f"{RUN}.1234", 1234), (f" {RUN}.5 ", 5), (f"{str(RUN).upper()}.5", 5)],
)
def test_where_a_reader_stopped(value: str, offset: int) -> None:
    with Flask("test").test_request_context(headers={"Last-Event-ID": value}):
        assert sse.last_offset(RUN) == offset


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_a_foreign_event_id_is_refused(value: str) -> None:
    with (
        Flask("test").test_request_context(headers={"Last-Event-ID": value}),
        pytest.raises(InvalidInput),
    ):
        sse.last_offset(UUID(int=1))
