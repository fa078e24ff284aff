"""Looks through every row of every table of a database for what should be gone, whatever the tables are called."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from ...db.engine import Database
from ...db.schema import SEQ_BITS
from . import words
from .sql_subject import GoneChat, Subject

_BATCH = 1000
_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_ID_BYTES = re.compile(_ID.pattern.encode())
_NUMBER_COLUMNS = frozenset(("session_no", "chat_session_no"))
_MESSAGE_COLUMNS = frozenset((("message", "id"), ("feedback", "id")))
_ATTACHED_COLUMNS = frozenset((("attachment", "no"), ("attachment_part", "id"), ("draft", "id")))
_CHUNK_COLUMNS = frozenset(
    (("chunk", "id"), ("chunk_words", "rowid"), ("chunk_words_content", "id"), ("chunk_words_docsize", "id"))
)
# What stays on purpose: the tombstone (id, owner, slots, successor, receipt) and the receipt, both without content.
_STAYS = frozenset(
    (
        ("chat_session", "id"),
        ("chat_session", "successor"),
        ("chat_session", "receipt_id"),
        ("receipt", "id"),
        ("receipt", "session_id"),
        ("receipt", "document_id"),
        ("receipt", "successor"),
        ("receipt", "scope"),
    )
)


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


class Search:
    """One search through all tables for one subject."""

    def __init__(self, database: Database, subject: Subject) -> None:
        self._database = database
        self._chats: dict[int, list[GoneChat]] = {}
        self._names: dict[str, str] = {}
        for chat in subject.chats:
            self._chats.setdefault(chat.no, []).append(chat)
            if chat.whole:
                self._names[chat.id.hex] = "the chat's id"
        self._names |= {document.hex: "the document's id" for document in subject.documents}
        self._names |= {receipt.hex: "the receipt's id" for receipt in subject.receipts}
        self._jobs = {str(chat.no) for chat in subject.chats} | {
            name for hexadecimal in self._names for name in (hexadecimal, str(UUID(hexadecimal)))
        }
        self._rows = subject.rows
        self._jobs |= {str(chat.receipt_id) for chat in subject.chats if chat.receipt_id is not None}
        self.tables = 0
        self.rows = 0

    def findings(self) -> Iterator[tuple[str, str]]:
        """Where something is left, and what. Reads a thousand rows in a transaction, so that it holds nothing up."""
        with self._database.read() as connection:
            tables = _sqlite_tables(connection) if self._database.is_sqlite else _postgres_tables(connection)
        for table in tables:
            self.tables += 1
            for row in self._walk(table):
                self.rows += 1
                yield from self._look(table.name, row)
                if self._rows and table.name == "chunk_words_data":
                    yield from self._words(row)

    def _walk(self, table: _Table) -> Iterator[Mapping[str, Any]]:
        names = ", ".join(_quoted(name) for name in table.columns)
        key = ", ".join(_quoted(name) for name in table.key)
        last: Sequence[Any] | None = None
        while True:
            past = ", ".join(f":k{number}" for number in range(len(table.key)))
            where = "" if last is None else f"WHERE ({key}) > ({past})"
            query = f"SELECT {names} FROM {_quoted(table.name)} {where} ORDER BY {key} LIMIT {_BATCH}"  # noqa: S608
            values = {f"k{number}": value for number, value in enumerate(last or ())}
            with self._database.read() as connection:
                rows = connection.execute(text(query), values).all()
            yield from (dict(zip(table.columns, row, strict=True)) for row in rows)
            if len(rows) < _BATCH:
                return
            last = [rows[-1][table.columns.index(name)] for name in table.key]

    def _look(self, table: str, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if table == "job" and str(row["subject"]) in self._jobs:
            yield "table job", f"a job of it is still to be done ({row['kind']})"
            return
        if table == "chat_session":
            yield from self._tombstone(row)
        for column, value in row.items():
            what = self._found(table, column, value)
            if what is not None:
                yield f"table {table}, column {column}", what

    def _words(self, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What a segment of SQLite's index still names, also where the index itself does not look any more."""
        if not words.is_leaf(row["id"]):
            return
        where = f"table chunk_words_data, row {row['id']}"
        try:
            if any(gone.holds(number) for number in set(words.rows_of(bytes(row["block"]))) for gone in self._rows):
                yield where, "words of this document"
        except IndexError:
            yield where, "a part of the index that cannot be understood"

    def _tombstone(self, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for chat in self._chats.get(row["no"], ()):
            if chat.whole and row["cleared_at"] is None:
                yield "table chat_session", "the chat's row is not marked as cleared"
            for column, value in row.items():
                if chat.whole and isinstance(value, bytes | memoryview):
                    yield f"table chat_session, column {column}", "something sealed is left in the cleared chat's row"

    def _found(self, table: str, column: str, value: Any) -> str | None:
        if isinstance(value, int):
            return self._found_row(table, column, value) or self._found_number(table, column, value)
        if (table, column) in _STAYS:
            return None
        for name in _ids_in(value):
            if name in self._names:
                return self._names[name]
        return None

    def _found_row(self, table: str, column: str, value: int) -> str | None:
        if column == "document_no" and any(gone.no == value for gone in self._rows):
            return "a row of this document"
        names_chunk = column == "chunk_id" or (table, column) in _CHUNK_COLUMNS
        return "a passage of this document" if names_chunk and any(gone.holds(value) for gone in self._rows) else None

    def _found_number(self, table: str, column: str, value: int) -> str | None:
        if column in _NUMBER_COLUMNS and any(chat.whole for chat in self._chats.get(value, ())):
            return "a row of this chat"
        if (table, column) in _ATTACHED_COLUMNS:
            there = any(chat.whole for chat in self._chats.get(value >> SEQ_BITS, ()))
            return "an attachment or a draft of this chat" if there else None
        if (table, column) not in _MESSAGE_COLUMNS and column != "message_id":
            return None
        here = any(chat.first <= value <= chat.last for chat in self._chats.get(value >> SEQ_BITS, ()))
        return "a message of this chat" if here else None


def _ids_in(value: Any) -> Iterator[str]:
    if isinstance(value, UUID):
        yield value.hex
    elif isinstance(value, bytes | memoryview):
        data = bytes(value)
        yield from (found.decode().replace("-", "") for found in _ID_BYTES.findall(data))
        if len(data) == 16:
            yield data.hex()
    elif value is not None:
        words = value if isinstance(value, str) else json.dumps(value, default=str)
        yield from (found.replace("-", "") for found in _ID.findall(words))


def _sqlite_tables(connection: Connection) -> list[_Table]:
    found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"))
    tables = []
    for (name,) in found.all():
        columns = connection.execute(text(f"PRAGMA table_xinfo({_quoted(name)})")).all()
        names = tuple(column.name for column in columns if not column.hidden)
        key = tuple(column.name for column in sorted(columns, key=lambda column: int(column.pk)) if column.pk)
        tables.append(_Table(name, names if key else ("rowid", *names), key or ("rowid",)))
    return tables


def _postgres_tables(connection: Connection) -> list[_Table]:
    query = text(
        "SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema() ORDER BY c.relname"
    )
    tables = []
    for oid, name in connection.execute(query).all():
        columns = connection.execute(
            text("SELECT attname FROM pg_attribute WHERE attrelid = :oid AND attnum > 0 AND NOT attisdropped"),
            {"oid": oid},
        )
        names = tuple(columns.scalars())
        keys = connection.execute(
            text(
                "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid"
                " AND a.attnum = ANY(i.indkey) WHERE i.indrelid = :oid AND i.indisprimary ORDER BY a.attnum"
            ),
            {"oid": oid},
        )
        key = tuple(keys.scalars())
        tables.append(_Table(name, names if key else ("ctid", *names), key or ("ctid",)))
    return tables


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
