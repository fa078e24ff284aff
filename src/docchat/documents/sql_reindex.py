"""Words of documents that an older version indexed, made anew in the background: meanwhile they are found as before."""

import time

from sqlalchemy import delete, func, select, update

from ..db.engine import Database
from ..db.migrate import REINDEX
from ..db.schema import document, store_meta
from ..jobs.queue import Job
from ..jobs.worker import Beat, Retry
from ..types import DocumentState
from .index import Index
from .sql_index_check import rebuild

_TURN_SECONDS = 2.0
"""After so long other documents get their turn: to be read comes first."""


class Reindex:
    """The handler of the job that an upgrade puts. It goes on where it stopped, from the newest document down."""

    def __init__(self, database: Database, index: Index) -> None:
        self._database = database
        self._index = index

    def __call__(self, job: Job, beat: Beat) -> None:
        """Index documents again for a while."""
        until = time.monotonic() + _TURN_SECONDS
        while (no := self._next()) is not None:
            rebuild(self._database, self._index, (no,))
            self._note(no - 1)
            beat()
            if time.monotonic() > until:
                raise Retry("others have a turn", delay=0.0)

    def _next(self) -> int | None:
        """The newest document that is still to be indexed again; after the last there is no mark any more."""
        mark = store_meta.c.key == REINDEX
        with self._database.read() as connection:
            highest = connection.execute(select(store_meta.c.value).where(mark)).scalar_one_or_none()
            if highest is None:
                return None
            there = document.c.no <= int(highest), document.c.state == DocumentState.READY
            no: int | None = connection.execute(select(func.max(document.c.no)).where(*there)).scalar_one()
        if no is None:
            with self._database.write() as connection:
                connection.execute(delete(store_meta).where(mark))
        return no

    def _note(self, highest: int) -> None:
        with self._database.write() as connection:
            connection.execute(update(store_meta).where(store_meta.c.key == REINDEX).values(value=str(highest)))
