"""Marks in a model's text become citations, however the text is cut into pieces."""

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from docchat.answers.grounding.cite import Marker, best_quote
from docchat.answers.passages import Passage
from docchat.answers.quotes.units import units_of
from docchat.types import Chunk, Citation

PAGE = "Bees dance to tell where flowers are. A hive has one queen.\n\nThe queen lays two thousand eggs a day."


def passage(number: int, text: str = PAGE) -> Passage:
    chunk = Chunk(number, UUID(int=number), f"{number}.txt", 1, "", 0, len(text), text)
    return Passage(number, chunk, text, units_of(text), 1.0)


PASSAGES = [passage(1), passage(2, "Honey never spoils. It was found in tombs.")]


def read(pieces: list[str]) -> tuple[str, list[tuple[int, Citation]]]:
    """The whole text, and each citation with the length of the text before it."""
    marker = Marker(PASSAGES)
    text = ""
    citations: list[tuple[int, Citation]] = []
    for segments in [*map(marker.feed, pieces), marker.finish()]:
        for segment in segments:
            if isinstance(segment, Citation):
                citations.append((len(text), segment))
            else:
                text += segment
    return text, citations


def test_a_mark_cites_the_sentence_that_fits() -> None:
    text, citations = read(["A queen lays 2,000 eggs each day [1]. Honey keeps [2]."])
    assert text == "A queen lays 2,000 eggs each day [1]. Honey keeps [2]."
    assert [(at, citation.number, citation.quote) for at, citation in citations] == [
        (36, 1, "The queen lays two thousand eggs a day."),
        (53, 2, "Honey never spoils."),
    ]
    first = citations[0][1]
    assert PAGE[first.start : first.end] == first.quote


def test_marks_without_a_passage_are_dropped() -> None:
    assert read(["Bees dance [3]. Hives have a queen [1, 7] each [99]."])[0] == (
        "Bees dance. [1] Hives have a queen [1] each."
    )


def test_other_ways_to_write_a_mark() -> None:
    said = "Bees dance, a hive has a queen[1], honey never spoils [2,1], flowers are told by bees 【1†source】."
    assert read([said])[0] == "Bees dance, a hive has a queen[1], honey never spoils [2], flowers are told by bees [1]."


def test_each_passage_is_cited_once() -> None:
    assert [citation.number for _, citation in read(["Bees [1] and bees [1] and honey [2] [1]."])[1]] == [1, 2]


def test_brackets_that_are_no_marks_stay() -> None:
    for text in ("- [ ] to do", "[x](y)", "a[i] = b", "【】", "open [1", "[1, two]", "x [ , ] y"):
        assert read([text])[0] == text


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["[1]", "[2, 1]", "[9]", " ", "[", "]", "1", "12", ",", "Bees. ", "【2†a】", "【", "\n", "x"])
    ),
    st.data(),
)
def test_pieces_do_not_matter(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert read(pieces) == read([text])


@given(st.text())
def test_every_quote_is_cut_from_its_page(claim: str) -> None:
    for one in PASSAGES:
        found = best_quote(one, claim)
        assert one.page_text[found.start : found.end] == found.quote != ""


@given(st.text(alphabet="[]0123456789 ,;a【】", max_size=60))
def test_the_text_holds_only_marks_that_exist(text: str) -> None:
    said, citations = read([text])
    cited = {citation.number for _, citation in citations}
    assert cited <= {1, 2}
    assert all(f"[{number}]" in said for number in cited)


def doubts(text: str) -> list[tuple[str, str]]:
    """What the text said doubts, with the kind of each doubt."""
    marker = Marker(PASSAGES)
    said = "".join(segment for segment in [*marker.feed(text), *marker.finish()] if isinstance(segment, str))
    return [(said[doubt.start : doubt.end], doubt.kind) for doubt in marker.doubts]


def test_a_wrong_mark_goes_where_it_belongs_or_away() -> None:
    assert read(["Honey never spoils [1]."])[0] == "Honey never spoils [2]."
    assert read(["Ferries sail to Norway daily [1]."])[0] == "Ferries sail to Norway daily."
    assert doubts("Ferries sail to Norway daily [1].") == [("Ferries sail to Norway daily.", "unsupported")]


def test_a_sentence_without_a_mark_gets_one_or_is_doubted() -> None:
    text = "Honey never spoils. Ferries sail to Norway."
    assert read([text])[0] == "Honey never spoils. [2] Ferries sail to Norway."
    assert doubts(text) == [("Ferries sail to Norway.", "unsupported")]


def test_a_mark_of_our_own_needs_the_words_in_their_order_and_every_name() -> None:
    """The same words put together otherwise say something else."""
    page = "The town of Orvik was the seat of the Duchy of Lund until 1796, when it was taken by the King of Halm."
    right = "Orvik was the seat of the Duchy of Lund until 1796."
    wrong = "The Duchy of Lund was taken by the King of Orvik in 1796."
    other = "Tarn was the seat of the Duchy of Lund until 1796."
    for text, marks in ((right, " [1]"), (wrong, ""), (other, "")):
        marker = Marker([passage(1, page)])
        said = "".join(part for part in [*marker.feed(text), *marker.finish()] if isinstance(part, str))
        assert said == text + marks
        assert bool(marker.doubts) == (not marks)


def test_a_number_that_no_cited_passage_has_is_flagged() -> None:
    text = "Each day the one queen of a hive lays 3,000 eggs [1]."
    assert doubts(text) == [("3,000", "number")]


def test_what_claims_nothing_is_not_doubted() -> None:
    assert doubts("# Bees\n\nHere is what I found:\n\n1. Bees dance [1].\n\nLet me know if you need more!") == []


def test_a_mark_before_its_claim_waits_for_the_end_of_the_sentence() -> None:
    assert read(["[2] Honey never spoils.\nMore"])[0] == "Honey never spoils. [2]\nMore"


def test_code_and_tables_stay_as_they_are() -> None:
    for text in ("```\nx[1] = 2\n```\n", "| honey | never spoils |\n"):
        assert read([text])[0] == text


def test_nothing_is_held_back_but_what_may_be_a_mark() -> None:
    marker = Marker(PASSAGES)
    assert "".join(map(str, marker.feed("Ferries sail to Nor"))) == "Ferries sail to Nor"
    assert "".join(map(str, marker.feed("way ["))) == "way"
