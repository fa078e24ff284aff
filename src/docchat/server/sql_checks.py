"""What the doctor asks the database: counts of what should not be there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Integer, delete, exists, func, insert, literal, or_, select, text

from ..db.engine import Database
from ..db.schema import (
    SEQ_BITS,
    answer_run,
    attachment,
    attachment_part,
    chat_session,
    document,
    draft,
    feedback,
    job,
    message,
    receipt,
    store_meta,
)
from ..jobs import queue
from ..sessions.sql_attachment_rows import ORIGINAL, RECEIVING
from ..types import DocumentState, ReceiptState, utc_now

_BATCH = 1000
_MESSAGES = 20_000
_SILENT = timedelta(seconds=60)
_LATE = timedelta(seconds=60)
_VERY_LATE = timedelta(minutes=10)
_KEYS_BACKED_UP = "keys_backed_up_at"


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


@dataclass(frozen=True, slots=True)
class Leftover:
    """Rows that belong to no live chat: some of those whose `column` is `first` to `last`."""

    column: Column[Any]
    first: int
    last: int
    count: int


_OF_HISTORIES = frozenset((message.c.id, feedback.c.id))


def leftover_messages(database: Database) -> Iterator[Leftover]:
    """Messages without a chat: of cleared ones, of cleared histories, and of none at all. Those that an undo may need
    are not among them."""
    return _leftovers(database, message.c.id)


def leftover_feedback(database: Database) -> Iterator[Leftover]:
    """The same of what people think of answers."""
    return _leftovers(database, feedback.c.id)


def leftover_drafts(database: Database) -> Iterator[Leftover]:
    """The same of questions that were begun; those of a cleared history are none."""
    return _leftovers(database, draft.c.id)


def leftover_attachments(database: Database) -> Iterator[Leftover]:
    """The same of attachments and their parts, which a cleared history leaves."""
    yield from _leftovers(database, attachment_part.c.id)
    yield from _leftovers(database, attachment.c.no)


def lost_attachments(database: Database) -> int:
    """Attachments that were received, and of whose file nothing is stored."""
    original = exists().where(attachment_part.c.attachment_no == attachment.c.no, attachment_part.c.kind == ORIGINAL)
    query = select(func.count()).select_from(attachment).where(~original, attachment.c.state != RECEIVING)
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())


def _leftovers(database: Database, column: Column[Any]) -> Iterator[Leftover]:
    after = -1
    while True:
        with database.read() as connection:
            numbers = select(column.label("id")).where(column > after).order_by(column).limit(_MESSAGES)
            some = numbers.subquery()
            no = some.c.id.op(">>")(literal(SEQ_BITS, Integer))
            query = select(no.label("no"), func.min(some.c.id), func.max(some.c.id), func.count()).group_by(no)
            groups = connection.execute(query).all()
            kept_from = _kept_from(connection, [group[0] for group in groups], histories=column in _OF_HISTORIES)
        if not groups:
            return
        after = max(group[2] for group in groups)
        for number, first, last, count in groups:
            keep = kept_from.get(number)
            if keep is None:
                yield Leftover(column, first, last, count)
            elif first < keep:
                yield Leftover(column, first, min(last, keep - 1), min(count, keep - first))


def _kept_from(connection: Connection, nos: Sequence[int], *, histories: bool) -> dict[int, int]:
    """The id from which on the rows of each chat are to be there; chats without any are left out.

    `histories`: they go with a cleared history.
    """
    columns = chat_session.c
    rows = connection.execute(
        select(columns.no, columns.id, columns.first_seq, columns.cleared_at, receipt.c.state)
        .outerjoin(receipt, receipt.c.id == columns.receipt_id)
        .where(columns.no.in_(nos))
    ).all()
    undoable = select(receipt.c.session_id).where(receipt.c.state == ReceiptState.PENDING)
    pending = set(connection.execute(undoable).scalars())
    return {
        row.no: (row.no << SEQ_BITS) + (0 if row.id in pending or not histories else row.first_seq)
        for row in rows
        if row.cleared_at is None or row.state in (ReceiptState.PENDING, ReceiptState.RUNNING)
    }


def delete_leftover(database: Database, rows: Leftover) -> int:
    """Delete them, some in a transaction; how many they were."""
    removed, column = 0, rows.column
    while True:
        doomed = select(column).where(column.between(rows.first, rows.last)).limit(_BATCH)
        with database.write() as connection:
            done = connection.execute(delete(column.table).where(column.in_(doomed))).rowcount
        removed += done
        if done == 0:
            return removed


def late_clears(database: Database) -> dict[str, int]:
    """Clears that should be through and are not; all zero in good health."""
    late = utc_now() - _LATE
    counts = {
        "clears are past the end of their undo window": select(func.count())
        .select_from(receipt)
        .where(receipt.c.state == ReceiptState.PENDING, receipt.c.undo_until < late),
        "clears of many chats, or of all that a person has, go on for more than ten minutes": select(func.count())
        .select_from(receipt)
        .where(receipt.c.state == ReceiptState.RUNNING, receipt.c.created_at < utc_now() - _VERY_LATE),
    }
    with database.read() as connection:
        return {what: connection.execute(query).scalar_one() for what, query in counts.items()}


def has_jobs(database: Database, kinds: Sequence[str]) -> bool:
    """Whether jobs of these kinds wait or run, and were not given up."""
    query = select(job.c.id).where(job.c.kind.in_(kinds), job.c.failed_at.is_(None), job.c.subject != "all")
    with database.read() as connection:
        return connection.execute(query.limit(1)).first() is not None


def put_again(database: Database, kinds: Sequence[str]) -> None:
    """Run jobs of these kinds again that were given up, and put those that clears under way have lost."""
    given_up = select(job.c.kind, job.c.subject).where(job.c.kind.in_(kinds), job.c.failed_at.is_not(None))
    late = utc_now() - _LATE
    unsettled = select(receipt.c.id).where(receipt.c.state == ReceiptState.PENDING, receipt.c.undo_until < late)
    running = select(receipt.c.id, receipt.c.action).where(
        receipt.c.state == ReceiptState.RUNNING, receipt.c.created_at < late
    )
    with database.write() as connection:
        jobs = [(row.kind, row.subject) for row in connection.execute(given_up)]
        jobs += [("settle", str(found)) for found in connection.execute(unsettled).scalars()]
        # The jobs of both kinds are called as their receipts are.
        jobs += [(row.action, str(row.id)) for row in connection.execute(running)]
        for kind, subject in jobs:
            queue.put(connection, kind=kind, subject=subject)


def silent_runs(database: Database) -> int:
    """Answers whose process has not been heard of for a minute."""
    query = select(func.count()).select_from(answer_run).where(answer_run.c.beat_at < utc_now() - _SILENT)
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())


def first_chat(database: Database) -> datetime | None:
    """When the oldest chat that is still there was made; one that was never written to does not count."""
    query = select(func.min(chat_session.c.created_at)).where(
        chat_session.c.cleared_at.is_(None), chat_session.c.meta_slot.is_not(None)
    )
    with database.read() as connection:
        found: datetime | None = connection.execute(query).scalar_one()
    return found


def last_key_backup(database: Database) -> datetime | None:
    """When the keys were last backed up, None for never."""
    query = select(store_meta.c.value).where(store_meta.c.key == _KEYS_BACKED_UP)
    with database.read() as connection:
        value = connection.execute(query).scalar_one_or_none()
    return None if value is None else datetime.fromisoformat(value)


def note_key_backup(database: Database) -> None:
    """Remember that the keys were backed up now."""
    with database.write() as connection:
        connection.execute(delete(store_meta).where(store_meta.c.key == _KEYS_BACKED_UP))
        connection.execute(insert(store_meta).values(key=_KEYS_BACKED_UP, value=utc_now().isoformat()))


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
    """The id of every document that is not deleted."""
    last = 0
    while True:
        there = document.c.no > last, document.c.state != DocumentState.DELETED
        query = select(document.c.no, document.c.id).where(*there)
        with database.read() as connection:
            rows = connection.execute(query.order_by(document.c.no).limit(_BATCH)).all()
        if not rows:
            return
        last = rows[-1].no
        yield from (row.id for row in rows)
