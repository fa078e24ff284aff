"""The lexical index inside the content database: FTS5 on SQLite, tsvector with GIN on PostgreSQL.

Both store the terms of `terms.terms`, give candidates by the engine's own means with the owner inside the query,
and leave the order to `rank`, so that a search finds the same on both.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, cast
from uuid import UUID

from sqlalchemy import Connection, and_, func, select

from ..db.engine import Database
from ..db.schema import chunk, collection, document
from ..jobs.queue import put
from ..types import Chunk, DocumentState, ScoredChunk
from . import beginnings, likeness, meaning, narrow, rank, sql_index_postgres, sql_index_sqlite
from .asked import Asked, asked
from .embed import Embedder
from .index import Entry, Signal, Told
from .scope import Scope
from .sql_access import Reach, reach, tokens_of
from .tallies import Tallies
from .terms import terms

if TYPE_CHECKING:
    from .sql_vectors import SqlVectors

_PAUSE_SECONDS = 0.01  # lets writers in that wait for the lock
_LARGEST = (1 << 63) - 1
CANDIDATES = 120
CARRIED = 16
"""Terms of a turn before the question that are looked up beside it."""
_MANY = 10_000
"""Of so many passages their number, and how many hold a common word, is counted once in a while, not always."""
_LOOKED_UP = 512
LONGEST_QUESTION = 64
"""Terms of a question that are looked up; of a longer one the rarest count."""


def create(connection: Connection) -> None:
    """Create what the index needs beside the tables of the schema; may be called on every start."""
    _engine(connection).create(connection)


def make_index(database: Database, embedder: Embedder | None = None) -> "SqlIndex":
    """The index of a database, with an embedder also by meaning."""
    if embedder is None:
        return SqlIndex(database)
    vectors = import_module(".sql_vectors", __package__).SqlVectors(database, embedder)
    return SqlIndex(database, cast("SqlVectors", vectors))


class SqlIndex:
    """An Index in the content database."""

    def __init__(self, database: Database, vectors: "SqlVectors | None" = None) -> None:
        self._database = database
        self.vectors = vectors
        self._tallies = Tallies()

    def add(
        self, connection: Connection, *, owner: str, name: str, entries: Sequence[Entry], collection: UUID | None = None
    ) -> None:
        """Index chunks of a document called `name`, in the caller's write transaction.

        It is found by those who may read `collection`, by its owner without one.
        """
        if not entries:
            return
        title, within = " ".join(terms(name)), tokens_of(connection, owner, collection)
        rows = [
            {
                "chunk_id": entry.chunk_id,
                "owner": within,
                "title": title,
                "label": entry.words.label,
                "heads": entry.words.heads,
                "body": entry.words.body,
            }
            for entry in entries
        ]
        _engine(connection).insert(connection, rows)
        if self.vectors is not None:
            _ask_for_vectors(connection, entries[0].chunk_id)

    def remove(self, connection: Connection, *, document_no: int, last: int | None = None) -> None:
        """Take all chunks of a document out, in the caller's write transaction, before their rows go.

        With `last` only those up to this chunk id.
        """
        _engine(connection).remove(connection, document_no, _LARGEST if last is None else last)

    def rename(self, connection: Connection, *, document_no: int, name: str) -> None:
        """Have a document found by its new name, in the caller's write transaction."""
        engine = _engine(connection)
        query = select(document.c.owner, collection.c.id).outerjoin(collection).where(document.c.no == document_no)
        owner, within = connection.execute(query).one()
        tokens = tokens_of(connection, owner, within)
        rows = [
            {**row, "owner": tokens, "title": " ".join(terms(name))} for row in engine.stored(connection, document_no)
        ]
        if rows:
            engine.remove(connection, document_no, _LARGEST)
            engine.insert(connection, rows)

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What a search can go by: `meaning` only with an embedder."""
        return ("words", "default") if self.vectors is None else ("words", "meaning", "default")

    @property
    def embedder(self) -> str:
        """Name of what makes its vectors; empty without an embedder."""
        return "" if self.vectors is None else self.vectors.name

    def search(
        self,
        *,
        scope: Scope,
        question: str,
        limit: int = 10,
        signal: Signal = "default",
        about: Sequence[Told] = (),
    ) -> tuple[ScoredChunk, ...]:
        """The passages of `scope` that fit the question best, best first; nothing when nothing of it is found."""
        wanted = asked(question)
        meant = None if self.vectors is None or signal == "words" else self.vectors.wanted(question, about)
        if not wanted.terms and meant is None:
            return ()
        with self._database.read() as connection:
            _engine(connection).begin(connection)
            within = reach(connection, scope)
            total = self._about(connection, scope, within)
            if not total:
                return ()
            scores = {} if signal == "meaning" else _by_words(connection, within, wanted, about, total, self._tallies)
            if self.vectors is not None and meant is not None:
                near = self.vectors.near(connection, within, meant, ids=list(scores), total=total)
                scores = meaning.fused(scores, near)
            return _best(connection, within, scores, limit)

    def frequencies(self, *, scope: Scope, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """How many chunks `scope` has, and how many hold each of `terms` (as `terms.terms` makes them)."""
        with self._database.read() as connection:
            _engine(connection).begin(connection)
            within = reach(connection, scope)
            total = _total(connection, within)
            if not total:
                return 0, dict.fromkeys(terms, 0)
            return total, _Counts(connection, within, total).of(terms)

    def _about(self, connection: Connection, scope: Scope, within: Reach) -> int:
        """The passages in reach, or what they were a moment ago: a few more or less of many weigh words the same."""
        total = self._tallies.get((scope, within.tokens))
        if total is None:
            total = _total(connection, within)
            if total >= _MANY:
                self._tallies.put((scope, within.tokens), total)
        return total

    def optimize(self, beat: Callable[[], None]) -> None:
        """Drop what deleted documents left in the index's files, where deleting did not do it at once.

        It works in short transactions, with a `beat` after each.
        """
        more = first = True
        while more:
            with self._database.write() as connection:
                more = _engine(connection).optimize(connection, first=first)
            first = False
            beat()
            time.sleep(_PAUSE_SECONDS)


def _engine(connection: Connection) -> sql_index_sqlite.Engine | sql_index_postgres.Engine:
    if connection.dialect.name == "sqlite":
        return sql_index_sqlite.Engine()
    return sql_index_postgres.Engine()


def _ask_for_vectors(connection: Connection, chunk_id: int) -> None:
    """Have the document of a chunk embedded; with its last passages it is asked for once more."""
    query = select(document.c.id).join(chunk, chunk.c.document_no == document.c.no).where(chunk.c.id == chunk_id)
    put(connection, kind="embed", subject=str(connection.execute(query).scalar_one()))


def _by_words(
    connection: Connection, within: Reach, wanted: Asked, about: Sequence[Told], total: int, tallies: Tallies
) -> dict[int, float]:
    """The chunks that fit by their words, with their scores."""
    known = _Counts(connection, within, total, tallies if total >= _MANY else None)
    shares = _carried(wanted, about)
    forms = {**wanted.forms, **{term: (term,) for term in shares}}
    counts = known.of([form for found in forms.values() for form in found])
    # What no text holds may be the name of a document or a heading, or else another form of a word.
    unseen = [form for found in forms.values() if not any(counts[form] for form in found) for form in found]
    counts |= known.in_names(unseen)
    unknown = [term for term in wanted.forms if not any(counts[form] for form in forms[term])]
    alike = _beginning_alike(connection, within, unknown)
    counts |= known.of([form for found in alike.values() for form in found])
    forms |= alike
    shares |= dict.fromkeys(alike, beginnings.COUNTS)

    frequencies = {term: min(total, sum(counts[form] for form in found)) for term, found in forms.items()}
    telling = {
        term: weight * shares.get(term, 1.0)
        for term, weight in rank.weights(list(forms), total=total, frequencies=frequencies).items()
    }
    telling = dict(sorted(telling.items(), key=lambda item: -item[1])[:LONGEST_QUESTION])
    groups = {term: tuple(form for form in forms[term] if counts[form]) for term in telling}
    worth = narrow.clauses(telling, groups, total=total, frequencies=counts)
    found = _engine(connection).candidates(connection, within, worth) if worth else ()
    weights = {groups[term]: weight for term, weight in telling.items()}
    scorer = rank.Scorer(wanted.terms, telling)
    meant = {form: term for term, group in groups.items() for form in group}
    ranked = narrow.likeliest(found, weights, CANDIDATES)
    scores = {
        id: scorer.score(*rank.spots(body, meant), title.split(), label.split(), heads.split())
        for id, title, label, heads, body in ranked
    }
    return likeness.with_likeness(scores, ranked, found, wanted.terms) if about else scores


def _beginning_alike(connection: Connection, within: Reach, unknown: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """For terms that nothing holds the words that begin like them, where there are any."""
    found: dict[str, tuple[str, ...]] = {}
    for term in unknown[: beginnings.MOST]:
        for beginning in beginnings.beginnings(term):
            if bodies := _engine(connection).beginning(connection, within, beginning):
                found[term] = beginnings.words(bodies, beginning)
                break
    return found


def _carried(wanted: Asked, about: Sequence[Told]) -> dict[str, float]:
    """Terms of what was said before that are none of the question's, and how much each counts."""
    found: dict[str, float] = {}
    for told in about:
        for term, _ in Counter(terms(told.text)).most_common(CARRIED):
            if term not in wanted.forms:
                found[term] = max(told.weight, found.get(term, 0.0))
    return found


