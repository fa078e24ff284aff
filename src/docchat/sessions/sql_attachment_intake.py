"""Files on their way into a chat: sealed piece by piece as they come, and no trace left of those that break off."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from uuid import UUID

from sqlalchemy import Connection, Integer, bindparam, insert, literal, select, update

from ..db.engine import Database
from ..db.schema import SEQ_BITS, attachment, chat_session
from ..errors import Cleared, Conflict, DocChatError, NotFound
from ..jobs.queue import put
from ..keys.keyring import Keyring
from ..types import Document, DocumentState, new_id, utc_now
from . import sql_attachment_rows as rows
from .sealing import Sealer, Slots
from .sql_attachment_rows import JOB, ORIGINAL, RECEIVING
from .sql_rows import NEXT_TURN, SessionRow, find_live
from .sql_writing import Writer

MOST = 50
"""Attachments that one chat may have."""

_PIECES_AT_ONCE = 4
_LATE = timedelta(hours=1)
_WRITTEN = (
    update(chat_session)
    .where(chat_session.c.no == bindparam("row_no"))
    .values(updated_at=bindparam("at"), turn=NEXT_TURN)
)


class AttachmentIntake:
    """Takes files into chats."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._sealer = Sealer(keyring)
        self._writer = Writer(database, self._sealer)

    def add(self, *, owner: str, session_id: UUID, name: str, media_type: str, pieces: Iterable[bytes]) -> Document:
        """Take a file into a chat, piece by piece, each sealed before it is stored; it is read in the background.

        Raises NotFound, Cleared, and Conflict when the chat has too many; what `pieces` raises ends it, and nothing is
        kept then.
        """
        found = Document(new_id(), owner, name, media_type, 0, DocumentState.QUEUED, 0, 0, utc_now())
        number = None
        coming = iter(pieces)
        try:
            group = list(islice(coming, _PIECES_AT_ONCE))
            done = 0
            while True:
                following = list(islice(coming, _PIECES_AT_ONCE))
                found = replace(found, size=found.size + sum(map(len, group)))
                number = self._receive(session_id, found, number, group, done, last=not following)
                done += len(group)
                if not following:
                    return found
                group = following
        except BaseException:
            if number is not None:
                with suppress(DocChatError):
                    self._drop(owner, session_id, found.id)
            raise

    def sweep(self) -> int:
        """Delete what crashes left of files that were never whole; how many there were."""
        query = (
            select(attachment.c.id, chat_session.c.owner, chat_session.c.id.label("session_id"))
            .join(chat_session, chat_session.c.no == attachment.c.no.op(">>")(literal(SEQ_BITS, Integer)))
            .where(attachment.c.state == RECEIVING, attachment.c.created_at < utc_now() - _LATE)
        )
        with self._database.read() as connection:
            found = connection.execute(query).all()
        for one in found:
            with suppress(NotFound, Cleared):
                self._drop(one.owner, one.session_id, one.id)
        return len(found)

    def _receive(
        self, session_id: UUID, found: Document, number: int | None, group: Sequence[bytes], done: int, *, last: bool
    ) -> int:
        """Store some pieces of a file, with its row before the first and its job after the last; the row's number."""
        with self._writer.writing() as (connection, made):
            row = find_live(connection, owner=found.owner, session_id=session_id, lock=True)
            slots = self._writer.slots(connection, row, made)
            state = DocumentState.QUEUED if last else RECEIVING
            if number is None:
                number = self._begin(connection, row, slots, found)
            changed = {"state": state, "size": found.size}
            connection.execute(update(attachment).where(attachment.c.no == number).values(changed))
            parts = [(ORIGINAL, at, at, piece) for at, piece in enumerate(group, done)]
            rows.insert_parts(connection, self._sealer, row, slots, number, parts)
            if last:
                put(connection, kind=JOB, subject=str(found.id))
                connection.execute(_WRITTEN, {"row_no": row.no, "of_owner": row.owner, "at": utc_now()})
            # A clear destroys the keys without waiting for this transaction: look once more before it commits.
            self._sealer.check(slots)
            return number

    def _begin(self, connection: Connection, row: SessionRow, slots: Slots, found: Document) -> int:
        if row.attachments >= MOST:
            raise Conflict(f"A chat has at most {MOST} attachments.", code="too_many_attachments")
        number = rows.new_numbers(connection, row.no, 1)
        sealed = rows.seal_facts(self._sealer, row, slots, number, found)
        values = {"no": number, "id": found.id, "state": RECEIVING, "size": found.size, "sealed": sealed}
        connection.execute(insert(attachment).values(**values, created_at=found.created_at))
        rows.count(connection, row.no, attachments=1)
        return number

    def _drop(self, owner: str, session_id: UUID, attachment_id: UUID) -> None:
        with self._database.write() as connection:
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            rows.remove(connection, row, rows.find(connection, row, attachment_id, receiving=True))
            put(connection, kind="reclaim", subject="documents")
