"""The doctor compares documents, passages, words, vectors and attachments, says what disagrees, and mends it."""

import io
import os
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, text

from docchat.config import Settings
from docchat.db.engine import Database
from docchat.db.schema import SEQ_BITS, attachment, attachment_part, chat_session, job
from docchat.documents import sql_index_check
from docchat.documents.scope import Scope
from docchat.errors import StoreError, StoreUnavailable
from docchat.extension import build_services
from docchat.server.commands.doctor import _repaired
from docchat.server.doctor import content, index, reading
from docchat.server.home import MountedHome, close
from docchat.types import DocumentState, utc_now
from docchat.web.state import Services

CHECKS = (content.check_rows, content.check_originals, index.check)
TABLE = "name,price\n" + "\n".join(f"apple{number},{number}" for number in range(200))


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    if request.param == "postgresql":
        monkeypatch.setattr(content, "_UPLOAD_SECONDS", 0.1)  # nobody uploads here
        settings = replace(settings, database_url=request.getfixturevalue("postgres_url"))
    yield from _services(settings)


@pytest.fixture
def on_sqlite(settings: Settings) -> Iterator[Services]:
    yield from _services(settings)


def _services(settings: Settings) -> Iterator[Services]:
    services = build_services(settings)
    for name, body in (
        ("river.txt", "The river is called Wutach."),
        ("fruit.csv", TABLE),
        ("bread.md", "# Dough\n\nIt rests."),
    ):
        services.library.add(owner="ann", name=name, stream=io.BytesIO(body.encode()), media_type="")
    services.worker.run_due()
    yield services
    close(services)


def problems(services: Services, *, repair: bool = False) -> list[tuple[str, str]]:
    home, found = MountedHome(services), []
    for check in CHECKS:
        if repair:
            found += list(_repaired(check(home)))
        found += [(item.level, item.text) for item in check(home) if item.level != "ok"]
    return found


def repaired(services: Services, expected: str) -> None:
    assert any(level == "fail" and expected in said for level, said in problems(services)), problems(services)
    assert [level for level, _ in problems(services, repair=True)] == ["fixed"]
    assert problems(services) == []


def change(services: Services, *statements: str) -> None:
    with services.database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


def count(services: Services, query: str) -> int:
    with services.database.read() as connection:
        return int(connection.execute(text(query)).scalar_one())


def hits(services: Services, question: str) -> set[str]:
    return {hit.chunk.document_name for hit in services.library.index.search(scope=Scope("ann"), question=question)}


def test_a_healthy_store_says_nothing_wrong(services: Services) -> None:
    assert problems(services) == []
    assert problems(services, repair=True) == []
    assert hits(services, "Wutach") == {"river.txt"}


def test_passages_without_words_are_indexed_as_they_were(services: Services) -> None:
    key = "rowid" if services.database.is_sqlite else "chunk_id"
    query = text(f"SELECT {key}, title, label, heads, body FROM chunk_words ORDER BY 1")
    with services.database.read() as connection:
        before = connection.execute(query).all()
    change(services, "DELETE FROM chunk_words")
    assert hits(services, "Wutach apple7") == set()
    repaired(services, "3 documents have passages that cannot be found by words")
    assert hits(services, "Wutach apple7") == {"river.txt", "fruit.csv"}
    with services.database.read() as connection:
        assert connection.execute(query).all() == before
    assert len({row.heads for row in before}) == 2  # the table's passages hold its column heads


def test_words_are_put_back_for_those_who_may_read_them(services: Services) -> None:
    shared = services.collections.create(owner="bob", name="Shared")
    services.library.add(
        owner="bob", name="sea.txt", stream=io.BytesIO(b"The sea is salty."), media_type="", collection=shared.id
    )
    services.worker.run_due()
    change(services, "DELETE FROM chunk_words")
    problems(services, repair=True)
    search = services.library.index.search
    assert [hit.chunk.document_name for hit in search(scope=Scope("bob", (shared.id,)), question="salty")] == [
        "sea.txt"
    ]
    assert search(scope=Scope("ann"), question="salty") == ()
    assert search(scope=Scope("bob"), question="Wutach") == ()


def test_words_without_a_passage_are_taken_out(on_sqlite: Services) -> None:
    """On PostgreSQL a foreign key keeps them from being there."""
    token = "_o" + "0" * 20
    change(
        on_sqlite,
        *(
            f"INSERT INTO chunk_words(rowid, owner, body) VALUES ({9000 + number}, '{token}', 'zygomorph')"
            for number in range(700)
        ),
    )
    repaired(on_sqlite, "700 rows of the index belong to no passage")
    assert count(on_sqlite, "SELECT count(*) FROM chunk_words WHERE chunk_words MATCH 'zygomorph'") == 0
    on_sqlite.database.checkpoint()
    path = on_sqlite.database.url.database
    assert path
    assert b"zygomorph" not in Path(path).read_bytes()
    assert hits(on_sqlite, "Wutach") == {"river.txt"}


