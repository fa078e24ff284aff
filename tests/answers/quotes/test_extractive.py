"""Quotes: the sentence that answers comes first, numbers in tables are understood, absent subjects refused."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docchat.answers.passages import Passage
from docchat.answers.quotes.cues import Script, Wanted, extreme, offers, script, wanted
from docchat.answers.quotes.extractive import Extract, extract
from docchat.answers.quotes.units import units_of
from docchat.documents.terms import terms
from docchat.types import Chunk

MUSEUM = """The museum of ships stands at the old quay. It was opened in 1921 by the pilot Henry Moss.

Tickets cost 12 dollars. Children under six pay nothing. The museum holds 340 model ships and one steam engine.

It is not allowed to:

- Touch the model ships
- Photograph visitors without their consent"""
TABLE = """Vessel | Year | Length
Aurora | 1890 | 61.5
Bella | 1921 | 48
Corvus | 1875 | 102.3
Dora | 1903 | 33"""
OTHER = "Bread is baked in a hot oven. Flour, water and salt are mixed and left to rest for one night."


def passages(*pages: str) -> list[Passage]:
    found = []
    for number, text in enumerate(pages, 1):
        chunk = Chunk(number, UUID(int=number), f"page-{number}.txt", 1, "", 0, len(text), text)
        found.append(Passage(number, chunk, text, units_of(text), 1.0 / number))
    return found


def frequencies(*pages: str) -> tuple[int, Mapping[str, int]]:
    """As if each page had ten passages of other words beside it."""
    counts: dict[str, int] = {}
    for page in pages:
        for term in set(terms(page)):
            counts[term] = counts.get(term, 0) + 1
    return len(pages) * 11, counts


def ask(question: str, *pages: str) -> Extract:
    pages = pages or (MUSEUM, OTHER)
    return extract(question, passages(*pages), frequencies(*pages))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When was the museum of ships opened?", "It was opened in 1921 by the pilot Henry Moss."),
        ("Who opened the museum?", "It was opened in 1921 by the pilot Henry Moss."),
        ("How much do tickets cost?", "Tickets cost 12 dollars."),
        ("How many model ships does the museum hold?", "The museum holds 340 model ships and one steam engine."),
        ("May visitors be photographed without consent?", "Photograph visitors without their consent"),
    ],
)
def test_the_sentence_that_answers_is_first(question: str, answer: str) -> None:
    found = ask(question)
    assert not found.refused
    # What it leans on may stand before it.
    assert found.quotes[0].text.endswith(answer)
    assert MUSEUM[found.quotes[0].start : found.quotes[0].end] == found.quotes[0].text


def test_an_item_is_quoted_with_what_opens_its_list() -> None:
    assert ask("May visitors be photographed without consent?").quotes[0].lead == "It is not allowed to:"


def test_a_row_is_quoted_with_its_heads() -> None:
    quote = ask("What length has the vessel Bella?", TABLE, OTHER).quotes[0]
    assert (quote.lead, quote.text) == ("Vessel | Year | Length", "Bella | 1921 | 48")


@pytest.mark.parametrize(
    ("question", "row"),
    [
        ("Which vessel has the greatest length?", "Corvus | 1875 | 102.3"),
        ("Which is the longest vessel?", "Corvus | 1875 | 102.3"),
        ("Which is the shortest vessel?", "Dora | 1903 | 33"),
    ],
)
def test_the_most_and_the_least_of_a_table(question: str, row: str) -> None:
    assert ask(question, TABLE, OTHER).quotes[0].text == row


@pytest.mark.parametrize(
    "question",
    ["What is the salary of the archbishop of Canterbury?", "Who won the football cup of Brazil?", "", "the of and"],
)
def test_absent_subjects_are_refused(question: str) -> None:
    found = ask(question)
    assert found.refused
    assert found.quotes == ()


def test_at_most_three_and_never_the_same_twice() -> None:
    page = "\n\n".join(f"The crane number {number} lifts {number * 10} tons." for number in range(1, 9))
    found = ask("How many tons does a crane lift?", page, page + "\n\nMore.")
    places = [(quote.number, quote.start) for quote in found.quotes]
    assert 1 <= len(places) == len(set(places)) <= 3


@given(st.text(max_size=80), st.lists(st.text(max_size=400), max_size=4))
def test_whatever_is_asked_quotes_are_exact(question: str, pages: Sequence[str]) -> None:
    found = extract(question, passages(*pages), frequencies(*pages))
    assert found.refused == (not found.quotes)
    for quote in found.quotes:
        assert " ".join(pages[quote.number - 1][quote.start : quote.end].split()) == quote.text


@pytest.mark.parametrize(
    ("question", "sort"),
    [
        ("How many ships?", Wanted.NUMBER),
        ("What is the total amount?", Wanted.NUMBER),
        ("In which year was it?", Wanted.DATE),
        ("When?", Wanted.DATE),
        ("Whose ship is it?", Wanted.NAME),
        ("To which e-mail address?", Wanted.ADDRESS),
        ("Is it allowed?", Wanted.YES_NO),
        ("What does it do?", Wanted.ANY),
    ],
)
def test_what_a_question_asks_for(question: str, sort: Wanted) -> None:
    assert wanted(question) is sort


def test_what_a_text_offers() -> None:
    assert offers("There are 340 ships.", Wanted.NUMBER, "How many ships?") == 1.0
    assert 0 < offers("Since 1921 there are ships.", Wanted.NUMBER, "How many engines are there?") < 1
    assert offers("It was opened in 1921.", Wanted.DATE, "What happened when, in 1921?") == 0.0
    assert offers("Dogs may not come in.", Wanted.YES_NO, "May dogs come in?") > 0
    assert offers("Dogs came in.", Wanted.YES_NO, "May dogs come in?") == 0.0
    assert offers("Write to a@example.org.", Wanted.ADDRESS, "Which e-mail address?") == 1.0


def test_superlatives() -> None:
    most, least = extreme("Which has the most words?"), extreme("the shortest address")
    assert most is not None
    assert most.greatest
    assert most.words == ("words",)
    assert least is not None
    assert not least.greatest
    assert extreme("Which has words?") is None


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How long is it?", Script.ENGLISH),
        ("probable cause Wausau", Script.ENGLISH),
        ("Wann wurde das alte Museum in Hamburg gebaut?", Script.OTHER),
        ("¿Quién pagó?", Script.OTHER),
        ("谁建造了灯塔?", Script.UNSPACED),
    ],
)
def test_kinds_of_writing(question: str, kind: Script) -> None:
    assert script(question) is kind


def test_other_languages_are_answered() -> None:
    german = "Der Leuchtturm am alten Hafen wurde 1873 von Maria Fischer gebaut. Er brennt nicht mehr."
    chinese = "灯塔建于1873年。它由玛丽建造。"
    bread = "Brot wird in einem Ofen gebacken."
    assert ask("Wann wurde der Leuchtturm am Hafen gebaut?", german, bread).quotes[0].start == 0
    assert ask("灯塔建于哪一年?", chinese, bread).quotes[0].text == "灯塔建于1873年。"
    assert ask("Welche Sprache spricht der Papst in Rom?", german, bread).refused


def test_running_heads_and_page_numbers_are_no_quotes() -> None:
    """What stands on every page answers nothing, even where the question names it."""
    said = [
        "The museum of ships was opened in 1921.",
        "Guides speak four languages.",
        "Bread is baked in a hot oven.",
    ]
    pages = [f"Museum of Ships\n\n{text}\n\nAnnual Report\n\nPage {number} of 3" for number, text in enumerate(said, 1)]
    found = ask("Where are the museum's ships?", *pages)
    assert [quote.text for quote in found.quotes] == said[:1]
