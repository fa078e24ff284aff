"""The machine's own limits, measured in the same rounds: what no store can beat on this disk."""

import os
import sqlite3
from pathlib import Path
from typing import Any, Protocol

from .measure import Key, Recorder, timed

LIMITS = "limits"
WRITE = "write"
RAW_APPEND = "append 2 KB + fdatasync"
RAW_SLOT = "64 bytes in place + fdatasync"
SQLITE_COMMIT = "SQLite commit (WAL, FULL)"
POSTGRES_COMMIT = "PostgreSQL commit"
_SLOT_BYTES = 64
_BODY = bytes(1000)
_IN_A_ROUND = 5


class _Limit(Protocol):
    def write(self) -> None:
        """The one durable write that is timed."""

    def close(self) -> None:
        """Give back what is open."""


class Limits:
    """All limits that can be measured in `directory`; `postgres_url` as libpq takes it, None: no PostgreSQL at hand."""

    def __init__(self, directory: Path, postgres_url: str | None) -> None:
        self._limits: dict[str, _Limit] = {
            RAW_APPEND: _Append(directory / "append"),
            RAW_SLOT: _Slot(directory / "slot"),
            SQLITE_COMMIT: _SqliteCommit(directory / "limits.sqlite3"),
        }
        if postgres_url is not None:
            self._limits[POSTGRES_COMMIT] = _PostgresCommit(postgres_url)

    def measure(self, recorder: Recorder) -> None:
        """A few writes of each."""
        for name, limit in self._limits.items():
            for _ in range(_IN_A_ROUND):
                recorder.add(Key(LIMITS, name, WRITE), timed(limit.write))

    def close(self) -> None:
        """Close files and connections."""
        for limit in self._limits.values():
            limit.close()


class _Append:
    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self) -> None:
        os.write(self._descriptor, _BODY + _BODY)
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class _Slot:
    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.write(self._descriptor, bytes(4096))
        os.fsync(self._descriptor)

    def write(self) -> None:
        os.pwrite(self._descriptor, os.urandom(_SLOT_BYTES), 0)
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class _SqliteCommit:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE said (body BLOB)"):
            self._connection.execute(statement).close()

    def write(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO said VALUES (?)", [(_BODY,), (_BODY,)])
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


class _PostgresCommit:
    def __init__(self, url: str) -> None:
        import psycopg

        self._connection: Any = psycopg.connect(url)
        self._connection.execute("CREATE TABLE IF NOT EXISTS docchat_bench_said (body bytea)")
        self._connection.commit()

    def write(self) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany("INSERT INTO docchat_bench_said VALUES (%s)", [(_BODY,), (_BODY,)])
        self._connection.commit()

    def close(self) -> None:
        self._connection.execute("DROP TABLE docchat_bench_said")
        self._connection.commit()
        self._connection.close()
