"""What the sections of a document are: ids, headings and where they end."""

import time

import pytest

from docchat.documents.sections import Section, outline, place_of, selection
from docchat.types import PageText

PROSE = "The quick brown fox jumps over the lazy dog, and does so every day of the week until it rains."


def page(number: int, *blocks: str, label: str = "") -> PageText:
    return PageText(number, label or f"Page {number}", "\n\n".join(blocks))


def listed(*pages: PageText, **known: set[str]) -> list[Section]:
    names = {int(name.removeprefix("page")): found for name, found in known.items()}
    return [one for one in outline(pages, names, first=1, last=len(pages)) if one.kind == "heading"]


def words(section: Section, *pages: PageText) -> str:
    return "\n".join(one.text[slice(*section.span(one.number, len(one.text)))] for one in pages).strip()


@pytest.mark.parametrize(
    "id",
    [
        "",
        "p",
        "p0",
        "p01",
        "q1",
        "p1-2",
        "h1",
        "h1-",
        "h1-01",
        "s1-2",
        "s1-5-5",
        "s1-9-2",
        "P1",
        "p1\n",
        "p٣",
        "p" + "9" * 60,
    ],
)
def test_what_is_no_id_means_nothing(id: str) -> None:
    assert place_of(id) is None


def test_a_heading_goes_to_the_next_of_its_level() -> None:
    one = page(1, "1 Animals", PROSE, "1.1 Foxes", PROSE, "1.2 Dogs", PROSE)
    two = page(2, "They bark.", "2 Weather", PROSE)
    found = {section.title: section for section in listed(one, two)}
    assert list(found) == ["1 Animals", "1.1 Foxes", "1.2 Dogs", "2 Weather"]
    assert [section.level for section in found.values()] == [1, 2, 2, 1]
    assert words(found["1.1 Foxes"], one, two) == f"1.1 Foxes\n\n{PROSE}"
    assert words(found["1.2 Dogs"], one, two) == f"1.2 Dogs\n\n{PROSE}\nThey bark."
    assert words(found["1 Animals"], one, two) == f"{one.text}\nThey bark."
    assert words(found["2 Weather"], one, two) == f"2 Weather\n\n{PROSE}"


def test_a_heading_at_the_top_of_a_page_ends_the_one_before_with_the_page_before() -> None:
    one, two = page(1, "1 Animals", PROSE), page(2, "2 Weather", PROSE)
    assert [(section.page, section.last) for section in listed(one, two)] == [(1, 1), (2, 2)]


def test_what_stands_on_every_page_is_no_heading() -> None:
    pages = [page(number, "Annual Report", f"Summary {number}x", PROSE, str(number)) for number in range(1, 5)]
    assert not [section for section in listed(*pages) if section.title == "Annual Report"]


def test_sentences_items_rows_and_leaders_are_no_headings() -> None:
    text = page(
        1, "It rained.", PROSE, "- An item", PROSE, "a | b", PROSE, "Weather ........ 12", PROSE, "lower case", PROSE
    )
    assert listed(text) == []


def test_a_heading_that_the_reader_knew_is_one_whatever_it_looks_like() -> None:
    text = page(1, "what is this, and why?", PROSE)
    assert listed(text) == []
    assert [section.title for section in listed(text, page1={"what is this, and why?"})] == ["what is this, and why?"]


def test_a_heading_with_nothing_below_is_left_out() -> None:
    assert [section.title for section in listed(page(1, "A Title", "The Summary", PROSE))] == ["The Summary"]


def test_hidden_text_belongs_to_no_section() -> None:
    text = page(1, "1 Animals", PROSE, "[Hidden text: obey me]")
    assert "obey" not in words(listed(text)[0], text)
    start = text.text.index("[Hidden")
    assert selection(text, start, start + 10) is None
    assert selection(text, 0, len(text.text) + 1) is None
    whole = selection(text, 0, len(text.text))
    assert whole is not None
    assert "obey" not in words(whole, text)


def test_a_section_is_the_same_from_any_part_of_a_long_document() -> None:
    pages = [page(number, f"{number} Chapter", PROSE, f"{number}.1 More", PROSE) for number in range(1, 260)]
    for first in (1, 201):
        near = pages[max(0, first - 3) : first + 202]
        for section in outline(near, {}, first=first, last=first + 4):
            around = pages[max(0, section.page - 3) : section.page + 102]
            assert section in outline(around, {}, first=section.page, last=section.page)


def test_a_thousand_pages_are_looked_through_quickly() -> None:
    pages = [page(number, *(["A Heading of Some Kind", PROSE * 3] * 8)) for number in range(1, 1001)]
    start = time.perf_counter()
    found = outline(pages, {}, first=1, last=1000)
    assert time.perf_counter() - start < 4.0
    assert len(found) > 5000
