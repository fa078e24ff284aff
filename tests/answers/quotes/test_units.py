"""A page cut into what can be quoted: sentences, rows under their heads, items under their lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docchat.answers.quotes.lines import cells_of
from docchat.answers.quotes.units import Unit, tidy, units_of


def said(text: str) -> list[str]:
    return [unit.text for unit in units_of(text)]


def find(text: str, words: str) -> Unit:
    return next(unit for unit in units_of(text) if words in unit.text)


@given(st.text(alphabet=st.sampled_from("aB1.!?:;|-•\t\n ,“”'。🙂é"), max_size=400))
def test_units_are_in_order_and_exact(text: str) -> None:
    end = 0
    for unit in units_of(text):
        assert end <= unit.start < unit.end <= len(text)
        assert unit.text == tidy(text[unit.start : unit.end]) != ""
        end = unit.end


@given(st.text(max_size=300), st.integers(0, 300), st.integers(0, 300))
def test_a_part_has_the_offsets_of_the_page(text: str, one: int, other: int) -> None:
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    for unit in units_of(text, start, end):
        assert start <= unit.start < unit.end <= end
        assert unit.text == tidy(text[unit.start : unit.end])


def test_sentences_over_wrapped_lines() -> None:
    text = (
        "The first sentence of this paragraph runs over the end of the line and\n"
        "goes on here. Dr. A. B. Smith of St. Louis paid $3.50 on Jan. 5, e.g. for\n"
        "bread. Was it much? It was."
    )
    assert said(text) == [
        "The first sentence of this paragraph runs over the end of the line and goes on here.",
        "Dr. A. B. Smith of St. Louis paid $3.50 on Jan. 5, e.g. for bread.",
        "Was it much?",
        "It was.",
    ]


def test_sentences_without_blanks() -> None:
    assert said("我们喜欢茶。你呢\uff1f好\uff01") == ["我们喜欢茶。", "你呢\uff1f", "好\uff01"]


def test_rows_have_the_heads_of_their_columns() -> None:
    text = "Year | Name | Words\n1790 | Washington | 1401\n1797 | Adams | 2057\n\nA | B\n1 | 2"
    assert find(text, "Adams").lead == "Year | Name | Words"
    assert find(text, "1 | 2").lead == "A | B"
    assert find(text, "Year").lead == ""


def test_a_form_has_no_heads() -> None:
    assert find("Age: 61 | Sex: male\nSeats: 4 | Engines: 1", "Seats").lead == ""


def test_items_have_the_sentence_that_opens_them() -> None:
    text = "Rules\n\nThese things are not allowed:\n\n- Smoking indoors\n- Dogs\n\nMore text follows here."
    assert find(text, "Dogs").lead == "These things are not allowed:"
    assert find(text, "Dogs").heading == "Rules"
    assert find(text, "More text").lead == ""


def test_items_without_marks() -> None:
    text = "Please bring:\n\nA hat\nWarm socks\nA lamp\n\nThe train leaves at nine."
    assert find(text, "Warm socks").lead == "Please bring:"
    assert find(text, "train").lead == ""


def test_headings_name_what_is_below() -> None:
    text = "Vision\nWork for everybody, all day.\n\nMission\nTo help."
    assert find(text, "everybody").heading == "Vision"
    assert find(text, "help").heading == "Mission"


def test_records_stay_whole() -> None:
    text = "\n\n".join(f"Row {n}:\n  City: Place {n}\n  Count: {n}" for n in range(1, 4))
    assert said(text)[1] == "Row 2: City: Place 2 Count: 2"


def test_the_head_of_a_mail_is_cut_at_lines() -> None:
    text = "From: Ann <ann@example.org>\nTo: Bob <bob@example.org>\nDate: Mon, 16 Nov 2026\n\nDear Bob, it rains."
    assert said(text)[1] == "To: Bob <bob@example.org>"


def test_nothing_is_endless() -> None:
    assert all(len(unit) <= 700 for unit in said("word and more " * 2000))


@pytest.mark.parametrize(
    ("line", "cells"),
    [("a | b", ("a", "b")), ("| a | b |", ("a", "b")), ("a\tb", ("a", "b")), ("a || b", ()), ("plain", ()), ("|", ())],
)
def test_cells(line: str, cells: tuple[str, ...]) -> None:
    assert cells_of(line) == cells
