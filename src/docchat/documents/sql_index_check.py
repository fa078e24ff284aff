"""Whether documents, passages and the index of words agree, and what is done where they do not."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select, text, update

from ..db.engine import Database
from ..db.schema import chunk, collection, document, document_page
from ..errors import StoreError
from ..jobs.queue import put
from ..types import DocumentState
from .cutting import plain_label
from .index import Entry, Index, Words

_DOCUMENTS = 200
_CHUNKS = 300
_LARGE = 100_000
"""Passages above which the index's own check, which holds every writer up, is left out."""
_WITHOUT_WORDS = {
    "sqlite": "SELECT DISTINCT document_no FROM chunk"
    " LEFT JOIN chunk_words_docsize ON chunk_words_docsize.id = chunk.id"
    " JOIN document ON document.no = document_no WHERE chunk_words_docsize.id IS NULL AND state = 'ready'",
    "postgresql": "SELECT DISTINCT document_no FROM chunk LEFT JOIN chunk_words ON chunk_id = chunk.id"
    " JOIN document ON document.no = document_no WHERE chunk_id IS NULL AND state = 'ready'",
}
_WITHOUT_CHUNK = (
    "FROM chunk_words_docsize WHERE NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.id = chunk_words_docsize.id)"
)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Numbers of the documents that are not searchable as they should be, and of what belongs to none."""

    without_words: tuple[int, ...]
    """Documents of which passages are not in the index."""
    miscounted: tuple[int, ...]
    """Documents with more or fewer pages or passages than they say."""
    words_without_passage: int
    half_deleted: int
    broken: bool
    """The index itself says that it is damaged."""


def check(database: Database) -> Disagreement:
    """Compare them. Reads a few hundred documents in a transaction."""
    with database.read() as connection:
        name = connection.dialect.name
        without = tuple(connection.execute(text(_WITHOUT_WORDS[name])).scalars())
        orphans = 0
        if database.is_sqlite:
            orphans = int(connection.execute(text(f"SELECT count(*) {_WITHOUT_CHUNK}")).scalar_one())
        deleted = select(func.count()).where(document.c.state == DocumentState.DELETED)
        half = int(connection.execute(deleted).scalar_one())
        passages = int(connection.execute(select(func.count()).select_from(chunk)).scalar_one())
    broken = database.is_sqlite and passages <= _LARGE and _is_broken(database)
    return Disagreement(without, _miscounted(database), orphans, half, broken)


def rebuild(database: Database, index: Index, numbers: tuple[int, ...]) -> int:
    """Put the passages of these documents into the index anew; how many documents there were."""
    done = 0
    for no in numbers:
        done += _rebuild_one(database, index, no)
    return done


def read_again(database: Database, numbers: tuple[int, ...]) -> int:
    """Have these documents read again from their originals; how many there were."""
    done = 0
    for no in numbers:
        with database.write() as connection:
            change = update(document).where(document.c.no == no, document.c.state == DocumentState.READY)
            values = {"state": DocumentState.QUEUED, "error": None, "error_code": None}
            found = connection.execute(change.values(values).returning(document.c.id)).scalar_one_or_none()
            if found is not None:
                put(connection, kind="ingest", subject=str(found))
                done += 1
    return done


def drop_orphans(database: Database) -> int:
    """Take words out of the index that belong to no passage; how many rows there were."""
    dropped = 0
    while True:
        with database.write() as connection:
            found = connection.execute(text(f"SELECT id {_WITHOUT_CHUNK} LIMIT {_CHUNKS}")).scalars().all()
            for number in found:
                connection.execute(text("DELETE FROM chunk_words WHERE rowid = :number"), {"number": number})
            if found:
                put(connection, kind="optimize_index", subject="documents")
        dropped += len(found)
        if len(found) < _CHUNKS:
            return dropped


def remake(database: Database, index: Index) -> int:
    """Make a damaged index anew from the passages; how many documents are in it."""
    with database.write() as connection:
        connection.execute(text("INSERT INTO chunk_words(chunk_words) VALUES ('delete-all')"))
        connection.execute(text("DELETE FROM chunk_words_content"))
        ready = select(document.c.no).where(document.c.state == DocumentState.READY).order_by(document.c.no)
        numbers = tuple(connection.execute(ready).scalars())
    return rebuild(database, index, numbers)


def _is_broken(database: Database) -> bool:
    try:
        with database.write() as connection:
            connection.execute(text("INSERT INTO chunk_words(chunk_words) VALUES ('integrity-check')"))
    except StoreError:
        return True
    return False


def _miscounted(database: Database) -> tuple[int, ...]:
    found: list[int] = []
    last = 0
    while True:
        columns = (document.c.no, document.c.pages, document.c.passages)
        there = document.c.no > last, document.c.state == DocumentState.READY
        with database.read() as connection:
            rows = connection.execute(select(*columns).where(*there).order_by(document.c.no).limit(_DOCUMENTS)).all()
            if not rows:
                return tuple(found)
            last = rows[-1].no
            numbers = [row.no for row in rows]
            passages = _counts(connection, chunk.c.document_no, numbers)
            pages = _counts(connection, document_page.c.document_no, numbers)
        for row in rows:
            if (pages.get(row.no, 0), passages.get(row.no, 0)) != (row.pages, row.passages):
                found.append(row.no)


def _counts(connection: Connection, column: ColumnElement[int], numbers: list[int]) -> dict[int, int]:
    query = select(column, func.count()).where(column.in_(numbers)).group_by(column)
    return {no: int(count) for no, count in connection.execute(query)}


def _rebuild_one(database: Database, index: Index, no: int) -> int:
    with database.write() as connection:
        query = select(document.c.owner, document.c.name, collection.c.id.label("collection"))
        query = query.outerjoin(collection, collection.c.no == document.c.collection_no)
        there = document.c.no == no, document.c.state == DocumentState.READY
        row = connection.execute(query.where(*there).with_for_update(of=document)).first()
        if row is None:
            return 0
        index.remove(connection, document_no=no)
        last = 0
        while True:
            some = select(chunk.c.id, chunk.c.label, chunk.c.text).where(chunk.c.document_no == no, chunk.c.id > last)
            chunks = connection.execute(some.order_by(chunk.c.id).limit(_CHUNKS)).all()
            if not chunks:
                return 1
            last = chunks[-1].id
            entries = [Entry(one.id, Words.of(label=plain_label(one.label), text=one.text)) for one in chunks]
            index.add(connection, owner=row.owner, name=row.name, entries=entries, collection=row.collection)
