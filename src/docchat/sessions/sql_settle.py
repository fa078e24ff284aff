"""The end of a clear that can be undone: settled when its time is over, or undone before. And the bytes, reclaimed."""

from uuid import UUID

from sqlalchemy import Column, Connection, Delete, bindparam, delete, select, update

from ..db import receipts
from ..db.engine import Database
from ..db.receipts import ReceiptRow
from ..db.schema import SEQ_BITS, attachment, attachment_part, chat_session, draft, feedback, job, message, receipt
from ..errors import Cleared, Conflict
from ..jobs import queue
from ..jobs.queue import Job
from ..jobs.worker import Beat, Retry
from ..types import Receipt, ReceiptState
from .shredder import Shredder
from .sql_attachment_rows import JOB as ATTACH
from .sql_attachment_rows import jobs_of
from .sql_drafts import drop_draft_of
from .sql_rows import id_range, message_id
from .sql_turns import BYTES_OF_MESSAGES

_BATCH = 2000
_PARTS = 16

_BURIED = chat_session.c.receipt_id == bindparam("by")
_SLOTS = select(chat_session.c.meta_slot, chat_session.c.history_slot).where(_BURIED)
_EMPTY = update(chat_session).where(_BURIED).values(title=None, messages=0, attachments=0, attached_passages=0)
_REVIVE = update(chat_session).where(_BURIED).values(cleared_at=None, successor=None, receipt_id=None)
_DROP_SUCCESSOR = delete(chat_session).where(
    chat_session.c.id == bindparam("next_id"), chat_session.c.meta_slot.is_(None), chat_session.c.cleared_at.is_(None)
)
_RETURN_HISTORY = (
    update(chat_session)
    .where(
        chat_session.c.no == bindparam("row_no"),
        chat_session.c.cleared_at.is_(None),
        chat_session.c.history_slot.is_(None),
        chat_session.c.next_seq == bindparam("then"),
    )
    .values(
        history_slot=bindparam("slot"),
        first_seq=bindparam("first"),
        memory_seq=bindparam("memory"),
        messages=bindparam("count"),
    )
)
_BEGUN = select(chat_session.c.history_slot).where(
    chat_session.c.no == bindparam("row_no"),
    chat_session.c.cleared_at.is_(None),
    chat_session.c.next_seq == bindparam("then"),
)
_TAKE_KEY = update(chat_session).where(chat_session.c.no == bindparam("row_no")).values(history_slot=None)
_CLOSE = update(receipt).where(receipt.c.id == bindparam("by")).values(state=bindparam("closed"), undo_until=None)
# What a session holds is one range of each table's primary key; parts of attachments have up to a megabyte each.
_FIRST_ID = chat_session.c.no * (1 << SEQ_BITS)
_HELD = (
    (feedback.c.id, _BATCH),
    (message.c.id, _BATCH),
    (draft.c.id, _BATCH),
    (attachment_part.c.id, _PARTS),
    (attachment.c.no, _BATCH),
)

_OF_HISTORY = 2
"""So many of them a cleared history loses: opinions and messages."""


def _in_range(key: Column[int], most: int) -> Delete:
    some = select(key).where(key.between(bindparam("first"), bindparam("last"))).order_by(key).limit(most)
    return delete(key.table).where(key.in_(some))


def _of_buried(key: Column[int], most: int) -> Delete:
    held = key.between(_FIRST_ID, _FIRST_ID + (1 << SEQ_BITS) - 1)
    some = select(key).join(chat_session, held).where(_BURIED, chat_session.c.cleared_at.is_not(None)).limit(most)
    return delete(key.table).where(key.in_(some))


_DELETE_RANGE = tuple(_in_range(key, most) for key, most in _HELD)
_DELETE_OF_BURIED = tuple(_of_buried(key, most) for key, most in _HELD)
_OVER = "This clear cannot be undone any more."


