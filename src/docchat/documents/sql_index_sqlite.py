"""The index on SQLite: an FTS5 table whose row ids are chunk ids, with the owner as an indexed word."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, text

from ..jobs.queue import put
from .narrow import CAP, MOST, SAMPLE, Clause, Words, windows
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
_COUNTED = 60
"""Words that one statement counts."""
_APART = 12
"""So many chosen documents are gone through one by one."""
_LOOKED_AT = 4000
"""Rows among which the passages with a common word are counted."""
_WINDOWS = 3
"""Places at which these rows are: to find one in the lists of the index costs as much as to go through 500 rows."""
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

    def begin(self, connection: Connection) -> None:
        """Nothing to do before a search."""

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

    def candidates(self, connection: Connection, within: Reach, clauses: Sequence[Clause]) -> Sequence[Words]:
        """The rows of `within` that fulfil a clause.

        They come in no order: FTS5's own would look up the length of each and count every word in all of the index.
        """
        anywhere = " OR ".join("(" + " AND ".join(_any(group) for group in clause) + ")" for clause in clauses)
        query = f"{_whose(within)} AND {{title label heads body}} : ({anywhere})"
        statement, values = _rows(within, query, "rowid, title, label, heads, body", MOST)
        return cast(Sequence[Words], connection.exec_driver_sql(statement, values).all())

    def counts(
        self, connection: Connection, within: Reach, asked: Sequence[str], *, names: bool = False
    ) -> dict[str, int]:
        """How many rows of `within` hold each term in their text, or with `names` in title, label or heads.

        Exact up to some thousand.
        """
        place = "{title label heads}" if names else "body"
        queries = {term: f"{_whose(within)} AND {place} : {_quote(term)}" for term in asked}
        found: dict[str, int] = {}
        parts = _parts(within)
        one = " + ".join(
            f"(SELECT count(*) FROM (SELECT 1 FROM chunk_words WHERE chunk_words MATCH ?{part} LIMIT {CAP}))"  # noqa: S608
            for part in parts
        )
        for start in range(0, len(asked), _COUNTED):
            some = asked[start : start + _COUNTED]
            statement = "SELECT " + ", ".join([one] * len(some))
            values = tuple(queries[term] for term in some for _ in parts)
            row = connection.exec_driver_sql(statement, values).one()
            found |= dict(zip(some, map(int, row), strict=True))
        many = [term for term, count in found.items() if count >= CAP]
        return found | {term: max(CAP, count) for term, count in _estimated(connection, within, many, queries).items()}

    def beginning(self, connection: Connection, within: Reach, beginning: str) -> Sequence[str]:
        """The texts of some rows of `within` with a word that begins so."""
        query = f"{_whose(within)} AND body : {_quote(beginning)} *"
        statement, values = _rows(within, query, "body", SAMPLE)
        return connection.exec_driver_sql(statement, values).scalars().all()

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
    return f"owner : {_any(within.tokens)}"


def _estimated(
    connection: Connection, within: Reach, asked: Sequence[str], queries: Mapping[str, str]
) -> dict[str, int]:
    """About how many rows match the query of each term, counted in some windows of row ids."""
    if not asked:
        return {}
    first, last = connection.exec_driver_sql("SELECT (SELECT min(id) FROM chunk), (SELECT max(id) FROM chunk)").one()
    spans, factor = windows(first, last, _LOOKED_AT, number=_WINDOWS)
    one = (
        "(SELECT count(*) FROM chunk_words WHERE chunk_words MATCH ?"  # noqa: S608
        f"{_of_documents(within)} AND rowid >= ? AND rowid <= ?)"
    )
    several = " + ".join([one] * len(spans))
    found: dict[str, int] = {}
    for start in range(0, len(asked), _COUNTED):
        some = asked[start : start + _COUNTED]
        values = tuple(value for term in some for span in spans for value in (queries[term], *span))
        row = connection.exec_driver_sql("SELECT " + ", ".join([several] * len(some)), values).one()
        found |= {term: round(count * factor) for term, count in zip(some, row, strict=True)}
    return found


def _rows(within: Reach, query: str, columns: str, limit: int) -> tuple[str, tuple[str, ...]]:
    """A statement for rows that match, with its values."""
    parts = _parts(within)
    one = f"SELECT * FROM (SELECT {columns} FROM chunk_words WHERE chunk_words MATCH ?{{part}} LIMIT {limit})"  # noqa: S608
    return " UNION ALL ".join(one.format(part=part) for part in parts), (query,) * len(parts)


def _parts(within: Reach) -> list[str]:
    """Conditions that find the rows of the chosen documents when put one after the other; one that is empty for all.

    The passages of a document lie side by side, those of several may lie anywhere: a few are gone through one by one.
    """
    if within.documents is None:
        return [""]
    if len(within.documents) > _APART:
        return [_of(within.documents)]
    return [_of([number]) for number in within.documents]


def _of_documents(within: Reach) -> str:
    return "" if within.documents is None else _of(within.documents)


def _of(documents: Sequence[int]) -> str:
    """Only numbers of our own go into the statement's text.

    The bounds are for FTS5; the plus keeps SQLite from asking it for each row id by itself.
    """
    numbers = ", ".join(str(int(number)) for number in documents)
    ids = f"FROM chunk WHERE document_no IN ({numbers})"
    return f" AND rowid BETWEEN (SELECT min(id) {ids}) AND (SELECT max(id) {ids}) AND +rowid IN (SELECT id {ids})"


def _any(words: Sequence[str]) -> str:
    return "(" + " OR ".join(map(_quote, words)) + ")"


def _quote(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
