"""The rows of an erasure: what is meant, the keys to destroy first, and everything that is not a chat's own row.

The receipt is stored first and says in numbers what is meant. Chats are buried under it by `sessions.sql_bulk`, as in a
clear of many. Documents are out of everybody's reach with one change of their state; their rows go afterwards.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from ..db import receipts
from ..db.engine import Database
from ..db.receipts import ReceiptRow
from ..db.schema import (
    EPOCH,
    chat_session,
    collection,
    collection_member,
    document,
    followed_file,
    job,
    receipt,
    usage,
)
from ..documents import sql_removal, sql_rewrite
from ..errors import NotFound
from ..jobs import queue
from ..types import DocumentState, Receipt, ReceiptState, new_id, utc_now
from .sql_holdings import ERASE, LIVE, given, others_collections

_SLOTS_AT_ONCE = 2000
_DOCUMENTS_AT_ONCE = 200
# A request that lives does the work itself; the job is for one that was killed or has run out of time.
_HANDOVER_SECONDS = 5.0
_DAY = timedelta(days=1)
_OPEN = (ReceiptState.RUNNING, ReceiptState.PENDING)


class SqlErasing:
    """Stores erasures and takes rows away. Every verb is one transaction, and is repeated without effect.

    `limited`: a day allows only so many answers, so today's count stays until the day is over.
    """

    def __init__(self, database: Database, *, limited: bool) -> None:
        self._database = database
        self._limited = limited

    def begin(self, *, owner: str) -> UUID:
        """Store what is to be erased, and a job that sees to it; what is made from now on is not meant.

        While an earlier erasure goes on it is that one, which then means what is there now.
        """
        now = utc_now()
        with self._database.write() as connection:
            meant = {
                "newest": _newest(connection, chat_session.c.no),
                "newest_document": _newest(connection, document.c.no),
                "newest_collection": _newest(connection, collection.c.no),
                "day": (now - EPOCH) // _DAY,
            }
            going_on = connection.execute(_of(owner, (ReceiptState.RUNNING,), erase=True).with_for_update()).first()
            if going_on is not None:
                scope = going_on.scope | meant
                connection.execute(update(receipt).where(receipt.c.id == going_on.id).values(scope=scope))
                return going_on.id  # type: ignore[no-any-return]
            counts = dict.fromkeys(("sessions", "messages", "titles", "running_answers", "documents"), 0)
            written = Receipt(new_id(), None, ERASE, counts, now, state=ReceiptState.RUNNING)
            # The first line is what a clear of many chats has in its scope.
            scope = {"before": None, "ids": [], "everything": True, "undo_seconds": 0}
            scope |= {"documents": [], "rows": [], "collections": [], **meant}
            receipts.write(connection, written, owner=owner, scope=scope)
            queue.put(connection, kind=ERASE, subject=str(written.id), delay=_HANDOVER_SECONDS)
        return written.id

    def slots(self, receipt_id: UUID) -> Iterator[tuple[int, ...]]:
        """The slots of all keys that are meant, in batches: of live chats, and of what an undo could bring back."""
        with self._database.read() as connection:
            found = _find(connection, receipt_id)
            pending = connection.execute(_of(found.owner, (ReceiptState.PENDING,))).all()
        withheld = [slot for row in pending if row.action == "history" for slot in row.scope["slots"]]
        if withheld:
            yield tuple(withheld)
        # A batch is named by its receipt as soon as its rows are buried: those of an unfinished one are meant too.
        undoable = _of(found.owner, _OPEN).with_only_columns(receipt.c.id)
        query = select(chat_session.c.no, chat_session.c.meta_slot, chat_session.c.history_slot).where(
            chat_session.c.owner == found.owner,
            chat_session.c.no <= found.scope["newest"],
            chat_session.c.meta_slot.is_not(None) | chat_session.c.history_slot.is_not(None),
            LIVE | chat_session.c.receipt_id.in_(undoable),
        )
        after = 0
        while True:
            batch = query.where(chat_session.c.no > after).order_by(chat_session.c.no).limit(_SLOTS_AT_ONCE)
            with self._database.read() as connection:
                rows = connection.execute(batch).all()
            if not rows:
                return
            after = rows[-1].no
            yield tuple(slot for row in rows for slot in row[1:] if slot is not None)

    def undoable(self, receipt_id: UUID) -> Sequence[Receipt]:
        """The earlier clears of this person that are not settled yet."""
        with self._database.read() as connection:
            found = _find(connection, receipt_id)
            rows = connection.execute(_of(found.owner, _OPEN)).all()
        return [receipts.as_receipt(row) for row in rows]

    def cancel(self, *, kind: str, subject: UUID) -> None:
        """Forget a job that has nothing to do any more."""
        with self._database.write() as connection:
            queue.cancel(connection, kind=kind, subject=str(subject))

    def leave(self, receipt_id: UUID) -> None:
        """Take the own collections out of everybody's reach, leave those of others, forget folders and use."""
        with self._database.write() as connection:
            found = _find(connection, receipt_id, lock=True)
            owner, scope = found.owner, found.scope
            mine = connection.execute(select(collection.c.no, collection.c.id).where(_ruled(owner, scope))).all()
            numbers = [row.no for row in mine]
            members = delete(collection_member).where(collection_member.c.collection_no.in_(numbers))
            left = delete(collection_member).where(
                collection_member.c.user_id == owner,
                collection_member.c.collection_no.in_(others_collections(owner)),
            )
            days = usage.c.day < scope["day"] if self._limited else usage.c.day <= scope["day"]
            counts = {
                "collections": len(mine),
                "members": connection.execute(members).rowcount,
                "memberships": connection.execute(left).rowcount,
                "followed_files": connection.execute(
                    delete(followed_file).where(followed_file.c.owner == owner)
                ).rowcount,
                "usage_days": connection.execute(delete(usage).where(usage.c.owner == owner, days)).rowcount,
            }
            ended = {"deleted_at": utc_now(), "name": ""}
            connection.execute(update(collection).where(collection.c.no.in_(numbers)).values(ended))
            # What was added to collections of others is theirs, and does not name this person any more.
            holder = select(collection.c.owner).where(collection.c.no == document.c.collection_no).scalar_subquery()
            connection.execute(update(document).where(given(owner)).values(owner=holder))
            scope["collections"] += [row.id.hex for row in mine]
            _add(connection, found, counts, scope)

    def withdraw(self, receipt_id: UUID) -> bool:
        """Take some documents out of everybody's reach: they are nobody's from here on. Whether there were any."""
        with self._database.write() as connection:
            found = _find(connection, receipt_id, lock=True)
            scope = found.scope
            meant = _meant(found)
            query = select(document.c.no, document.c.id, document.c.pages, document.c.passages).where(meant)
            rows = connection.execute(query.order_by(document.c.no).limit(_DOCUMENTS_AT_ONCE).with_for_update()).all()
            if not rows:
                return False
            numbers = [row.no for row in rows]
            runs = sql_removal.passage_runs(connection, document.c.no.in_(numbers))
            sql_removal.withdraw(connection, numbers)
            subjects = [str(row.id) for row in rows]
            connection.execute(delete(job).where(job.c.kind.in_(("ingest", "embed")), job.c.subject.in_(subjects)))
            scope["documents"] += [row.id.hex for row in rows]
            scope["rows"] += [[row.no, runs.get(row.no, [])] for row in rows]
            counts = {
                "documents": len(rows),
                "originals": len(rows),
                "pages": sum(row.pages for row in rows),
                "passages": sum(row.passages for row in rows),
            }
            _add(connection, found, counts, scope)
        return True

    def withdrawn(self, receipt_id: UUID) -> tuple[UUID, ...]:
        """The documents whose rows and originals are to go."""
        with self._database.read() as connection:
            return tuple(UUID(one) for one in _find(connection, receipt_id).scope["documents"])

    def end(self, receipt_id: UUID) -> Receipt:
        """Nothing is left but bytes: the receipt is done, and jobs take the bytes out of the files."""
        with self._database.write() as connection:
            found = _find(connection, receipt_id, lock=True)
            if found.state == ReceiptState.RUNNING:
                this = receipt.c.id == receipt_id
                connection.execute(update(receipt).where(this).values(state=ReceiptState.DONE))
                queue.cancel(connection, kind=ERASE, subject=str(receipt_id))
                for name in found.scope["collections"]:
                    queue.put(connection, kind="drop_collection", subject=str(UUID(name)))
                for subject in (str(receipt_id), "documents"):
                    queue.put(connection, kind="reclaim", subject=subject)
                sql_rewrite.ask(connection)
                if self._limited:
                    ends = EPOCH + (found.scope["day"] + 1) * _DAY - utc_now()
                    delay = min(max(ends.total_seconds(), 0.0) + 1.0, _DAY.total_seconds())
                    queue.put(connection, kind=ERASE, subject=str(receipt_id), delay=delay)
                found = _find(connection, receipt_id)
            return receipts.as_receipt(found)

    def forget_use(self, receipt_id: UUID) -> None:
        """What is counted of the day of the erasure, when that day is over."""
        with self._database.write() as connection:
            found = _find(connection, receipt_id)
            gone = usage.c.owner == found.owner, usage.c.day <= found.scope["day"]
            connection.execute(delete(usage).where(*gone))

    def receipt(self, receipt_id: UUID) -> Receipt:
        """The receipt as it stands. Raises NotFound."""
        with self._database.read() as connection:
            return receipts.as_receipt(_find(connection, receipt_id))

    def going_on(self, *, owner: str) -> Receipt | None:
        """The erasure of this person that is not done yet."""
        with self._database.read() as connection:
            row = connection.execute(_of(owner, (ReceiptState.RUNNING,), erase=True)).first()
        return None if row is None else receipts.as_receipt(row)


