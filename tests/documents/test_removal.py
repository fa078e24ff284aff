"""A deleted document is gone for everyone at once, and its bytes from every file soon after, however long it is."""

import io
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from docchat.config import Settings
from docchat.db.schema import receipt as receipts
from docchat.documents import sql_removal
from docchat.documents.cutting import batches
from docchat.documents.formats.part import Part
from docchat.documents.scope import Scope
from docchat.documents.sql_documents import begin, store
from docchat.errors import NotFound
from docchat.extension import build_services
from docchat.jobs.queue import Job
from docchat.jobs.worker import Retry
from docchat.server.home import close
from docchat.types import Document, DocumentState
from docchat.web.state import Services

PAGES = 1000
GONE_SECONDS = 5.0
TABLES = ("document", "document_page", "chunk", "chunk_words", "original_part", "job")
CANARY = "zygomorphquux"
ADA = Scope("ada")


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Services]:
    if request.param == "postgresql":
        settings = replace(settings, database_url=request.getfixturevalue("postgres_url"))
    services = build_services(settings)
    yield services
    close(services)


def _long(services: Services, pages: int = PAGES, word: str = CANARY) -> Document:
    """A document of many pages, put where ingestion puts it."""
    library = services.library
    added = library.add(owner="ada", name=f"{word}.txt", stream=io.BytesIO(word.encode()), media_type="")
    claimed = begin(services.database, library.index, added.id)
    assert claimed is not None
    page = " ".join(f"{word}{number} stands on a page of the handbook of harbours." for number in range(40))
    parts = [Part(label=f"Page {number}", text=f"{word} {number}. {page}") for number in range(1, pages + 1)]
    for batch in batches(parts):
        assert store(services.database, library.index, claimed, batch)
    return library.get(owner="ada", document_id=added.id)


def _count(services: Services, table: str) -> int:
    with services.database.read() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def _hits(directory: Path, word: str) -> list[str]:
    return [path.name for path in directory.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def test_a_long_document_is_gone_at_once_and_its_rows_soon(services: Services) -> None:
    library = services.library
    found = _long(services)
    kept = _long(services, 3, "kept")
    assert found.pages == PAGES
    assert library.index.search(scope=ADA, question=CANARY)
    begun = time.process_time()
    receipt = library.delete(owner="ada", document_id=found.id)
    assert time.process_time() - begun < 0.1
    assert library.index.search(scope=ADA, question=CANARY) == ()
    assert [item.id for item in library.list(owner="ada").items] == [kept.id]
    for act in (library.get, library.delete, library.original):
        with pytest.raises(NotFound):
            act(owner="ada", document_id=found.id)
    with pytest.raises(NotFound):
        library.page(owner="ada", document_id=found.id, number=1)
    assert library.missing(owner="ada", document_ids=[found.id, kept.id]) == {found.id}
    assert library.list(owner="").items == ()
    assert receipt.counts == {"documents": 1, "originals": 1, "pages": PAGES, "passages": found.passages}
    services.worker.run_due()
    assert {table: _count(services, table) for table in TABLES[:4]} == {
        "document": 1,
        "document_page": 3,
        "chunk": kept.passages,
        "chunk_words": kept.passages,
    }
    assert _count(services, "original_part") == (0 if services.database.is_sqlite else 1)
    assert library.index.search(scope=ADA, question="kept")


def test_no_byte_is_left_in_any_file(settings: Settings, data_dir: Path) -> None:
    services = build_services(settings)
    try:
        found, kept = _long(services), _long(services, 3, "keptquux")
        assert _hits(data_dir, CANARY)
        begun = time.monotonic()
        services.library.delete(owner="ada", document_id=found.id)
        services.worker.ensure_started()
        services.worker.wake()
        while _hits(data_dir, CANARY):
            assert time.monotonic() - begun < GONE_SECONDS
            time.sleep(0.05)
        assert _hits(data_dir, "keptquux")
        assert services.library.index.search(scope=ADA, question="keptquux")
        assert services.library.get(owner="ada", document_id=kept.id).state is DocumentState.READY
    finally:
        close(services)


def test_passages_that_came_between_those_of_another_are_left(services: Services) -> None:
    library, written = services.library, []
    for word in ("one", "other"):
        added = library.add(owner="ada", name=f"{word}.txt", stream=io.BytesIO(word.encode()), media_type="")
        claimed = begin(services.database, library.index, added.id)
        assert claimed is not None
        parts = [Part(label="", text=f"{word}quux {number} " * 60) for number in range(900)]
        written.append((claimed, list(batches(parts))))
    for number in range(len(written[0][1])):
        for claimed, cut in written:
            assert store(services.database, library.index, claimed, cut[number])
    (one, _), (other, _) = written
    receipt = library.delete(owner="ada", document_id=one.document.id)
    with services.database.read() as connection:
        scope = connection.execute(select(receipts.c.scope).where(receipts.c.id == receipt.id)).scalar_one()
    assert scope["no"] == one.no
    assert len(scope["chunks"]) > 1
    assert sum(last - first + 1 for first, last in scope["chunks"]) == receipt.counts["passages"]
    services.worker.run_due()
    assert _count(services, "chunk") == library.get(owner="ada", document_id=other.document.id).passages
    assert library.index.search(scope=ADA, question="otherquux")
    assert not library.index.search(scope=ADA, question="onequux")


def test_a_removal_that_broke_off_goes_on(services: Services) -> None:
    library = services.library
    found = _long(services, 300)
    library.delete(owner="ada", document_id=found.id)
    assert sql_removal.remove_some(services.database, library.index, found.id)
    assert 0 < _count(services, "chunk") < found.passages
    assert library.index.search(scope=ADA, question=CANARY) == ()
    assert library.finish_removals() == 1
    services.worker.run_due()
    assert {table: _count(services, table) for table in TABLES if table != "job"} == dict.fromkeys(TABLES[:5], 0)


def test_a_removal_leaves_others_their_turn(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _long(services, 300)
    services.library.delete(owner="ada", document_id=found.id)
    monkeypatch.setattr("docchat.documents.library._TURN_SECONDS", 0.0)
    seen: list[UUID] = []

    def some(*args: object) -> bool:
        seen.append(found.id)
        return True

    with monkeypatch.context() as patched:
        patched.setattr(sql_removal, "remove_some", some)
        with pytest.raises(Retry):
            services.library.remove(Job(1, "remove_document", str(found.id), 1, uuid4()), lambda: None)
    assert len(seen) == 1


def test_deleted_while_its_pages_are_being_stored(services: Services) -> None:
    library = services.library
    added = library.add(owner="ada", name="a.txt", stream=io.BytesIO(b"x"), media_type="")
    claimed = begin(services.database, library.index, added.id)
    assert claimed is not None
    parts = [Part(label="", text=f"{CANARY} {number} " * 60) for number in range(1000)]
    for number, batch in enumerate(batches(parts)):
        assert store(services.database, library.index, claimed, batch) is (number == 0)
        if number == 0:
            library.delete(owner="ada", document_id=added.id)
    assert begin(services.database, library.index, added.id) is None
    services.worker.run_due()
    assert {table: _count(services, table) for table in TABLES} == dict.fromkeys(TABLES, 0) | {
        "job": _periodic(services)
    }


def _periodic(services: Services) -> int:
    with services.database.read() as connection:
        query = "SELECT count(*) FROM job WHERE subject = 'all' OR kind = 'rewrite_table'"
        return int(connection.execute(text(query)).scalar_one())
