"""Write transactions that may give a session its keys: what was made in one that fails is destroyed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, update

from ..db.engine import Database
from ..db.schema import chat_session
from ..errors import StoreError
from .sealing import Sealer, Slots
from .sql_rows import SessionRow, slots_of

Made = list[int]
"""Slots that were made in a transaction."""


class Writer:
    """Opens write transactions over sessions and makes their keys at the first write."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self.database = database
        self._sealer = sealer

    @contextmanager
    def writing(self) -> Iterator[tuple[Connection, Made]]:
        """A write transaction, and a list for the slots made in it: destroyed when it fails, since no row has them."""
        made: Made = []
        try:
            with self.database.write() as connection:
                yield connection, made
        except BaseException:
            with suppress(StoreError):
                self._sealer.keyring.destroy(slots=made)
            raise

    def slots(self, connection: Connection, row: SessionRow, made: Made) -> Slots:
        """The session's slots, with new keys for those it has not yet."""
        known = slots_of(row)
        if None not in (known.meta, known.history):
            return known
        slots = self._sealer.allocate(row.id, known)
        made += set(slots.all()).difference(known.all())
        named = {"meta_slot": slots.meta, "history_slot": slots.history}
        connection.execute(update(chat_session).where(chat_session.c.no == row.no).values(named))
        return slots
