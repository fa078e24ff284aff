"""Whether documents, passages and the index of words agree, and what is done where they do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, text, update

from ..db.engine import Database
from ..db.schema import chunk, collection, document, document_page, job
from ..errors import StorageFull, StoreError, StoreUnavailable
from ..jobs.queue import put
from ..types import DocumentState
from . import sql_index, tables
from .cutting import plain_label
from .file_store import FileStore
from .index import Entry, Index, Words
from .sql_documents import drop_content

_DOCUMENTS = 200
_CHUNKS = 300
_LARGE = 50_000
"""Passages above which the index's own check holds writers up for more than a second."""
_REMOVAL = "remove_document"
_WITHOUT_WORDS = {
    "sqlite": "SELECT DISTINCT document_no FROM chunk"
    " LEFT JOIN chunk_words_docsize ON chunk_words_docsize.id = chunk.id"
    " JOIN document ON document.no = document_no WHERE chunk_words_docsize.id IS NULL AND state = 'ready'",
    "postgresql": "SELECT DISTINCT document_no FROM chunk LEFT JOIN chunk_words ON chunk_id = chunk.id"
    " JOIN document ON document.no = document_no WHERE chunk_id IS NULL AND state = 'ready'",
}
_STRAY_WORDS = "FROM chunk_words_docsize WHERE NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.id = chunk_words_docsize.id)"
_STRAY_VECTORS = "FROM chunk_vector WHERE NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.id = chunk_vector.chunk_id)"
_BEHIND = text(
    "SELECT count(*) FROM document WHERE state = 'ready' AND passages >"
    " (SELECT count(*) FROM chunk_vector WHERE document_no = document.no AND made_by = :made_by)"
)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Numbers of the documents that are not searchable as they should be, and of what belongs to none."""

    without_words: tuple[int, ...]
    """Documents of which passages are not in the index."""
    miscounted: tuple[int, ...]
    """Documents with more or fewer pages or passages than they say."""
    words_without_passage: int
    vectors_without_passage: int
    being_deleted: int
    """Deleted documents of which rows are left, with a job that takes them away."""
    half_deleted: int
    """The same without a job."""
    broken: bool | None
    """The index itself says that it is damaged; None: it was not asked."""


def check(database: Database, *, alone: bool = False) -> Disagreement:
    """Compare them. `alone`: nobody else uses the database, so that a long transaction holds nobody up."""
    with database.read() as connection:
        without = _without_words(connection)
        words = _count(connection, _STRAY_WORDS) if database.is_sqlite else 0
        vectors = _count(connection, _STRAY_VECTORS)
        deleted = select(document.c.id).where(document.c.state == DocumentState.DELETED)
        gone = {str(found) for found in connection.execute(deleted).scalars()}
        waiting = select(job.c.subject).where(job.c.kind == _REMOVAL, job.c.failed_at.is_(None))
        going = gone.intersection(connection.execute(waiting).scalars())
        passages = int(connection.execute(select(func.count()).select_from(chunk)).scalar_one())
    broken: bool | None = False
    if database.is_sqlite:
        broken = _is_broken(database) if alone or passages <= _LARGE else None
    return Disagreement(without, _miscounted(database), words, vectors, len(going), len(gone - going), broken)


def without_vectors(database: Database, embedder: str) -> int:
    """How many documents have passages without a vector of this embedder."""
    with database.read() as connection:
        return int(connection.execute(_BEHIND, {"made_by": embedder}).scalar_one())


def rebuild(database: Database, index: Index, numbers: tuple[int, ...]) -> int:
    """Put the passages of these documents into the index anew; how many documents there were.

    From what is stored of a passage. Only a heading that its label does not tell is not found by any more.
    """
    return sum(_rebuild_one(database, index, no) for no in numbers)


def read_again(database: Database, index: Index, files: FileStore, numbers: tuple[int, ...]) -> int:
    """Have these documents read again from their originals; how many there were. Without an original one stays as it
    is: what is left of it is more than nothing.
    """
    done = 0
    originals = set(files.ids())
    for no in numbers:
        with database.write() as connection:
            there = document.c.no == no, document.c.state == DocumentState.READY
            row = connection.execute(select(document.c.id).where(*there).with_for_update()).first()
            if row is not None and row.id in originals:
                drop_content(connection, index, no)
                values = {"state": DocumentState.QUEUED, "pages": 0, "passages": 0}
                connection.execute(update(document).where(document.c.no == no).values(values))
                put(connection, kind="ingest", subject=str(row.id))
                done += 1
    return done


def drop_stray_words(database: Database) -> int:
    """Take words out of the index that belong to no passage; how many rows there were."""
    dropped, last = 0, 0
    while True:
        some = text(f"SELECT id {_STRAY_WORDS} AND id > :last ORDER BY id LIMIT {_CHUNKS}")
        with database.write() as connection:
            found = connection.execute(some, {"last": last}).scalars().all()
            if not found:
                return dropped
            for number in found:
                connection.execute(text("DELETE FROM chunk_words WHERE rowid = :number"), {"number": number})
            put(connection, kind="optimize_index", subject="documents")
        dropped, last = dropped + len(found), found[-1]


def drop_stray_vectors(database: Database) -> int:
    """Delete the vectors of passages that are gone; how many there were."""
    with database.write() as connection:
        dropped = connection.execute(text(f"DELETE {_STRAY_VECTORS}")).rowcount
        put(connection, kind="reclaim", subject="documents")
    return dropped


def remake(database: Database, index: Index) -> None:
    """Make SQLite's damaged index anew: from its own texts, and from the passages where these are missing."""
    if not _rebuilt(database):
        with database.write() as connection:
            connection.execute(text("DROP TABLE chunk_words"))
            sql_index.create(connection)
    with database.read() as connection:
        without = _without_words(connection)
    rebuild(database, index, without)


