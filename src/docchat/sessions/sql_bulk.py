"""The rows of a bulk clear: what its scope still holds, in batches, and their burial under one receipt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from ..db import receipts
from ..db.engine import Database
from ..db.receipts import ReceiptRow
from ..db.schema import EPOCH, MICROSECOND, answer_run, chat_session, receipt
from ..errors import NotFound
from ..jobs import queue
from ..types import Receipt, ReceiptState, new_id, utc_now
from .shredder import Shredder
from .sql_attachment_rows import JOB as ATTACH
from .sql_attachment_rows import jobs_of
from .sql_drafts import count_drafts
from .sql_rows import counts_of, slots_of

MAX_SELECTED = 10_000
_BATCH = 2000
# A request that lives does the work itself; the job is for one that was killed or has run out of time.
_HANDOVER_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkScope:
    """Which chats of an owner are meant: the chosen ones, those not written to since `before`, or everything."""

    session_ids: tuple[UUID, ...] = ()
    before: datetime | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True)
class BulkCount:
    """How much a scope holds."""

    sessions: int
    messages: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Some sessions of a bulk clear, by number, and the slots of their keys. `final`: there is no undo."""

    receipt_id: UUID
    nos: tuple[int, ...]
    slots: tuple[int, ...]
    final: bool


class SqlBulk:
    """Stores bulk clears and takes the rows of their sessions away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, *, owner: str, scope: BulkScope) -> BulkCount:
        """How many live sessions and messages a scope holds now."""
        sessions = messages = 0
        query = select(func.count(), func.coalesce(func.sum(chat_session.c.messages), 0))
        with self._database.read() as connection:
            for condition in _conditions(owner, _stored(scope, None)):
                row = connection.execute(query.where(*condition)).one()
                sessions, messages = sessions + row[0], messages + row[1]
        return BulkCount(sessions, messages)

    def begin(self, *, owner: str, scope: BulkScope, undo_seconds: float) -> UUID:
        """Store what is to be cleared, and a job that sees to it; sessions that are made from now on are not meant."""
        now = utc_now()
        written = Receipt(
            new_id(), None, "bulk", {"sessions": 0, "messages": 0, "titles": 0, "running_answers": 0}, now
        )
        running = Receipt(written.id, None, "bulk", written.counts, now, state=ReceiptState.RUNNING)
        with self._database.write() as connection:
            newest = connection.execute(select(func.max(chat_session.c.no))).scalar_one() or 0
            stored = _stored(scope, newest) | {"undo_seconds": undo_seconds}
            receipts.write(connection, running, owner=owner, scope=stored)
            queue.put(connection, kind="bulk", subject=str(written.id), delay=_HANDOVER_SECONDS)
        return written.id

    def next_batch(self, *, receipt_id: UUID) -> Batch:
        """Sessions that are still to be cleared; none when it is done."""
        with self._database.read() as connection:
            found = _find(connection, receipt_id)
            final = not found.scope["undo_seconds"]
            for condition in _conditions(found.owner, found.scope):
                query = select(chat_session.c.no, chat_session.c.meta_slot, chat_session.c.history_slot)
                rows = connection.execute(query.where(*condition).order_by(chat_session.c.no).limit(_BATCH)).all()
                if rows:
                    slots = tuple(slot for row in rows for slot in row[1:] if slot is not None)
                    return Batch(receipt_id, tuple(row.no for row in rows), slots, final)
        return Batch(receipt_id, (), (), final)

    def bury(self, batch: Batch, shredder: Shredder) -> None:
        """Take the rows of a batch away and add them to the receipt, in one transaction."""
        mine = (chat_session.c.no.in_(batch.nos), chat_session.c.cleared_at.is_(None))
        with self._database.write() as connection:
            found = _find(connection, batch.receipt_id, lock=True)
            rows = connection.execute(select(chat_session).where(*mine).with_for_update()).all()
            # First writes may have given sessions their keys since the batch was read.
            shredder.withhold(
                sorted({slot for row in rows for slot in slots_of(row).all()}.difference(batch.slots)),
                final=batch.final,
            )
            ended = delete(answer_run).where(answer_run.c.session_no.in_([row.no for row in rows]))
            values: dict[str, Any] = {"cleared_at": utc_now(), "receipt_id": batch.receipt_id}
            if batch.final:
                values |= {"title": None, "messages": 0, "attachments": 0, "attached_passages": 0}
            for row in rows:
                for subject in jobs_of(connection, row.no) if row.attachments else ():
                    queue.cancel(connection, kind=ATTACH, subject=subject)
            runs = connection.execute(ended).rowcount
            drafts = count_drafts(connection, [row.no for row in rows])
            connection.execute(update(chat_session).where(*mine).values(values))
            more = {
                "sessions": len(rows),
                "messages": sum(row.messages for row in rows),
                "titles": sum(row.title is not None for row in rows),
                "running_answers": runs,
                **counts_of(rows),
                **({"drafts": drafts} if drafts else {}),
            }
            counts = found.counts | {kind: found.counts.get(kind, 0) + number for kind, number in more.items()}
            connection.execute(update(receipt).where(receipt.c.id == batch.receipt_id).values(counts=counts))

    def end(self, *, receipt_id: UUID) -> Receipt:
        """Nothing is left to withhold: the receipt is done, or pending while it can be undone."""
        with self._database.write() as connection:
            found = _find(connection, receipt_id, lock=True)
            if found.state == ReceiptState.RUNNING:
                self._end(connection, found)
                found = _find(connection, receipt_id)
            return receipts.as_receipt(found)

    def receipt(self, *, receipt_id: UUID) -> Receipt:
        """The receipt as it stands."""
        with self._database.read() as connection:
            return receipts.as_receipt(_find(connection, receipt_id))

    def _end(self, connection: Connection, found: ReceiptRow) -> None:
        undo_seconds = found.scope["undo_seconds"]
        values: dict[str, Any] = {"state": ReceiptState.DONE}
        if undo_seconds:
            values = {"state": ReceiptState.PENDING, "undo_until": utc_now() + timedelta(seconds=undo_seconds)}
            queue.put(connection, kind="settle", subject=str(found.id), delay=undo_seconds)
        else:
            queue.put(connection, kind="reclaim", subject=str(found.id))
        connection.execute(update(receipt).where(receipt.c.id == found.id).values(values))
        queue.cancel(connection, kind="bulk", subject=str(found.id))


def _stored(scope: BulkScope, newest: int | None) -> dict[str, Any]:
    return {
        "newest": newest,
        "before": None if scope.before is None else (scope.before - EPOCH) // MICROSECOND,
        "ids": [item.hex for item in scope.session_ids],
        "everything": scope.everything,
    }


def _conditions(owner: str, scope: dict[str, Any]) -> list[list[ColumnElement[bool]]]:
    """What the sessions still to be cleared have in common, once for each part of a long selection."""
    common = [chat_session.c.owner == owner, chat_session.c.cleared_at.is_(None)]
    if scope["newest"] is not None:
        common.append(chat_session.c.no <= scope["newest"])
    if scope["ids"]:
        ids = [UUID(item) for item in scope["ids"]]
        return [[*common, chat_session.c.id.in_(part)] for part in _parts(ids)]
    if scope["before"] is not None:
        return [[*common, chat_session.c.updated_at < EPOCH + scope["before"] * MICROSECOND]]
    return [common] if scope["everything"] else []


def _parts(ids: Sequence[UUID]) -> list[Sequence[UUID]]:
    return [ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)]


def _find(connection: Connection, receipt_id: UUID, *, lock: bool = False) -> ReceiptRow:
    query = select(receipt).where(receipt.c.id == receipt_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound
    return row
