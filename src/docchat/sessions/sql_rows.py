"""Rows of chat sessions: finding them for their owner, the one choke point of every verb."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, func, insert, select

from ..db.prepared import Prepared
from ..db.schema import SEQ_BITS, chat_session
from ..errors import Cleared, NotFound
from ..types import ChatSession, new_id, utc_now
from .sealing import Slots

SessionRow = Row[Any]

_FIND = select(chat_session).where(
    chat_session.c.id == bindparam("find_id"), chat_session.c.owner == bindparam("find_owner")
)
_FIND_ONLY = Prepared(_FIND)
_FIND_LOCKED = Prepared(_FIND.with_for_update())
_OTHER = chat_session.alias()
NEXT_TURN = (
    select(func.coalesce(func.max(_OTHER.c.turn), 0) + 1)
    .where(_OTHER.c.owner == bindparam("of_owner"), _OTHER.c.cleared_at.is_(None), _OTHER.c.turn > 0)
    .scalar_subquery()
)
"""What `turn` becomes when a session of `of_owner` is made or written to: it is the newest then."""
_INSERT = Prepared(
    insert(chat_session).values(
        id=bindparam("new_id"),
        owner=bindparam("of_owner"),
        created_at=bindparam("at"),
        updated_at=bindparam("at"),
        turn=NEXT_TURN,
        document_id=bindparam("about_document"),
        section=bindparam("about_section"),
    )
)
About = tuple[UUID, str]
"""A document and a section of it: what a chat may be bound to."""


def find(connection: Connection, *, owner: str, session_id: UUID, lock: bool = False) -> SessionRow:
    """The owner's session row, live or cleared. Raises NotFound for an unknown id and another owner's alike."""
    query = _FIND_LOCKED if lock else _FIND_ONLY
    row: SessionRow | None = query.one_or_none(connection, {"find_id": session_id, "find_owner": owner})
    if row is None:
        raise NotFound
    return row


def find_live(connection: Connection, *, owner: str, session_id: UUID, lock: bool = False) -> SessionRow:
    """The owner's session row. Raises NotFound, and Cleared when it was cleared or deleted."""
    row = find(connection, owner=owner, session_id=session_id, lock=lock)
    if row.cleared_at is not None:
        raise Cleared(successor=row.successor)
    return row


def slots_of(row: SessionRow) -> Slots:
    """The slots of the session's keys."""
    return Slots(row.meta_slot, row.history_slot)


def message_id(session_no: int, seq: int) -> int:
    """The id of the message with this number in the session."""
    return session_no << SEQ_BITS | seq


def id_range(session_no: int, first_seq: int = 0) -> tuple[int, int]:
    """First and last id that messages of the session can have, from number `first_seq` on."""
    return message_id(session_no, first_seq), message_id(session_no, (1 << SEQ_BITS) - 1)


def as_session(row: SessionRow, title: str = "") -> ChatSession:
    """The session in a row, with its title opened."""
    memory_from = message_id(row.no, row.memory_seq) if row.memory_seq > row.first_seq else None
    known = row.created_at, row.updated_at, memory_from, row.document_id, row.section
    shelf = row.pinned_at is not None, row.archived_at is not None
    return ChatSession(row.id, row.owner, title, row.messages, *known, *shelf)


def counts_of(rows: Sequence[SessionRow]) -> dict[str, int]:
    """What a receipt counts of the sessions' attachments; nothing when they have none."""
    files = sum(row.attachments for row in rows)
    return {"attachments": files, "passages": sum(row.attached_passages for row in rows)} if files else {}


def about_of(row: SessionRow) -> About | None:
    """What the session is bound to; None for a chat about everything."""
    return None if row.document_id is None else (row.document_id, row.section)


def insert_empty(connection: Connection, *, owner: str, about: About | None = None) -> ChatSession:
    """Store a new empty session, without keys."""
    now = utc_now()
    document_id, section = about or (None, None)
    session = ChatSession(new_id(), owner, "", 0, now, now, document_id=document_id, section=section)
    values = {"new_id": session.id, "of_owner": owner, "at": now}
    _INSERT.execute(connection, values | {"about_document": document_id, "about_section": section})
    return session
