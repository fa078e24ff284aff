"""The database's half of a clear: one transaction that takes the rows away, and a job that reclaims what is left."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from ..db import receipts
from ..db.engine import Database
from ..db.prepared import Prepared
from ..db.schema import answer_run, chat_session, feedback, message
from ..errors import Cleared, NotFound
from ..jobs import queue
from ..keys.keyring import CLEARED
from ..types import Action, ChatSession, Receipt, ReceiptState, new_id, utc_now
from .sealing import Slots
from .shredder import Shredder
from .sql_attachment_rows import JOB as ATTACH
from .sql_attachment_rows import jobs_of
from .sql_drafts import drop_draft, has_draft
from .sql_rows import (
    NEXT_TURN,
    About,
    SessionRow,
    about_of,
    as_session,
    counts_of,
    find,
    id_range,
    insert_empty,
    message_id,
    slots_of,
)
from .sql_sections import bound

# Chats up to this many messages lose their rows in the transaction of the clear itself; longer ones, whose keys are
# destroyed just the same, in the reclaim job: so a clear takes as long at 10,000 messages as at 10.
INLINE_MESSAGES = 64
_BATCH = 500
_GRAVE_COLUMNS = tuple(
    chat_session.c[name]
    for name in ("no", "id", "owner", "meta_slot", "history_slot", "cleared_at", "document_id", "section")
)

_END_RUNS = Prepared(delete(answer_run).where(answer_run.c.session_no == bindparam("row_no")))
_DELETE_MESSAGES = tuple(
    Prepared(delete(key.table).where(key.between(bindparam("first"), bindparam("last"))))
    for key in (feedback.c.id, message.c.id)
)
_ROW = update(chat_session).where(chat_session.c.no == bindparam("row_no"))
_MARK = Prepared(
    _ROW.values(
        cleared_at=bindparam("at"),
        successor=bindparam("next_id"),
        receipt_id=bindparam("by"),
        title=bindparam("sealed"),
        messages=bindparam("left"),
        attachments=bindparam("files"),
        attached_passages=bindparam("found"),
    )
)
# Numbers of messages are no count of them: those that were replaced are gone.
_COUNT = select(func.count()).select_from(message).where(message.c.id.between(bindparam("first"), bindparam("last")))
_FORGET = _ROW.values(memory_seq=bindparam("seq"))
_EMPTY_HISTORY = _ROW.values(
    history_slot=None,
    first_seq=chat_session.c.next_seq,
    memory_seq=chat_session.c.next_seq,
    messages=0,
    updated_at=bindparam("at"),
)
# Among the newest only: who has written to a hundred chats since gets another one.
_NEWEST = (
    select(chat_session.c.no)
    .where(
        chat_session.c.owner == bindparam("of_owner"),
        chat_session.c.cleared_at.is_(None),
        chat_session.c.document_id.is_(None),
        chat_session.c.archived_at.is_(None),
    )
    .order_by(chat_session.c.turn.desc(), chat_session.c.no.desc())
    .limit(100)
)
_NEVER_WRITTEN = (
    select(chat_session)
    .where(chat_session.c.no.in_(_NEWEST), chat_session.c.meta_slot.is_(None))
    .order_by(chat_session.c.turn.desc(), chat_session.c.no.desc())
    .limit(1)
)
_RENEW = (
    update(chat_session)
    .where(
        chat_session.c.id == bindparam("old_id"),
        chat_session.c.owner == bindparam("of_owner"),
        chat_session.c.cleared_at.is_(None),
        chat_session.c.meta_slot.is_(None),
    )
    .values(
        id=bindparam("new"),
        created_at=bindparam("at"),
        updated_at=bindparam("at"),
        turn=NEXT_TURN,
        pinned_at=None,
        archived_at=None,
    )
    .returning(*chat_session.c)
)


@dataclass(frozen=True, slots=True)
class Grave:
    """What a clear needs to know of a session before it takes the keys away."""

    owner: str
    session_id: UUID
    slots: Slots
    cleared: bool
    about: About | None = None


@dataclass(frozen=True, slots=True)
class Burial:
    """A receipt, and the empty session that was made in the same moment."""

    receipt: Receipt
    session: ChatSession | None = None


class SqlGraves:
    """Finds and buries session rows. Every verb is one transaction and is repeated without effect."""

    def __init__(self, database: Database, shredder: Shredder) -> None:
        self._database = database
        self._shredder = shredder

    def find(self, *, owner: str, session_id: UUID) -> Grave:
        """The session, live or cleared already. Raises NotFound."""
        with self._database.read() as connection:
            return grave_of(find(connection, owner=owner, session_id=session_id))

    def bury(self, grave: Grave, *, action: Action, final: bool = False) -> Burial:
        """Take the rows away and write the receipt; a clear puts an empty session in its place.

        While the clear can be undone the sealed rows stay, without their keys.
        """
        with self._database.write() as connection:
            row = find(connection, owner=grave.owner, session_id=grave.session_id, lock=True)
            if row.cleared_at is not None:
                found = receipts.find(connection, owner=grave.owner, receipt_id=row.receipt_id)
                return Burial(receipts.as_receipt(found))
            # A first write may have given the session its keys after the grave was looked up.
            new = set(slots_of(row).all()).difference(grave.slots.all())
            self._shredder.withhold(sorted(new), final=final)
            return self._bury(connection, row, action, final)

    def bury_history(self, grave: Grave, *, final: bool = False) -> Burial | None:
        """Take the messages away and leave the chat; None when there were none.

        Raises Cleared when the whole session is cleared.
        """
        with self._database.write() as connection:
            row = find(connection, owner=grave.owner, session_id=grave.session_id, lock=True)
            if row.cleared_at is not None:
                raise Cleared(successor=row.successor)
            if row.history_slot is None or row.history_slot != grave.slots.history:
                return None  # another clear of the history was first; what was said since is not meant
            written = self._receipt(connection, row, "history", final)
            scope = {"slots": [row.history_slot], "no": row.no, "seq": [row.first_seq, row.memory_seq, row.next_seq]}
            connection.execute(_EMPTY_HISTORY, {"row_no": row.no, "at": written.created_at})
            self._write(connection, row, written, scope)
            return Burial(written)

    def forget(self, *, owner: str, session_id: UUID) -> Burial:
        """Let a model's memory begin below the last message. Raises NotFound, Cleared."""
        with self._database.write() as connection:
            row = find(connection, owner=owner, session_id=session_id, lock=True)
            if row.cleared_at is not None:
                raise Cleared(successor=row.successor)
            forgotten = {"first": message_id(row.no, max(row.memory_seq, row.first_seq)), "last": id_range(row.no)[1]}
            count = connection.execute(_COUNT, forgotten).scalar_one()
            connection.execute(_FORGET, {"row_no": row.no, "seq": row.next_seq})
            counts = {"messages_forgotten": count}
            written = Receipt(new_id(), row.id, "memory", counts, utc_now())
            receipts.write(connection, written, owner=owner)
            return Burial(written, as_session(find(connection, owner=owner, session_id=session_id)))

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
        if row.meta_slot is not None and not CLEARED.isdisjoint(self._shredder.keyring.states(slots=(row.meta_slot,))):
            return None
        return as_session(row)

    def empty(self, *, owner: str, about: About | None = None) -> ChatSession:
        """The owner's newest session that was never written to; a new one when there is none.

        With `about` the owner's chat that is bound to it, as it is.
        """
        with self._database.write() as connection:
            if about is not None:
                return as_session(bound(connection, owner=owner, about=about))
            row = connection.execute(_NEVER_WRITTEN, {"of_owner": owner}).one_or_none()
            return insert_empty(connection, owner=owner) if row is None else as_session(row)

    def renew(self, grave: Grave) -> ChatSession | None:
        """Give a session that was never written to a new id and new times; None when it is not such a one.

        There is nothing to clear in it, and a row for each clear of nothing would never end.
        """
        values = {"old_id": grave.session_id, "of_owner": grave.owner, "new": new_id(), "at": utc_now()}
        with self._database.write() as connection:
            row = connection.execute(_RENEW, values).one_or_none()
        return None if row is None else as_session(row)

    def receipt(self, *, owner: str, receipt_id: UUID) -> Receipt:
        """A receipt of the owner. Raises NotFound."""
        with self._database.read() as connection:
            return receipts.as_receipt(receipts.find(connection, owner=owner, receipt_id=receipt_id))

    def outdated(self, *, made_before: datetime | None, written_before: datetime | None) -> Iterator[list[Grave]]:
        """Live sessions made, or last written to, before these times; in batches."""
        rules = []
        if made_before is not None:
            rules.append(chat_session.c.created_at < made_before)
        if written_before is not None:
            rules.append(chat_session.c.updated_at < written_before)
        after = 0
        while rules:
            query = select(*_GRAVE_COLUMNS).where(
                chat_session.c.no > after, chat_session.c.cleared_at.is_(None), or_(*rules)
            )
            with self._database.read() as connection:
                rows = connection.execute(query.order_by(chat_session.c.no).limit(_BATCH)).all()
            if not rows:
                return
            after = rows[-1].no
            yield [grave_of(row) for row in rows]

    def _bury(self, connection: Connection, row: SessionRow, action: Action, final: bool) -> Burial:
        written = self._receipt(connection, row, action, final)
        session = insert_empty(connection, owner=row.owner, about=about_of(row)) if action == "clear" else None
        if session is not None:
            written = replace(written, successor=session.id)
        pending = written.state is ReceiptState.PENDING
        mark = {
            "row_no": row.no,
            "at": written.created_at,
            "next_id": written.successor,
            "by": written.id,
            "sealed": row.title if pending else None,
            "left": row.messages if pending else 0,
            "files": row.attachments if pending else 0,
            "found": row.attached_passages if pending else 0,
        }
        _MARK.execute(connection, mark)
        if row.attachments:
            for subject in jobs_of(connection, row.no):
                queue.cancel(connection, kind=ATTACH, subject=subject)
        self._write(connection, row, written, {"slots": slots_of(row).all(), "no": row.no})
        return Burial(written, session)

    def _receipt(self, connection: Connection, row: SessionRow, action: Action, final: bool) -> Receipt:
        """The receipt of a session's clear; its running answers are ended with it."""
        runs = _END_RUNS.execute(connection, {"row_no": row.no})
        counts = {"messages": row.messages, "running_answers": runs}
        if action != "history":
            counts["titles"] = int(row.title is not None)
            counts |= counts_of([row])
        if has_draft(connection, row):
            counts["drafts"] = 1
        now = utc_now()
        written = Receipt(new_id(), row.id, action, counts, now)
        if final or not self._shredder.undo_seconds or not slots_of(row).all():
            return written
        until = now + timedelta(seconds=self._shredder.undo_seconds)
        return replace(written, state=ReceiptState.PENDING, undo_until=until)

    def _write(self, connection: Connection, row: SessionRow, written: Receipt, scope: dict[str, Any]) -> None:
        """Store the receipt, and see to it that the rows go: now, in the background, or when the undo window ends."""
        receipts.write(connection, written, owner=row.owner, scope=scope)
        if written.state is ReceiptState.PENDING:
            queue.put(connection, kind="settle", subject=str(written.id), delay=self._shredder.undo_seconds)
            return
        if written.counts.get("drafts"):
            drop_draft(connection, row.no)
        if row.next_seq <= INLINE_MESSAGES:
            first, last = id_range(row.no)
            for statement in _DELETE_MESSAGES:
                statement.execute(connection, {"first": first, "last": last})
        queue.put(connection, kind="reclaim", subject=str(written.id))


def grave_of(row: SessionRow) -> Grave:
    """The grave of a row; needs owner, id, slots, cleared_at and what it is about."""
    return Grave(row.owner, row.id, slots_of(row), row.cleared_at is not None, about_of(row))
