"""On PostgreSQL the bytes of a deleted document leave the server's files when their tables are written anew."""

import io
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text, update

from docchat.config import Settings
from docchat.db.schema import job
from docchat.documents import sql_rewrite
from docchat.extension import build_services
from docchat.server.doctor import index
from docchat.server.home import MountedHome, close
from docchat.types import Document, utc_now
from docchat.web.state import Services

from ..conftest import PostgresServer

CANARY = "zygomorphquux"
LONG = "\n\n".join(f"Paragraph {number} tells of {CANARY}{number} and of the harbour." * 5 for number in range(400))


@pytest.fixture
def services(settings: Settings, postgres_url: str) -> Iterator[Services]:
    services = build_services(replace(settings, database_url=postgres_url, embedder_name="off"))
    yield services
    close(services)


def _add(services: Services, name: str, content: str) -> Document:
    added = services.library.add(owner="ann", name=name, stream=io.BytesIO(content.encode()), media_type="")
    services.worker.run_due()
    return services.library.get(owner="ann", document_id=added.id)


def _in_files(services: Services, server: PostgresServer) -> set[str]:
    """The files of this database in which the canary stands."""
    with services.database.read() as connection:
        oid = connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar_one()
    server.psql("postgres", "CHECKPOINT")
    return {path.name for path in (server.data / "base" / str(oid)).iterdir() if CANARY.encode() in _read(path)}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # written anew meanwhile
        return b""


def _later(services: Services) -> None:
    """Run what is due, and what is due in two seconds."""
    services.worker.run_due()
    with services.database.write() as connection:
        connection.execute(update(job).where(job.c.kind == sql_rewrite.KIND).values(run_at=utc_now()))
    services.worker.run_due()


def _waiting(services: Services) -> dict[str, str | None]:
    with services.database.read() as connection:
        rows = connection.execute(text("SELECT subject, error FROM job WHERE kind = 'rewrite_table'"))
        return {row.subject: row.error for row in rows}


@pytest.mark.parametrize("content", [f"The river is called {CANARY}.", LONG], ids=["short", "long"])
def test_no_byte_of_it_is_left(services: Services, postgres_server: PostgresServer, content: str) -> None:
    kept = _add(services, "kept.txt", "The dough rests for 18 hours.")
    gone = _add(services, "gone.txt", content)
    assert _in_files(services, postgres_server)
    services.library.delete(owner="ann", document_id=gone.id)
    services.worker.run_due()
    assert set(_waiting(services)) == set(sql_rewrite.TABLES)
    assert _in_files(services, postgres_server)
    _later(services)
    assert _waiting(services) == {}
    assert _in_files(services, postgres_server) == set()
    assert services.library.get(owner="ann", document_id=kept.id) == kept
    assert b"".join(services.library.original(owner="ann", document_id=kept.id)).startswith(b"The dough")


def test_an_old_snapshot_and_a_lock_are_waited_for(
    services: Services, postgres_url: str, postgres_server: PostgresServer
) -> None:
    gone = _add(services, "gone.txt", f"The river is called {CANARY}.")
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM account")
        services.library.delete(owner="ann", document_id=gone.id)
        _later(services)
        assert _waiting(services) == dict.fromkeys(sql_rewrite.TABLES, "in_use")
        assert _in_files(services, postgres_server)
        reader.execute("SELECT count(*) FROM chunk")
        begun = time.monotonic()
        _later(services)
        assert time.monotonic() - begun < 10
        assert _waiting(services)["chunk"] == "in_use"
    _later(services)
    assert _waiting(services) == {}
    assert _in_files(services, postgres_server) == set()


def test_a_large_table_waits_for_the_operator(
    services: Services, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_rewrite, "LARGEST", 1)
    gone = _add(services, "gone.txt", f"The river is called {CANARY}.")
    services.library.delete(owner="ann", document_id=gone.id)
    _later(services)
    assert _waiting(services) == dict.fromkeys(sql_rewrite.TABLES, sql_rewrite.LARGE)
    (found,) = index.check_files(MountedHome(services))
    assert (found.level, "bytes of deleted documents" in found.text) == ("warn", True)
    assert found.repair is not None
    assert found.repair() == f"{len(sql_rewrite.TABLES)} of them were written anew"
    assert _waiting(services) == {}
    assert _in_files(services, postgres_server) == set()
