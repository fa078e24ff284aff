"""Bring a database to the present schema: a list of steps, each run once, in order."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, text, update

from ..errors import ConfigError
from ..types import DocumentState, new_id, utc_now
from .engine import Database
from .schema import (
    attachment,
    attachment_part,
    chat_model,
    chat_session,
    collection,
    collection_member,
    document,
    draft,
    feedback,
    followed_file,
    job,
    metadata,
    receipt,
    store_meta,
    usage,
)

REINDEX = "reindex"
"""Names the number of the newest document whose words were made by an older version; gone when there is none."""
INDEX_AGAIN = "index_again"
"""The kind of the job that makes them anew."""

_KEYRING = "keyring_id"
Step = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Origin:
    """What the database says of itself: its store id, and how many key slots it knows of (the highest and one)."""

    store_id: UUID
    slots: int


def _m001_tables(connection: Connection) -> None:
    metadata.create_all(connection)


def _m002_receipts(connection: Connection) -> None:
    """Receipts of every kind, history and memory of a chat, and reclaim jobs that are named by their receipt."""
    for name in ("first_seq", "memory_seq"):
        connection.execute(text(f"ALTER TABLE chat_session ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0"))
    connection.execute(text("ALTER TABLE chat_session ADD COLUMN turn BIGINT NOT NULL DEFAULT 0"))
    connection.execute(text("UPDATE chat_session SET turn = updated_at"))
    connection.execute(text("DROP INDEX chat_session_by_owner"))
    connection.execute(text("CREATE TABLE receipt_before AS SELECT * FROM receipt"))
    connection.execute(text("DROP TABLE receipt"))
    receipt.create(connection)
    kept = "id, owner, session_id, action, counts, successor, created_at"
    connection.execute(
        text(f"INSERT INTO receipt ({kept}, state) SELECT {kept}, 'done' FROM receipt_before")  # noqa: S608
    )
    connection.execute(text("DROP TABLE receipt_before"))
    _index_sessions(connection, later=("document_id", "pinned_at"))
    waiting = select(job.c.id, job.c.subject).where(job.c.kind == "reclaim", job.c.subject != "documents")
    for found in connection.execute(waiting).all():
        no = int(found.subject)
        by = connection.execute(select(chat_session.c.receipt_id).where(chat_session.c.no == no)).scalar_one()
        connection.execute(update(receipt).where(receipt.c.id == by).values(scope={"no": no}))
        connection.execute(update(job).where(job.c.id == found.id).values(subject=str(by)))


def _m003_collections(connection: Connection) -> None:
    """Collections with their members, documents in them, attachments of chats, and the files of folders."""
    made = [collection, collection_member, attachment, attachment_part, followed_file]
    metadata.create_all(connection, tables=made)
    for name in ("attachments", "attached_passages", "next_part"):
        connection.execute(text(f"ALTER TABLE chat_session ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0"))
    number = "INTEGER" if connection.dialect.name == "sqlite" else "BIGINT"
    connection.execute(text(f"ALTER TABLE document ADD COLUMN collection_no {number} REFERENCES collection (no)"))
    connection.execute(text("ALTER TABLE document ADD COLUMN expected INTEGER"))
    for index in document.indexes:
        index.create(connection, checkfirst=True)
    # Words of other languages than English have other stems since then.
    newest = connection.execute(select(func.max(document.c.no)).where(document.c.state == DocumentState.READY))
    if (no := newest.scalar_one()) is not None:
        _write(connection, REINDEX, str(no))
        connection.execute(insert(job).values(kind=INDEX_AGAIN, subject="documents", run_at=utc_now()))


def _m004_answers(connection: Connection) -> None:
    """Models to choose from, what was used of them, opinions on answers, and chats about a part of a document."""
    metadata.create_all(connection, tables=[chat_model, usage, feedback])
    connection.execute(text(f"ALTER TABLE chat_session ADD COLUMN document_id {_UUID[connection.dialect.name]}"))
    connection.execute(text("ALTER TABLE chat_session ADD COLUMN section VARCHAR(64)"))
    connection.execute(text("ALTER TABLE answer_run ADD COLUMN followed_at BIGINT"))
    _index_sessions(connection, later=("pinned_at",))


def _m005_chats(connection: Connection) -> None:
    """Chats that are pinned or put away, and drafts of questions."""
    metadata.create_all(connection, tables=[draft])
    for name in ("pinned_at", "archived_at"):
        connection.execute(text(f"ALTER TABLE chat_session ADD COLUMN {name} BIGINT"))
    _index_sessions(connection)


def _index_sessions(connection: Connection, *, later: tuple[str, ...] = ()) -> None:
    """Make the indexes that are missing, but for those over a column of a later step."""
    for index in chat_session.indexes:
        if not set(later).intersection(index.c.keys()):
            index.create(connection, checkfirst=True)


_UUID = {"sqlite": "CHAR(32)", "postgresql": "UUID"}
STEPS: tuple[Step, ...] = (_m001_tables, _m002_receipts, _m003_collections, _m004_answers, _m005_chats)


def migrate(database: Database, *, extra: Step | None = None) -> Origin:
    """Run the steps that are missing and `extra` (idempotent, for an index's own tables), in one transaction.

    Raises ConfigError when the database was written by a newer docchat.
    """
    with database.write() as connection:
        if not database.is_sqlite:
            # Processes that start at once must not both create the tables.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('docchat.migrate'))"))
        metadata.create_all(connection, tables=[store_meta])
        done = int(_read(connection, "schema") or 0)
        if done > len(STEPS):
            raise ConfigError("This database was written by a newer docchat. Install that version or newer.")
        # The first step makes the tables of today; the others bring older ones up to it.
        for step in STEPS[done:] if done else STEPS[:1]:
            step(connection)
        _write(connection, "schema", str(len(STEPS)))
        if extra is not None:
            extra(connection)
        store_id = _read(connection, "store_id")
        if store_id is None:
            store_id = str(new_id())
            _write(connection, "store_id", store_id)
        slots = chat_session.c.meta_slot, chat_session.c.history_slot, chat_model.c.slot
        highest = connection.execute(select(*(select(func.max(slot)).scalar_subquery() for slot in slots)))
        return Origin(UUID(store_id), max(-1 if slot is None else slot for slot in highest.one()) + 1)


def name_keyring(database: Database, origin: Origin, identity: UUID) -> None:
    """Write down which keyring seals this database. Raises ConfigError when it is another one than before."""
    with database.write() as connection:
        known = _read(connection, _KEYRING)
        if known is None or not origin.slots:
            _write(connection, _KEYRING, str(identity))
        elif known != str(identity):
            raise ConfigError(
                f"The chats of this database are sealed with the keyring {known}, but the keyring in place is "
                f"{identity}. Put the right one back; another one must not stand in for it."
            )


def _read(connection: Connection, key: str) -> str | None:
    return connection.execute(select(store_meta.c.value).where(store_meta.c.key == key)).scalar_one_or_none()


def _write(connection: Connection, key: str, value: str) -> None:
    if _read(connection, key) is None:
        connection.execute(insert(store_meta).values(key=key, value=value))
    else:
        connection.execute(store_meta.update().where(store_meta.c.key == key).values(value=value))
