"""Vectors beside their chunks: BLOBs that numpy compares, or pgvector's own type on a PostgreSQL that has it.

Nothing is kept in memory but what one search reads: the pages of the database are the one copy that all processes of
a host share. A vector goes with its chunk, in the same transaction.
"""

import heapq
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from sqlalchemy import Connection, bindparam, column, select, table, text

from ..db.engine import Database
from ..db.schema import document
from ..errors import ModelUnavailable
from ..types import DocumentState
from .embed import Embedder
from .index import Told
from .sql_access import Reach

if TYPE_CHECKING:
    from .embed import Vectors

logger = logging.getLogger(__name__)

EXHAUSTIVE = 20_000
"""Up to so many passages a question is compared with all; beyond that with those that hold its words."""
NEAREST = 30
BATCH = 4
"""Passages that are embedded at a time: a model in this process takes a second or two for them."""
_PAUSE_SECONDS = 30.0
_BLOCK = 1000
"""Vectors that are held at a time while many are compared."""

_vector = table("chunk_vector", column("chunk_id"), column("document_no"), column("made_by"), column("vector"))
_OF = text("SELECT chunk_id, vector FROM chunk_vector WHERE made_by = :made_by AND chunk_id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)
_OF_PGVECTOR = text(
    "SELECT chunk_id, 1 - (vector <=> CAST(:asked AS halfvec)) FROM chunk_vector"
    " WHERE made_by = :made_by AND chunk_id IN :ids AND vector_dims(vector) = :width"
).bindparams(bindparam("ids", expanding=True))
_STORE = (
    "INSERT INTO chunk_vector (chunk_id, document_no, made_by, vector)"
    " SELECT chunk.id, chunk.document_no, :made_by, {vector}"
    " FROM chunk JOIN document ON document.no = chunk.document_no"
    " WHERE chunk.id = :id AND document.state = 'ready'"
    " ON CONFLICT (chunk_id) DO UPDATE SET made_by = excluded.made_by, vector = excluded.vector"
)
_STORE_BLOB = text(_STORE.format(vector=":vector"))
_STORE_PGVECTOR = text(_STORE.format(vector="CAST(:vector AS halfvec)"))
_HAVE = text(
    "SELECT chunk.id, chunk.text FROM chunk JOIN document ON document.no = chunk.document_no"
    " WHERE document.id = :document_id AND document.state = 'ready' AND NOT EXISTS"
    " (SELECT 1 FROM chunk_vector WHERE chunk_vector.chunk_id = chunk.id AND made_by = :made_by)"
    " ORDER BY chunk.id LIMIT :limit"
).bindparams(bindparam("document_id", type_=document.c.id.type))
_BEHIND = text(
    "SELECT document.id FROM document WHERE document.state = 'ready' AND document.passages >"
    " (SELECT count(*) FROM chunk_vector WHERE chunk_vector.document_no = document.no AND made_by = :made_by)"
    " ORDER BY document.no"
).columns(document.c.id)
_KIND = text(
    "SELECT udt_name FROM information_schema.columns WHERE table_schema = current_schema()"
    " AND table_name = 'chunk_vector' AND column_name = 'vector'"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question as a vector."""

    vector: "Vectors"


class SqlVectors:
    """The second signal of an index."""

    def __init__(self, database: Database, embedder: Embedder) -> None:
        self._database = database
        self._embedder = embedder
        self._away_until = 0.0
        self._away = False
        self._pgvector: bool | None = False if database.is_sqlite else None

    @property
    def name(self) -> str:
        """Which embedder it is. Raises ModelUnavailable when only its server, which is away, knows."""
        return self._embedder.name

    def wanted(self, question: str, about: Sequence[Told]) -> Wanted | None:
        """The question as a vector, halfway to what it means after the one before it; None without the embedder.

        A search must not fail, nor wait again and again, because a server for vectors is away.
        """
        if time.monotonic() < self._away_until or not question.strip():
            return None
        before = next((told.text for told in about if told.asked), "")
        texts = [question, f"{before} {question}"] if before else [question]
        try:
            vector = self._embedder.embed(texts, query=True).sum(axis=0)
        except ModelUnavailable as error:
            self._away_until = time.monotonic() + _PAUSE_SECONDS
            self._say(away=True, reason=error.code)
            return None
        self._say(away=False)
        return Wanted((vector / np.linalg.norm(vector)).astype(np.float32))

    def near(
        self, connection: Connection, within: Reach, wanted: Wanted, *, ids: Sequence[int], total: int
    ) -> dict[int, float]:
        """How near passages lie to the question: those of `ids`, and of not too many passages in all the nearest."""
        found = self._nearest(connection, within, wanted) if total <= EXHAUSTIVE else {}
        left = [one for one in ids if one not in found]
        if left:
            found |= self._of(connection, wanted, left)
        return found

    def missing(self, document_id: UUID, limit: int = BATCH) -> list[tuple[int, str]]:
        """Chunks of a document that is ready, with their texts, that have no vector yet. Raises ModelUnavailable."""
        values = {"document_id": document_id, "made_by": self.name, "limit": limit}
        with self._database.read() as connection:
            return [(row.id, row.text) for row in connection.execute(_HAVE, values)]

    def embed(self, chunks: Sequence[tuple[int, str]]) -> None:
        """Make the vectors of chunks and store them, but for chunks that are gone by then. Raises ModelUnavailable."""
        vectors = self._embedder.embed([found for _, found in chunks], query=False)
        with self._database.write() as connection:
            kind = _STORE_PGVECTOR if self._has_pgvector(connection) else _STORE_BLOB
            pack = _literal if kind is _STORE_PGVECTOR else _packed
            rows = zip(chunks, vectors, strict=True)
            values = [{"id": id, "made_by": self.name, "vector": pack(vector)} for (id, _), vector in rows]
            connection.execute(kind, values)

    def behind(self) -> list[UUID]:
        """The documents of which chunks have no vector yet. Raises ModelUnavailable."""
        values = {"made_by": self.name}
        with self._database.read() as connection:
            return list(connection.execute(_BEHIND, values).scalars())

    def _say(self, *, away: bool, reason: str = "") -> None:
        """Tell the log when the embedder goes and when it is back, not with every question."""
        if away and not self._away:
            logger.warning("no vector for a question, searching by words alone: %s", reason)
        elif self._away and not away:
            logger.info("searching by meaning again")
        self._away = away

    def _has_pgvector(self, connection: Connection) -> bool:
        if self._pgvector is None:
            self._pgvector = connection.execute(_KIND).scalar_one_or_none() == "halfvec"
        return self._pgvector

    def _of(self, connection: Connection, wanted: Wanted, ids: Sequence[int]) -> dict[int, float]:
        values = {"made_by": self.name, "ids": list(ids)}
        if self._has_pgvector(connection):
            asked = {"asked": _literal(wanted.vector), "width": len(wanted.vector)}
            return {row[0]: float(row[1]) for row in connection.execute(_OF_PGVECTOR, {**values, **asked})}
        return _compared(connection.execute(_OF, values).all(), wanted)

    def _nearest(self, connection: Connection, within: Reach, wanted: Wanted) -> dict[int, float]:
        values = {"made_by": self.name}
        scope = select(document.c.no).where(within.condition, document.c.state == DocumentState.READY)
        mine = _vector.c.made_by == bindparam("made_by"), _vector.c.document_no.in_(scope)
        if self._has_pgvector(connection):
            distance = text("vector <=> CAST(:asked AS halfvec) AS distance")
            fitting = text("vector_dims(vector) = :width")
            nearest = select(_vector.c.chunk_id, distance).where(*mine, fitting)
            nearest = nearest.order_by(text("distance")).limit(NEAREST)
            asked = {"asked": _literal(wanted.vector), "width": len(wanted.vector)}
            return {id: 1.0 - float(far) for id, far in connection.execute(nearest, {**values, **asked})}
        query = select(_vector.c.chunk_id, _vector.c.vector).where(*mine)
        best: dict[int, float] = {}
        for rows in connection.execute(query, values, execution_options={"yield_per": _BLOCK}).partitions():
            best |= _compared(rows, wanted)
            best = dict(heapq.nlargest(NEAREST, best.items(), key=lambda item: item[1]))
        return best


def _compared(rows: Iterable[Any], wanted: Wanted) -> dict[int, float]:
    """The similarity of each stored vector to the question; one of another length is no neighbour of it."""
    width = 2 * len(wanted.vector)
    fitting = [(id, bytes(vector)) for id, vector in rows if len(vector) == width]
    whole = np.frombuffer(b"".join(vector for _, vector in fitting), np.float16).reshape(-1, len(wanted.vector))
    similarities = whole.astype(np.float32) @ wanted.vector
    return dict(zip((id for id, _ in fitting), map(float, similarities), strict=True))


def _packed(vector: "Vectors") -> bytes:
    return vector.astype(np.float16).tobytes()


def _literal(vector: "Vectors") -> str:
    """A vector as pgvector reads it."""
    return "[" + ",".join(f"{value:.5f}" for value in vector) + "]"
