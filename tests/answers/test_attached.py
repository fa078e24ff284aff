"""Attachments and chosen collections in answers: asked beside the library, cited, and nowhere else."""

import io
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from docchat.answers.attached import WithAttachments
from docchat.config import Settings
from docchat.documents.scope import PERSONAL, Scope
from docchat.documents.terms import terms
from docchat.extension import build_services
from docchat.server.home import close
from docchat.sessions.attachment_parts import Attached, AttachedPassage
from docchat.types import Document, DocumentState, Message, new_id, utc_now
from docchat.web.state import Services

LIBRARY = b"The Danube has its sources in the Black Forest."
FILE = b"The Wutach flows through a gorge and reaches the Rhine at Waldshut."


@pytest.fixture
def services(data_dir: Path, database_url: str) -> Iterator[Services]:
    settings = Settings(data_dir=data_dir, database_url=database_url, worker="external")
    services = build_services(settings)
    yield services
    close(services)


def attach(services: Services, session_id: UUID, data: bytes = FILE, name: str = "river.txt") -> UUID:
    added = services.attachments.add(
        owner="ada", session_id=session_id, name=name, stream=io.BytesIO(data), media_type="text/plain"
    )
    services.worker.run_due()
    return added.id


def put(services: Services, data: bytes, collection: UUID | None = None) -> UUID:
    stream = io.BytesIO(data)
    added = services.library.add(owner="ada", name="a.txt", stream=stream, media_type="", collection=collection)
    services.worker.run_due()
    return added.id


def ask(services: Services, session_id: UUID, question: str, **chosen: object) -> tuple[Message, Message]:
    """The question and its answer, as they are stored."""
    run = services.answers.start(owner="ada", session_id=session_id, question=question, **chosen)  # type: ignore[arg-type]
    for event in services.answers.follow(owner="ada", session_id=session_id, run_id=run.id):
        if event is not None and event.kind in ("done", "error"):
            break
    asked, answered = services.store.messages(owner="ada", session_id=session_id).items[-2:]
    return asked, answered


def test_an_attachment_is_quoted_in_its_chat_alone(services: Services) -> None:
    mine, other = (services.store.create(owner="ada").id for _ in range(2))
    document = put(services, LIBRARY)
    attached = attach(services, mine)
    _, answered = ask(services, mine, "Where does the Wutach reach the Rhine?")
    assert [(one.document_id, one.attached, one.document_name) for one in answered.citations] == [
        (attached, True, "river.txt")
    ]
    cited = answered.citations[0]
    page = services.attachments.page(owner="ada", session_id=mine, attachment_id=attached, number=cited.page)
    assert page.text[cited.start : cited.end] == cited.quote
    _, beside = ask(services, mine, "Where are the sources of the Danube?")
    assert [(one.document_id, one.attached) for one in beside.citations] == [(document, False)]
    _, elsewhere = ask(services, other, "Where does the Wutach reach the Rhine?")
    assert elsewhere.refused
    assert elsewhere.citations == ()


def test_an_attachment_is_asked_without_a_library(services: Services) -> None:
    session_id = services.store.create(owner="ada").id
    attach(services, session_id)
    _, answered = ask(services, session_id, "Where does the Wutach reach the Rhine?")
    assert len(answered.citations) == 1
    services.clearing.clear_history(owner="ada", session_id=session_id)
    _, again = ask(services, session_id, "Where does the Wutach reach the Rhine?")
    assert len(again.citations) == 1, "a cleared history keeps the attachment"


def test_a_question_is_answered_from_what_was_chosen(services: Services) -> None:
    team = services.collections.create(owner="ada", name="Team").id
    own, shared = put(services, LIBRARY), put(services, FILE, team)
    session_id = services.store.create(owner="ada").id
    question = "Where does the Wutach reach the Rhine?"
    for chosen, cited in (
        ({}, {shared}),
        ({"collections": (team,)}, {shared}),
        ({"collections": (PERSONAL,)}, set()),
        ({"documents": (own,)}, set()),
        ({"documents": (shared,)}, {shared}),
    ):
        asked, answered = ask(services, session_id, question, **chosen)
        assert {one.document_id for one in answered.citations} == cited, chosen
        assert asked.collections == chosen.get("collections")
        assert asked.documents == chosen.get("documents", ())


def test_the_one_passage_among_a_thousand_is_found(services: Services) -> None:
    words = [f"word{number % 97} term{number % 13} river{number}" for number in range(1000)]
    passages = tuple(
        AttachedPassage(1, 0, 9, "", text, " ".join(terms(f"{text} {'a town on a river ' * 40}")), "", "")
        for text in words
    )
    facts = ("ada", "a.txt", "text/plain", 1, DocumentState.READY, 1, 1000, utc_now())
    file = Attached(Document(new_id(), *facts), passages)
    both = WithAttachments(services.library.index, services.library, services.attachments, new_id(), [file])
    for number in range(0, 1000, 77):
        question = f"Which town has river{number} and word{number % 97}?"
        found = both.search(scope=Scope("ada"), question=question, limit=5)
        assert found[0].chunk.text == words[number]
        assert len(found) == 5
