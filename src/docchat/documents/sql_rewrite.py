"""Deleted documents in PostgreSQL's files: a deleted row stays on its page until its table is written anew.

SQLite overwrites what is deleted. PostgreSQL's VACUUM frees the row and leaves its bytes; only VACUUM FULL writes the
table and its indexes anew without them. Nobody can use the table meanwhile, so a large one waits for the operator.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from ..db.engine import Database, translate
from ..db.schema import job
from ..jobs.queue import Job, put
from ..jobs.worker import Beat, Retry

KIND = "rewrite_table"
ORIGINALS = "original_part"
TABLES = ("chunk_words", "chunk_vector", "chunk", "document_page", "followed_file", "document", ORIGINALS)
LARGEST = 64 * 1024 * 1024
"""A table of at most so many bytes, indexes and all, is written anew by itself: that takes a second or so."""
LARGE = "large_table"
_SOON_SECONDS = 2.0
_LATER_SECONDS = 15.0
_LARGE_SECONDS = 3600.0
_LOCK_MILLISECONDS = 500
"""Longest wait for those who use the table: others wait behind us meanwhile."""
_STATEMENT_MILLISECONDS = 12_000
_IN_USE = ("55P03", "57014")  # no lock in time; cancelled after the time of a statement

_SIZE = text("SELECT pg_total_relation_size(to_regclass(:name))")
_NOW = text("SELECT CAST(CAST(pg_current_xact_id() AS xid) AS text)")
# VACUUM FULL freezes all it keeps: relfrozenxid is then the oldest transaction that anybody could still see.
_GONE = text("SELECT age(relfrozenxid) <= age(CAST(:now AS xid)) FROM pg_class WHERE oid = to_regclass(:name)")


def ask(connection: Connection, tables: Sequence[str] = TABLES) -> None:
    """Have what was just deleted taken out of the files too, in the caller's write transaction."""
    if connection.dialect.name == "postgresql":
        for name in tables:
            put(connection, kind=KIND, subject=name, delay=_SOON_SECONDS)


def handler(database: Database, wanted: Job, beat: Beat) -> None:
    """The job: its subject is the table."""
    size = _measured(database, wanted.subject)
    if size is None:
        return
    if size > LARGEST:
        raise Retry(LARGE, delay=_LARGE_SECONDS)
    beat()
    if not _rewrite(database, wanted.subject, milliseconds=_STATEMENT_MILLISECONDS):
        raise Retry("in_use", delay=_LATER_SECONDS)


def large(database: Database) -> list[str]:
    """The tables that hold bytes of deleted documents, and are too large to be written anew beside the work."""
    query = select(job.c.subject).where(job.c.kind == KIND, job.c.error == LARGE)
    with database.read() as connection:
        return sorted(connection.execute(query).scalars())


def rewrite(database: Database, tables: Sequence[str]) -> int:
    """Write tables anew however large they are; how many of them now hold nothing that was deleted before."""
    done = 0
    for name in tables:
        if _rewrite(database, name, milliseconds=0):
            with database.write() as connection:
                connection.execute(job.delete().where(job.c.kind == KIND, job.c.subject == name))
            done += 1
    return done


def _measured(database: Database, name: str) -> int | None:
    if database.is_sqlite or name not in TABLES:
        return None
    with database.read() as connection:
        size: int | None = connection.execute(_SIZE, {"name": name}).scalar_one()
    return size


def _rewrite(database: Database, name: str, *, milliseconds: int) -> bool:
    """Whether nothing of what was deleted before is left; False when it is in use, or an older snapshot is open."""
    with _alone(database, milliseconds) as connection:
        now = connection.execute(_NOW).scalar_one()
        try:
            connection.execute(text(f"VACUUM (FULL) {name}"))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _IN_USE:
                raise
            return False
        return bool(connection.execute(_GONE, {"now": now, "name": name}).scalar_one())


@contextmanager
def _alone(database: Database, milliseconds: int) -> Iterator[Connection]:
    """A connection of its own, outside of any transaction, as VACUUM needs it."""
    seconds = max(2, int(database.timeout))
    options = f"-c lock_timeout={_LOCK_MILLISECONDS} -c statement_timeout={milliseconds}"
    arguments = {"connect_timeout": seconds, "keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 2}
    engine = create_engine(
        database.url,
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        connect_args={**arguments, "options": options},
    )
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise translate(error) from error
    finally:
        engine.dispose()