def _rebuilt(database: Database) -> bool:
    """Whether the index could be made anew from its own texts."""
    try:
        with database.write() as connection:
            connection.execute(text("INSERT INTO chunk_words(chunk_words) VALUES ('rebuild')"))
    except (StoreUnavailable, StorageFull):
        raise
    except StoreError:
        return False
    return not _is_broken(database)


def _is_broken(database: Database) -> bool:
    try:
        with database.write() as connection:
            connection.execute(text("INSERT INTO chunk_words(chunk_words) VALUES ('integrity-check')"))
    except (StoreUnavailable, StorageFull):
        raise  # busy, or without room: that is no damage
    except StoreError:
        return True
    return False


def _without_words(connection: Connection) -> tuple[int, ...]:
    found = connection.execute(text(_WITHOUT_WORDS[connection.dialect.name])).scalars()
    return tuple(sorted(found))


def _count(connection: Connection, stray: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) {stray}")).scalar_one())


def _miscounted(database: Database) -> tuple[int, ...]:
    """Reads a few hundred documents in a transaction."""
    found: list[int] = []
    last = 0
    while True:
        query = select(document.c.no).where(document.c.no > last, document.c.state == DocumentState.READY)
        with database.read() as connection:
            numbers = connection.execute(query.order_by(document.c.no).limit(_DOCUMENTS)).scalars().all()
        if not numbers:
            return tuple(found)
        last = numbers[-1]
        # Twice, for on PostgreSQL a document may change between one query and the next.
        found += _wrong(database, _wrong(database, numbers))


def _wrong(database: Database, numbers: Sequence[int]) -> list[int]:
    """Those documents of which rows are missing, or there are too many."""
    if not numbers:
        return []
    query = select(document.c.no, document.c.pages, document.c.passages)
    with database.read() as connection:
        ready = query.where(document.c.no.in_(numbers), document.c.state == DocumentState.READY)
        rows = connection.execute(ready).all()
        passages = _counts(connection, chunk.c.document_no, numbers)
        pages = _counts(connection, document_page.c.document_no, numbers)
    return [row.no for row in rows if (pages.get(row.no, 0), passages.get(row.no, 0)) != (row.pages, row.passages)]


def _counts(connection: Connection, column: ColumnElement[int], numbers: Sequence[int]) -> dict[int, int]:
    query = select(column, func.count()).where(column.in_(numbers)).group_by(column)
    return {no: int(count) for no, count in connection.execute(query)}


def _rebuild_one(database: Database, index: Index, no: int) -> int:
    """The words are made before the transaction: it holds others up only while they are written."""
    entries = _entries(database, no)
    with database.write() as connection:
        query = select(document.c.owner, document.c.name, collection.c.id.label("collection"))
        query = query.outerjoin(collection, collection.c.no == document.c.collection_no)
        there = document.c.no == no, document.c.state == DocumentState.READY
        row = connection.execute(query.where(*there).with_for_update(of=document)).first()
        ids = connection.execute(select(chunk.c.id).where(chunk.c.document_no == no).order_by(chunk.c.id))
        if row is None or ids.scalars().all() != [entry.chunk_id for entry in entries]:
            return 0  # deleted or read again meanwhile
        index.remove(connection, document_no=no)
        for start in range(0, len(entries), _CHUNKS):
            some = entries[start : start + _CHUNKS]
            index.add(connection, owner=row.owner, name=row.name, entries=some, collection=row.collection)
        return 1


def _entries(database: Database, no: int) -> list[Entry]:
    """The passages of a document with their words."""
    columns = (chunk.c.id, chunk.c.label, chunk.c.start, chunk.c.text, document_page.c.text.label("page"))
    on_page = (document_page.c.document_no == chunk.c.document_no) & (document_page.c.number == chunk.c.page)
    query = select(*columns).outerjoin(document_page, on_page).where(chunk.c.document_no == no)
    found: list[Entry] = []
    last = 0
    while True:
        with database.read() as connection:
            some = query.where(chunk.c.id > last).order_by(chunk.c.id).limit(_CHUNKS)
            chunks = connection.execute(some).all()
        if not chunks:
            return found
        last = chunks[-1].id
        found += [Entry(one.id, _words(one)) for one in chunks]


def _words(passage: Any) -> Words:
    heads = tables.header(passage.page or "")
    beside = passage.page[slice(*heads)] if heads and passage.start > heads[0] else ""
    return Words.of(label=plain_label(passage.label), text=passage.text, heads=beside)
