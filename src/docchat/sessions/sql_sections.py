"""The rows of chats that are bound to a section of a document: by ids and a place, never by words."""

from uuid import UUID

from sqlalchemy import Connection, bindparam, select, text

from ..db import receipts
from ..db.engine import Database
from ..db.schema import chat_session
from ..errors import NotFound
from ..types import ChatSession, Receipt
from .sql_rows import About, SessionRow, as_session, find, insert_empty

_LISTED = 500
_LIVE = (
    select(chat_session)
    .where(
        chat_session.c.document_id == bindparam("document"),
        chat_session.c.owner == bindparam("of_owner"),
        chat_session.c.cleared_at.is_(None),
    )
    .order_by(chat_session.c.turn.desc(), chat_session.c.no.desc())
)
_BOUND = _LIVE.where(chat_session.c.section == bindparam("place")).limit(1)
_BEFORE = (
    select(chat_session.c.receipt_id)
    .where(
        chat_session.c.document_id == bindparam("document"),
        chat_session.c.owner == bindparam("of_owner"),
        chat_session.c.successor == bindparam("next_id"),
    )
    .order_by(chat_session.c.no.desc())
    .limit(1)
)


class SqlSectionChats:
    """Finds and makes the chats of sections."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, *, owner: str, about: About) -> ChatSession | None:
        """The owner's live chat about a section, the newest when an undo has brought back another; not its title."""
        with self._database.read() as connection:
            row = _find(connection, owner, about)
        return None if row is None else as_session(row)

    def make(self, *, owner: str, about: About) -> ChatSession:
        """The owner's chat about a section, made when there is none: one, however many ask for it at once."""
        with self._database.write() as connection:
            return as_session(bound(connection, owner=owner, about=about))

    def ids(self, *, owner: str, document_id: UUID) -> tuple[UUID, ...]:
        """The owner's live chats about sections of a document, newest change first."""
        values = {"of_owner": owner, "document": document_id}
        with self._database.read() as connection:
            return tuple(row.id for row in connection.execute(_LIVE.limit(_LISTED), values))

    def places(self, *, owner: str, document_id: UUID) -> dict[str, UUID]:
        """The sections of a document that the owner has a chat about, with the newest of each."""
        values = {"of_owner": owner, "document": document_id}
        with self._database.read() as connection:
            rows = connection.execute(_LIVE.limit(_LISTED), values).all()
        return {row.section: row.id for row in reversed(rows)}

    def cleared_before(self, *, owner: str, about: About, session_id: UUID) -> tuple[bool, Receipt | None]:
        """Whether nothing was ever written to a chat, and the receipt of the clear that has put it in its place."""
        with self._database.read() as connection:
            row = find(connection, owner=owner, session_id=session_id)
            if row.meta_slot is not None or row.cleared_at is not None:
                return False, None
            values = {"of_owner": owner, "document": about[0], "next_id": session_id}
            receipt_id = connection.execute(_BEFORE, values).scalar_one_or_none()
            try:
                found = receipts.find(connection, owner=owner, receipt_id=receipt_id) if receipt_id else None
            except NotFound:
                found = None
            return True, None if found is None else receipts.as_receipt(found)


def bound(connection: Connection, *, owner: str, about: About) -> SessionRow:
    """The live chat that is bound to a section, made when there is none, in the caller's write transaction."""
    if connection.dialect.name == "postgresql":
        # SQLite has one writer at a time; here two could both see that there is none.
        key = f"docchat.section {owner} {about[0]} {about[1]}"
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})
    row = _find(connection, owner, about)
    if row is None:
        made = insert_empty(connection, owner=owner, about=about)
        row = find(connection, owner=owner, session_id=made.id)
    return row


def _find(connection: Connection, owner: str, about: About) -> SessionRow | None:
    document_id, section = about
    values = {"of_owner": owner, "document": document_id, "place": section}
    return connection.execute(_BOUND, values).one_or_none()
