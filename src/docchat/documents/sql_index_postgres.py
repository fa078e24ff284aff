"""The index on PostgreSQL: a row of terms for each chunk, with a tsvector that holds the owner as a word, under GIN."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from .narrow import CAP, MOST, SAMPLE, Clause, Words, windows
from .sql_access import Reach

_CREATE = (
    """CREATE TABLE IF NOT EXISTS chunk_words (
        chunk_id BIGINT PRIMARY KEY REFERENCES chunk (id) ON DELETE CASCADE,
        title TEXT NOT NULL, label TEXT NOT NULL, heads TEXT NOT NULL, body TEXT NOT NULL, words TSVECTOR NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS chunk_words_by_word ON chunk_words USING GIN (words)",
)
# pgvector compares in the server; without it vectors are read and compared here.
_EXTENSION = text("CREATE EXTENSION IF NOT EXISTS vector")
_HAS_EXTENSION = text("SELECT count(*) FROM pg_extension WHERE extname = 'vector'")
_VECTORS = (
    """CREATE TABLE IF NOT EXISTS chunk_vector (
        chunk_id BIGINT PRIMARY KEY REFERENCES chunk (id) ON DELETE CASCADE,
        document_no BIGINT NOT NULL, made_by TEXT NOT NULL, vector {kind} NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS chunk_vector_by_document ON chunk_vector (document_no)",
)
# `b.` and `o.` part what stands in the text from what stands only in names and headings. array_to_tsvector takes the
# words as they are, without a parser or dictionary of the server's.
_INSERT = text(
    "INSERT INTO chunk_words (chunk_id, title, label, heads, body, words)"
    " VALUES (:chunk_id, :title, :label, :heads, :body, array_to_tsvector(CAST(:words AS text[])))"
)
_STORED = text(
    "SELECT chunk_id, label, heads, body FROM chunk_words"
    " WHERE chunk_id IN (SELECT id FROM chunk WHERE document_no = :document_no) ORDER BY chunk_id"
)
_REMOVE = text(
    "DELETE FROM chunk_words WHERE chunk_id IN (SELECT id FROM chunk WHERE document_no = :document_no AND id <= :last)"
)
# A plan for any words would read the whole table where rare ones are asked for, and the server takes a rare word for a
# common one and reads the whole table when only some rows are wanted; these statements are never long enough for
# compiling them to pay.
_PLANNING = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),"
    " set_config('enable_seqscan', 'off', true)"
)
_EDGES = text("SELECT min(chunk_id), max(chunk_id) FROM chunk_words")
_LOOKED_AT = 600
"""Rows among which the passages with a common word are counted."""
_WINDOWS = 4
"""Places at which these rows are."""
_SURE = 6
"""A word met less often among them is counted in all rows."""


class Engine:
    """The statements that differ on PostgreSQL."""

    def create(self, connection: Connection) -> None:
        """Create tables and their indexes."""
        with suppress(DBAPIError), connection.begin_nested():  # not installed, or not for this user to create
            connection.execute(_EXTENSION)
        kind = "HALFVEC" if connection.execute(_HAS_EXTENSION).scalar_one() else "BYTEA"
        for statement in (*_CREATE, *_VECTORS):
            connection.execute(text(statement.format(kind=kind)))

    def begin(self, connection: Connection) -> None:
        """Make the server plan as is best for a search, till the end of the transaction."""
        connection.execute(_PLANNING)

    def insert(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows of terms."""
        connection.execute(_INSERT, [{**row, "words": _words(row)} for row in rows])

    def stored(self, connection: Connection, document_no: int) -> list[dict[str, Any]]:
        """What is indexed of a document, row by row, without owner and title."""
        return [dict(row) for row in connection.execute(_STORED, {"document_no": document_no}).mappings()]

    def remove(self, connection: Connection, document_no: int, last: int) -> None:
        """Delete the words of a document up to chunk `last`."""
        connection.execute(_REMOVE, {"document_no": document_no, "last": last})

    def candidates(self, connection: Connection, within: Reach, clauses: Sequence[Clause]) -> Sequence[Words]:
        """The rows of `within` that fulfil a clause, in no order."""
        anywhere = " | ".join(
            "(" + " & ".join(_any([f"{place}.{form}" for form in group for place in "bo"]) for group in clause) + ")"
            for clause in clauses
        )
        statement = (
            "SELECT chunk_id, title, label, heads, body FROM chunk_words"  # noqa: S608
            f" WHERE words @@ CAST(:query AS tsquery){_of_documents(within)} LIMIT {MOST}"
        )
        query = f"{_any(within.tokens)} & ({anywhere})"
        return cast(Sequence[Words], connection.execute(text(statement), {"query": query}).all())

    def counts(
        self, connection: Connection, within: Reach, asked: Sequence[str], *, names: bool = False
    ) -> dict[str, int]:
        """How many rows of `within` hold each term in their text, or with `names` in title, label or heads.

        Exact up to some thousand.
        """
        place = "o" if names else "b"
        whose = _any(within.tokens)
        queries = {term: f"{whose} & {_quote(f'{place}.{term}')}" for term in asked}
        common = dict.fromkeys(asked, 0) if names else _estimated(connection, within, queries)
        rare = [term for term in asked if common[term] < CAP]
        if not rare:
            return common
        one = (
            "SELECT {number} AS number, count(*) AS found FROM (SELECT 1 FROM chunk_words"  # noqa: S608
            f" WHERE words @@ CAST(:t{{number}} AS tsquery){_of_documents(within)} LIMIT {CAP}) AS rows"
        )
        statement = " UNION ALL ".join(one.format(number=number) for number in range(len(rare)))
        values = {f"t{number}": queries[term] for number, term in enumerate(rare)}
        return common | {rare[row.number]: row.found for row in connection.execute(text(statement), values)}

    def beginning(self, connection: Connection, within: Reach, beginning: str) -> Sequence[str]:
        """The texts of some rows of `within` with a word that begins so."""
        query = f"{_any(within.tokens)} & {_quote('b.' + beginning)}:*"
        statement = (
            f"SELECT body FROM chunk_words WHERE words @@ CAST(:query AS tsquery){_of_documents(within)} LIMIT {SAMPLE}"  # noqa: S608
        )
        return connection.execute(text(statement), {"query": query}).scalars().all()

    def optimize(self, connection: Connection, *, first: bool) -> bool:
        """Nothing to do: vacuum is the server's own work."""
        return False


def _estimated(connection: Connection, within: Reach, queries: Mapping[str, str]) -> dict[str, int]:
    """About how many rows match the query of each term, counted in some windows of ids; 0 for those hardly met there.

    To go through all rows with a common word would take longer than the rest of a search.
    """
    first, last = connection.execute(_EDGES).one()
    if first is None or last - first < _LOOKED_AT:
        return dict.fromkeys(queries, 0)
    spans, factor = windows(first, last, _LOOKED_AT, number=_WINDOWS)
    values = {f"t{number}": query for number, query in enumerate(queries.values())}
    columns = ", ".join(f"count(*) FILTER (WHERE words @@ CAST(:{name} AS tsquery))" for name in values)
    # Only numbers of our own go into the statement's text.
    among = " OR ".join(f"chunk_id BETWEEN {start} AND {end}" for start, end in spans)
    statement = f"SELECT {columns} FROM chunk_words WHERE ({among}){_of_documents(within)}"  # noqa: S608
    row = connection.execute(text(statement), values).one()
    return {
        term: max(CAP, round(found * factor)) if found >= _SURE else 0 for term, found in zip(queries, row, strict=True)
    }


def _words(row: Mapping[str, Any]) -> list[str]:
    body = set(row["body"].split())
    other = {*row["title"].split(), *row["label"].split(), *row["heads"].split()}
    return [*row["owner"].split(), *sorted("b." + term for term in body), *sorted("o." + term for term in other)]


def _of_documents(within: Reach) -> str:
    """Only numbers of our own go into the statement's text."""
    if within.documents is None:
        return ""
    numbers = ", ".join(str(int(number)) for number in within.documents)
    return f" AND chunk_id IN (SELECT id FROM chunk WHERE document_no IN ({numbers}))"  # noqa: S608


def _any(words: Sequence[str]) -> str:
    return "(" + " | ".join(map(_quote, words)) + ")"


def _quote(term: str) -> str:
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"
