"""What belongs together is quoted together, compared documents stand side by side, and a refusal names the nearest."""

import time

import pytest

from docchat.answers.quotes.extractive import Extract
from docchat.answers.quotes.fit import Question, candidates
from docchat.answers.quotes.joining import opening, side_by_side, wants_list, without_comparing

from .test_extractive import OTHER, ask, frequencies, passages

FIRST, SECOND = "The old tower of Larnmouth stands on a cliff.", "It was finished in 1873 by two masons."
TOWER = f"{FIRST} {SECOND} Bread is dear."
LIST = """Visitors of the harbour museum must bring:

- a ticket
- warm clothes
- their own lamp

The kitchen sells soup."""


def texts(found: Extract) -> list[str]:
    return [quote.text for quote in found.quotes]


def test_a_sentence_that_leans_on_another_is_joined_with_it() -> None:
    found = ask("When was the old tower of Larnmouth finished?", TOWER, OTHER)
    assert texts(found) == [f"{FIRST} {SECOND}"]
    assert TOWER[found.quotes[0].start : found.quotes[0].end] == found.quotes[0].text


def test_an_opening_that_is_not_quoted_itself_is_shown_before() -> None:
    asked = Question.of("When was the tower finished?", frequencies(TOWER, OTHER))
    leaning = next(one for one in candidates(asked, passages(TOWER)) if one.unit.text == SECOND)
    before = opening(asked, leaning)
    assert before is not None
    assert before.text == FIRST


def test_a_sentence_that_says_everything_stands_alone() -> None:
    page = "Bread is dear. It was in 1873 that the old tower of Larnmouth was finished."
    assert texts(ask("When was the old tower of Larnmouth finished?", page, OTHER)) == [page.split(". ")[1]]


def test_another_paragraph_is_no_opening() -> None:
    found = ask("When was the old tower of Larnmouth finished?", f"{FIRST}\n\n{SECOND}", OTHER)
    assert set(texts(found)) == {FIRST, SECOND}
    assert all(not quote.lead for quote in found.quotes)


def test_a_list_is_quoted_whole_when_several_things_are_asked_for() -> None:
    found = ask("Which things must visitors of the harbour museum bring, a lamp, warm clothes?", LIST, OTHER)
    assert any(all(item in text for item in ("a ticket", "warm clothes", "their own lamp")) for text in texts(found))
    spans = [(quote.start, quote.end) for quote in found.quotes if quote.number == 1]
    assert all(one[1] <= other[0] or other[1] <= one[0] for one in spans for other in spans if one is not other)


def test_compared_documents_stand_side_by_side() -> None:
    red = "The red crane lifts 40 tons. The red crane lifts 40 tons of coal. The red crane lifts coal on 40 days."
    blue = "The blue crane lifts 60 tons in all."
    found = ask("Compare the tons that the red crane and the blue crane lift", red, blue, OTHER)
    assert {quote.number for quote in found.quotes} == {1, 2}
    assert len(found.quotes) == 2


def test_what_only_says_that_documents_are_compared_is_not_looked_for() -> None:
    assert "documents" not in without_comparing("Which of the documents mention a crane?")
    assert side_by_side("When was it built?", []) == []


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What are the four freedoms?", True),
        ("Which three things must I bring?", True),
        ("List the members.", True),
        ("When was it built?", False),
        ("Who was the mason?", False),
    ],
)
def test_questions_for_several_things(question: str, wanted: bool) -> None:
    assert wants_list(question) is wanted


def test_a_refusal_names_what_comes_closest() -> None:
    found = ask("What is the salary of the mason of Canterbury?", TOWER, OTHER)
    assert found.refused
    assert found.quotes == ()
    assert found.confidence < 0
    assert [quote.number for quote in found.nearest] == [1] * len(found.nearest) != []
    for quote in found.nearest:
        assert TOWER[quote.start : quote.end] == quote.text


@pytest.mark.parametrize("repeated", ["which ", "what a ", "documents ", "compare ", "list all the ", "It "])
def test_long_questions_cost_little(repeated: str) -> None:
    text = repeated * (20_000 // len(repeated))
    begun = time.process_time()
    wants_list(text)
    without_comparing(text)
    assert time.process_time() - begun < 1.0
    assert passages(text)