@pytest.mark.parametrize(
    "fault",
    [
        "DELETE FROM document_page WHERE document_no = 2",
        "UPDATE document SET pages = 0, passages = 0 WHERE no = 2",
        "UPDATE document SET passages = passages + 1 WHERE no = 2",
    ],
)
def test_documents_with_wrong_counts_are_read_again(services: Services, fault: str) -> None:
    before = services.library.list(owner="ann").items
    change(services, fault)
    repaired(services, "1 documents have other pages or passages than they say")
    assert services.library.list(owner="ann").items == before
    assert hits(services, "apple7") == {"fruit.csv"}


def test_a_wrong_count_without_an_original_is_left_as_it_is(services: Services) -> None:
    found = next(item for item in services.library.list(owner="ann").items if item.name == "fruit.csv")
    services.library.files.delete(document_id=found.id)
    change(services, "UPDATE document SET passages = passages + 1 WHERE no = 2")
    said = problems(services, repair=True)
    assert [level for level, _ in said] == ["fail", "fail"]
    assert hits(services, "apple7") == {"fruit.csv"}


def test_a_deletion_that_was_cut_short_is_finished(services: Services) -> None:
    change(services, f"UPDATE document SET state = '{DocumentState.DELETED}', owner = '' WHERE no = 2")
    stored = next(iter(services.library.files.ids()), None)
    assert stored is not None
    found = problems(services)
    assert ("fail", "1 deleted documents were not taken away to their end") in found
    problems(services, repair=True)
    for table in ("document", "document_page", "chunk"):
        column = "no" if table == "document" else "document_no"
        assert count(services, f"SELECT count(*) FROM {table} WHERE {column} = 2") == 0
    assert count(services, "SELECT count(*) FROM chunk") == count(services, "SELECT count(*) FROM chunk_words") > 0


def test_a_deletion_on_its_way_is_no_fault(services: Services) -> None:
    change(services, f"UPDATE document SET state = '{DocumentState.DELETED}', owner = '' WHERE no = 2")
    services.library.finish_removals()
    with services.database.write() as connection:
        connection.execute(text("DELETE FROM job WHERE kind <> 'reclaim'"))
    problems(services, repair=True)
    long = "\n\n".join(f"Paragraph {number} of the handbook of harbours." * 20 for number in range(300))
    added = services.library.add(owner="ann", name="long.txt", stream=io.BytesIO(long.encode()), media_type="")
    services.worker.run_due()
    services.library.delete(owner="ann", document_id=added.id)
    assert problems(services) == [("warn", "1 deleted documents are still being taken away")]
    problems(services, repair=True)
    assert problems(services) == []
    with services.database.read() as connection:
        assert connection.execute(select(job).where(job.c.kind == "remove_document")).first() is None


@pytest.mark.parametrize(
    "fault",
    [
        "UPDATE chunk_words_data SET block = zeroblob(length(block)) WHERE id > 10",
        "DELETE FROM chunk_words_data WHERE id = 10",
        "UPDATE chunk_words_content SET c4 = 'other words' WHERE id = 1",
        "DELETE FROM chunk_words_content WHERE id = 1",
        "DELETE FROM chunk_words_docsize",
    ],
)
def test_a_damaged_index_is_made_anew(on_sqlite: Services, fault: str) -> None:
    change(on_sqlite, fault)
    assert any(level == "fail" for level, _ in problems(on_sqlite))
    assert {level for level, _ in problems(on_sqlite, repair=True)} == {"fixed"}
    assert problems(on_sqlite) == []
    assert hits(on_sqlite, "apple7") == {"fruit.csv"}
    assert count(on_sqlite, "SELECT count(*) FROM chunk") == count(on_sqlite, "SELECT count(*) FROM chunk_words")


def test_an_index_that_cannot_be_made_anew_is_dropped_first(
    on_sqlite: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_index_check, "_is_broken", lambda database: True)
    sql_index_check.remake(on_sqlite.database, on_sqlite.library.index)
    monkeypatch.undo()
    assert problems(on_sqlite) == []
    assert hits(on_sqlite, "Wutach apple7") == {"river.txt", "fruit.csv"}


def test_a_busy_database_is_not_taken_for_damage(settings: Settings) -> None:
    for services in _services(settings):
        other = Database(services.database.url.render_as_string(), timeout=0.1)
        with services.database.write(), pytest.raises(StoreUnavailable):
            sql_index_check.check(other)
        other.close()