class _Counts:
    """How many chunks hold a term; common ones are taken from `tallies` where they were counted a moment ago."""

    def __init__(self, connection: Connection, within: Reach, total: int, tallies: Tallies | None = None) -> None:
        self._connection = connection
        self._within = within
        self._total = total
        self._tallies = tallies

    def of(self, looked_up: Sequence[str]) -> dict[str, int]:
        """Those that hold each term in their text."""
        if self._tallies is None:
            return self._counted(looked_up)
        place = (self._within.tokens, self._within.documents)
        kept = {term: self._tallies.get((*place, term)) for term in looked_up}
        counted = self._counted([term for term, count in kept.items() if count is None])
        for term, count in counted.items():
            if count >= narrow.CAP:
                self._tallies.put((*place, term), count)
        return {**{term: count for term, count in kept.items() if count is not None}, **counted}

    def in_names(self, looked_up: Sequence[str]) -> dict[str, int]:
        """Those that hold each term in the names that go with them."""
        return self._counted(looked_up, names=True)

    def _counted(self, looked_up: Sequence[str], *, names: bool = False) -> dict[str, int]:
        distinct = list(dict.fromkeys(looked_up))[:_LOOKED_UP]
        connection, within = self._connection, self._within
        found = (
            _engine(connection).counts(connection, within, distinct, names=names) if self._total and distinct else {}
        )
        return {**dict.fromkeys(looked_up, 0), **found}


