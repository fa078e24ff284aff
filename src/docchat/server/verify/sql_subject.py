"""What an id stands for: the chats, documents and receipt that a proof is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, select

from ...db.engine import Database
from ...db.schema import SEQ_BITS, attachment, chat_session, collection, document, receipt, usage
from ...errors import NotFound
from ...types import DocumentState, ReceiptState


@dataclass(frozen=True, slots=True)
class GoneChat:
    """A chat, or its history, that should be gone: message ids `first` to `last`, and the slots of its keys."""

    id: UUID
    no: int
    first: int
    last: int
    slots: tuple[int, ...]
    whole: bool
    receipt_id: UUID | None


@dataclass(frozen=True, slots=True)
class GoneRows:
    """Rows of a deleted document: its number, and the ids of its passages as first and last of each run of them."""

    no: int
    chunks: tuple[tuple[int, int], ...]

    def holds(self, chunk_id: int) -> bool:
        """Whether a passage was one of them."""
        return any(first <= chunk_id <= last for first, last in self.chunks)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be proven gone. `obstacles` say in plain words why it cannot be, before anything is looked at."""

    what: str
    chats: tuple[GoneChat, ...] = ()
    documents: tuple[UUID, ...] = ()
    rows: tuple[GoneRows, ...] = ()
    receipts: tuple[UUID, ...] = ()
    obstacles: tuple[str, ...] = ()


def find(database: Database, wanted: UUID) -> Subject:
    """The subject of a session's or a receipt's id, whoever the owner is. Raises NotFound."""
    with database.read() as connection:
        session = connection.execute(select(chat_session).where(chat_session.c.id == wanted)).one_or_none()
        if session is not None:
            return _session(connection, session)
        row = connection.execute(select(receipt).where(receipt.c.id == wanted)).one_or_none()
        if row is None:
            raise NotFound("There is no chat and no receipt with this id.")
        return _receipt(connection, row)


def _session(connection: Connection, row: Row[Any]) -> Subject:
    what = f"the chat {row.id}"
    if row.cleared_at is None:
        return Subject(what, obstacles=("this chat was not cleared",))
    by = connection.execute(select(receipt).where(receipt.c.id == row.receipt_id)).one_or_none()
    receipts = () if row.receipt_id is None else (row.receipt_id,)
    return Subject(what, (_whole(row),), receipts=receipts, obstacles=() if by is None else _state(by))


def _receipt(connection: Connection, row: Row[Any]) -> Subject:
    what = f"receipt {row.id} ({row.action})"
    obstacles: tuple[str, ...]
    if row.action == "document":
        return _document(connection, row, what)
    if row.action == "collection":
        exists = select(collection.c.id).where(collection.c.id == row.document_id)
        gone = (row.document_id, *map(UUID, row.scope["documents"]))
        rows = tuple(_rows(no, chunks) for no, chunks in row.scope["rows"])
        obstacles = _left(connection, exists, "collection")
        return Subject(what, documents=gone, rows=rows, receipts=(row.id,), obstacles=obstacles)
    if row.action == "erase":
        return _person(connection, row, what)
    if row.action == "attachment":
        exists = select(attachment.c.id).where(attachment.c.id == row.document_id)
        obstacles = _left(connection, exists, "attachment")
        return Subject(what, documents=(row.document_id,), receipts=(row.id,), obstacles=obstacles)
    if row.action == "memory":
        return Subject(what, obstacles=("clearing the memory removes nothing: the messages stay to be read",))
    obstacles = _state(row)
    chats: tuple[GoneChat, ...]
    if row.action == "history":
        chats = (_history(row),) if row.state != ReceiptState.UNDONE else ()
    else:
        buried = connection.execute(select(chat_session).where(chat_session.c.receipt_id == row.id)).all()
        chats = tuple(_whole(chat) for chat in buried)
        if not chats and row.action != "bulk" and not obstacles:
            obstacles = ("the chat of this receipt is not cleared, or was cleared by another one",)
    return Subject(what, chats, receipts=(row.id,), obstacles=obstacles)


def _document(connection: Connection, row: Row[Any], what: str) -> Subject:
    state = connection.execute(select(document.c.state).where(document.c.id == row.document_id)).scalar_one_or_none()
    obstacles: tuple[str, ...] = ()
    if state is not None:
        going = "rows of this document are still being taken away"
        obstacles = (going if state == DocumentState.DELETED else "this document is still there",)
    rows: tuple[GoneRows, ...] = ()
    if row.scope is not None:  # receipts of before have none
        rows = (_rows(row.scope["no"], row.scope["chunks"]),)
    return Subject(what, documents=(row.document_id,), rows=rows, receipts=(row.id,), obstacles=obstacles)


def _person(connection: Connection, row: Row[Any], what: str) -> Subject:
    """All chats that this person has lost, under whatever receipt, and the documents of the erasure."""
    scope, owner = row.scope, row.owner
    mine = chat_session.c.owner == owner, chat_session.c.no <= scope["newest"]
    obstacles = _state(row)
    for exists, kind in (
        (select(chat_session.c.no).where(*mine, chat_session.c.cleared_at.is_(None)), "chat"),
        (select(document.c.no).where(document.c.owner == owner, document.c.no <= scope["newest_document"]), "document"),
        (select(usage.c.day).where(usage.c.owner == owner, usage.c.day < scope["day"]), "count of use"),
    ):
        obstacles += () if obstacles else _left(connection, exists.limit(1), f"{kind} of the person")
    buried = connection.execute(select(chat_session).where(*mine, chat_session.c.cleared_at.is_not(None))).all()
    documents = (*map(UUID, scope["documents"]), *map(UUID, scope["collections"]))
    rows = tuple(_rows(no, chunks) for no, chunks in scope["rows"])
    return Subject(what, tuple(map(_whole, buried)), documents, rows, (row.id,), obstacles)


def _rows(no: int, chunks: Sequence[Sequence[int]]) -> GoneRows:
    return GoneRows(no, tuple((first, last) for first, last in chunks))


def _left(connection: Connection, exists: Select[Any], kind: str) -> tuple[str, ...]:
    return (f"this {kind} is still there",) if connection.execute(exists).first() is not None else ()


def _whole(row: Row[Any]) -> GoneChat:
    slots = tuple(slot for slot in (row.meta_slot, row.history_slot) if slot is not None)
    first = row.no << SEQ_BITS
    return GoneChat(row.id, row.no, first, first + (1 << SEQ_BITS) - 1, slots, whole=True, receipt_id=row.receipt_id)


def _history(row: Row[Any]) -> GoneChat:
    no, end = row.scope["no"], row.scope["seq"][-1]
    first = no << SEQ_BITS
    slots = tuple(row.scope["slots"])
    return GoneChat(row.session_id, no, first, first + end - 1, slots, whole=False, receipt_id=row.id)


def _state(row: Row[Any]) -> tuple[str, ...]:
    if row.state == ReceiptState.PENDING:
        return (f"this clear can still be undone, until {_moment(row.undo_until)}; its keys are withheld till then",)
    if row.state == ReceiptState.UNDONE:
        return ("this clear was undone",)
    if row.state == ReceiptState.RUNNING:
        return ("this clear is still going on",)
    return ()


def _moment(at: datetime | None) -> str:
    return "its time is over" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
