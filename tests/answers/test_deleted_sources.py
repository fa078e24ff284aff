"""A deleted document is cited no more: not by an answer that is running, and not by one that is told again."""

import threading
from collections.abc import Callable
from io import BytesIO
from uuid import UUID

import pytest

from docchat.answers import quoting, work
from docchat.answers.retrieve import retrieve
from docchat.types import AnswerEvent, Message

from .conftest import OWNER, House, PlayedModel
from .test_run import TEXT, text_of, until


@pytest.fixture
def model_house(make_house: Callable[..., House], played_model: PlayedModel) -> House:
    return make_house(model_url=played_model.url)


def _delete(house: House, document_id: UUID) -> None:
    house.services.library.delete(owner=OWNER, document_id=document_id)


def _stored(house: House, session_id: UUID) -> Message:
    return house.services.store.messages(owner=OWNER, session_id=session_id).items[-1]


def test_deleted_while_the_model_talks(model_house: House, played_model: PlayedModel) -> None:
    gone = model_house.upload("harbour.txt", TEXT)
    kept = model_house.upload("crane.txt", "The crane of the harbour lifts forty-two tons, says the crane's plate.")
    played_model.pieces = ["The crane lifts forty-two tons [1] [2]. ", "Also [1][2], ", "and so on [2, 1]."]
    played_model.pause = 0.3
    session = model_house.chat()
    run = model_house.answers.start(owner=OWNER, session_id=session, question="What does the crane lift?")
    events: list[AnswerEvent] = []

    def follow() -> None:
        events.extend(model_house.follow(session, run.id))

    follower = threading.Thread(target=follow)
    follower.start()
    until(lambda: played_model.requests)
    _delete(model_house, gone)
    follower.join(20)
    done = events[-1].message
    assert done is not None
    assert {citation.document_id for citation in done.citations} <= {kept}
    assert done == _stored(model_house, session)
    marks = {f"[{citation.number}]" for citation in done.citations}
    tail = done.text.partition(". ")[2]
    assert {mark for mark in ("[1]", "[2]") if mark in tail} <= marks


def test_cited_before_it_was_deleted_it_is_not_stored(model_house: House, played_model: PlayedModel) -> None:
    gone = model_house.upload("harbour.txt", TEXT)
    played_model.pieces, played_model.holds = ["Forty-two tons [1]. "], True
    session = model_house.chat()
    run = model_house.answers.start(owner=OWNER, session_id=session, question="What does the crane lift?")
    seen: list[AnswerEvent] = []
    follower = threading.Thread(target=lambda: seen.extend(model_house.follow(session, run.id)))
    follower.start()
    played_model.held.wait(10)
    live = model_house.answers._runs.find(owner=OWNER, session_id=session, run_id=run.id)
    assert live is not None
    until(lambda: any(event.kind == "citation" for event in live._events))
    _delete(model_house, gone)
    played_model.release.set()
    follower.join(20)
    assert [event.citation.document_id for event in seen if event.citation is not None] == [gone]
    assert _stored(model_house, session).citations == ()
    cited = [event.citation for event in seen if event.citation is not None]
    assert model_house.answers.gone(cited, owner=OWNER, session_id=session) == {gone}


def test_deleted_before_the_model_is_asked(
    model_house: House, played_model: PlayedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = model_house.upload("harbour.txt", TEXT)
    model_house.upload("crane.txt", "The crane of the harbour lifts nothing on Sundays.")

    def found_then_deleted(*args: object, **rest: object) -> object:
        found = retrieve(*args, **rest)  # type: ignore[arg-type]
        _delete(model_house, gone)
        return found

    monkeypatch.setattr(work, "retrieve", found_then_deleted)
    played_model.pieces = ["Nothing on Sundays [1]."]
    events = model_house.ask("What does the crane lift?")
    assert "forty-two" not in str(played_model.requests)
    assert "Sundays" in str(played_model.requests)
    assert [chunk.document_name for chunk in events[0].passages] == ["crane.txt"]
    assert events[-1].message is not None
    assert [citation.document_name for citation in events[-1].message.citations] == ["crane.txt"]


@pytest.mark.parametrize("moment", ["found", "told"])
def test_deleted_before_it_is_quoted(house: House, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    gone = house.upload("harbour.txt", TEXT)
    house.upload("crane.txt", "The crane lifts nothing on Sundays.")
    place = {"found": "extract", "told": "tell_passages"}[moment]
    real = getattr(quoting, place)

    def then_deleted(*args: object) -> object:
        found = real(*args)
        _delete(house, gone)
        return found

    monkeypatch.setattr(quoting, place, then_deleted)
    session = house.chat()
    events = house.ask("What does the crane lift?", session)
    assert "forty-two" not in text_of(events)
    assert all(event.citation.document_id != gone for event in events if event.citation is not None)
    assert all(citation.document_id != gone for citation in _stored(house, session).citations)
    if moment == "found":
        assert all(chunk.document_id != gone for chunk in events[0].passages)


@pytest.mark.parametrize("end", ["left", "deleted"])
def test_what_is_not_shared_any_more_is_not_quoted(house: House, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    parts = house.services
    team = parts.collections.create(owner="boss", name="Team").id
    parts.collections.put_member(owner="boss", collection_id=team, user_id=OWNER, role="reader")
    stream = BytesIO(TEXT.encode())
    shared = parts.library.add(owner="boss", name="a.txt", stream=stream, media_type="text/plain", collection=team).id
    parts.worker.run_due()
    session = house.chat()
    house.ask("What does the crane lift?", session)
    before = _stored(house, session)
    assert {citation.document_id for citation in before.citations} == {shared}
    real = quoting.extract

    def then_ended(*args: object) -> object:
        found = real(*args)  # type: ignore[arg-type]
        if end == "left":
            parts.collections.remove_member(owner="boss", collection_id=team, user_id=OWNER)
        else:
            parts.collections.delete(owner="boss", collection_id=team)
        return found

    monkeypatch.setattr(quoting, "extract", then_ended)
    events = house.ask("What does the crane lift?", session)
    assert "forty-two" not in text_of(events)
    assert events[0].passages == ()
    assert _stored(house, session).citations == ()
    assert house.answers.gone(before.citations, owner=OWNER, session_id=session) == {shared}


def test_an_old_answer_keeps_its_text_and_says_that_the_source_is_gone(house: House) -> None:
    gone = house.upload("harbour.txt", TEXT)
    session = house.chat()
    house.ask("When was the old lighthouse built?", session)
    before = _stored(house, session)
    assert house.answers.gone(before.citations, owner=OWNER, session_id=session) == frozenset()
    _delete(house, gone)
    assert _stored(house, session) == before
    assert house.answers.gone(before.citations, owner=OWNER, session_id=session) == {gone}
