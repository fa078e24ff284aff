"""A deletion is proven by looking, and every place where something of a document could be left is found."""

import io
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from docchat.config import Settings
from docchat.documents import sql_index_sqlite
from docchat.errors import NotFound
from docchat.extension import build_services
from docchat.jobs import queue
from docchat.server.home import close
from docchat.server.verify import words
from docchat.server.verify.proof import prove
from docchat.types import Document, Receipt
from docchat.web.state import Services

from .live import docchat

LONG = "\n\n".join(
    f"Paragraph {number} tells of zygomorph{number % 97}quux and the harbour." * 6 for number in range(400)
)


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Services]:
    if request.param == "postgresql":
        settings = replace(settings, database_url=request.getfixturevalue("postgres_url"))
    services = build_services(settings)
    yield services
    close(services)


@pytest.fixture
def on_sqlite(settings: Settings) -> Iterator[Services]:
    services = build_services(settings)
    yield services
    close(services)


def _add(services: Services, name: str, content: str) -> Document:
    library = services.library
    added = library.add(owner="ann", name=name, stream=io.BytesIO(content.encode()), media_type="")
    services.worker.run_due()
    return library.get(owner="ann", document_id=added.id)


def _delete(services: Services, document: Document) -> Receipt:
    return services.library.delete(owner="ann", document_id=document.id)


def _left(services: Services, wanted: UUID) -> str:
    return "\n".join(f"{finding.where}: {finding.what}" for finding in prove(services, wanted).findings)


@pytest.mark.parametrize("content", ["The river is called Wutach.", LONG], ids=["short", "long"])
def test_a_deleted_document_is_proven_gone(services: Services, content: str) -> None:
    kept = _add(services, "kept.txt", LONG.replace("harbour", "river"))
    gone = _add(services, "gone.txt", content)
    receipt = _delete(services, gone)
    services.worker.run_due()
    proof = prove(services, receipt.id)
    assert proof.findings == []
    assert any("every column read" in line for line in proof.checked)
    assert services.library.get(owner="ann", document_id=kept.id) == kept
    with pytest.raises(NotFound):
        prove(services, kept.id)


def test_while_rows_are_taken_away_it_is_not_proven(services: Services) -> None:
    receipt = _delete(services, _add(services, "gone.txt", LONG))
    assert "still being taken away" in _left(services, receipt.id)
    services.worker.run_due()
    assert _left(services, receipt.id) == ""


def test_words_in_the_index_are_found(on_sqlite: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_index_sqlite, "HAS_SECURE_DELETE", False)
    _add(on_sqlite, "kept.txt", LONG.replace("harbour", "river"))
    receipt = _delete(on_sqlite, _add(on_sqlite, "gone.txt", LONG))
    with on_sqlite.database.write() as connection:
        if sql_index_sqlite.sqlite3.sqlite_version_info >= (3, 42):
            connection.execute(text("INSERT INTO chunk_words(chunk_words, rank) VALUES ('secure-delete', 0)"))
        queue.cancel(connection, kind="optimize_index", subject="documents")
    on_sqlite.library.finish_removals()
    with on_sqlite.database.write() as connection:
        queue.cancel(connection, kind="optimize_index", subject="documents")
    on_sqlite.worker.run_due()
    assert "words of this document" in _left(on_sqlite, receipt.id)
    on_sqlite.library.index.optimize(lambda: None)
    on_sqlite.database.checkpoint()
    assert _left(on_sqlite, receipt.id) == ""


def _delete_collection(services: Services) -> tuple[Receipt, list[tuple[int, int]]]:
    """The receipt, and of each document of the collection its number and its first passage."""
    shared = services.collections.create(owner="ann", name="shared")
    for number, content in enumerate(("The river is called Wutach.", LONG)):
        stream = io.BytesIO(content.encode())
        services.library.add(owner="ann", name=f"{number}.txt", stream=stream, media_type="", collection=shared.id)
    services.worker.run_due()
    with services.database.read() as connection:
        rows = connection.execute(text("SELECT document_no, min(id) FROM chunk GROUP BY document_no")).all()
    receipt = services.collections.delete(owner="ann", collection_id=shared.id)
    assert "still there" in _left(services, receipt.id)
    services.worker.run_due()
    assert _left(services, receipt.id) == ""
    return receipt, [(no, first) for no, first in rows]


def test_a_deleted_collection_is_proven_gone(services: Services) -> None:
    _, rows = _delete_collection(services)
    assert len(rows) == 2


