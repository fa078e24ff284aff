"""The index contract on SQLite and PostgreSQL, and what lies in SQLite's file afterwards."""

import contextlib
import sqlite3

import pytest
from sqlalchemy import text

from docchat.answers.retrieve import find, retrieve
from docchat.documents import sql_index, sql_index_postgres, sql_index_sqlite
from docchat.documents.index import Told
from docchat.documents.scope import Scope
from docchat.documents.terms import terms
from docchat.types import new_id

from .conftest import House


def _found(house: House, question: str, owner: str = "ada") -> list[str]:
    return [hit.chunk.text for hit in house.index.search(scope=Scope(owner), question=question)]


def test_finds_best_first_and_only_ones_own(house: House) -> None:
    house.add("harbour.txt", b"The harbour office of Larnmouth opens at 07:15.")
    house.add("fees.txt", b"The fee for a berth in the harbour is 13,000 crowns.")
    house.add("theirs.txt", b"The harbour office of another owner opens at 03:00.", owner="bob")
    found = _found(house, "When does the harbour office open?")
    assert found[0].startswith("The harbour office of Larnmouth")
    assert len(found) == 2
    assert _found(house, "harbour", owner="carol") == []
    assert _found(house, "13000 crowns")[0].endswith("13,000 crowns.")
    assert _found(house, "") == _found(house, "what is the") == _found(house, "quince") == []


def test_frequencies_are_the_owners_own(house: House) -> None:
    house.add("a.txt", b"alpha beta")
    house.add("b.txt", b"alpha alpha")
    house.add("c.txt", b"alpha beta gamma", owner="bob")
    total, counts = house.index.frequencies(scope=Scope("ada"), terms=terms("alpha beta gamma"))
    assert (total, dict(counts)) == (2, {"alpha": 2, "beta": 1, "gamma": 0})
    assert house.index.frequencies(scope=Scope("nobody"), terms=["alpha"]) == (0, {"alpha": 0})


@pytest.mark.parametrize(
    "question",
    [
        '"quoted"',
        "a OR b AND",
        "NEAR(x, 3)",
        "owner:bob",
        "col*",
        "don't",
        "back\\slash",
        "x:y",
        "100% | & !",
        "'; --",
        "\x00",
    ],
)
def test_no_question_is_a_query_language(house: House, question: str) -> None:
    house.add("a.txt", b"plain text, quoted, slash, col x y bob owner 100")
    house.index.search(scope=Scope("ada"), question=question)


def test_scripts_without_blanks_are_found(house: House) -> None:
    house.add("zh.txt", "数据库管理系统可以保存大量的数据。".encode())
    house.add("th.txt", "ระบบจัดการฐานข้อมูลเก็บข้อมูลจำนวนมาก".encode())
    house.add("en.txt", b"nothing of the kind")
    assert _found(house, "数据库")[0].startswith("数据库")
    assert _found(house, "ฐานข้อมูล")[0].startswith("ระบบ")


def test_name_heading_and_column_heads_help(house: House) -> None:
    house.add("larnmouth-harbour.txt", b"Opening hours are from 07:15 to 18:40.")
    house.add("other.txt", b"Opening hours are from 09:00 to 12:00.")
    assert _found(house, "opening hours at Larnmouth")[0].endswith("18:40.")
    rows = "\n".join(f"{year},Name{year},{year * 3}" for year in range(1800, 1990))
    house.add("table.csv", f"Year,President,Words\n{rows}".encode())
    assert "1955 | Name1955" in _found(house, "words of president Name1955")[0]


def test_a_deleted_document_is_gone_at_once(house: House) -> None:
    added = house.add("a.txt", b"unmistakable zanzibar")
    house.library.delete(owner="ada", document_id=added.id)
    assert _found(house, "zanzibar") == []
    assert house.count("chunk_words") == house.count("chunk") == house.count("document_page") == 0


def test_creating_twice_is_once(house: House) -> None:
    house.add("a.txt", b"alpha")
    with house.database.write() as connection:
        sql_index.create(connection)
    assert _found(house, "alpha") == ["alpha"]


def test_deleted_words_leave_the_file(house: House) -> None:
    if not house.database.is_sqlite:
        pytest.skip("PostgreSQL's vacuum is the server's own work")
    added = house.add("a.txt", b"unmistakable zanzibarquux lives here " * 40)
    house.add("b.txt", b"something else")
    house.library.delete(owner="ada", document_id=added.id)
    house.worker.run_due()
    path = house.database.url.database
    assert path
    house.database.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with open(path, "rb") as file:
        assert b"zanzibarquux" not in file.read()


