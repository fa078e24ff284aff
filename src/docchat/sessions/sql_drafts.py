"""Drafts of questions as rows: what stands in the box of a chat, sealed under its history key, one a chat."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, select, update

from ..db.prepared import Prepared
from ..db.schema import SEQ_BITS, chat_session, draft
from ..errors import TooLarge
from .sealing import Sealer
from .sql_rows import SessionRow, find_live, message_id, slots_of
from .sql_writing import Writer

MAX_DRAFT_CHARS = 20_000

_MINE = (draft.c.id == bindparam("row_id"), draft.c.slot == bindparam("of_slot"))
_BODY = select(draft.c.body).where(*_MINE)
# One of a history whose clear can still be undone gives way: the undo brings back what was said.
_REPLACE = update(draft).where(draft.c.id == bindparam("row_id")).values(slot=bindparam("at"), body=bindparam("sealed"))
_INSERT = insert(draft)
_DELETE = delete(draft).where(*_MINE)
_FIND = Prepared(select(draft.c.id).where(*_MINE))
_DROP = Prepared(delete(draft).where(draft.c.id == bindparam("row_id")))
_FIRST_ID = chat_session.c.no * (1 << SEQ_BITS)
DRAFTED = exists().where(draft.c.id == _FIRST_ID, draft.c.slot == chat_session.c.history_slot)
"""Whether the session of a query's row has a draft."""


class SqlDrafts:
    """Stores and reads the draft of a chat. Every verb is one transaction; all raise NotFound, Cleared."""

    def __init__(self, writer: Writer, sealer: Sealer) -> None:
        self._writer = writer
        self._sealer = sealer

    def get(self, *, owner: str, session_id: UUID) -> str:
        """What was written and not sent; "" when there is nothing."""
        with self._writer.database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            slots = slots_of(row)
            if slots.history is None:
                return ""
            place = {"row_id": message_id(row.no, 0), "of_slot": slots.history}
            sealed = connection.execute(_BODY, place).scalar_one_or_none()
        return self._sealer.open_draft(session_id, slots, sealed)

    def put(self, *, owner: str, session_id: UUID, text: str) -> None:
        """Store it in place of what there was; an empty one deletes. The chat keeps its place in the list.

        Raises TooLarge (draft_too_long).
        """
        if len(text) > MAX_DRAFT_CHARS:
            raise TooLarge(f"A draft has at most {MAX_DRAFT_CHARS:,} characters.", code="draft_too_long")
        with self._writer.writing() as (connection, made):
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            number = message_id(row.no, 0)
            if not text:
                connection.execute(_DELETE, {"row_id": number, "of_slot": row.history_slot})
                return
            slots = self._writer.slots(connection, row, made)
            sealed = self._sealer.seal_draft(session_id, slots, text)
            if not connection.execute(_REPLACE, {"row_id": number, "at": slots.history, "sealed": sealed}).rowcount:
                connection.execute(_INSERT, {"id": number, "slot": slots.history, "body": sealed})
            # A clear destroys the keys without waiting for this transaction: look once more before it commits.
            self._sealer.check(slots)


def has_draft(connection: Connection, row: SessionRow) -> bool:
    """Whether something stands in the box of a session."""
    if row.history_slot is None:
        return False
    place = {"row_id": message_id(row.no, 0), "of_slot": row.history_slot}
    return _FIND.one_or_none(connection, place) is not None


def drop_draft(connection: Connection, session_no: int) -> None:
    """Delete what stands in the box of a session, in the transaction of its clear."""
    _DROP.execute(connection, {"row_id": message_id(session_no, 0)})


def drop_draft_of(connection: Connection, session_no: int, slots: Collection[int]) -> None:
    """Delete it only if it is sealed under the key of one of these slots."""
    mine = delete(draft).where(draft.c.id == message_id(session_no, 0), draft.c.slot.in_(slots))
    connection.execute(mine)


def count_drafts(connection: Connection, session_nos: Collection[int]) -> int:
    """How many of these sessions have a draft."""
    found = select(func.count()).select_from(chat_session).where(chat_session.c.no.in_(session_nos), DRAFTED)
    return int(connection.execute(found).scalar_one())
