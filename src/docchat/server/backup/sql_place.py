"""The library a backup is put into: what is there now, and how the new one takes its place, all at once or not."""

import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, select, text

from ...config import Settings
from ...db.engine import Database
from ...db.migrate import migrate
from ...db.schema import account, chat_session, document, receipt
from ...documents.files import DirectoryFileStore
from ...documents.sql_index import create as create_index
from ...documents.sql_index import make_index
from ...errors import Conflict, StoreError
from ...keys.cipher import sync_directory
from .archive import Archive
from .sql_load import Loader, empty_all, put_meta

_LARGEST = 1 << 62


@dataclass(frozen=True, slots=True)
class Present:
    """The library that is there now."""

    store_id: UUID
    empty: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """A library that is loaded and not yet in its place."""

    connection: Connection
    counts: dict[str, int]


def path_of(database: Database) -> Path:
    """The file of a SQLite database."""
    return Path(database.url.database or "")


def other_connections(database: Database) -> list[str]:
    """Who else is connected to a PostgreSQL database."""
    query = text(
        "SELECT pid, application_name, coalesce(host(client_addr), 'this host') AS host FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    database.close()
    return [f"connection {row.pid} from {row.host} ({row.application_name or 'no name'})" for row in rows]


def present(database: Database) -> Present | None:
    """What is there; None when there is no file yet. Raises StoreError when it cannot be read."""
    if database.is_sqlite and not path_of(database).exists():
        return None
    try:
        store_id = migrate(database, extra=create_index).store_id
        used = (
            select(chat_session.c.no).where(chat_session.c.meta_slot.is_not(None)),
            select(document.c.no),
            select(account.c.id),
            select(receipt.c.id),
        )
        with database.read() as connection:
            empty = all(connection.execute(query.limit(1)).first() is None for query in used)
        return Present(store_id, empty)
    finally:
        database.close()


@contextmanager
def replaced(settings: Settings, archive: Archive, store_id: UUID, *, chats: bool) -> Iterator[Loaded]:
    """The backup, loaded; it takes the place of what is there when the block ends, and nothing changes if it raises."""
    database = Database(settings.effective_database_url, timeout=settings.store_timeout_seconds)
    filling = _on_sqlite if database.is_sqlite else _on_postgres
    with filling(settings, database, archive, store_id, chats) as loaded:
        yield loaded


@contextmanager
def _on_postgres(
    settings: Settings, database: Database, archive: Archive, store_id: UUID, chats: bool
) -> Iterator[Loaded]:
    try:
        migrate(database, extra=create_index)
        with database.write() as connection:
            # A server that starts meanwhile waits here.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('docchat.migrate'))"))
            empty_all(connection)
            loader = Loader(connection, make_index(database), chats=chats)
            for name, stream in archive.members():
                folder, _, rest = name.partition("/")
                if folder == "files":
                    loader.original(UUID(rest), stream)
                elif folder == "tables":
                    loader.rows(rest.removesuffix(".jsonl"), stream)
            loader.finish(archive.manifest.counts)
            put_meta(connection, "store_id", str(store_id))
            yield Loaded(connection, loader.counts)
    finally:
        database.close()


@contextmanager
def _on_sqlite(
    settings: Settings, database: Database, archive: Archive, store_id: UUID, chats: bool
) -> Iterator[Loaded]:
    """Fills a new file beside the old one; a rename puts it in the place. Originals come first and go last."""
    target = path_of(database)
    staging = target.with_name(f".{target.name}.restore-{secrets.token_hex(8)}")
    files = DirectoryFileStore(settings.data_dir / "files")
    before = set(files.ids())
    put: set[UUID] = set()
    fresh = Database(f"sqlite:///{staging / target.name}", timeout=settings.store_timeout_seconds)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staging.mkdir(mode=0o700)
    try:
        migrate(fresh, extra=create_index)
        with fresh.write() as connection:
            loader = Loader(connection, make_index(fresh), chats=chats)
            for name, stream in archive.members():
                folder, _, rest = name.partition("/")
                if folder == "files":
                    put.add(UUID(rest))
                    files.put(document_id=UUID(rest), stream=stream, limit=_LARGEST)  # type: ignore[arg-type]
                elif folder == "tables":
                    loader.rows(rest.removesuffix(".jsonl"), stream)
            loader.finish(archive.manifest.counts)
            put_meta(connection, "store_id", str(store_id))
            yield Loaded(connection, loader.counts)
        fresh.checkpoint()
        fresh.close()
        _swap(staging, target)
    except BaseException:
        for document_id in put - before:
            with suppress(StoreError):
                files.delete(document_id=document_id)
        raise
    finally:
        fresh.close()
        shutil.rmtree(staging, ignore_errors=True)
    for document_id in before - put:
        files.delete(document_id=document_id)


def _swap(staging: Path, target: Path) -> None:
    """Put the new file in the old one's place; the old one's log, which does not fit the new one, goes first."""
    if target.exists():
        _let_go(target)
    aside = staging / "old"
    aside.mkdir(mode=0o700)
    moved = []
    try:
        for ending in ("-wal", "-shm", "-journal"):
            old = target.with_name(target.name + ending)
            if old.exists():
                moved.append((old, aside / old.name))
                old.rename(aside / old.name)
        fresh = staging / target.name
        fresh.chmod(0o600)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(target)
    except BaseException:
        for old, kept in moved:
            kept.rename(old)
        raise
    sync_directory(target.parent)


def _let_go(target: Path) -> None:
    """Empty and remove the log of the old file. Raises Conflict when somebody has it open after all."""
    connection = sqlite3.connect(target, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE").close()
        connection.execute("PRAGMA journal_mode=DELETE").close()
    except sqlite3.OperationalError as error:
        raise Conflict("Another process uses the database. Stop it first.", code="in_use") from error
    except sqlite3.DatabaseError:
        return  # it is damaged: its log is moved aside as it is
    finally:
        connection.close()
