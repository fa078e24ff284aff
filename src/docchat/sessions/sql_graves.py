"""The database's half of a clear: one transaction that takes the rows away, and a job that reclaims what is left."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select, update

from ..db.engine import Database
from ..db.schema import answer_run, chat_session, message, receipt
from ..errors import NotFound
from ..jobs import queue
from ..jobs.queue import Job
from ..jobs.worker import Beat, Retry
from ..keys.keyring import Keyring, SlotState
from ..types import ChatSession, Receipt, new_id, utc_now
from .sql_rows import SessionRow, find, id_range, insert_empty, slots_of

# Chats up to this many messages lose their rows in the transaction of the clear itself; longer ones, whose keys are
# destroyed just the same, in the reclaim job: so a clear takes as long at 10,000 messages as at 10.
INLINE_MESSAGES = 64
_BATCH = 2000
# What a Grave is made of: the walk over all sessions reads no titles.
_GRAVE_COLUMNS = tuple(
    chat_session.c[name] for name in ("no", "id", "owner", "meta_slot", "history_slot", "cleared_at")
)


@dataclass(frozen=True, slots=True)
class Grave:
    """What a clear needs to know of a session before it destroys the keys."""

    owner: str
    session_id: UUID
    slots: tuple[int, ...]
    cleared: bool


class SqlGraves:
    """Finds and buries session rows. `action` is "clear" (with a successor) or "delete" (without)."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    def find(self, *, owner: str, session_id: UUID) -> Grave:
        """The session, live or cleared already. Raises NotFound."""
        with self._database.read() as connection:
            row = find(connection, owner=owner, session_id=session_id)
        return _grave(row)

    def bury(self, grave: Grave, *, action: str) -> Receipt:
        """Take the rows away, write the receipt and the successor: one transaction, repeated without effect."""
        with self._database.write() as connection:
            row = find(connection, owner=grave.owner, session_id=grave.session_id, lock=True)
            if row.cleared_at is not None:
                return _read_receipt(connection, owner=grave.owner, receipt_id=row.receipt_id)
            # A first write may have given the session its keys after the grave was looked up.
            new = tuple(slot for slot in _slots(row) if slot not in grave.slots)
            self._keyring.destroy(slots=new)
            return self._bury(connection, row, action)

    def current(self, *, owner: str, session_id: UUID) -> ChatSession | None:
        """The owner's live session of this id, or the last successor of a cleared one; None when there is none."""
        with self._database.read() as connection:
            seen = set()
            next_id: UUID | None = session_id
            while next_id is not None and next_id not in seen:
                seen.add(next_id)
                try:
                    row = find(connection, owner=owner, session_id=next_id)
                except NotFound:
                    return None
                if row.cleared_at is None:
                    break
                next_id = row.successor
            else:
                return None
        slots = _slots(row)
        if slots and SlotState.DESTROYED in self._keyring.states(slots=slots):
            return None
        return _bare(row)

    def empty(self, *, owner: str) -> ChatSession:
        """The owner's newest session that was never written to; a new one when there is none."""
        query = (
            select(chat_session)
            .where(
                chat_session.c.owner == owner,
                chat_session.c.cleared_at.is_(None),
                chat_session.c.history_slot.is_(None),
            )
            .order_by(chat_session.c.updated_at.desc(), chat_session.c.no.desc())
            .limit(1)
        )
        with self._database.write() as connection:
            row = connection.execute(query).one_or_none()
            return _bare(row if row is not None else insert_empty(connection, owner=owner))

    def renew(self, grave: Grave) -> ChatSession | None:
        """Give a session that was never written to a new id and new times; None when it is not such a one.

        There is nothing to clear in it, and a row for each clear of nothing would never end.
        """
        now = utc_now()
        with self._database.write() as connection:
            row = connection.execute(
                update(chat_session)
                .where(
                    chat_session.c.id == grave.session_id,
                    chat_session.c.owner == grave.owner,
                    chat_session.c.cleared_at.is_(None),
                    chat_session.c.history_slot.is_(None),
                )
                .values(id=new_id(), created_at=now, updated_at=now)
                .returning(*chat_session.c)
            ).one_or_none()
        return None if row is None else _bare(row)

    def receipt(self, *, owner: str, receipt_id: UUID) -> Receipt:
        """A receipt of the owner. Raises NotFound."""
        with self._database.read() as connection:
            return _read_receipt(connection, owner=owner, receipt_id=receipt_id)

    def unburied(self) -> list[Grave]:
        """Live rows of which a key is destroyed: clears that a crash or a full disk cut short."""
        graves: list[Grave] = []
        after = 0
        while True:
            query = (
                select(*_GRAVE_COLUMNS)
                .where(
                    chat_session.c.no > after,
                    chat_session.c.cleared_at.is_(None),
                    chat_session.c.history_slot.is_not(None),
                )
                .order_by(chat_session.c.no)
                .limit(_BATCH)
            )
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return graves
            after = rows[-1].no
            found = [_grave(row) for row in rows]
            states = iter(self._keyring.states(slots=[slot for grave in found for slot in grave.slots]))
            graves += [grave for grave in found if SlotState.DESTROYED in [next(states) for _ in grave.slots]]

    def reclaim(self, job: Job, beat: Beat) -> None:
        """The job after a clear: delete what rows are left in batches, then take the bytes out of the files."""
        if job.subject.isdigit():
            first, last = id_range(int(job.subject))
            while self._delete_some(first, last):
                beat()
        if not self._database.checkpoint():
            raise Retry("a reader holds the write-ahead log")

    def _delete_some(self, first: int, last: int) -> bool:
        with self._database.write() as connection:
            doomed = select(message.c.id).where(message.c.id.between(first, last)).order_by(message.c.id).limit(_BATCH)
            removed = connection.execute(delete(message).where(message.c.id.in_(doomed)))
            return removed.rowcount > 0

    def _bury(self, connection: Connection, row: SessionRow, action: str) -> Receipt:
        now = utc_now()
        runs = connection.execute(delete(answer_run).where(answer_run.c.session_no == row.no)).rowcount
        if row.messages <= INLINE_MESSAGES:
            connection.execute(delete(message).where(message.c.id.between(*id_range(row.no))))
        written = Receipt(
            id=new_id(),
            session_id=row.id,
            action="clear" if action == "clear" else "delete",
            counts={"messages": row.messages, "titles": int(row.title is not None), "running_answers": runs},
            created_at=now,
            successor=insert_empty(connection, owner=row.owner).id if action == "clear" else None,
        )
        connection.execute(
            insert(receipt).values(
                id=written.id,
                owner=row.owner,
                session_id=written.session_id,
                action=written.action,
                counts=written.counts,
                successor=written.successor,
                created_at=now,
            )
        )
        connection.execute(
            update(chat_session)
            .where(chat_session.c.no == row.no)
            .values(title=None, messages=0, cleared_at=now, successor=written.successor, receipt_id=written.id)
        )
        queue.put(connection, kind="reclaim", subject=str(row.no))
        return written


def _slots(row: SessionRow) -> tuple[int, ...]:
    slots = slots_of(row)
    return () if slots is None else (slots.meta, slots.history)


def _grave(row: SessionRow) -> Grave:
    return Grave(row.owner, row.id, _slots(row), row.cleared_at is not None)


def _bare(row: SessionRow) -> ChatSession:
    return ChatSession(row.id, row.owner, "", row.messages, row.created_at, row.updated_at)


def _read_receipt(connection: Connection, *, owner: str, receipt_id: UUID) -> Receipt:
    row = connection.execute(select(receipt).where(receipt.c.id == receipt_id, receipt.c.owner == owner)).one_or_none()
    if row is None:
        raise NotFound
    return Receipt(row.id, row.session_id, row.action, row.counts, row.created_at, row.successor)
