"""Deleting documents: nobody's with the deletion itself, then their rows are taken away, a few in a transaction.

So a deletion takes as long for a document of a thousand pages as for one of ten, and holds no writer up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, select, update

from ..db.engine import Database
from ..db.schema import chunk, document, document_page
from ..jobs.queue import cancel, put
from ..types import DocumentState
from . import sql_access, sql_followed, sql_rewrite
from .index import Index

INLINE = 128
"""Pages and passages that go in the transaction of the deletion itself; of a longer document they go in a job."""
_PASSAGES = 200
_PAGES = 100
_FORGOTTEN = {
    "state": DocumentState.DELETED,
    "owner": "",
    "collection_no": None,
    "name": "",
    "sha256": "",
    "error": None,
    "error_code": None,
}


@dataclass(frozen=True, slots=True)
class Burial:
    """What a deletion takes away, counted by kind, and in numbers only what it was, for a proof that it is gone."""

    counts: dict[str, int]
    scope: dict[str, Any]


def bury(connection: Connection, index: Index, row: RowMapping) -> Burial:
    """Take a document (a whole row of its table) out of everybody's reach, in the caller's write transaction."""
    no, subject = row["no"], str(row["id"])
    runs = passage_runs(connection, document.c.no == no).get(no, [])
    passages = sum(last - first + 1 for first, last in runs)
    if row["pages"] + passages <= INLINE:
        _drop(connection, index, no)
        sql_rewrite.ask(connection)
    else:
        connection.execute(update(document).where(document.c.no == no).values(_FORGOTTEN))
        put(connection, kind="remove_document", subject=subject)
    sql_followed.forget(connection, row["id"])
    for kind in ("ingest", "embed"):
        cancel(connection, kind=kind, subject=subject)
    put(connection, kind="remove_original", subject=subject)
    counts = {"documents": 1, "originals": 1, "pages": row["pages"], "passages": row["passages"]}
    return Burial(counts, {"no": no, "chunks": runs})


def withdraw(connection: Connection, numbers: Sequence[int]) -> None:
    """Make documents nobody's, in the caller's write transaction, which has locked them: their rows are still to go.

    Without a job: the caller sees to it that `remove_some` takes them away.
    """
    connection.execute(update(document).where(document.c.no.in_(numbers)).values(_FORGOTTEN))


def remove_some(database: Database, index: Index, document_id: UUID) -> bool:
    """One step of taking a deleted document's rows away, the words first; whether more is to do."""
    with database.write() as connection:
        query = select(document.c.no).where(document.c.id == document_id, document.c.state == DocumentState.DELETED)
        no = connection.execute(query.with_for_update()).scalar_one_or_none()
        if no is None:
            return False
        chunks = select(chunk.c.id).where(chunk.c.document_no == no).order_by(chunk.c.id).limit(_PASSAGES)
        ids = connection.execute(chunks).scalars().all()
        if ids:
            index.remove(connection, document_no=no, last=ids[-1])
            connection.execute(delete(chunk).where(chunk.c.document_no == no, chunk.c.id <= ids[-1]))
            return True
        pages = select(document_page.c.number).where(document_page.c.document_no == no)
        numbers = connection.execute(pages.order_by(document_page.c.number).limit(_PAGES)).scalars().all()
        if numbers:
            gone = document_page.c.document_no == no, document_page.c.number <= numbers[-1]
            connection.execute(delete(document_page).where(*gone))
            return True
        connection.execute(delete(document).where(document.c.no == no))
        put(connection, kind="reclaim", subject="documents")
        sql_rewrite.ask(connection)
        return False


def passage_runs(connection: Connection, wanted: ColumnElement[bool]) -> dict[int, list[list[int]]]:
    """For each document that `wanted` picks, by its number, the ids of its passages as first and last of each run."""
    ends = select(document.c.no, func.min(chunk.c.id), func.max(chunk.c.id), func.count(chunk.c.id))
    ends = ends.outerjoin(chunk, chunk.c.document_no == document.c.no).where(wanted).group_by(document.c.no)
    found: dict[int, list[list[int]]] = {}
    for no, first, last, count in connection.execute(ends).all():
        if not count:
            found[no] = []
        elif last - first + 1 == count:  # nobody else wrote meanwhile: no need to fetch thousands of ids
            found[no] = [[first, last]]
        else:
            ids = select(chunk.c.id).where(chunk.c.document_no == no).order_by(chunk.c.id)
            found[no] = _ranges(connection.execute(ids).scalars().all())
    return found


def unfinished(database: Database) -> list[UUID]:
    """The deleted documents of which rows are left."""
    with database.read() as connection:
        query = select(document.c.id).where(document.c.state == DocumentState.DELETED)
        return list(connection.execute(query).scalars())


def missing(database: Database, owner: str, document_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those of `document_ids` that are deleted, with their collection too, or not the owner's to read any more."""
    wanted = set(document_ids)
    if not wanted:
        return frozenset()
    query = select(document.c.id).where(document.c.id.in_(wanted))
    with database.read() as connection:
        there = connection.execute(query.where(sql_access.readable(connection, owner))).scalars()
        return frozenset(wanted.difference(there))


def _drop(connection: Connection, index: Index, no: int) -> None:
    index.remove(connection, document_no=no)
    for table in (chunk, document_page):
        connection.execute(delete(table).where(table.c.document_no == no))
    connection.execute(delete(document).where(document.c.no == no))


def _ranges(ids: Sequence[int]) -> list[list[int]]:
    """Ascending numbers as first and last of each run of them."""
    found: list[list[int]] = []
    for number in ids:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found
