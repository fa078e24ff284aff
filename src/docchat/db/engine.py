"""The database as the rooms use it: short read and write transactions on SQLite or PostgreSQL, one engine a process."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from ..errors import ConfigError, StorageFull, StoreError, StoreUnavailable
from .turns import Turns

# A listener to "begin" would do as well, but slows every statement of its engine down by a third.
registry.register("sqlite.docchat_read", __name__, "_ReadingDialect")
registry.register("sqlite.docchat_write", __name__, "_WritingDialect")
_FULL = ("disk is full", "no space left", "disk full", "could not extend file")
_LONG_WAIT_SECONDS = 1.0
_AWAY_SECONDS = 1.0
_SHORT_WAIT_SECONDS = 0.2
_CONFLICTS = ("40001", "40P01", "55P03")


class _ReadingDialect(SQLiteDialect_pysqlite):
    """A transaction is one snapshot from its first statement on."""

    supports_statement_cache = True

    def do_begin(self, dbapi_connection: PoolProxiedConnection) -> None:
        """Begin it here alone: the driver's own transactions are off."""
        dbapi_connection.cursor().execute("BEGIN")


class _WritingDialect(SQLiteDialect_pysqlite):
    """A transaction has the write lock from the beginning, so it never fails half way for want of it."""

    supports_statement_cache = True

    def do_begin(self, dbapi_connection: PoolProxiedConnection) -> None:
        """Begin it here alone: the driver's own transactions are off."""
        dbapi_connection.cursor().execute("BEGIN IMMEDIATE")


@dataclass(frozen=True, slots=True)
class _Engines:
    """The engines of one process, over one pool of connections; on SQLite its writers take turns."""

    pid: int
    reading: Engine
    writing: Engine
    turns: Turns | None = None


