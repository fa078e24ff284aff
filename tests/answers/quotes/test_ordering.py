"""Of quotes that fit alike the one that answers comes first, and what no quote stands near makes a refusal."""

import pytest

from docchat.answers.quotes.fit import Question
from docchat.answers.quotes.ordering import names_of

from .test_extractive import ask, frequencies

BREAD = "Bread is baked in a hot oven. Flour, water and salt are mixed and left to rest for one night."
PAIRS = [
    (
        "Where was the ferry Selma built?",
        "The ferry Selma was built in Bergen.",
        "The ferry Selma was built with care.",
    ),
    (
        "Why was the ferry Selma sold?",
        "The ferry Selma was sold because of debts.",
        "The ferry Selma was sold again later.",
    ),
    ("What share of the cargo was lost?", "Of the cargo 12% was lost there.", "All of the cargo was once lost there."),
    ("What did the repair cost?", "The repair did cost $900 then.", "The repair did cost weeks then."),
]


@pytest.mark.parametrize(("question", "answer", "other"), PAIRS)
def test_the_kind_of_answer_decides_between_sentences_that_fit_alike(question: str, answer: str, other: str) -> None:
    for page in (f"{answer} {other}", f"{other} {answer}"):
        assert ask(question, page, BREAD).quotes[0].text == answer


def test_names_of_a_question() -> None:
    text = "Who of the crew sailed the Selma to Bergen?"
    assert names_of(Question.of(text, frequencies(BREAD))) == {"selma", "bergen"}


def test_a_year_that_no_quoted_document_has_is_refused() -> None:
    """The words of such a question may stand there all the same."""
    page = "Tickets to the World Cup are gifts. Ada Quill won the cup of the office in 1997 and again later."
    assert not ask("Who won the cup of the office in 1997?", page, BREAD).refused
    assert ask("Who won the cup of the office in 1998?", page, BREAD).confidence < -5


def test_a_name_that_no_quote_stands_near_is_doubted() -> None:
    page = "The harbour office of Larnmouth opens at seven and closes at six in the evening on all days."
    there, name, word = (
        ask(f"When does the harbour office of {place} open?", page, BREAD).confidence
        for place in ("Larnmouth", "Trondheim", "trondheim")
    )
    assert there > word > name + 1
