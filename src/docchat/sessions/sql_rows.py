"""Rows of chat sessions: finding them for their owner, the one choke point of every verb."""

from uuid import UUID

from sqlalchemy import Connection, Row, Select, insert, select
from sqlalchemy.exc import NoResultFound

from ..db.schema import SEQ_BITS, chat_session
from ..errors import Cleared, NotFound
from ..types import new_id, utc_now
from .sealing import Slots

SessionRow = Row[tuple[object, ...]]


def find(connection: Connection, *, owner: str, session_id: UUID, lock: bool = False) -> SessionRow:
    """The owner's session row, live or cleared. Raises NotFound for an unknown id and another owner's alike."""
    query: Select[tuple[object, ...]] = select(chat_session).where(
        chat_session.c.id == session_id, chat_session.c.owner == owner
    )
    try:
        return connection.execute(query.with_for_update() if lock else query).one()
    except NoResultFound as error:
        raise NotFound from error


def find_live(connection: Connection, *, owner: str, session_id: UUID, lock: bool = False) -> SessionRow:
    """The owner's session row. Raises NotFound, and Cleared when it was cleared or deleted."""
    row = find(connection, owner=owner, session_id=session_id, lock=lock)
    if row.cleared_at is not None:
        raise Cleared(successor=row.successor)
    return row


def slots_of(row: SessionRow) -> Slots | None:
    """The slots of the session's keys; None before its first write."""
    return None if row.history_slot is None else Slots(row.meta_slot, row.history_slot)


def id_range(session_no: int) -> tuple[int, int]:
    """First and last id that messages of the session can have."""
    return session_no << SEQ_BITS, (session_no << SEQ_BITS) | ((1 << SEQ_BITS) - 1)


def insert_empty(connection: Connection, *, owner: str) -> SessionRow:
    """A new empty session, without keys."""
    now = utc_now()
    return connection.execute(
        insert(chat_session).values(id=new_id(), owner=owner, created_at=now, updated_at=now).returning(*chat_session.c)
    ).one()
