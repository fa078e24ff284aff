"""Words that no passage holds are taken for those that begin alike."""

import pytest

from docchat.documents.beginnings import beginnings, words
from docchat.documents.scope import Scope

from .conftest import House


def test_the_longest_beginnings_come_first_down_to_half() -> None:
    assert list(beginnings("harbours")) == ["harbours", "harbour", "harbou", "harbo", "harb"]
    assert list(beginnings("fort")) == ["fort"]
    assert list(beginnings("abc")) == list(beginnings("fy2026")) == list(beginnings("数据")) == []


def test_the_commonest_words_that_begin_so() -> None:
    found = words(["bahnhof bahn .bahnen zug", "bahn und zugbahn"], "bahn")
    assert found == ("bahn", "bahnhof")
    assert len(words([" ".join(f"bahn{n}" for n in range(50))], "bahn")) < 50


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (
            "Nur noch zwei touristische Züge fahren auf den Schmalspurschienen im Gebirge.",
            "Wo liegen Schmalspurbahnen?",
        ),
        ("The papers were handed over for archival treatment.", "Who is the archivist?"),
        ("Τα βιβλία λείπουν.", "Πού βρίσκεται το βιβλίο;"),  # noqa: RUF001
    ],
)
def test_a_word_is_found_by_its_beginning(house: House, text: str, question: str) -> None:
    house.add("it.txt", text.encode())
    house.add("other.txt", b"Nothing of the kind is told here, but something about a restaurant.")
    house.add("theirs.txt", text.encode(), owner="bob")
    found = house.index.search(scope=Scope("ada"), question=question)
    assert [hit.chunk.document_name for hit in found][:1] == ["it.txt"]
    assert "theirs.txt" not in [hit.chunk.document_name for hit in found]


def test_a_word_itself_is_worth_more_than_one_that_begins_like_it(house: House) -> None:
    house.add("a.txt", b"The harbourside is far from the market.")
    house.add("b.txt", b"The market is old.")
    house.add("c.txt", b"The harbourside was closed.")
    found = house.index.search(scope=Scope("ada"), question="harbourmaster market")
    assert found[0].chunk.document_name == "a.txt"
    house.add("d.txt", b"The harbourmaster lives there.")
    assert house.index.search(scope=Scope("ada"), question="harbourmaster")[0].chunk.document_name == "d.txt"
    assert len(house.index.search(scope=Scope("ada"), question="harbourmaster")) == 1


def test_what_begins_a_word_is_no_query_language(house: House) -> None:
    house.add("a.txt", b"plain text of a harbour")
    for question in ('harbour"x', "harb'our:*", "harbour\\:*", "zzzz\x00zzzz", "über:*|xxxx"):
        house.index.search(scope=Scope("ada"), question=question)


def test_the_words_of_others_decide_nothing(house: House) -> None:
    house.add("a.txt", "Züge fahren auf den Schmalspurschienen.".encode())
    house.add("b.txt", b"Der Schmalspurbahnhof ist alt, und die Schmalspurbahner auch.", owner="bob")
    found = house.index.search(scope=Scope("ada"), question="Schmalspurbahnen")
    assert [hit.chunk.document_name for hit in found] == ["a.txt"]
