"""What a backup holds of collections, feedback and chats' attachments, and what is set right at a restore."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Integer, Row, Table, delete, func, literal, select, tuple_, update

from ...db.engine import Database
from ...db.schema import (
    SEQ_BITS,
    attachment,
    attachment_part,
    chat_session,
    collection,
    collection_member,
    feedback,
    message,
)
from ...jobs import queue
from ...sessions.sql_attachment_rows import JOB
from ...types import DocumentState
from .archive import Spool
from .sql_rows import encoded

_ROWS = 100
_PARTS = 4
_WAITING = (DocumentState.QUEUED, DocumentState.READING)
_WHOLE = (*_WAITING, DocumentState.READY, DocumentState.FAILED)

Spools = Mapping[str, Spool]


class Collections:
    """Writes each collection once: those of documents with them, so that none of them is without its own."""

    def __init__(self, database: Database, spools: Spools) -> None:
        self._database = database
        self._spools = spools
        self._written: set[int] = set()

    def write(self, no: int) -> None:
        """The collection of this number, unless it was written, or went with all its documents."""
        if no in self._written:
            return
        with self._database.read() as connection:
            row = connection.execute(select(collection).where(collection.c.no == no)).first()
            query = select(collection_member).where(collection_member.c.collection_no == no)
            members = connection.execute(query.order_by(collection_member.c.user_id)).all()
        if row is not None:
            self._written.add(no)
            self._spools["collection"].write(encoded(collection, row))
            for member in members:
                self._spools["collection_member"].write(encoded(collection_member, member))

    def write_rest(self) -> None:
        """All others: they have no documents."""
        with self._database.read() as connection:
            numbers = connection.execute(select(collection.c.no).order_by(collection.c.no)).scalars().all()
        for no in numbers:
            self.write(no)


def write_feedback(database: Database, spools: Spools) -> None:
    """What people think of answers, sealed; that of an answer which is gone meanwhile is left out at the restore."""
    after = 0
    while True:
        query = select(feedback).where(feedback.c.id > after).order_by(feedback.c.id).limit(_ROWS)
        with database.read() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            spools["feedback"].write(encoded(feedback, row))
        if len(rows) < _ROWS:
            return
        after = rows[-1].id


def write_attachments(database: Database, spools: Spools) -> None:
    """The sealed attachments of live chats; one that is deleted meanwhile is left out."""
    after = 0
    while True:
        query = (
            select(attachment)
            .join(chat_session, chat_session.c.no == attachment.c.no.op(">>")(literal(SEQ_BITS, Integer)))
            .where(attachment.c.no > after, attachment.c.state.in_(_WHOLE), chat_session.c.cleared_at.is_(None))
        )
        with database.read() as connection:
            rows = connection.execute(query.order_by(attachment.c.no).limit(_ROWS)).all()
        for row in rows:
            _write(database, spools, row)
        if len(rows) < _ROWS:
            return
        after = rows[-1].no


def _write(database: Database, spools: Spools, row: Row[Any]) -> None:
    own = (spools["attachment"], spools["attachment_part"])
    marks = [spool.mark() for spool in own]
    values = encoded(attachment, row)
    if row.state in _WAITING:
        values |= {"state": DocumentState.QUEUED.value, "pages": 0, "passages": 0}
    own[0].write(values)
    part = attachment_part.c
    place: tuple[str, int] = ("", -1)
    while True:
        query = select(attachment_part).where(part.attachment_no == row.no, tuple_(part.kind, part.number) > place)
        if row.state in _WAITING:
            query = query.where(part.kind == "o")
        with database.read() as connection:
            found = connection.execute(query.order_by(part.kind, part.number).limit(_PARTS)).all()
        for one in found:
            own[1].write(encoded(attachment_part, one))
        if len(found) < _PARTS:
            break
        place = (found[-1].kind, found[-1].number)
    there = select(attachment.c.no).where(attachment.c.no == row.no, attachment.c.state == row.state)
    with database.read() as connection:
        if connection.execute(there).first() is None:
            for spool, mark in zip(own, marks, strict=True):
                spool.rewind(mark)


def settle(connection: Connection) -> None:
    """After all is put back: attachments without a live chat and feedback without an answer go, counters are those of
    what is there, and jobs are put: for attachments to be read, and for collections that were being deleted.
    """
    live = select(chat_session.c.no).where(chat_session.c.cleared_at.is_(None))
    for table, key in ((attachment_part, attachment_part.c.id), (attachment, attachment.c.no)):
        connection.execute(delete(table).where(key.op(">>")(literal(SEQ_BITS, Integer)).not_in(live)))
    connection.execute(delete(feedback).where(feedback.c.id.not_in(select(message.c.id))))
    no = attachment.c.no.op(">>")(literal(SEQ_BITS, Integer))
    sums = select(no.label("no"), func.count().label("files"), func.sum(attachment.c.passages).label("passages"))
    for row in connection.execute(sums.group_by(no)).all():
        first, last = row.no << SEQ_BITS, ((row.no + 1) << SEQ_BITS) - 1
        highest = max(
            _highest(connection, attachment, "no", first, last),
            _highest(connection, attachment_part, "id", first, last),
        )
        values = {"attachments": row.files, "attached_passages": row.passages, "next_part": highest - first + 1}
        connection.execute(update(chat_session).where(chat_session.c.no == row.no).values(values))
    waiting = select(attachment.c.id).where(attachment.c.state == DocumentState.QUEUED)
    for found in connection.execute(waiting).scalars().all():
        queue.put(connection, kind=JOB, subject=str(found))
    deleted = select(collection.c.id).where(collection.c.deleted_at.is_not(None))
    for found in connection.execute(deleted).scalars().all():
        queue.put(connection, kind="drop_collection", subject=str(found))


def _highest(connection: Connection, table: Table, key: str, first: int, last: int) -> int:
    query = select(func.max(table.c[key])).where(table.c[key].between(first, last))
    return int(connection.execute(query).scalar_one() or first)
