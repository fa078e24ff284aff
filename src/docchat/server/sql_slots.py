"""Which session or model each key slot belongs to: what a change of the master key has to know."""

from collections.abc import Callable, Iterator
from uuid import UUID

from sqlalchemy import bindparam, or_, select

from ..db.engine import Database
from ..db.schema import chat_model, chat_session, job, receipt
from ..types import ReceiptState

_BATCH = 1000


def slot_owners(database: Database) -> Iterator[tuple[int, UUID]]:
    """Every (slot, session or model id) of the database, live, cleared or withheld, in short transactions."""
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


def _of_pending_histories(database: Database) -> Iterator[tuple[int, UUID]]:
    """Histories whose clear can still be undone: their chat may have a new key by now, the receipt names the old."""
    query = select(receipt.c.session_id, receipt.c.scope).where(
        receipt.c.id == bindparam("by"), receipt.c.action == "history", receipt.c.state == ReceiptState.PENDING
    )
    with database.read() as connection:
        waiting = connection.execute(select(job.c.subject).where(job.c.kind == "settle")).scalars().all()
        found = [connection.execute(query, {"by": UUID(subject)}).one_or_none() for subject in waiting]
    for row in found:
        if row is not None:
            yield from ((slot, row.session_id) for slot in row.scope["slots"])


def _of_models(database: Database) -> Iterator[tuple[int, UUID]]:
    query = select(chat_model.c.slot, chat_model.c.id).where(chat_model.c.slot.is_not(None))
    with database.read() as connection:
        rows = connection.execute(query).all()
    yield from ((row.slot, row.id) for row in rows)


SOURCES: tuple[Callable[[Database], Iterator[tuple[int, UUID]]], ...] = (
    _of_sessions,
    _of_pending_histories,
    _of_models,
)
"""The places where slots are written down. A table that comes to hold slots gets its function here."""
