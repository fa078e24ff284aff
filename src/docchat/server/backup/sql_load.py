"""Puts a backup into a database, in one transaction of the caller's: rows, the index, and what is to do."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Any
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, text

from ...db.migrate import REINDEX
from ...db.schema import chat_model, chat_session, chunk, collection, document, original_part, receipt, store_meta
from ...documents.file_store import PIECE
from ...documents.index import Entry, Index, Words
from ...documents.terms import Known
from ...errors import StoreError
from ...jobs import queue
from ...types import DocumentState, ReceiptState
from . import sql_shared
from .sql_content import TABLES
from .sql_rows import decoded

_ROWS = 500
_MOST_KNOWN = 65_536
_TABLES = {table.name: table for table in TABLES}
_NUMBERED = (chat_session.c.no, collection.c.no, document.c.no, chunk.c.id)
# What belongs to this database and not to its content.
_OWN = frozenset(("schema", "keys_backed_up_at", REINDEX))
# With the chats their receipts and tombstones stay away, and the names of the keyring they belong to.
_OF_CHATS = frozenset(("store_meta", "chat_session", "message", "feedback", "attachment", "attachment_part", "receipt"))


class Loader:
    """Loads one backup. `chats` is False when the chats, which nobody has the keys of, are to be left out."""

    def __init__(self, connection: Connection, index: Index, *, chats: bool) -> None:
        self.counts: dict[str, int] = {}
        self._connection = connection
        self._index = index
        self._chats = chats
        self._named: tuple[int, str, str, UUID | None] = (0, "", "", None)
        self._known: Known = {}

    def rows(self, name: str, stream: IO[bytes]) -> None:
        """All rows of a table."""
        if not self._chats and name in _OF_CHATS:
            return
        lines = (json.loads(line) for line in stream)
        while batch := list(islice(lines, _ROWS)):
            self.counts[name] = self.counts.get(name, 0) + len(batch)
            if name == store_meta.name:
                self._remember(batch)
                continue
            table = _TABLES[name]
            if table is chat_model and not self._chats:  # whoever has not the keys of chats has not theirs
                batch = [{**values, "slot": None, "sealed_key": None} for values in batch]
            self._connection.execute(insert(table), [decoded(table, values) for values in batch])
            if table is chunk:
                self._find(batch)
            elif table is receipt or table is document:
                self._put_again(batch)

    def original(self, document_id: UUID, stream: IO[bytes]) -> None:
        """An original, in parts, where the database keeps them."""
        for number, piece in enumerate(iter(lambda: stream.read(PIECE), b"")):
            values = {"document_id": document_id, "number": number, "data": piece}
            self._connection.execute(insert(original_part).values(values))

    def finish(self, expected: Mapping[str, int]) -> None:
        """Let new rows have new numbers, and compare what was loaded with what the backup says it holds."""
        if self._connection.dialect.name == "postgresql":
            for column in _NUMBERED:
                newest = self._connection.execute(select(func.max(column))).scalar_one()
                if newest is not None:
                    sequence = func.pg_get_serial_sequence(column.table.name, column.name)
                    self._connection.execute(select(func.setval(sequence, newest)))
        sql_shared.settle(self._connection)
        left_out = _OF_CHATS if not self._chats else frozenset()
        wanted = {name: number for name, number in expected.items() if name in _TABLES and name not in left_out}
        if {name: number for name, number in wanted.items() if number} != self.counts:
            raise StoreError("The backup does not hold what it says. Nothing was changed.")

    def _remember(self, batch: Sequence[Mapping[str, str]]) -> None:
        for pair in batch:
            if pair["key"] not in _OWN:
                put_meta(self._connection, pair["key"], pair["value"])

    def _find(self, batch: Sequence[Mapping[str, Any]]) -> None:
        """Index passages, those of a document together. The words of their text are made anew."""
        for no, passages in _by_document(batch):
            if no != self._named[0]:
                home = select(collection.c.id).where(collection.c.no == document.c.collection_no).scalar_subquery()
                query = select(document.c.owner, document.c.name, home).where(document.c.no == no)
                self._named = (no, *self._connection.execute(query).one())
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            entries = []
            for passage in passages:
                body = Words.of(label="", text=passage["text"], known=self._known).body
                words = Words(label=passage["label_words"], body=body, heads=passage["heads"])
                entries.append(Entry(passage["id"], words))
            _, owner, name, within = self._named
            self._index.add(self._connection, owner=owner, collection=within, name=name, entries=entries)

    def _put_again(self, batch: Sequence[Mapping[str, Any]]) -> None:
        """The jobs of what was under way when the backup was made; a clear that could be undone is settled."""
        for values in batch:
            kind = None
            if values["state"] == DocumentState.QUEUED:
                kind = "ingest"
            elif values["state"] == ReceiptState.PENDING:
                kind = "settle"
            elif values["state"] == ReceiptState.RUNNING:
                kind = values["action"]  # "bulk" or "erase", as their jobs are called
            if kind is not None:
                queue.put(self._connection, kind=kind, subject=values["id"])


def put_meta(connection: Connection, key: str, value: str) -> None:
    """Set what the database says of itself."""
    connection.execute(store_meta.delete().where(store_meta.c.key == key))
    connection.execute(insert(store_meta).values(key=key, value=value))


def gone_slots(connection: Connection) -> Iterator[int]:
    """The slots of chats and histories that the database itself knows to be cleared."""
    columns = chat_session.c
    query = select(columns.meta_slot, columns.history_slot).where(columns.cleared_at.is_not(None))
    for row in connection.execute(query).yield_per(_ROWS):
        yield from (slot for slot in row if slot is not None)
    scopes = select(receipt.c.scope).where(receipt.c.state == ReceiptState.DONE, receipt.c.action == "history")
    for scope in connection.execute(scopes).scalars().yield_per(_ROWS):
        yield from (scope or {}).get("slots", ())


def live_slots(connection: Connection) -> Iterator[tuple[int, ...]]:
    """The slots of each chat that is not cleared and has any."""
    columns = chat_session.c
    query = select(columns.meta_slot, columns.history_slot).where(columns.cleared_at.is_(None))
    for row in connection.execute(query).yield_per(_ROWS):
        slots = tuple(slot for slot in row if slot is not None)
        if slots:
            yield slots


def empty_all(connection: Connection) -> None:
    """Take everything out of a PostgreSQL database of docchat's, in the caller's transaction."""
    names = ", ".join(table.name for table in reversed(document.metadata.sorted_tables) if table is not store_meta)
    connection.execute(text(f"TRUNCATE chunk_words, chunk_vector, {names} RESTART IDENTITY"))


def _by_document(batch: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, list[Mapping[str, Any]]]]:
    found: dict[int, list[Mapping[str, Any]]] = {}
    for values in batch:
        found.setdefault(values["document_no"], []).append(values)
    yield from found.items()
