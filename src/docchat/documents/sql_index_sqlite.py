"""The index on SQLite: an FTS5 table whose row ids are chunk ids, with the owner as an indexed word."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from ..jobs.queue import put
from .sql_access import Reach

# FTS5 takes the terms as they are: every character beyond ASCII belongs to a word, and so do these two.
_CREATE = """CREATE VIRTUAL TABLE IF NOT EXISTS chunk_words
USING fts5(owner, title, label, heads, body, tokenize = "ascii tokenchars '_.'")"""
_VECTORS = (
    """CREATE TABLE IF NOT EXISTS chunk_vector (
        chunk_id INTEGER PRIMARY KEY REFERENCES chunk (id) ON DELETE CASCADE,
        document_no INTEGER NOT NULL, made_by TEXT NOT NULL, vector BLOB NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS chunk_vector_by_document ON chunk_vector (document_no)",
)
_INSERT = text(
    "INSERT INTO chunk_words(rowid, owner, title, label, heads, body)"
    " VALUES (:chunk_id, :owner, :title, :label, :heads, :body)"
)
_STORED = text(
    "SELECT rowid AS chunk_id, label, heads, body FROM chunk_words"
    " WHERE rowid IN (SELECT id FROM chunk WHERE document_no = :document_no) ORDER BY rowid"
)
_REMOVE = text(
    "DELETE FROM chunk_words WHERE rowid IN (SELECT id FROM chunk WHERE document_no = :document_no AND id <= :last)"
)
_CANDIDATES = "SELECT rowid, title, label, heads, body FROM chunk_words WHERE chunk_words MATCH :query"
_BEST = " ORDER BY bm25(chunk_words, 0.0, 0.6, 0.8, 0.4, 1.0) LIMIT :limit"
_COUNT = "SELECT count(*) FROM chunk_words WHERE chunk_words MATCH :query"
_MERGE = text("INSERT INTO chunk_words(chunk_words, rank) VALUES ('merge', :pages)")
_CHANGES = text("SELECT total_changes()")
_MERGED_PAGES = 100
"""Pages of the index that one transaction rewrites: it holds the write lock for some hundredths of a second."""
_SECURE_DELETE = text("INSERT INTO chunk_words(chunk_words, rank) VALUES ('secure-delete', 1)")
HAS_SECURE_DELETE = sqlite3.sqlite_version_info >= (3, 42, 0)
"""Whether FTS5 can drop the words of a deleted row at once; an older SQLite needs 'optimize' for it."""


class Engine:
    """The statements that differ on SQLite."""

    def create(self, connection: Connection) -> None:
        """Create the table, and have it forget deleted words at once where SQLite can."""
        for statement in (_CREATE, *_VECTORS):
            connection.execute(text(statement))
        if HAS_SECURE_DELETE:
            connection.execute(_SECURE_DELETE)

    def insert(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows of terms."""
        connection.execute(_INSERT, rows)

    def stored(self, connection: Connection, document_no: int) -> list[dict[str, Any]]:
        """What is indexed of a document, row by row, without owner and title."""
        return [dict(row) for row in connection.execute(_STORED, {"document_no": document_no}).mappings()]

    def remove(self, connection: Connection, document_no: int, last: int) -> None:
        """Delete the words of a document up to chunk `last`; asks for `optimize` when they would stay in the file."""
        removed = connection.execute(_REMOVE, {"document_no": document_no, "last": last}).rowcount
        if removed and not HAS_SECURE_DELETE:
            put(connection, kind="optimize_index", subject="documents")

    def candidates(
        self, connection: Connection, within: Reach, telling: Mapping[str, float], limit: int
    ) -> Sequence[Row[Any]]:
        """The rows of `within` that hold any of the terms, by FTS5's own BM25."""
        anywhere = " OR ".join(_quote(term) for term in telling)
        query = f"{_whose(within)} AND {{title label heads body}} : ({anywhere})"
        statement = text(f"{_CANDIDATES}{_of_documents(within)}{_BEST}")
        return connection.execute(statement, {"query": query, "limit": limit}).all()

    def counts(self, connection: Connection, within: Reach, asked: Sequence[str]) -> dict[str, int]:
        """How many rows of `within` hold each term in their text."""
        count = text(f"{_COUNT}{_of_documents(within)}")
        return {
            term: int(connection.execute(count, {"query": f"{_whose(within)} AND body : {_quote(term)}"}).scalar_one())
            for term in asked
        }

    def optimize(self, connection: Connection, *, first: bool) -> bool:
        """One step of merging the index into one segment, which leaves deleted words out; whether more is to do.

        The first step says that everything is to be merged, the following ones go on with it.
        """
        before = connection.execute(_CHANGES).scalar_one()
        connection.execute(_MERGE, {"pages": -_MERGED_PAGES if first else _MERGED_PAGES})
        # The insert itself counts as one change: less than two mean that nothing was left to merge.
        return bool(connection.execute(_CHANGES).scalar_one() - before >= 2)


def _whose(within: Reach) -> str:
    """The part of a query that keeps it to what may be read: words of the index, so that FTS5 looks at nothing else."""
    return f"owner : ({' OR '.join(_quote(token) for token in within.tokens)})"


def _of_documents(within: Reach) -> str:
    """Only numbers of our own go into the statement's text."""
    if within.documents is None:
        return ""
    numbers = ", ".join(str(int(number)) for number in within.documents)
    return f" AND rowid IN (SELECT id FROM chunk WHERE document_no IN ({numbers}))"  # noqa: S608


def _quote(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
