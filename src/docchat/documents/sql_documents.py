"""The rows of documents as ingestion writes them: fenced, so that a deleted document never comes back."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from ..db.engine import Database
from ..db.schema import chunk, collection, document, document_page
from ..errors import StoreError
from ..types import Document, DocumentState, PageText
from . import boxes
from .index import Entry, Index, Words

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
    select(collection.c.id).where(collection.c.no == document.c.collection_no).scalar_subquery().label("collection"),
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A document that is being read; `no` is its row's number."""

    no: int
    document: Document


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage of page `page` to be stored, with the words it is found by."""

    page: int
    start: int
    end: int
    text: str
    label: str
    words: Words


@dataclass(frozen=True, slots=True)
class Batch:
    """Pages and passages for one transaction; passages come in order, those of a page not before the page."""

    pages: tuple[PageText, ...]
    passages: tuple[PassageRow, ...]
    done: int
    """Passages in the batches before this one."""
    last: bool


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
        if row is None or row.state not in (DocumentState.QUEUED, DocumentState.READING):
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


def store(database: Database, index: Index, claimed: Claimed, batch: Batch) -> bool:
    """Add a batch in one transaction; with the last one the document becomes ready.

    False when the document was deleted meanwhile. Raises StoreError when another reader wrote in between.
    """
    with database.write() as connection:
        query = select(document.c.state, document.c.passages).where(document.c.no == claimed.no)
        row = connection.execute(query.with_for_update()).first()
        if row is None or row.state == DocumentState.DELETED:
            return False
        if row.state != DocumentState.READING or row.passages != batch.done:
            raise StoreError("This document is being read twice.")
        _insert(connection, index, claimed, batch)
        values = {
            "pages": document.c.pages + len(batch.pages),
            "passages": batch.done + len(batch.passages),
            "state": DocumentState.READY if batch.last else DocumentState.READING,
        }
        connection.execute(update(document).where(document.c.no == claimed.no).values(values))
        return True


def fail(database: Database, index: Index, document_id: UUID, *, message: str, code: str) -> None:
    """Mark a document as unreadable, with a message for people. One that is ready, deleted or gone stays."""
    with database.write() as connection:
        settled = (DocumentState.READY, DocumentState.DELETED)
        query = select(document.c.no).where(document.c.id == document_id, document.c.state.not_in(settled))
        number = connection.execute(query.with_for_update()).scalar_one_or_none()
        if number is None:
            return
        drop_content(connection, index, number)
        values = {"state": DocumentState.FAILED, "error": message, "error_code": code, "pages": 0, "passages": 0}
        connection.execute(update(document).where(document.c.no == number).values(values))


def _insert(connection: Connection, index: Index, claimed: Claimed, batch: Batch) -> None:
    if batch.pages:
        connection.execute(insert(document_page), [_page_values(claimed.no, page) for page in batch.pages])
    if not batch.passages:
        return
    newest = connection.execute(select(func.coalesce(func.max(chunk.c.id), 0))).scalar_one()
    connection.execute(insert(chunk), [_chunk_values(claimed.no, passage) for passage in batch.passages])
    query = select(chunk.c.id).where(chunk.c.document_no == claimed.no, chunk.c.id > newest).order_by(chunk.c.id)
    ids = connection.execute(query).scalars()
    entries = [Entry(number, passage.words) for number, passage in zip(ids, batch.passages, strict=True)]
    found = claimed.document
    index.add(connection, owner=found.owner, collection=found.collection, name=found.name, entries=entries)


def _page_values(document_no: int, page: PageText) -> dict[str, object]:
    return {
        "document_no": document_no,
        "number": page.number,
        "label": page.label,
        "text": page.text,
        "boxes": boxes.pack(page.boxes),
    }


def _chunk_values(document_no: int, passage: PassageRow) -> dict[str, object]:
    return {
        "document_no": document_no,
        "page": passage.page,
        "label": passage.label,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
    }