def test_what_is_left_of_a_collections_documents_is_found(on_sqlite: Services) -> None:
    receipt, rows = _delete_collection(on_sqlite)
    path = on_sqlite.database.url.database
    assert path
    close(on_sqlite)
    for no, first in rows:
        connection = sqlite3.connect(path)
        connection.execute("INSERT INTO chunk VALUES (?, ?, 1, '', 0, 1, 'x')", (first, no))
        connection.commit()
        assert "a row of this document" in _left(on_sqlite, receipt.id)
        connection.execute("DELETE FROM chunk")
        connection.commit()
        connection.close()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("INSERT INTO chunk VALUES (:chunk, :no, 1, '', 0, 1, 'x')", "a row of this document"),
        ("INSERT INTO document_page VALUES (:no, 1, '', 'text', NULL)", "a row of this document"),
        ("INSERT INTO chunk_words(rowid, owner, body) VALUES (:chunk, '_oabc', 'harbour')", "words of this document"),
        ("INSERT INTO chunk_vector VALUES (:chunk, :no, 'old', x'0000')", "a row of this document"),
        ("INSERT INTO followed_file VALUES ('ann', '', '/a', 1, 1, '', :hex, NULL, 0)", "the document's id"),
    ],
)
def test_what_is_left_is_found(on_sqlite: Services, statement: str, found: str) -> None:
    gone = _add(on_sqlite, "gone.txt", "The river is called Wutach.")
    with on_sqlite.database.read() as connection:
        no, chunk = connection.execute(text("SELECT document_no, id FROM chunk")).one()
    receipt = _delete(on_sqlite, gone)
    on_sqlite.worker.run_due()
    assert _left(on_sqlite, receipt.id) == ""
    path = on_sqlite.database.url.database
    assert path
    close(on_sqlite)
    connection = sqlite3.connect(path)
    connection.execute(statement, {"no": no, "chunk": chunk, "hex": gone.id.hex})
    connection.commit()
    connection.close()
    left = _left(on_sqlite, receipt.id)
    assert found in left
    assert found == "the document's id" or f"{path}" in left  # by its bytes too


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("INSERT INTO chunk VALUES (:chunk, :no, 1, '', 0, 1, 'x')", "table chunk, column"),
        ("INSERT INTO document_page VALUES (:no, 1, '', 'text', NULL)", "table document_page, column document_no"),
        ("INSERT INTO chunk_words (chunk_id, title, label, heads, body, words) VALUES (:chunk, '', '', '', 'x', '')",
         "table chunk_words, column chunk_id"),
        ("INSERT INTO chunk_vector VALUES (:chunk, :no, 'old', '[1,2]')", "table chunk_vector, column"),
        ("INSERT INTO original_part VALUES (:id, 1, 'x')", "table original_part, column document_id"),
    ],
)  # fmt: skip
def test_what_is_left_on_postgresql_is_found(settings: Settings, postgres_url: str, statement: str, found: str) -> None:
    services = build_services(replace(settings, database_url=postgres_url))
    gone = _add(services, "gone.txt", "The river is called Wutach.")
    with services.database.read() as connection:
        no, chunk = connection.execute(text("SELECT document_no, id FROM chunk")).one()
    receipt = _delete(services, gone)
    services.worker.run_due()
    assert _left(services, receipt.id) == ""
    with services.database.write() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no foreign keys
        connection.execute(text(statement), {"no": no, "chunk": chunk, "id": gone.id})
    assert found in _left(services, receipt.id)
    close(services)


def test_vectors_go_with_their_document(services: Services) -> None:
    gone = _add(services, "gone.txt", LONG)
    vector = "x'00'" if services.database.is_sqlite else "'[1,2]'"
    with services.database.write() as connection:
        added = f"INSERT INTO chunk_vector SELECT id, document_no, 'some', {vector} FROM chunk"
        assert connection.execute(text(added)).rowcount == gone.passages
    receipt = _delete(services, gone)
    services.worker.run_due()
    assert prove(services, receipt.id).findings == []
    with services.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM chunk_vector")).scalar_one() == 0


def test_an_original_that_came_back_is_found(on_sqlite: Services) -> None:
    gone = _add(on_sqlite, "gone.txt", "The river is called Wutach.")
    receipt = _delete(on_sqlite, gone)
    on_sqlite.worker.run_due()
    on_sqlite.library.files.put(document_id=gone.id, stream=io.BytesIO(b"The river"), limit=100)
    assert "named after it" in _left(on_sqlite, receipt.id)


def test_the_command_proves_it(on_sqlite: Services, data_dir: Path) -> None:
    receipt = _delete(on_sqlite, _add(on_sqlite, "gone.txt", LONG))
    close(on_sqlite)
    assert docchat(data_dir, "verify-clear", str(receipt.id)).returncode == 1
    services = build_services(on_sqlite.settings)
    services.worker.run_due()
    close(services)
    proven = docchat(data_dir, "verify-clear", str(receipt.id))
    assert (proven.returncode, proven.stdout.splitlines()[-1]) == (0, "Gone: nothing of it is left.")


def test_leaves_of_the_index_are_understood() -> None:
    database = sqlite3.connect(":memory:")
    try:
        database.execute("CREATE VIRTUAL TABLE w USING fts5(body)")
        database.execute("INSERT INTO w(w, rank) VALUES ('pgsz', 64)")
        for number in range(1, 400):
            body = f"word{number} word{number % 7} {'common ' * (number % 50)}"
            database.execute("INSERT INTO w(rowid, body) VALUES (?, ?)", (number * 3, body))
        database.execute("DELETE FROM w WHERE rowid % 2 = 0")
        leaves = [
            bytes(block) for number, block in database.execute("SELECT id, block FROM w_data") if words.is_leaf(number)
        ]
        found = {row for leaf in leaves for row in words.rows_of(leaf)}
        assert found == set(range(3, 1200, 3))
        database.execute("INSERT INTO w(w) VALUES ('optimize')")
        leaves = [
            bytes(block) for number, block in database.execute("SELECT id, block FROM w_data") if words.is_leaf(number)
        ]
        assert {row for leaf in leaves for row in words.rows_of(leaf)} == set(range(3, 1200, 6))
    finally:
        database.close()
