"""The ranking shared by both engines."""

from uuid import uuid4

from docchat.documents.rank import Candidate, rank, weights
from docchat.documents.terms import terms
from docchat.types import Chunk


def _candidate(number: int, body: str, *, title: str = "", label: str = "", heads: str = "") -> Candidate:
    chunk = Chunk(number, uuid4(), title, 1, label, 0, len(body), body)
    return Candidate(chunk, terms(body), terms(title), terms(label), terms(heads))


def _order(question: str, *candidates: Candidate) -> list[int]:
    asked = terms(question)
    frequencies = {term: sum(term in {*c.body, *c.title, *c.label, *c.heads} for c in candidates) for term in asked}
    telling = weights(asked, total=100, frequencies=frequencies)
    return [hit.chunk.id for hit in rank(asked, candidates, telling=telling, limit=10)]


def test_more_and_rarer_words_win() -> None:
    assert _order(
        "harbour office hours",
        _candidate(1, "the office is open"),
        _candidate(2, "harbour office hours are posted"),
        _candidate(3, "an office and an office"),
    )[0] == 2  # fmt: skip


def test_title_heading_and_column_heads_count() -> None:
    for place in ("title", "label", "heads"):
        order = _order(
            "harbour fee", _candidate(1, "the fee is 3"), _candidate(2, "the fee is 3", **{place: "harbour"})
        )
        assert order == [2, 1], place


def test_words_side_by_side_beat_words_apart() -> None:
    apart = "probable " + "filler " * 20 + "cause " + "filler " * 5
    near = "probable cause " + "filler " * 25
    assert _order("probable cause", _candidate(1, apart), _candidate(2, near)) == [2, 1]


def test_nothing_fits_nothing() -> None:
    assert _order("quince", _candidate(1, "harbour office")) == []
