"""Bring a database to the present schema: a list of steps, each run once, in order."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, text

from ..errors import ConfigError
from ..types import new_id
from .engine import Database
from .schema import chat_session, metadata, store_meta

Step = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Origin:
    """What the database says of itself: its store id, and how many key slots it knows of (the highest and one)."""

    store_id: UUID
    slots: int


def _m001_tables(connection: Connection) -> None:
    metadata.create_all(connection)


STEPS: tuple[Step, ...] = (_m001_tables,)


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
        for step in STEPS[done:]:
            step(connection)
        _write(connection, "schema", str(len(STEPS)))
        if extra is not None:
            extra(connection)
        store_id = _read(connection, "store_id")
        if store_id is None:
            store_id = str(new_id())
            _write(connection, "store_id", store_id)
        highest = connection.execute(select(func.max(chat_session.c.meta_slot), func.max(chat_session.c.history_slot)))
        return Origin(UUID(store_id), max(-1 if slot is None else slot for slot in highest.one()) + 1)


def _read(connection: Connection, key: str) -> str | None:
    return connection.execute(select(store_meta.c.value).where(store_meta.c.key == key)).scalar_one_or_none()


def _write(connection: Connection, key: str, value: str) -> None:
    if _read(connection, key) is None:
        connection.execute(insert(store_meta).values(key=key, value=value))
    else:
        connection.execute(store_meta.update().where(store_meta.c.key == key).values(value=value))
