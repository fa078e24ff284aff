"""Follow-ups made to stand alone by a model: what is taken of it, what is not, and that nobody waits for it."""

import time

import pytest

from docchat.answers.models.openai import OpenAIModel
from docchat.answers.models.rewrite import stand_alone, usable
from docchat.types import Message, Role, utc_now

from ..conftest import House, PlayedModel

TOLD = ["How heavy are loads that the harbour crane lifts?", "The crane lifts forty-two tons [1]."]


def messages(*texts: str) -> list[Message]:
    roles: tuple[Role, Role] = ("user", "assistant")
    return [Message(roles[n % 2], text, id=n, created_at=utc_now()) for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("What does the harbour crane cost?", "What does the harbour crane cost?"),
        ('Question: "What does the harbour crane cost?"\n\nThe crane', "What does the harbour crane cost?"),
        ("what does it cost?", ""),  # the same
        ("The harbour crane costs nothing.", ""),  # an answer
        ("What does the Eiffel tower in Paris, France cost tourists?", ""),  # about something nobody spoke of
        ("What do loads of the harbour lift?", ""),  # another question
        ("", ""),
        ("What does it cost " + "the harbour crane " * 40 + "?", ""),
    ],
)
def test_only_the_same_question_in_other_words_is_taken(said: str, taken: str) -> None:
    assert usable(said, "What does it cost?", TOLD) == taken


def test_a_first_question_needs_no_model(played_model: PlayedModel) -> None:
    model = OpenAIModel(url=played_model.url, name="mine")
    assert stand_alone(model, "What does it cost?", []) == ""
    assert played_model.requests == []


def test_a_model_that_is_slow_or_away_changes_nothing(played_model: PlayedModel) -> None:
    played_model.silent = True
    model = OpenAIModel(url=played_model.url, name="mine")
    begun = time.monotonic()
    assert stand_alone(model, "What does it cost?", messages(*TOLD), seconds=0.2) == ""
    assert time.monotonic() - begun < 1
    played_model.silent, played_model.status = False, 500
    assert stand_alone(model, "What does it cost?", messages(*TOLD)) == ""


def test_the_rewrite_is_looked_for_and_stored(make_house, played_model: PlayedModel) -> None:  # type: ignore[no-untyped-def]
    house: House = make_house(model_url=played_model.url)
    house.upload("crane.txt", "The harbour crane lifts forty-two tons.\n")
    house.upload("price.txt", "Prices: the harbour crane was bought for nine million.\n")
    session = house.chat()
    house.ask("How heavy are loads that the harbour crane lifts?", session)
    played_model.pieces = ["What was the harbour crane bought for?"]
    done = house.ask("And what was it bought for?", session)[-1]
    assert done.message is not None
    assert done.message.understood == "What was the harbour crane bought for?"
    house.services.clearing.clear_memory(owner="ann", session_id=session)
    played_model.requests.clear()
    done = house.ask("And what was it bought for?", session)[-1]
    assert done.message is not None
    assert done.message.understood == ""
    assert "forty-two" not in str(played_model.requests[0]["messages"])