def test_old_words_go_in_short_transactions(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    if not house.database.is_sqlite:
        pytest.skip("PostgreSQL's vacuum is the server's own work")
    monkeypatch.setattr(sql_index_sqlite, "_MERGED_PAGES", 1)
    monkeypatch.setattr(sql_index_sqlite, "HAS_SECURE_DELETE", False)
    added = [house.add(f"{n}.txt", b" ".join(b"zanzibar%dquux%d" % (n, k) for k in range(3000))) for n in range(4)]
    house.library.delete(owner="ada", document_id=added[0].id)
    path = house.database.url.database
    assert path
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1
        with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # the write lock is free

    house.index.optimize(beat)
    assert beats > 3
    house.database.checkpoint()
    with open(path, "rb") as file:
        content = file.read()
    assert b"zanzibar0quux" not in content
    assert _found(house, "zanzibar1quux7")


def test_search_stays_within_documents_that_are_ready(house: House) -> None:
    house.add("a.txt", b"alpha beta")
    with house.database.write() as connection:
        connection.execute(text("UPDATE document SET state = 'reading'"))
    assert _found(house, "alpha") == []


def test_what_was_asked_before_decides_between_equals(house: House) -> None:
    house.add("a.txt", b"Opening hours are posted at the mill.")
    house.add("b.txt", b"Opening hours are posted at the castle.")
    for subject in ("mill", "castle"):
        about = [Told(f"Tell me about the {subject}.", 0.2)]
        found = house.index.search(scope=Scope("ada"), question="What are the opening hours?", about=about)
        assert subject in found[0].chunk.text
        assert len(found) == 2


def test_passages_that_say_the_same_come_once(house: House) -> None:
    text = (
        b"The harbour office of Larnmouth opens at 07:15 on every day of the week but Sunday, when it is closed. "
        b"Ships that arrive at night wait for the pilot before the mole; fishermen land their catch at the old market."
    )
    for name in ("a.txt", "b.txt", "c.txt"):
        house.add(name, text)
    house.add("d.txt", text.replace(b"07:15", b"07:20"))
    house.add("e.txt", b"The harbour office has moved to the old mill.")
    found = find(house.index, scope=Scope("ada"), question="When does the harbour office open?")
    assert [hit.chunk.document_name for hit in found] == ["a.txt", "e.txt"]


def test_neighbours_are_one_passage_that_reads_whole(house: House) -> None:
    weather = "Of the weather, of the market and of all the people there nothing is told here. " * 8
    house.add(
        "a.txt",
        f"The harbour office opens at 07:15. {weather}\n\nThe harbour office closes at 18:40. {weather}".encode(),
    )
    house.add("b.txt", b"The harbour office is at the old mill.")
    assert len(find(house.index, scope=Scope("ada"), question="harbour office")) == 3
    passages = retrieve(house.index, house.library, scope=Scope("ada"), question="harbour office")
    assert len(passages) == 2
    (joined,) = (one.chunk for one in passages if one.chunk.document_name == "a.txt")
    assert "07:15" in joined.text
    assert "18:40" in joined.text
    assert all(one.chunk.text == one.page_text[one.chunk.start : one.chunk.end] for one in passages)


def test_a_scope_with_nothing_in_it_finds_nothing(house: House) -> None:
    added = house.add("a.txt", b"unmistakable zanzibar")
    for scope in (
        Scope("ada", collections=(new_id(),)),
        Scope("ada", documents=(new_id(),)),
        Scope("bob", documents=(added.id,)),
        Scope("ada", collections=()),
    ):
        assert house.index.search(scope=scope, question="zanzibar and zanzibaren") == ()
        assert house.index.frequencies(scope=scope, terms=["zanzibar"]) == (0, {"zanzibar": 0})


@pytest.mark.parametrize("apart", [1, 12])
def test_chosen_documents_are_searched_alone(house: House, monkeypatch: pytest.MonkeyPatch, apart: int) -> None:
    monkeypatch.setattr(sql_index_sqlite, "_APART", apart)
    added = [
        house.add(f"{n}.txt", f"The harbour of place {n} is deep.\n\nSchmalspurschiene {n}.".encode()) for n in range(6)
    ]
    chosen = Scope("ada", documents=(added[1].id, added[4].id))
    for question in ("harbour", "Schmalspurbahnen", "place 3 harbour"):
        found = house.index.search(scope=chosen, question=question)
        assert {hit.chunk.document_name for hit in found} == {"1.txt", "4.txt"}
    total, counts = house.index.frequencies(scope=chosen, terms=["harbour", "3"])
    assert (total, dict(counts)) == (2, {"harbour": 2, "3": 0})


def test_a_number_that_is_kept_hides_and_shows_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_index, "_MANY", 1)
    kept = house.add("a.txt", b"alpha beta")
    assert _found(house, "alpha") == ["alpha beta"]
    house.add("b.txt", b"gamma delta")
    assert _found(house, "gamma") == ["gamma delta"], "found at once"
    house.library.delete(owner="ada", document_id=kept.id)
    assert _found(house, "alpha") == [], "gone at once"
    assert _found(house, "alpha", owner="bob") == []


def test_rare_beginnings_are_looked_up_not_gone_through(house: House) -> None:
    house.add("a.txt", b"alpha beta")
    if house.database.is_sqlite:
        pytest.skip("FTS5 knows no other way")
    query = text("EXPLAIN SELECT body FROM chunk_words WHERE words @@ CAST('''b.alp'':*' AS tsquery) LIMIT 30")
    with house.database.read() as connection:
        sql_index_postgres.Engine().begin(connection)
        assert "chunk_words_by_word" in str(connection.execute(query).all())
    with house.database.read() as connection:
        assert connection.execute(text("SHOW enable_seqscan")).scalar_one() == "on", "only for a search"
