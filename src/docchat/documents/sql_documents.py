"""The rows of documents as ingestion writes them: fenced, so that a deleted document never comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, select, update

from ..db.engine import Database
from ..db.schema import chunk, collection, document, document_page
from ..errors import StoreError
from ..types import Document, DocumentState, PageText, Progress
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
    document.c.expected,
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
    of: int = 0
    """Pages in all batches together."""


def from_row(row: RowMapping) -> Document:
    """A document from a row that holds COLUMNS."""
    named: dict[str, Any] = {column.key: row[column] for column in COLUMNS}
    state, expected = DocumentState(named.pop("state")), named.pop("expected")
    progress = Progress(named["pages"], expected) if state is DocumentState.READING else None
    return Document(**named, state=state, progress=progress)


def begin(database: Database, index: Index, document_id: UUID) -> Claimed | None:
    """Mark a document as being read and drop what an earlier try left; None when it is gone or ready."""
    with database.write() as connection:
        return next(iter(begin_some(connection, index, [document_id])), None)


def begin_some(connection: Connection, index: Index, document_ids: Sequence[UUID]) -> list[Claimed]:
    """The same for several documents, in the caller's write transaction; those gone or ready are left out."""
    query = select(document.c.no, *COLUMNS).where(document.c.id.in_(document_ids)).order_by(document.c.no)
    rows = connection.execute(query.with_for_update(of=document)).all()
    rows = [row for row in rows if row.state in (DocumentState.QUEUED, DocumentState.READING)]
    for row in rows:
        if row.pages or row.passages:
            drop_content(connection, index, row.no)
    values = {"state": DocumentState.READING, "error": None, "error_code": None, "pages": 0, "passages": 0}
    values["expected"] = None
    numbers = [row.no for row in rows]
    connection.execute(update(document).where(document.c.no.in_(numbers)).values(values))
    return [Claimed(row.no, from_row(row._mapping)) for row in rows]


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
        return bool(store_some(connection, index, [(claimed, batch)]))


def store_some(connection: Connection, index: Index, stored: Sequence[tuple[Claimed, Batch]]) -> list[Claimed]:
    """Add a batch of each of several documents in the caller's write transaction; those that are still there.

    Raises StoreError when another reader wrote in between.
    """
    numbers = [claimed.no for claimed, _ in stored]
    columns = (document.c.no, document.c.state, document.c.pages, document.c.passages)
    query = select(*columns).where(document.c.no.in_(numbers))
    rows = {row.no: row for row in connection.execute(query.order_by(document.c.no).with_for_update())}
    gone = {no for no in numbers if no not in rows or rows[no].state == DocumentState.DELETED}
    kept = [(claimed, batch) for claimed, batch in stored if claimed.no not in gone]
    for claimed, batch in kept:
        row = rows[claimed.no]
        if row.state != DocumentState.READING or row.passages != batch.done:
            raise StoreError("This document is being read twice.")
    if not kept:
        return []
    _insert(connection, index, kept)
    change = (
        update(document)
        .where(document.c.no == bindparam("row_no"))
        .values(
            pages=bindparam("so_far"),
            expected=bindparam("all"),
            passages=bindparam("sum"),
            state=bindparam("new_state"),
        )
    )
    values = [
        {
            "row_no": claimed.no,
            "so_far": batch.pages[-1].number if batch.pages else rows[claimed.no].pages,
            "all": None if batch.last else batch.of,
            "sum": batch.done + len(batch.passages),
            "new_state": DocumentState.READY if batch.last else DocumentState.READING,
        }
        for claimed, batch in kept
    ]
    connection.execute(change, values)
    return [claimed for claimed, _ in kept]


def note_progress(database: Database, claimed: Claimed, *, pages: int, of: int) -> None:
    """Say how far the reading is, before anything of it is stored."""
    this = document.c.no == claimed.no, document.c.state == DocumentState.READING, document.c.passages == 0
    with database.write() as connection:
        connection.execute(update(document).where(*this).values(pages=pages, expected=of))


def fail(database: Database, index: Index, document_id: UUID, *, message: str, code: str) -> None:
    """Mark a document as unreadable, with a message for people. One that is ready, deleted or gone stays."""
    with database.write() as connection:
        fail_in(connection, index, document_id, message=message, code=code)


def fail_in(connection: Connection, index: Index, document_id: UUID, *, message: str, code: str) -> None:
    """The same in the caller's write transaction."""
    settled = (DocumentState.READY, DocumentState.DELETED)
    query = select(document.c.no).where(document.c.id == document_id, document.c.state.not_in(settled))
    number = connection.execute(query.with_for_update()).scalar_one_or_none()
    if number is None:
        return
    drop_content(connection, index, number)
    values = {"state": DocumentState.FAILED, "error": message, "error_code": code, "pages": 0, "passages": 0}
    values["expected"] = None
    connection.execute(update(document).where(document.c.no == number).values(values))


def _insert(connection: Connection, index: Index, stored: Sequence[tuple[Claimed, Batch]]) -> None:
    pages = [_page_values(claimed.no, page) for claimed, batch in stored for page in batch.pages]
    if pages:
        connection.execute(insert(document_page), pages)
    rows = [_chunk_values(claimed.no, passage) for claimed, batch in stored for passage in batch.passages]
    if not rows:
        return
    newest = connection.execute(select(func.coalesce(func.max(chunk.c.id), 0))).scalar_one()
    connection.execute(insert(chunk), rows)
    numbers = [claimed.no for claimed, _ in stored]
    query = select(chunk.c.document_no, chunk.c.id).where(chunk.c.document_no.in_(numbers), chunk.c.id > newest)
    ids: dict[int, list[int]] = {}
    for no, number in connection.execute(query.order_by(chunk.c.id)):
        ids.setdefault(no, []).append(number)
    for claimed, batch in stored:
        found = claimed.document
        pairs = zip(ids.get(claimed.no, ()), batch.passages, strict=True)
        entries = [Entry(number, passage.words) for number, passage in pairs]
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
