"""Texts of one thing repeated, which pattern and loops that take the square of a length would sit on for minutes."""

import time

import pytest

from docchat.answers.grounding.cite import Marker
from docchat.answers.quotes.cues import Wanted, extreme, offers, script, wanted
from docchat.answers.quotes.units import units_of

LENGTH = 20_000
SECONDS = 1.0
SORTS = (Wanted.NUMBER, Wanted.DATE, Wanted.NAME, Wanted.ADDRESS)


@pytest.mark.parametrize(
    "repeated", ["-", "- ", ".", "...”", "a", "a-", "a.", "1,", "1 ", "@", "+", "=", " ", "people ", "["]
)
@pytest.mark.parametrize(("before", "after"), [("", "x"), ("42 ", " x")])
def test_a_long_run_costs_little(repeated: str, before: str, after: str) -> None:
    text = before + repeated * (LENGTH // len(repeated)) + after
    marker = Marker(())
    begun = time.process_time()
    units_of(text)
    assert time.process_time() - begun < SECONDS, "units"
    for sort in SORTS:
        begun = time.process_time()
        offers(text, sort, "how many people are there?")
        offers("42 people", sort, text)
        assert time.process_time() - begun < SECONDS, sort
    begun = time.process_time()
    wanted(text)
    script(text)
    extreme(f"the most {text}")
    marker.feed(text)
    marker.finish()
    assert time.process_time() - begun < SECONDS, "the rest"


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("There are 42 people.", 1.0),
        ("There are 1,250.5 very kind old people.", 1.0),
        ("twenty-five non-peoples", 1.0),
        ("peoples: about 42", 1.0),
        ("people 42", 1.0),
        ("42 kind and old and fine people", 1.0),
        ("42 very kind and old and fine people", 0.5),
        ("people who were there in 42", 0.5),
        ("people", 0.0),
    ],
)
def test_a_number_beside_the_thing_that_is_counted(text: str, worth: float) -> None:
    assert offers(text, Wanted.NUMBER, "How many people are there?") == worth


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("write to -.a+b@x-y.org", 1.0),
        ("see docchat.org", 1.0),
        ("see -a-b.com now", 1.0),
        ("see docchat.xyz", 0.0),
        ("a@b", 0.0),
    ],
)
def test_addresses(text: str, worth: float) -> None:
    assert offers(text, Wanted.ADDRESS, "What is the address?") == worth
