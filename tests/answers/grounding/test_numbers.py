"""Numbers, whatever way they are written."""

import pytest

from docchat.answers.grounding.numbers import numbers_of, values_of


@pytest.mark.parametrize(
    "forms",
    [
        ("1,000", "1.000", "1000", "1 000", "1\u202f000", "1 thousand", "one thousand", "1k"),
        ("3.5 million", "3,5 Millionen", "3,500,000", "3500000", "3.5m"),
        ("50%", "50 percent", "fifty per cent", "50 Prozent"),
        ("20万", "200,000", "200 thousand", "two hundred thousand"),
        ("forty-two", "42", "\u0664\u0662"),
        ("18:40", "6:40 pm", "6:40 p.m."),
        ("2020-05-17", "17.5.2020", "17/05/2020"),
    ],
)
def test_forms_of_the_same_number(forms: tuple[str, ...]) -> None:
    for said in forms:
        for stands in forms:
            if said.startswith("18"):
                continue
            known = values_of(f"It was {stands} there.")
            assert all(number.among(known) for number in numbers_of(f"so {said} it is")), (said, stands)


@pytest.mark.parametrize(
    ("said", "stands"), [("1,000", "10,000"), ("3.5", "35"), ("2019", "2020"), ("7", "17"), ("5 million", "5")]
)
def test_other_numbers_stay_other_numbers(said: str, stands: str) -> None:
    assert not any(number.among(values_of(stands)) for number in numbers_of(said))


def test_about_so_many() -> None:
    known = values_of("1,204 people")
    assert all(number.among(known) for number in numbers_of("about 1,200 people"))
    assert not any(number.among(known) for number in numbers_of("1,200 people"))


def test_small_counts_in_words_are_told_apart() -> None:
    assert [number.counted for number in numbers_of("three of 3, eleven")] == [True, False, False]


def test_places_are_those_of_the_text() -> None:
    text = "from 1,000 to forty-two."
    assert [text[number.start : number.end] for number in numbers_of(text)] == ["1,000", "forty-two"]
