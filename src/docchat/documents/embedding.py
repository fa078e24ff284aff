"""Making vectors in the background, a few at a time: documents are found by words meanwhile."""

import time
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from ..db.engine import Database
from ..jobs.queue import Job, put
from ..jobs.worker import Beat, Handler, Retry

PERIODIC = {"embed_missing": 600.0}
TIRELESS = frozenset({"embed"})
"""A server for vectors may be away for hours."""

_TURN_SECONDS = 2.0
"""After so long other documents get their turn: to be read comes first."""


class Vectors(Protocol):
    """What the jobs need of the second signal."""

    def missing(self, document_id: UUID) -> list[tuple[int, str]]:
        """Some chunks of a document without a vector, with their texts."""

    def embed(self, chunks: list[tuple[int, str]]) -> None:
        """Make and store their vectors."""

    def behind(self) -> list[UUID]:
        """The documents of which chunks have no vector."""


def handlers(database: Database, vectors: Vectors) -> Mapping[str, Handler]:
    """The handlers of `embed` (its subject is a document's id; it goes on where it stopped) and `embed_missing`."""

    def embed(job: Job, beat: Beat) -> None:
        document_id = UUID(job.subject)
        until = time.monotonic() + _TURN_SECONDS
        while chunks := vectors.missing(document_id):
            vectors.embed(chunks)
            beat()
            if time.monotonic() > until:
                raise Retry("there is more to embed", delay=0.0)

    def embed_missing(job: Job, beat: Beat) -> None:
        """Documents from before there was an embedder, of another embedder, or out of a backup."""
        for document_id in vectors.behind():
            with database.write() as connection:
                put(connection, kind="embed", subject=str(document_id))
            beat()

    return {"embed": embed, "embed_missing": embed_missing}


def ask_for_missing(database: Database) -> None:
    """Have every document embedded that is not, now rather than with the next period."""
    with database.write() as connection:
        put(connection, kind="embed_missing", subject="all")