class SqlSettle:
    """Settles and undoes clears, and deletes what settled ones have left."""

    def __init__(self, database: Database, shredder: Shredder) -> None:
        self._database = database
        self._shredder = shredder

    def settle(self, *, receipt_id: UUID) -> None:
        """Destroy the keys that a clear has withheld: nothing brings it back. Without effect on any other receipt."""
        with self._database.write() as connection:
            found = self._pending(connection, receipt_id)
            if found is None:
                return
            self._shredder.destroy(self._slots(connection, found))
            if found.action == "history":
                drop_draft_of(connection, found.scope["no"], found.scope["slots"])
            else:
                connection.execute(_EMPTY, {"by": receipt_id})
            connection.execute(_CLOSE, {"by": receipt_id, "closed": ReceiptState.DONE})
            queue.put(connection, kind="reclaim", subject=str(receipt_id))

    def settle_all(self) -> int:
        """Settle every clear that waits for it, whenever its time would be; how many there were."""
        waiting = select(job.c.subject).where(job.c.kind == "settle")
        with self._database.read() as connection:
            subjects = connection.execute(waiting).scalars().all()
        for subject in subjects:
            self.settle(receipt_id=UUID(subject))
            with self._database.write() as connection:
                queue.cancel(connection, kind="settle", subject=subject)
        return len(subjects)

    def undo(self, *, owner: str, receipt_id: UUID) -> Receipt:
        """Give back what a clear has withheld. Raises NotFound, Conflict when it is too late."""
        with self._database.write() as connection:
            found = receipts.find(connection, owner=owner, receipt_id=receipt_id, lock=True)
            if found.state != ReceiptState.PENDING:
                raise Conflict(_OVER, code="undo_over")
            slots = self._slots(connection, found)
            if found.action == "history":
                self._drop_draft_since(connection, found)
                _return_history(connection, found)
            else:
                self._read_again(connection, receipt_id)
                connection.execute(_REVIVE, {"by": receipt_id})
                connection.execute(_DROP_SUCCESSOR, {"next_id": found.successor})
            try:
                self._shredder.release(slots)
            except Cleared as error:
                raise Conflict(_OVER, code="undo_over") from error
            connection.execute(_CLOSE, {"by": receipt_id, "closed": ReceiptState.UNDONE})
            queue.cancel(connection, kind="settle", subject=str(receipt_id))
            return receipts.as_receipt(receipts.find(connection, owner=owner, receipt_id=receipt_id))

    def reclaim(self, claimed: Job, beat: Beat) -> None:
        """The job after a clear: delete what rows are left in batches, then take the bytes out of the files."""
        if claimed.subject not in ("documents", BYTES_OF_MESSAGES):  # else it names a receipt
            with self._database.read() as connection:
                found = connection.execute(select(receipt).where(receipt.c.id == UUID(claimed.subject))).one_or_none()
            while found is not None and self._delete_some(found):
                beat()
        if not self._database.checkpoint():
            raise Retry("a reader holds the write-ahead log")

    def _drop_draft_since(self, connection: Connection, found: ReceiptRow) -> None:
        """A question that was only begun since does not stand in the way of an undo: it goes, with its key."""
        query = _BEGUN.with_for_update()
        slot = connection.execute(query, {"row_no": found.scope["no"], "then": found.scope["seq"][-1]}).scalar()
        if slot is not None:
            drop_draft_of(connection, found.scope["no"], (slot,))
            connection.execute(_TAKE_KEY, {"row_no": found.scope["no"]})
            self._shredder.destroy((slot,))

    def _read_again(self, connection: Connection, receipt_id: UUID) -> None:
        """Put the jobs of attachments that the clear has interrupted."""
        query = select(chat_session.c.no).where(_BURIED, chat_session.c.attachments > 0)
        for number in connection.execute(query, {"by": receipt_id}).scalars().all():
            for subject in jobs_of(connection, number):
                queue.put(connection, kind=ATTACH, subject=subject)

    def _pending(self, connection: Connection, receipt_id: UUID) -> ReceiptRow | None:
        query = select(receipt).where(receipt.c.id == receipt_id, receipt.c.state == ReceiptState.PENDING)
        return connection.execute(query.with_for_update()).one_or_none()

    def _slots(self, connection: Connection, found: ReceiptRow) -> tuple[int, ...]:
        if found.action == "history":
            return tuple(found.scope["slots"])
        rows = connection.execute(_SLOTS, {"by": found.id})
        return tuple(slot for row in rows for slot in (row.meta_slot, row.history_slot) if slot is not None)

    def _delete_some(self, found: ReceiptRow) -> bool:
        """Delete some rows of one table; whether there were any."""
        statements, values = _DELETE_OF_BURIED, {"by": found.id}
        if found.action not in ("bulk", "erase"):
            first, last = id_range(found.scope["no"])
            statements, values = _DELETE_RANGE, {"first": first, "last": last}
        if found.action == "history":  # attachments stay, they are sealed under the other key
            last = message_id(found.scope["no"], found.scope["seq"][-1]) - 1
            statements, values = _DELETE_RANGE[:_OF_HISTORY], {"first": first, "last": last}
        for statement in statements:
            with self._database.write() as connection:
                if connection.execute(statement, values).rowcount > 0:
                    return True
        return False


def _return_history(connection: Connection, found: ReceiptRow) -> None:
    first, memory, then = found.scope["seq"]
    values = {
        "row_no": found.scope["no"],
        "then": then,
        "slot": found.scope["slots"][0],
        "first": first,
        "memory": memory,
        "count": found.counts["messages"],
    }
    if connection.execute(_RETURN_HISTORY, values).rowcount != 1:
        raise Conflict("The chat went on meanwhile: its old messages cannot be brought back.", code="undo_over")