class Database:
    """A content database, opened lazily in each process (so a fork never shares a connection).

    `read()` and `write()` open a transaction and end it: on SQLite a write takes the write lock at once
    (BEGIN IMMEDIATE), so it never fails half way for want of it. Driver errors leave as StoreUnavailable,
    StorageFull or StoreError.
    """

    def __init__(self, url: str, *, timeout: float = 2.5) -> None:
        try:
            self.url = make_url(url)
        except ArgumentError as error:
            raise ConfigError("The database URL cannot be understood.") from error
        if self.url.drivername == "postgresql":
            self.url = self.url.set(drivername="postgresql+psycopg")
        self.timeout = timeout
        self._lock = threading.Lock()
        self._engine: _Engines | None = None
        self._away_until = 0.0

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite rather than PostgreSQL."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: one snapshot, never waits for writers on SQLite. Keep it short."""
        with self._transaction(write=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction: committed when the block ends, rolled back when it raises."""
        with self._transaction(write=True) as connection:
            yield connection

    def checkpoint(self) -> bool:
        """Move SQLite's write-ahead log into the main file and empty it; False while a reader still needs it."""
        if not self.is_sqlite:
            return True
        try:
            connection = self._engines().reading.raw_connection()
            try:
                busy = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                connection.close()
        except sqlite3.OperationalError as error:
            raise StoreUnavailable from error
        return not busy

    def close(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        with self._lock:
            if self._engine is not None and self._engine.pid == os.getpid():
                self._engine.reading.dispose()
            self._engine = None

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Connection]:
        start = time.monotonic()
        if start < self._away_until:
            raise StoreUnavailable
        try:
            engines = self._engines()
            if not write:
                with engines.reading.begin() as connection:
                    yield connection
            elif engines.turns is None:
                with engines.writing.begin() as connection:
                    yield connection
            else:
                with _in_turn(engines.turns, engines.writing, self.timeout) as connection:
                    yield connection
        except (DBAPIError, PoolTimeout) as error:
            if not self.is_sqlite and _is_outage(error):
                self._note_outage(start)
            raise translate(error) from error

    def _note_outage(self, start: float) -> None:
        """After a long wait for a server that is away everyone fails at once for a moment: waits must not add up."""
        if time.monotonic() - start > _LONG_WAIT_SECONDS:
            self._away_until = time.monotonic() + _AWAY_SECONDS

    def _ping(self, connection: DBAPIConnection, record: ConnectionPoolEntry, proxy: PoolProxiedConnection) -> None:
        """Look whether a pooled connection lives: one that is known to be dead is replaced, silence is an outage."""
        dialect = self._engines().reading.dialect
        start = time.monotonic()
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            self._note_outage(start)
            if start < self._away_until:
                raise StoreUnavailable from error
            raise DisconnectionError from error

    def _engines(self) -> "_Engines":
        engines = self._engine
        if engines is not None and engines.pid == os.getpid():
            return engines
        with self._lock:
            engines = self._engine
            if engines is None or engines.pid != os.getpid():
                if engines is not None:
                    engines.reading.dispose(close=False)
                engines = self._make_engines()
                self._engine = engines
            return engines

    def _make_engines(self) -> _Engines:
        if not self.is_sqlite:
            engine = self._make_postgresql()
            return _Engines(os.getpid(), engine, engine)
        with suppress(OSError):  # SQLite says what is wrong with it
            # For this user alone, whatever the umask; the files beside it get the same mode. Only when it is new:
            # closing any descriptor of it drops all locks of this process, and another may then delete its log.
            os.close(os.open(str(self.url.database), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        reading = create_engine(
            self.url.set(drivername="sqlite+docchat_read"),
            connect_args={"timeout": self.timeout, "check_same_thread": False},
            pool_size=8,
            max_overflow=56,
            pool_timeout=self.timeout,
        )
        event.listen(reading, "connect", _prepare_sqlite)
        writing = create_engine(self.url.set(drivername="sqlite+docchat_write"), pool=reading.pool)
        return _Engines(os.getpid(), reading, writing, Turns())

    def _make_postgresql(self) -> Engine:
        milliseconds = int(self.timeout * 1000)
        try:
            engine = create_engine(
                self.url,
                pool_size=8,
                max_overflow=24,
                pool_timeout=self.timeout,
                connect_args={
                    "connect_timeout": max(2, int(self.timeout)),
                    "tcp_user_timeout": milliseconds,
                    "keepalives_idle": 2,
                    "keepalives_interval": 1,
                    "keepalives_count": 2,
                    "options": f"-c lock_timeout={milliseconds} -c idle_in_transaction_session_timeout=60000",
                },
            )
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise ConfigError(
                "PostgreSQL needs a driver: pip install 'flask-docchat[postgresql]'. "
                "Databases other than SQLite and PostgreSQL are not supported."
            ) from error
        event.listen(engine, "checkout", self._ping)
        return engine


@contextmanager
def _in_turn(turns: Turns, engine: Engine, timeout: float) -> Iterator[Connection]:
    """A transaction that waits for the writers of this process, then for those of others, `timeout` seconds in all."""
    begun = time.monotonic()
    if not turns.take(timeout=timeout):
        raise StoreUnavailable
    try:
        with engine.connect() as connection:
            waited = time.monotonic() - begun
            if waited > _SHORT_WAIT_SECONDS:
                _patience(connection, timeout - waited)
            try:
                with connection.begin():
                    yield connection
            finally:
                if waited > _SHORT_WAIT_SECONDS:
                    _patience(connection, timeout)
    finally:
        turns.give()


def _patience(connection: Connection, seconds: float) -> None:
    """How long this connection waits for the write lock."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101  (tells mypy the driver's own type)
    driver.execute(f"PRAGMA busy_timeout={max(1, int(seconds * 1000))}").close()


def _prepare_sqlite(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101  (tells mypy the driver's own type)
    connection.isolation_level = None  # transactions are begun by the dialects above alone
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        "temp_store=MEMORY",
        "cache_size=-8192",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _is_outage(error: DBAPIError | PoolTimeout) -> bool:
    """Whether no server answered; one that did says so with an SQLSTATE."""
    return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", None) is None


def translate(error: DBAPIError | PoolTimeout) -> StoreError:
    """The typed error for a driver's error; the driver's own text stays in the log."""
    text = str(error.orig if isinstance(error, DBAPIError) else error).lower()
    if any(word in text for word in _FULL):
        return StorageFull()
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    if isinstance(error, PoolTimeout | OperationalError) or state in _CONFLICTS:
        return StoreUnavailable()
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return StoreUnavailable()
    return StoreError()
