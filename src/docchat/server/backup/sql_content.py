"""Reads the content for a backup in short transactions: each chat and each document as it is at one moment.

No transaction lasts long enough to hold up the reclaiming of what was cleared; what changed between two of them is read
again. Of a cleared chat only the tombstone is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, column, literal, select, table, tuple_

from ...db.engine import Database
from ...db.migrate import STEPS
from ...db.schema import (
    SEQ_BITS,
    account,
    answer_run,
    attachment,
    attachment_part,
    chat_model,
    chat_session,
    chunk,
    collection,
    collection_member,
    document,
    document_page,
    draft,
    feedback,
    followed_file,
    job,
    message,
    original_part,
    receipt,
    store_meta,
    usage,
)
from ...types import DocumentState
from .archive import Spool
from .sql_rows import encoded

SCHEMA = len(STEPS)
# In the order in which they are put back: a row comes after the rows it names.
TABLES: tuple[Table, ...] = (
    *(store_meta, chat_session, message, feedback, attachment, attachment_part, receipt, account, chat_model, usage),
    *(collection, collection_member, document, document_page, chunk),
)
LEFT_OUT: tuple[Table, ...] = (job, answer_run, draft, original_part, followed_file)
"""Tables of which nothing is backed up: work that is put again, processes, what nobody has sent yet, originals, which
are files, and what the hashes of documents tell as well."""

_SESSIONS = 100
_MESSAGES = 500
_PAGES = 50
_CHUNKS = 500
_STAMP = ("cleared_at", "meta_slot", "history_slot", "first_seq")

Spools = Mapping[str, Spool]
_words = table("chunk_words", column("rowid"), column("chunk_id"), column("label"), column("heads"))


def write_sessions(database: Database, spools: Spools) -> None:
    """Every chat with its sealed messages."""
    after = 0
    while True:
        with database.read() as connection:
            query = select(chat_session).where(chat_session.c.no > after).order_by(chat_session.c.no).limit(_SESSIONS)
            rows = connection.execute(query).all()
            if not rows:
                return
            found = _messages(connection, rows[0].no << SEQ_BITS, ((rows[-1].no + 1) << SEQ_BITS) - 1)
        whole = rows if len(found) < _MESSAGES else [row for row in rows if row.no < found[-1].id >> SEQ_BITS]
        if whole:
            _write_whole(spools, whole, found)
            after = whole[-1].no
        else:
            _write_long(database, spools, rows[0])
            after = rows[0].no


def _write_whole(spools: Spools, rows: Sequence[Row[Any]], found: Sequence[Row[Any]]) -> None:
    live = {row.no: row.first_seq for row in rows if row.cleared_at is None}
    for row in rows:
        _write_session(spools, row)
    for item in found:
        no, seq = item.id >> SEQ_BITS, item.id & ((1 << SEQ_BITS) - 1)
        if no in live and seq >= live[no]:
            spools["message"].write(encoded(message, item))


def _write_long(database: Database, spools: Spools, row: Row[Any]) -> None:
    """A chat of many messages, some at a time; once more when it was cleared meanwhile."""
    spool = spools["message"]
    while True:
        mark = spool.mark()
        if row.cleared_at is None:
            first, last = (row.no << SEQ_BITS) + row.first_seq, (row.no << SEQ_BITS) + row.next_seq - 1
            for item in _many_messages(database, first, last):
                spool.write(encoded(message, item))
        with database.read() as connection:
            now = connection.execute(select(chat_session).where(chat_session.c.no == row.no)).one()
        if all(now._mapping[name] == row._mapping[name] for name in _STAMP):
            _write_session(spools, row)
            return
        spool.rewind(mark)
        row = now


def _many_messages(database: Database, first: int, last: int) -> Iterator[Row[Any]]:
    while True:
        with database.read() as connection:
            found = _messages(connection, first, last)
        yield from found
        if len(found) < _MESSAGES:
            return
        first = found[-1].id + 1


def _messages(connection: Connection, first: int, last: int) -> Sequence[Row[Any]]:
    query = select(message).where(message.c.id.between(first, last)).order_by(message.c.id).limit(_MESSAGES)
    return connection.execute(query).all()


def _write_session(spools: Spools, row: Row[Any]) -> None:
    values = encoded(chat_session, row)
    if row.cleared_at is not None:
        values.pop("title", None)  # kept while a clear can be undone, which a restore ends
    spools["chat_session"].write(values)


def write_plain(database: Database, plain: Table, spool: Spool) -> None:
    """All rows of a table whose rows stand alone. Those that were there at the start are all there."""
    keys = tuple(plain.primary_key.columns)
    last: tuple[Any, ...] | None = None
    while True:
        query = select(plain).order_by(*keys).limit(_SESSIONS)
        with database.read() as connection:
            rows = connection.execute(query if last is None else query.where(tuple_(*keys) > tuple_(*last))).all()
        for row in rows:
            spool.write(encoded(plain, row))
        if len(rows) < _SESSIONS:
            return
        last = tuple(literal(rows[-1]._mapping[key.name], key.type) for key in keys)


def documents(database: Database) -> Iterator[Row[Any]]:
    """The row of every document that is not deleted, nor its collection."""
    after = 0
    while True:
        there = document.c.no > after, document.c.state != DocumentState.DELETED, collection.c.deleted_at.is_(None)
        query = select(document).outerjoin(collection).where(*there).order_by(document.c.no).limit(_SESSIONS)
        with database.read() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        after = rows[-1].no
        yield from rows


def write_document(database: Database, spools: Spools, row: Row[Any]) -> None:
    """A document's row, and its pages and passages when it was read; a document that is ready changes no more."""
    values = encoded(document, row)
    if row.state in (DocumentState.QUEUED, DocumentState.READING):
        values |= {"state": DocumentState.QUEUED.value, "pages": 0, "passages": 0}
    spools["document"].write(values)
    if row.state != DocumentState.READY:
        return
    for page in _batches(database, document_page, "number", row.no, _PAGES):
        spools["document_page"].write(encoded(document_page, page))
    for passage in _batches(database, chunk, "id", row.no, _CHUNKS):
        words = {"label_words": passage.label_words or "", "heads": passage.heads or ""}
        spools["chunk"].write(encoded(chunk, passage) | words)


def unchanged(database: Database, row: Row[Any]) -> bool:
    """Whether a document is still there, in the state it was read in."""
    there = document.c.no == row.no, document.c.id == row.id, document.c.state == row.state
    query = select(document.c.id).outerjoin(collection).where(*there, collection.c.deleted_at.is_(None))
    with database.read() as connection:
        return connection.execute(query).first() is not None


def _batches(database: Database, rows_of: Table, key: str, no: int, size: int) -> Iterator[Row[Any]]:
    after = 0
    columns = rows_of.c
    while True:
        query = select(rows_of)
        if rows_of is chunk:
            # The words of a passage's heading and of its table's head stand in the index alone.
            id_column = _words.c.rowid if database.is_sqlite else _words.c.chunk_id
            query = select(chunk, _words.c.label.label("label_words"), _words.c.heads.label("heads")).outerjoin(
                _words, id_column == chunk.c.id
            )
        query = query.where(columns.document_no == no, columns[key] > after).order_by(columns[key]).limit(size)
        with database.read() as connection:
            rows = connection.execute(query).all()
        yield from rows
        if len(rows) < size:
            return
        after = rows[-1]._mapping[key]
