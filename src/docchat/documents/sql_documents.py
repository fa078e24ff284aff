"""The rows of documents as ingestion writes them: fenced, so that a deleted document never comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from ..db.engine import Database
from ..db.schema import chunk, document, document_page
from ..errors import StoreError
from ..types import Document, DocumentState, PageText
from . import boxes
from .chunk import Passage
from .index import Entry, Index

COLUMNS = (
    document.c.id,
    document.c.owner,
    document.c.name,
    document.c.media_type,
    document.c.size,
    document.c.state,
    document.c.pages,
    document.c.passages,
    document.c.created_at,
    document.c.error,
    document.c.error_code,
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A document that is being read; `no` is its row's number."""

    no: int
    document: Document


@dataclass(frozen=True, slots=True)
class PageRows:
    """A page with its passages: for each its place, the label to show, and what to index beside its text."""

    page: PageText
    passages: tuple[tuple[Passage, str, str, str], ...]  # passage, label, indexed label, column heads


def from_row(row: RowMapping) -> Document:
    """A document from a row that holds COLUMNS."""
    named: dict[str, Any] = {column.key: row[column] for column in COLUMNS}
    state = DocumentState(named.pop("state"))
    return Document(**named, state=state)


def begin(database: Database, index: Index, document_id: UUID) -> Claimed | None:
    """Mark a document as being read and drop what an earlier try left; None when it is gone or ready."""
    with database.write() as connection:
        query = select(document.c.no, *COLUMNS).where(document.c.id == document_id).with_for_update()
        row = connection.execute(query).first()
        if row is None or row.state in (DocumentState.READY, DocumentState.FAILED):
            return None
        drop_content(connection, index, row.no)
        values = {"state": DocumentState.READING, "error": None, "error_code": None, "pages": 0, "passages": 0}
        connection.execute(update(document).where(document.c.no == row.no).values(values))
        return Claimed(row.no, from_row(row._mapping))


def drop_content(connection: Connection, index: Index, document_no: int) -> None:
    """Delete index, passages and pages of a document in the caller's transaction."""
    index.remove(connection, document_no=document_no)
    connection.execute(delete(chunk).where(chunk.c.document_no == document_no))
    connection.execute(delete(document_page).where(document_page.c.document_no == document_no))


def store(database: Database, index: Index, claimed: Claimed, batch: Sequence[PageRows], *, last: bool) -> bool:
    """Add pages and their passages in one transaction; with `last` the document becomes ready.

    False when the document was deleted meanwhile. Raises StoreError when another reader wrote in between.
    """
    with database.write() as connection:
        query = select(document.c.state).where(document.c.no == claimed.no).with_for_update()
        state = connection.execute(query).scalar_one_or_none()
        if state is None:
            return False
        if state != DocumentState.READING:
            raise StoreError("This document is being read twice.")
        _insert(connection, index, claimed, batch)
        pages = select(func.count()).where(document_page.c.document_no == claimed.no)
        passages = select(func.count()).where(chunk.c.document_no == claimed.no)
        values: dict[str, object] = {
            "pages": pages.scalar_subquery(),
            "passages": passages.scalar_subquery(),
        }
        if last:
            values["state"] = DocumentState.READY
        connection.execute(update(document).where(document.c.no == claimed.no).values(values))
        return True


def fail(database: Database, index: Index, document_id: UUID, *, message: str, code: str) -> None:
    """Mark a document as unreadable, with a message for people. One that is ready or gone stays as it is."""
    with database.write() as connection:
        query = select(document.c.no).where(document.c.id == document_id, document.c.state != DocumentState.READY)
        number = connection.execute(query.with_for_update()).scalar_one_or_none()
        if number is None:
            return
        drop_content(connection, index, number)
        values = {"state": DocumentState.FAILED, "error": message, "error_code": code, "pages": 0, "passages": 0}
        connection.execute(update(document).where(document.c.no == number).values(values))


def _insert(connection: Connection, index: Index, claimed: Claimed, batch: Sequence[PageRows]) -> None:
    if not batch:
        return
    connection.execute(
        insert(document_page),
        [
            {
                "document_no": claimed.no,
                "number": rows.page.number,
                "label": rows.page.label,
                "text": rows.page.text,
                "boxes": boxes.pack(rows.page.boxes),
            }
            for rows in batch
        ],
    )
    placed = [(rows.page, *passage) for rows in batch for passage in rows.passages]
    if not placed:
        return
    connection.execute(
        insert(chunk),
        [
            {
                "document_no": claimed.no,
                "page": page.number,
                "label": label,
                "start": passage.start,
                "end": passage.end,
                "text": page.text[passage.start : passage.end],
            }
            for page, passage, label, _, _ in placed
        ],
    )
    query = select(chunk.c.page, chunk.c.start, chunk.c.id).where(
        chunk.c.document_no == claimed.no, chunk.c.page >= batch[0].page.number
    )
    ids = {(page, start): chunk_id for page, start, chunk_id in connection.execute(query)}
    entries = [
        Entry(ids[page.number, passage.start], indexed, page.text[passage.start : passage.end], heads)
        for page, passage, _, indexed, heads in placed
    ]
    index.add(connection, owner=claimed.document.owner, name=claimed.document.name, entries=entries)
