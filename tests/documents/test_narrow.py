"""Which passages of a large library are ranked: few, and the best among them, on both engines."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection

from docchat.documents import narrow, sql_index, sql_index_postgres, sql_index_sqlite
from docchat.documents.narrow import clauses
from docchat.documents.scope import Scope
from docchat.documents.sql_access import Reach

from .conftest import House


def _clauses(frequencies: dict[str, int], total: int, worth: int) -> tuple[narrow.Clause, ...]:
    telling = {term: float(total - count) for term, count in sorted(frequencies.items(), key=lambda item: item[1])}
    forms = {term: (term,) for term in frequencies}
    return clauses(telling, forms, total=total, frequencies=frequencies, worth=worth)


def test_rare_words_stand_alone_and_common_ones_together() -> None:
    found = _clauses({"rare": 10, "half": 500, "many": 600}, total=10_000, worth=100)
    assert found == ((("rare",),), (("half",), ("many",)))


def test_pairs_of_one_word_are_one_clause() -> None:
    found = _clauses({"a": 300, "b": 310, "c": 320}, total=10_000, worth=100)
    assert found == ((("a",), ("b", "c")), (("b",), ("c",)))


def test_all_words_of_a_small_library_count() -> None:
    assert _clauses({"a": 10, "b": 40}, total=60, worth=100) == ((("a",),), (("b",),))


def test_a_common_word_alone_still_finds_something() -> None:
    assert _clauses({"a": 5000}, total=10_000, worth=100) == ((("a",),),)
    assert _clauses({"a": 9000, "b": 9500}, total=10_000, worth=100) == ((("a",), ("b",)),)


def test_the_forms_of_a_word_are_one() -> None:
    counts = {"haus": 3, ".haus": 4, ".hausern": 0}
    found = clauses({"haus": 2.0}, {"haus": tuple(counts)}, total=100, frequencies=counts, worth=50)
    assert found == ((("haus", ".haus"),),)


@pytest.fixture
def crowded(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A library that is large beside what is looked at."""
    monkeypatch.setattr(narrow, "WORTH", 12)
    monkeypatch.setattr(narrow.clauses, "__kwdefaults__", {"worth": 12})
    for engine in (sql_index_sqlite, sql_index_postgres):
        monkeypatch.setattr(engine, "CAP", 8)
        monkeypatch.setattr(engine, "MOST", 48)
        monkeypatch.setattr(engine, "_LOOKED_AT", 200)
    filler = "\n\n".join(f"The harbour {n} is near the market. " + "It is windy there. " * 90 for n in range(60))
    house.add("harbours.txt", filler.encode())
    house.add("offices.txt", filler.replace("harbour", "office").encode())
    house.add("both.txt", b"The office of the harbour is closed.")
    house.add("rare.txt", b"A quince grows there.")
    house.add("others.txt", filler.replace("harbour", "harbour office quince").encode(), owner="bob")
    return house


def test_words_that_are_common_find_the_passage_that_has_both(crowded: House) -> None:
    found = crowded.index.search(scope=Scope("ada"), question="Where is the office of the harbour?")
    assert found[0].chunk.document_name == "both.txt"


def test_a_rare_word_among_common_ones_finds_its_passage(crowded: House) -> None:
    found = crowded.index.search(scope=Scope("ada"), question="Does a quince grow near the harbour market?")
    assert found[0].chunk.document_name == "rare.txt"


def test_common_words_are_counted_about_and_among_ones_own(crowded: House) -> None:
    total, counts = crowded.index.frequencies(scope=Scope("ada"), terms=["harbour", "market", "quinc"])
    assert total == 362
    assert counts["quinc"] == 1
    assert 61 / 2 <= counts["harbour"] <= 61 * 2
    assert 120 / 2 <= counts["market"] <= 120 * 2


def test_common_words_are_counted_once_in_a_while_and_for_each_by_themselves(
    crowded: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = sql_index_sqlite.Engine if crowded.database.is_sqlite else sql_index_postgres.Engine
    monkeypatch.setattr(sql_index, "_MANY", 1)
    monkeypatch.setattr(narrow, "CAP", 8)
    counted: list[str] = []
    count = engine.counts

    def spy(self: Any, connection: Connection, within: Reach, asked: Sequence[str], **how: bool) -> dict[str, int]:
        counted.extend(asked)
        return count(self, connection, within, asked, **how)

    monkeypatch.setattr(engine, "counts", spy)

    def asked(question: str, owner: str = "ada") -> tuple[list[str], set[str]]:
        counted.clear()
        found = crowded.index.search(scope=Scope(owner), question=question)
        return [hit.chunk.document_name for hit in found], {"harbour", "quinc"}.intersection(counted)

    first, looked_up = asked("harbour quince")
    assert looked_up == {"harbour", "quinc"}
    again, looked_up = asked("harbour quince")
    assert (again, looked_up) == (first, {"quinc"}), "rare words are counted exactly, each time"
    others, looked_up = asked("harbour quince", "bob")
    assert (set(others), looked_up) == ({"others.txt"}, {"harbour", "quinc"})
    assert asked("quince", "bob")[1] == set(), "common among bob's, rare among ada's"


def test_windows_lie_evenly_and_cover_a_small_library() -> None:
    assert narrow.windows(1, 100, 400, number=4) == ([(1, 25), (26, 50), (51, 75), (76, 100)], 1.0)
    spans, factor = narrow.windows(1001, 2000, 40, number=4)
    assert factor == 25.0
    assert [end - start + 1 for start, end in spans] == [10] * 4
    assert spans[0][0] > 1001
    assert spans[-1][1] < 2000


def test_a_name_that_stands_in_no_text_finds_its_document(house: House) -> None:
    house.add("aaa.txt", b"Opening hours are from 09:00 to 12:00.")
    house.add("larnmouth.txt", b"Opening hours are from 07:15 to 18:40.")
    for question in ("opening hours at Larnmouth", "Larnmouth"):
        found = house.index.search(scope=Scope("ada"), question=question)
        assert found[0].chunk.document_name == "larnmouth.txt"