def test_a_large_index_in_use_is_not_asked(on_sqlite: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(database: object) -> bool:
        raise StoreError

    monkeypatch.setattr(sql_index_check, "_LARGE", 1)
    monkeypatch.setattr(sql_index_check, "_is_broken", asked)
    assert sql_index_check.check(on_sqlite.database).broken is None
    with pytest.raises(StoreError):
        sql_index_check.check(on_sqlite.database, alone=True)


def test_vectors_without_a_passage_are_deleted(on_sqlite: Services) -> None:
    path = on_sqlite.database.url.database
    on_sqlite.database.close()
    connection = sqlite3.connect(str(path))  # as a tool of somebody else's would, without foreign keys
    connection.execute("INSERT INTO chunk_vector VALUES (9999, 2, 'old', x'00')")
    connection.commit()
    connection.close()
    repaired(on_sqlite, "1 vectors belong to no passage")
    assert count(on_sqlite, "SELECT count(*) FROM chunk_vector") == 0


def test_attachments_without_a_chat_are_deleted_and_others_are_not(services: Services) -> None:
    session = services.store.create(owner="ann")
    kept = services.attachments.add(
        owner="ann", session_id=session.id, name="a.txt", stream=io.BytesIO(b"The river"), media_type=""
    )
    services.worker.run_due()
    with services.database.write() as connection:
        for no in (998, 999):
            number = (no << SEQ_BITS) + 1
            values = {"no": number, "id": UUID(int=no), "state": "ready", "sealed": b"x"}
            connection.execute(attachment.insert().values(created_at=utc_now(), **values))
            part = {"id": number, "attachment_no": number, "kind": "o", "number": 1, "last": 1, "data": b"x"}
            connection.execute(attachment_part.insert().values(part))
        connection.execute(chat_session.update().values(first_seq=500))
    repaired(services, "4 rows of attachments without a chat")
    assert [item.id for item in services.attachments.rows.list(owner="ann", session_id=session.id)] == [kept.id]


def test_an_attachment_that_lost_its_file_is_told(services: Services) -> None:
    session = services.store.create(owner="ann")
    services.attachments.add(
        owner="ann", session_id=session.id, name="a.txt", stream=io.BytesIO(b"The river"), media_type=""
    )
    services.worker.run_due()
    change(services, "DELETE FROM attachment_part WHERE kind = 'o'")
    for repair in (False, True):
        assert problems(services, repair=repair) == [("fail", "1 attachments have lost their files: restore a backup")]


def test_an_original_without_a_document_is_swept_unless_its_row_comes(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    lonely, coming = UUID(int=1), UUID(int=2)
    for key in (lonely, coming):
        services.library.files.put(document_id=key, stream=io.BytesIO(b"The river"), limit=100)

    def row_comes(seconds: float) -> None:
        monkeypatch.setattr(content.time, "sleep", lambda seconds: None)
        change(
            services,
            "INSERT INTO document (id, owner, name, media_type, size, sha256, state, created_at)"
            f" VALUES ('{coming.hex}', 'ann', 'new.txt', 'text/plain', 9, '', 'failed', 0)",
        )

    if services.database.is_sqlite:
        row_comes(0.0)
        for path in (services.settings.data_dir / "files").rglob("0*"):
            if path.is_file():
                os.utime(path, (0, 0))
    else:
        monkeypatch.setattr(content.time, "sleep", row_comes)
    repaired(services, "1 original files belong to no document")
    assert lonely not in set(services.library.files.ids())
    assert coming in set(services.library.files.ids())


def test_half_an_original_is_swept(on_sqlite: Services) -> None:
    half = on_sqlite.settings.data_dir / "files" / "00" / f"{UUID(int=1)}.part"
    half.parent.mkdir(mode=0o700, exist_ok=True)
    half.touch(mode=0o600)
    os.utime(half, (0, 0))
    repaired(on_sqlite, "1 original files belong to no document")
    assert not half.exists()


def said(services: Services) -> list[str]:
    home = MountedHome(services)
    return [
        f"{item.level}: {item.text}"
        for check in (reading.check_pictures, reading.check_meaning)
        for item in check(home)
    ]


def test_it_tells_of_tesseract_and_of_meaning(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    services = build_services(replace(settings, embedder_name="off"))
    assert said(services) == [
        "ok: pictures of text are not read: tesseract is not installed",
        "ok: passages are found by their words alone (the extra `semantic` finds them by meaning too)",
    ]
    program = tmp_path / "tesseract"
    program.write_text(f"#!{sys.executable}\nprint('List of available languages (3):\\nosd\\nfra\\neng')\n")
    program.chmod(0o755)
    assert said(services)[0] == "ok: pictures of text are read by tesseract, in eng, fra"
    close(services)
    services = build_services(replace(settings, embedder_name="off", ocr_languages="deu+eng"))
    assert said(services)[0] == "fail: tesseract lacks deu of DOCCHAT_OCR_LANGUAGES"
    close(services)
    services = build_services(replace(settings, embedder_name="off", ocr_languages="off"))
    assert said(services)[0] == "ok: pictures of text are not read: DOCCHAT_OCR_LANGUAGES is off"
    close(services)
    assert os.environ["PATH"] == str(tmp_path)