def _meant(found: ReceiptRow) -> ColumnElement[bool]:
    """The documents of the erasure that are not withdrawn yet: the own ones, and all of the own collections."""
    personal = and_(document.c.owner == found.owner, document.c.collection_no.is_(None))
    ids = [UUID(name) for name in found.scope["collections"]]
    shared = document.c.collection_no.in_(select(collection.c.no).where(collection.c.id.in_(ids)))
    return and_(
        document.c.no <= found.scope["newest_document"],
        document.c.state != DocumentState.DELETED,
        or_(personal, shared),
    )


def _ruled(owner: str, scope: dict[str, Any]) -> ColumnElement[bool]:
    return and_(
        collection.c.owner == owner,
        collection.c.deleted_at.is_(None),
        collection.c.no <= scope["newest_collection"],
    )


def _of(owner: str, states: Sequence[ReceiptState], *, erase: bool = False) -> Any:
    this = receipt.c.action == ERASE if erase else receipt.c.action != ERASE
    return select(receipt).where(receipt.c.owner == owner, this, receipt.c.state.in_(states))


def _newest(connection: Connection, column: ColumnElement[int]) -> int:
    return connection.execute(select(func.max(column))).scalar_one() or 0


def _add(connection: Connection, found: ReceiptRow, more: dict[str, int], scope: dict[str, Any]) -> None:
    counts = found.counts | {kind: found.counts.get(kind, 0) + number for kind, number in more.items()}
    connection.execute(update(receipt).where(receipt.c.id == found.id).values(counts=counts, scope=scope))


def _find(connection: Connection, receipt_id: UUID, *, lock: bool = False) -> ReceiptRow:
    query = select(receipt).where(receipt.c.id == receipt_id, receipt.c.action == ERASE)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound
    return row
