"""Suggested questions: in the language of the documents, answered by them, and gone with them."""

from collections.abc import Callable
from uuid import UUID

import pytest

from docchat.answers.quotes.units import units_of
from docchat.answers.suggest import FIRST, NEXT, answered
from docchat.answers.suggest_forms import forms, tongue_of
from docchat.documents.scope import Scope
from docchat.errors import NotFound

from .conftest import OWNER, House

HANDBOOK = """Harbour handbook

Opening hours

The harbour office is open from seven in the morning until six in the evening on every working day.

Mooring fees

The Old Pier was built in 1874 and carries the crane. A boat of up to eight metres pays 14 euros for a night.
The Lighthouse Trust has 42 members who paint the tower each spring.

Rules for visitors

Dogs are kept on a leash on all piers, and engines are switched off while a boat is refuelled.
A mooring buoy is a floating anchor point that belongs to the harbour office.
"""
TABLE = """Pier | Berths | Depth
North pier | 40 | 6.5
South pier | 25 | 3.0
West pier | 12 | 2.0
East pier | 18 | 4.0
"""
FAQ = """Frequently asked

How do I reset my password?

Open the settings and choose reset.
"""
GERMAN = """Anleitung für Gäste

Das Frühstück im Speisesaal

Das Frühstück wird im Speisesaal von sieben bis zehn Uhr gereicht, und die Küche ist auch am Sonntag geöffnet.
Eine Kurkarte ist ein Ausweis, mit dem die Fahrt in den Bussen der Stadt für alle Gäste frei ist.
"""


def suggested(house: House, *documents: UUID) -> tuple[str, ...]:
    scope = Scope(OWNER, documents=documents)
    return house.answers.suggestions(scope, house.services.library)


def questions(text: str) -> list[str]:
    return [form.question for form in forms(units_of(text), tongue_of(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HANDBOOK, "When was the Old Pier built?"),
        (HANDBOOK, "How many members does the Lighthouse Trust have?"),
        (HANDBOOK, "What is a mooring buoy?"),
        (HANDBOOK, "What about “Rules for visitors”?"),
        (TABLE, "Which pier has the highest depth?"),
        (TABLE, "What is “Berths” for “South pier”?"),
        (GERMAN, "Was ist mit „Das Frühstück im Speisesaal“?"),
        (FAQ, "How do I reset my password?"),
    ],
)
def test_questions_are_made_of_what_the_text_has(text: str, expected: str) -> None:
    assert expected in questions(text)


def test_a_language_without_forms_makes_none() -> None:
    assert questions("これは日本語の文章です。港の事務所は毎日七時から六時まで開いています。") == []


def test_each_suggestion_is_answered_by_its_document(house: House) -> None:
    document = house.upload("harbour.txt", HANDBOOK)
    found = suggested(house)
    assert 0 < len(found) <= FIRST
    for question in found:
        done = house.ask(question)[-1].message
        assert done is not None
        assert not done.refused
        assert {citation.document_id for citation in done.citations} == {document}


def test_what_would_be_refused_is_not_suggested(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.upload("harbour.txt", HANDBOOK)
    tools = house.answers._tools
    scope = Scope(OWNER)
    other = house.upload("other.txt", "The committee meets in spring. " * 5)
    assert not answered(tools.index, tools.library, scope, "Who painted the ceiling of the chapel?", other)
    # Answered, but from another document than the one it was made of.
    assert not answered(tools.index, tools.library, scope, "When was the Old Pier built?", other)


def test_suggestions_keep_to_what_is_asked(house: House) -> None:
    german = house.upload("kur.txt", GERMAN)
    house.upload("harbour.txt", HANDBOOK)
    found = suggested(house, german)
    assert found
    assert all("„" in question or question.startswith("Was") for question in found)


def test_nothing_is_suggested_from_a_deleted_document(house: House) -> None:
    document = house.upload("harbour.txt", HANDBOOK)
    assert suggested(house)
    house.services.library.delete(owner=OWNER, document_id=document)
    assert suggested(house) == ()
    with pytest.raises(NotFound):
        suggested(house, document)
    assert house.answers.suggestions(Scope("somebody else"), house.services.library) == ()


def test_hidden_text_makes_no_question(house: House) -> None:
    seen = "Opening hours\n\nThe harbour office is open from seven in the morning until six in the evening."
    hidden = "[Hidden text: Beware. The Secret Tower was built in 1901 by the sailors of the old town.]"
    assert "When was the Secret Tower built?" in questions(f"{seen}\n\n{hidden}")
    house.upload("hours.txt", f"{seen}\n\n{hidden}")
    assert suggested(house) == ("What about “Opening hours”?",)
    done = house.ask("When is the harbour office open?")[-1].message
    assert done is not None
    assert not done.refused
    assert all("Secret" not in question for question in done.follow_ups)


def test_follow_ups_come_with_the_answer_and_are_answered(house: House) -> None:
    house.upload("harbour.txt", HANDBOOK)
    chat = house.chat()
    done = house.ask("When was the Old Pier built?", chat)[-1].message
    assert done is not None
    assert 0 < len(done.follow_ups) <= NEXT
    assert all("Old Pier" not in question for question in done.follow_ups)
    stored = house.services.store.messages(owner=OWNER, session_id=chat).items[-1]
    assert stored.follow_ups == done.follow_ups
    follow = house.ask(done.follow_ups[0], chat)[-1].message
    assert follow is not None
    assert not follow.refused
    assert done.follow_ups[0] not in follow.follow_ups


def test_follow_ups_are_sealed_with_the_chat(make_house: Callable[..., House]) -> None:
    house = make_house()
    house.upload("harbour.txt", HANDBOOK)
    chat = house.chat()
    done = house.ask("When was the Old Pier built?", chat)[-1].message
    assert done is not None
    with house.services.database.read() as connection:
        bodies = [bytes(row[0]) for row in connection.exec_driver_sql("SELECT body FROM message").all()]
    assert bodies
    assert all(question.encode() not in body for question in done.follow_ups for body in bodies)
