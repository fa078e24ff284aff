"""Answer runs: events and their order, resuming, stopping, clearing, and every way to fail."""

import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from docchat.answers import runs, writing
from docchat.errors import Cleared, InvalidInput, NotFound, Overloaded, TooLarge
from docchat.types import AnswerEvent, Message, MessageState

from .conftest import OWNER, House, PlayedModel

TEXT = """The harbour office opens at seven. The crane lifts forty-two tons.

The old lighthouse was built in 1873 by Mary Fisher. It burns whale oil no more."""


def text_of(events: list[AnswerEvent]) -> str:
    return "".join(event.text for event in events if event.kind == "text")


def stored(house: House, session_id: object) -> Message:
    return house.services.store.messages(owner=OWNER, session_id=session_id).items[-1]  # type: ignore[arg-type]


def until(true: Callable[[], object], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def model_house(make_house: Callable[..., House], played_model: PlayedModel) -> House:
    house = make_house(model_url=played_model.url)
    house.upload("harbour.txt", TEXT)
    return house


def test_quotes_with_exact_citations(house: House) -> None:
    document = house.upload("harbour.txt", TEXT)
    session = house.chat()
    events = house.ask("When was the old lighthouse built?", session)
    assert [event.kind for event in events][:3] == ["passages", "text", "citation"]
    assert events[-1].kind == "done"
    message = events[-1].message
    assert message is not None
    assert message == stored(house, session)
    assert message.text == text_of(events)
    assert message.text.startswith("“The old lighthouse was built in 1873 by Mary Fisher.” [1]")
    assert message.mode == "quotes"
    assert message.state is MessageState.DONE
    first = message.citations[0]
    page = house.services.library.page(owner=OWNER, document_id=document, number=first.page)
    assert page.text[first.start : first.end] == first.quote == "The old lighthouse was built in 1873 by Mary Fisher."
    assert events[0].passages[0].document_id == document
    assert [event.citation for event in events if event.kind == "citation"] == list(message.citations)


def test_what_the_documents_do_not_say(house: House) -> None:
    house.upload("harbour.txt", TEXT)
    events = house.ask("What is the annual salary of the archbishop of Canterbury?")
    assert text_of(events).startswith("Your documents do not say")
    assert events[-1].message is not None
    assert events[-1].message.refused
    assert events[-1].message.citations == ()


def test_a_refusal_offers_the_nearest_passages_while_they_are_there(house: House) -> None:
    document = house.upload("harbour.txt", TEXT)
    session = house.chat()
    message = house.ask("What is the salary of the crane driver of Canterbury?", session)[-1].message
    assert message is not None
    assert message.refused
    assert message.nearest
    assert message == stored(house, session)
    page = house.services.library.page(owner=OWNER, document_id=document, number=1)
    assert all(page.text[one.start : one.end] == one.quote for one in message.nearest)
    assert [one.number for one in message.nearest] == list(range(1, len(message.nearest) + 1))


def test_no_documents_yet(house: House) -> None:
    assert "Upload" in text_of(house.ask("When was the lighthouse built?"))


def test_the_first_question_is_the_title(house: House) -> None:
    session = house.chat()
    house.ask("Who built the lighthouse?", session)
    house.ask("And when?", session)
    assert house.services.store.get(owner=OWNER, session_id=session).title == "Who built the lighthouse?"


def test_questions_that_are_none(house: House) -> None:
    session = house.chat()
    for question, error in (("  ", InvalidInput), ("x" * 8001, TooLarge)):
        with pytest.raises(error):
            house.answers.start(owner=OWNER, session_id=session, question=question)
    with pytest.raises(InvalidInput):
        house.answers.start(owner=OWNER, session_id=session, question="Why?", mode="model")
    with pytest.raises(NotFound):
        house.answers.start(owner=OWNER, session_id=uuid4(), question="Why?")
    with pytest.raises(NotFound):
        house.answers.start(owner="bob", session_id=session, question="Why?")
    assert house.services.store.messages(owner=OWNER, session_id=session).items == ()


def test_a_model_answers_with_citations(model_house: House, played_model: PlayedModel) -> None:
    played_model.pieces = ["The crane lifts ", "forty-two tons [", "1] and more [9]."]
    session = model_house.chat()
    events = model_house.ask("What does the crane lift?", session)
    message = events[-1].message
    assert message is not None
    assert message.text == text_of(events) == "The crane lifts forty-two tons [1] and more."
    assert [citation.quote for citation in message.citations] == ["The crane lifts forty-two tons."]
    assert message.model == "played-model"
    assert "forty-two tons" in str(played_model.requests[0]["messages"])


def test_a_model_is_told_only_of_what_follows_the_memory_mark(model_house: House, played_model: PlayedModel) -> None:
    session = model_house.chat()
    model_house.ask("What does the crane called Goliath lift?", session)
    model_house.ask("What else does it lift?", session)
    assert "Goliath" in str(played_model.requests[-1]["messages"])
    model_house.services.clearing.clear_memory(owner=OWNER, session_id=session)
    model_house.ask("What does the crane lift?", session)
    model_house.ask("And when does the office open?", session)
    told = str(played_model.requests[-1]["messages"])
    assert "What does the crane lift?" in told
    assert "Goliath" not in told
    assert "What else" not in told


def test_a_real_model_answers(make_house: Callable[..., House], llama_server_url: str) -> None:
    house = make_house(model_url=llama_server_url, model_context_tokens=2048)
    house.upload("harbour.txt", TEXT)
    events = house.ask("Who built the old lighthouse?")
    assert events[0].kind == "passages"
    assert events[-1].kind == "done"
    assert text_of(events).strip()


def test_a_reader_that_comes_back_misses_nothing(model_house: House, played_model: PlayedModel) -> None:
    played_model.holds = True
    session = model_house.chat()
    run = model_house.answers.start(owner=OWNER, session_id=session, question="What does the crane lift?")
    reader = model_house.answers.follow(owner=OWNER, session_id=session, run_id=run.id)
    seen: list[AnswerEvent] = []
    while not text_of(seen):
        event = next(reader)
        if event is not None:
            seen.append(event)
    reader.close()  # type: ignore[attr-defined]
    until(played_model.held.is_set)
    threading.Timer(0.05, played_model.release.set).start()
    rest = model_house.follow(session, run.id, offset=seen[-1].offset)
    assert rest[-1].kind == "done"
    assert text_of(seen) + text_of(rest) == "The answer is forty-two [1]."
    whole = model_house.follow(session, run.id)
    assert text_of(whole) == "The answer is forty-two [1]."


def test_silence_gives_heartbeats(model_house: House, played_model: PlayedModel) -> None:
    played_model.silent = True
    session = model_house.chat()
    run = model_house.answers.start(owner=OWNER, session_id=session, question="What does the crane lift?")
    reader = model_house.answers.follow(owner=OWNER, session_id=session, run_id=run.id)
    first = next(reader)
    assert first is not None
    assert first.kind == "passages"
    begun = time.monotonic()
    assert next(reader) is None
    assert 0.5 < time.monotonic() - begun < 2
    model_house.answers.stop(owner=OWNER, session_id=session, run_id=run.id)
    assert [event.kind for event in reader if event] == ["done"]


def test_stop_keeps_what_was_said(model_house: House, played_model: PlayedModel) -> None:
    played_model.holds = True
    session = model_house.chat()
    run = model_house.answers.start(owner=OWNER, session_id=session, question="What does the crane lift?")
    until(played_model.held.is_set)
    live = model_house.answers._runs.find(owner=OWNER, session_id=session, run_id=run.id)
    assert live is not None
    until(lambda: live._offset + len(live._pending) == len("The answer is forty-two [1]."))
    begun = time.monotonic()
    model_house.answers.stop(owner=OWNER, session_id=session, run_id=run.id)
    events = model_house.follow(session, run.id)
    assert time.monotonic() - begun < 0.5
    assert events[-1].kind == "done"
    assert stored(model_house, session).state is MessageState.STOPPED
    assert stored(model_house, session).text == "The answer is forty-two [1]."
    assert played_model.left.wait(1)


@pytest.mark.parametrize("silent", [True, False], ids=["before the first word", "in mid-stream"])
def test_a_clear_ends_everything_at_once(model_house: House, played_model: PlayedModel, silent: bool) -> None:
    played_model.silent, played_model.holds = silent, True
    session = model_house.chat()
    run = model_house.answers.start(owner=OWNER, session_id=session, question="What does the crane lift?")
    until(played_model.held.is_set)
    events: list[AnswerEvent] = []
    ended: list[float] = []

    def read() -> None:
        events.extend(model_house.follow(session, run.id))
        ended.append(time.monotonic())

    reader = threading.Thread(target=read)
    reader.start()
    clearance = model_house.services.clearing.clear(owner=OWNER, session_id=session)
    begun = time.monotonic()
    reader.join(5)
    assert ended[0] - begun < 1
    assert events[-1].kind == "cleared"
    assert events[-1].successor == clearance.session.id
    assert played_model.left.wait(1), "the model's stream must be cut"
    live = model_house.answers._runs.find(owner=OWNER, session_id=session, run_id=run.id)
    assert live is not None
    assert "forty" not in repr(vars(live))
    with pytest.raises(Cleared):
        model_house.services.store.messages(owner=OWNER, session_id=session)
    until(lambda: not model_house.answers._runs._places)


def test_another_process_follows_and_stops(model_house: House, played_model: PlayedModel) -> None:
    played_model.pause = 0.3
    played_model.pieces = [f"word{number} " for number in range(100)]
    session = model_house.chat()
    run = model_house.answers.start(owner=OWNER, session_id=session, question="What does the crane lift?")
    other = model_house.second_process()
    reader = other.follow(owner=OWNER, session_id=session, run_id=run.id)
    seen: list[AnswerEvent] = []
    while not text_of(seen):
        event = next(reader)
        if event is not None:
            seen.append(event)
    other.stop(owner=OWNER, session_id=session, run_id=run.id)
    seen.extend(event for event in reader if event is not None)
    assert seen[0].kind == "passages"
    assert seen[-1].kind == "done"
    assert text_of(seen) == stored(model_house, session).text
    assert stored(model_house, session).state is MessageState.STOPPED


def test_another_process_hears_of_a_clear(model_house: House, played_model: PlayedModel) -> None:
    played_model.holds = True
    session = model_house.chat()
    run = model_house.answers.start(owner=OWNER, session_id=session, question="What does the crane lift?")
    reader = model_house.second_process().follow(owner=OWNER, session_id=session, run_id=run.id)
    assert next(reader) is not None
    successor = model_house.services.clearing.clear(owner=OWNER, session_id=session).session.id
    begun = time.monotonic()
    last = [event for event in reader if event is not None][-1]
    assert time.monotonic() - begun < 1
    assert (last.kind, last.successor) == ("cleared", successor)


def test_an_answer_that_ended_is_read_from_the_store(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.upload("harbour.txt", TEXT)
    session = house.chat()
    run = house.answers.start(owner=OWNER, session_id=session, question="When was the old lighthouse built?")
    first = house.follow(session, run.id)
    monkeypatch.setattr(runs, "KEPT_SECONDS", 0.0)
    until(lambda: house.answers._runs.find(owner=OWNER, session_id=session, run_id=run.id) is None)
    again = house.follow(session, run.id)
    assert text_of(again) == text_of(first)
    assert again[-1] == first[-1]


def test_runs_of_others_are_unknown(house: House) -> None:
    session = house.chat()
    run = house.answers.start(owner=OWNER, session_id=session, question="Who?")
    house.follow(session, run.id)
    for owner, session_id, run_id in (("bob", session, run.id), (OWNER, uuid4(), run.id), (OWNER, session, uuid4())):
        with pytest.raises(NotFound):
            next(house.answers.follow(owner=owner, session_id=session_id, run_id=run_id))
    with pytest.raises(NotFound):
        house.answers.stop(owner="bob", session_id=session, run_id=run.id)


def test_so_many_answers_at_a_time(model_house: House, played_model: PlayedModel) -> None:
    played_model.holds = True
    session = model_house.chat()
    started = [
        model_house.answers.start(owner=OWNER, session_id=session, question=f"What lifts crane {number}?")
        for number in range(3)
    ]
    with pytest.raises(Overloaded):
        model_house.answers.start(owner=OWNER, session_id=session, question="What does the crane lift?")
    played_model.release.set()
    for run in started:
        model_house.follow(session, run.id)
    until(lambda: not model_house.answers._runs._places)
    assert model_house.ask("What does the crane lift?", session)[-1].kind == "done"


def test_a_model_that_breaks_off(model_house: House, played_model: PlayedModel) -> None:
    played_model.raw = b'data: {"error": "out of memory"}\n\n'
    session = model_house.chat()
    events = model_house.ask("What does the crane lift?", session)
    assert (events[-1].kind, events[-1].code) == ("error", "model_unavailable")
    assert "quoted" in events[-1].error
    message = stored(model_house, session)
    assert message.state is MessageState.FAILED
    assert message.text.startswith("The answer is forty")
    assert message.error == events[-1].error
    again = model_house.answers.start(owner=OWNER, session_id=session, question="What lifts the crane?", mode="quotes")
    assert model_house.follow(session, again.id)[-1].kind == "done"


def test_a_model_that_vanishes_in_mid_answer(model_house: House, played_model: PlayedModel) -> None:
    """Its connection ends without an error: half an answer must not pass for a whole one."""
    played_model.vanishes = True
    session = model_house.chat()
    events = model_house.ask("What does the crane lift?", session)
    assert (events[-1].kind, events[-1].code) == ("error", "model_unavailable")
    message = stored(model_house, session)
    assert message.state is MessageState.FAILED
    assert message.text.startswith("The answer is forty")


def test_a_question_that_leaves_no_room(model_house: House, played_model: PlayedModel) -> None:
    session = model_house.chat()
    events = model_house.ask("What does the crane lift? " + "Кто построил маяк? " * 190, session)
    assert [event.kind for event in events] == ["passages", "error"]
    assert events[-1].code == "question_too_long"
    message = stored(model_house, session)
    assert message.state is MessageState.FAILED
    assert message.error == events[-1].error
    assert "shorter question" in events[-1].error
    assert played_model.requests == []


def test_half_a_surrogate_pair_ends_like_any_text(model_house: House, played_model: PlayedModel) -> None:
    played_model.pieces = ["The crane \ud83d", "\ude00 lifts \ud800."]
    session = model_house.chat()
    events = model_house.ask("What does the crane lift \ud800?", session)
    assert events[-1].kind == "done"
    assert text_of(events) == stored(model_house, session).text == "The crane \U0001f600 lifts \ufffd. [1]"
    question = model_house.services.store.messages(owner=OWNER, session_id=session).items[-2]
    assert question.text == "What does the crane lift \ufffd?"


@pytest.mark.parametrize("breaks", ["revise", "everything"])
def test_a_run_ends_whatever_happens(house: House, monkeypatch: pytest.MonkeyPatch, breaks: str) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    house.upload("harbour.txt", TEXT)
    session = house.chat()
    if breaks == "revise":
        monkeypatch.setattr(house.services.store, "revise", broken)
    else:
        monkeypatch.setattr("docchat.answers.run.answer", lambda live, tools: None)
    run = house.answers.start(owner=OWNER, session_id=session, question="When was the old lighthouse built?")
    events = house.follow(session, run.id)
    assert (events[-1].kind, events[-1].code) == ("error", "internal")
    until(lambda: not house.answers._runs._places)
    monkeypatch.setattr(runs, "KEPT_SECONDS", 0.0)
    until(lambda: house.answers._runs.find(owner=OWNER, session_id=session, run_id=run.id) is None)


@pytest.mark.parametrize("ended_by", ["us", "the model", "nobody"])
def test_an_answer_that_became_too_long_says_so(
    model_house: House, played_model: PlayedModel, monkeypatch: pytest.MonkeyPatch, ended_by: str
) -> None:
    if ended_by == "us":
        monkeypatch.setattr(writing, "_LONGEST_ANSWER", 15)
    if ended_by == "the model":
        played_model.raw = b'data: {"choices": [{"delta": {}, "finish_reason": "length"}]}\n\n'
    session = model_house.chat()
    last = model_house.ask("What does the crane lift?", session)[-1]
    assert last.kind == "done"
    assert last.message == stored(model_house, session)
    assert last.message is not None
    assert last.message.text.startswith("The answer is forty")
    if ended_by == "nobody":
        assert (last.message.state, last.message.error) == (MessageState.DONE, None)
    else:
        assert last.message.state is MessageState.STOPPED
        assert last.message.error == "The answer was cut off because it became too long."


def test_no_model_server(make_house: Callable[..., House]) -> None:
    house = make_house(model_url="http://127.0.0.1:9/v1")
    house.upload("harbour.txt", TEXT)
    events = house.ask("What lifts the crane?")
    assert (events[-1].kind, events[-1].code) == ("error", "model_unavailable")


def test_text_is_sent_in_few_events(model_house: House, played_model: PlayedModel) -> None:
    played_model.pause = 0.002
    played_model.pieces = ["word "] * 300
    begun = time.monotonic()
    events = model_house.ask("What does the crane lift?")
    took = time.monotonic() - begun
    assert text_of(events).strip() == ("word " * 300).strip()
    assert sum(event.kind == "text" for event in events) <= 8 * took + 3


def test_a_question_is_understood_after_the_one_before_it(house: House) -> None:
    house.upload("mill.txt", "The opening hours of the mill are posted at the gate since 1901.")
    house.upload("fort.txt", "The opening hours of the fort are posted at the tower since 1730.")
    for subject in ("mill", "fort"):
        session = house.chat()
        house.ask(f"Who looks after the {subject}?", session)
        events = house.ask("What are the opening hours?", session)
        cited = next(event.citation for event in events if event.citation is not None)
        assert cited.document_name == f"{subject}.txt"