_COLUMNS = (
    chunk.c.id,
    document.c.id.label("document_id"),
    document.c.name,
    chunk.c.page,
    chunk.c.label,
    chunk.c.start,
    chunk.c.end,
    chunk.c.text,
)


def _total(connection: Connection, within: Reach) -> int:
    query = select(func.coalesce(func.sum(document.c.passages), 0)).where(
        within.condition, document.c.state == DocumentState.READY
    )
    return int(connection.execute(query).scalar_one())


def _chunks(connection: Connection, within: Reach, ids: Sequence[int]) -> dict[int, Chunk]:
    """Chunks by their ids, of documents that are ready and may be read."""
    if not ids:
        return {}
    # An outer join, for SQLite to begin with the chunks: it would go through all documents of an owner else.
    there = and_(document.c.no == chunk.c.document_no, document.c.state == DocumentState.READY, within.condition)
    query = select(*_COLUMNS).select_from(chunk.outerjoin(document, there)).where(chunk.c.id.in_(ids))
    return {row.id: Chunk(*row) for row in connection.execute(query) if row.document_id is not None}


def _best(connection: Connection, within: Reach, scores: Mapping[int, float], limit: int) -> tuple[ScoredChunk, ...]:
    """The best chunks; those of a document that is not there any more, or not yet, make room for the next."""
    found: list[ScoredChunk] = []
    ids = meaning.ordered(scores)
    for start in range(0, len(ids), limit):
        some = ids[start : start + limit]
        chunks = _chunks(connection, within, some)
        found += [ScoredChunk(chunks[one], scores[one]) for one in some if one in chunks]
        if len(found) >= limit:
            break
    return tuple(found[:limit])
