"""Which session each key slot belongs to: what a change of the master key has to know."""

from collections.abc import Callable, Iterator
from uuid import UUID

from sqlalchemy import or_, select

from ..db.engine import Database
from ..db.schema import chat_session

_BATCH = 1000


def slot_owners(database: Database) -> Iterator[tuple[int, UUID]]:
    """Every (slot, session id) that the database knows of, live, cleared or withheld, in short transactions."""
    for source in SOURCES:
        yield from source(database)


def _of_sessions(database: Database) -> Iterator[tuple[int, UUID]]:
    columns = chat_session.c
    last = 0
    while True:
        query = (
            select(columns.no, columns.id, columns.meta_slot, columns.history_slot)
            .where(columns.no > last, or_(columns.meta_slot.is_not(None), columns.history_slot.is_not(None)))
            .order_by(columns.no)
            .limit(_BATCH)
        )
        with database.read() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        last = rows[-1].no
        for row in rows:
            yield from ((slot, row.id) for slot in (row.meta_slot, row.history_slot) if slot is not None)


SOURCES: tuple[Callable[[Database], Iterator[tuple[int, UUID]]], ...] = (_of_sessions,)
"""The places where slots are written down. A table that comes to hold slots gets its function here."""
