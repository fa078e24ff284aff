"""What the doctor asks the database: counts of what should not be there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Integer, func, literal, or_, select, text

from ..db.engine import Database
from ..db.schema import SEQ_BITS, answer_run, chat_session, document, job, message, original_part
from ..types import utc_now

_BATCH = 1000
_SILENT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class SlotUse:
    """The key slots that a session says it has."""

    session_id: UUID
    cleared: bool
    slots: tuple[int, ...]


def engine_version(database: Database) -> str:
    """Name and version of the database engine."""
    query = "SELECT sqlite_version()" if database.is_sqlite else "SHOW server_version"
    with database.read() as connection:
        version = connection.execute(text(query)).scalar_one()
    return f"{'SQLite' if database.is_sqlite else 'PostgreSQL'} {version}"


def slot_uses(database: Database) -> Iterator[Sequence[SlotUse]]:
    """All sessions that have slots, in batches."""
    last = 0
    while True:
        query = (
            select(chat_session)
            .where(
                chat_session.c.no > last,
                or_(chat_session.c.meta_slot.is_not(None), chat_session.c.history_slot.is_not(None)),
            )
            .order_by(chat_session.c.no)
            .limit(_BATCH)
        )
        with database.read() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        last = rows[-1].no
        yield [
            SlotUse(
                row.id,
                row.cleared_at is not None,
                tuple(slot for slot in (row.meta_slot, row.history_slot) if slot is not None),
            )
            for row in rows
        ]


def orphans(database: Database) -> dict[str, int]:
    """Rows that belong to nothing, by what they are; all zero in good health."""
    owner_of_message = select(chat_session.c.no).where(
        chat_session.c.no == message.c.id.op(">>")(literal(SEQ_BITS, Integer)), chat_session.c.cleared_at.is_(None)
    )
    part_of_document = select(document.c.id).where(document.c.id == original_part.c.document_id)
    silent = answer_run.c.beat_at < utc_now() - _SILENT
    with database.read() as connection:
        counts = {
            "messages without a chat": select(func.count()).select_from(message).where(~owner_of_message.exists()),
            "answers nobody writes any more": select(func.count()).select_from(answer_run).where(silent),
            "originals without a document": select(func.count())
            .select_from(original_part)
            .where(~part_of_document.exists()),
        }
        return {what: connection.execute(query).scalar_one() for what, query in counts.items()}


def failed_jobs(database: Database) -> dict[str, int]:
    """Jobs that were given up, counted by kind and code."""
    query = (
        select(job.c.kind, job.c.error, func.count())
        .where(job.c.failed_at.is_not(None))
        .group_by(job.c.kind, job.c.error)
    )
    with database.read() as connection:
        return {f"{kind}: {error}": count for kind, error, count in connection.execute(query).all()}


def document_ids(database: Database) -> Iterator[UUID]:
    """The id of every document."""
    last = 0
    while True:
        query = select(document.c.no, document.c.id).where(document.c.no > last)
        with database.read() as connection:
            rows = connection.execute(query.order_by(document.c.no).limit(_BATCH)).all()
        if not rows:
            return
        last = rows[-1].no
        yield from (row.id for row in rows)
