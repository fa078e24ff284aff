"""What destroyed keys leave in the files of a real PostgreSQL server, read as raw bytes."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from docchat.db.engine import Database
from docchat.keys.keyring import SlotState
from docchat.keys.rotation import rotate
from docchat.keys.sql import SqlKeyring
from tests.conftest import PostgresServer

from .conftest import STORE

SESSION = uuid4()


@pytest.fixture(params=["off", "on"])
def server(postgres_server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """The session's server; it removes segments of its log that it lets go of, or keeps them to be written over."""
    _configure(postgres_server, f"ALTER SYSTEM SET wal_recycle = {request.param}")
    yield postgres_server
    _configure(postgres_server, "ALTER SYSTEM RESET wal_recycle")


@pytest.fixture
def keyring(server: PostgresServer, postgres_url: str, tmp_path: Path) -> Iterator[SqlKeyring]:
    keyring = SqlKeyring(Database(postgres_url), tmp_path / "keys", store_id=STORE, slots=0)
    yield keyring
    keyring.close()


def _configure(server: PostgresServer, command: str) -> None:
    server.psql("postgres", command)
    server.psql("postgres", "SELECT pg_reload_conf()")


def _wrapped(url: str) -> list[bytes]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT wrapped FROM session_key WHERE state IN (1, 3) ORDER BY slot")
        ).scalars()
        return [bytes(key) for key in found]


def _copies(server: PostgresServer, keys: list[bytes]) -> int:
    """How often one of the keys lies in any file of the server, after everything in memory went to the files."""
    server.psql("postgres", "CHECKPOINT")
    found = 0
    for path in server.data.rglob("*"):
        try:
            content = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:
            continue
        found += sum(content.count(key) for key in keys)
    return found


def test_after_a_rewrite_no_file_holds_a_destroyed_key(
    server: PostgresServer, postgres_url: str, keyring: SqlKeyring
) -> None:
    slots = keyring.create(session_id=SESSION, count=40)
    keyring.suspend(slots=slots[:10])
    keys = _wrapped(postgres_url)
    gone, kept = keys[:30], keys[30:]
    keyring.destroy(slots=slots[:30])
    assert _copies(server, gone) >= 60  # in the table and in its log
    assert keyring.rewrite()
    assert _copies(server, gone) == 0
    assert all(_copies(server, [key]) for key in kept)
    assert keyring.states(slots=slots) == (SlotState.DESTROYED,) * 30 + (SlotState.LIVE,) * 10
    assert all(keyring.open(session_id=SESSION, slot=slot) for slot in slots[30:])


def test_a_rewrite_does_nothing_when_nothing_was_destroyed(postgres_url: str, keyring: SqlKeyring) -> None:
    slots = keyring.create(session_id=SESSION, count=4)
    files = text("SELECT array_agg(pg_relation_filenode(relid)) FROM pg_partition_tree('session_key') WHERE isleaf")
    engine = create_engine(postgres_url, poolclass=NullPool)

    def nodes() -> object:
        with engine.connect() as connection:
            return connection.execute(files).scalar_one()

    before = nodes()
    assert keyring.rewrite()
    assert nodes() == before
    keyring.destroy(slots=slots[:1])
    assert keyring.rewrite()
    after = nodes()
    assert after != before
    keyring.destroy(slots=slots[:1])  # nothing of it is there any more
    assert keyring.rewrite()
    assert nodes() == after


def test_an_open_snapshot_holds_the_rewrite_up_and_it_says_so(
    server: PostgresServer, postgres_url: str, keyring: SqlKeyring
) -> None:
    slots = keyring.create(session_id=SESSION, count=6)
    keys = _wrapped(postgres_url)
    engine = create_engine(postgres_url, poolclass=NullPool, isolation_level="REPEATABLE READ")
    with engine.connect() as dump:
        dump.execute(text("SELECT count(*) FROM keyring_meta"))  # its snapshot still sees the keys
        keyring.destroy(slots=slots)
        assert not keyring.rewrite()
        assert _copies(server, keys) > 0
    assert keyring.rewrite()
    assert _copies(server, keys) == 0


def test_a_reader_of_the_whole_table_is_not_waited_for(postgres_url: str, keyring: SqlKeyring) -> None:
    slots = keyring.create(session_id=SESSION, count=2)
    keyring.destroy(slots=slots[:1])
    engine = create_engine(postgres_url, poolclass=NullPool)
    with engine.connect() as dump:
        dump.execute(text("LOCK TABLE session_key IN ACCESS SHARE MODE"))
        started = time.monotonic()
        assert not keyring.rewrite()
        assert time.monotonic() - started < 2
    assert keyring.rewrite()


def test_a_replica_that_holds_the_log_back_is_told(
    server: PostgresServer, postgres_url: str, keyring: SqlKeyring
) -> None:
    slots = keyring.create(session_id=SESSION, count=4)
    keys = _wrapped(postgres_url)
    server.psql("postgres", "SELECT pg_create_physical_replication_slot('away', true)")
    try:
        keyring.destroy(slots=slots)
        assert not keyring.rewrite()
        assert keyring.residue.standing().replicas == 1
    finally:
        server.psql("postgres", "SELECT pg_drop_replication_slot('away')")
    assert keyring.rewrite()
    assert _copies(server, keys) == 0


def test_a_change_of_the_master_key_leaves_nothing_under_the_old_one(
    server: PostgresServer, postgres_url: str, keyring: SqlKeyring
) -> None:
    slots = keyring.create(session_id=SESSION, count=8)
    old = _wrapped(postgres_url)
    pairs = [(slot, SESSION) for slot in slots]
    assert rotate(keyring, lambda: pairs).waiting
    assert rotate(keyring, lambda: pairs).rewrapped == 8
    assert keyring.rewrite()
    assert _copies(server, old) == 0


def test_a_server_that_does_not_let_its_log_go_is_not_called_clean(
    server: PostgresServer, postgres_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = make_url(postgres_url).database
    server.psql("postgres", "DROP ROLE IF EXISTS humble")
    server.psql("postgres", "CREATE ROLE humble LOGIN")
    server.psql(str(database), "GRANT CREATE ON SCHEMA public TO humble")
    url = f"postgresql+psycopg://humble@/{database}?host={quote(str(server.base), safe='')}"
    keyring = SqlKeyring(Database(url), tmp_path / "keys", store_id=STORE, slots=0)
    slots = keyring.create(session_id=SESSION, count=4)
    keys = _wrapped(url)
    keyring.destroy(slots=slots)
    standing = keyring.residue.standing()
    assert (standing.may_rewrite, standing.may_checkpoint, standing.may_switch) == (True, False, False)
    assert not standing.lets_log_go
    assert not keyring.rewrite()
    assert not keyring.rewrite()
    assert len([record for record in caplog.records if "log" in record.message]) == 1
    server.psql(str(database), "SELECT pg_switch_wal()")
    server.psql(str(database), "CHECKPOINT")
    if standing.log_is_removed:
        assert keyring.rewrite()  # the server did it by itself, and that is seen
        assert _copies(server, keys) == 0
    else:
        assert not keyring.rewrite()
    keyring.close()
    server.psql(str(database), "DROP OWNED BY humble CASCADE")
    server.psql(str(database), "DROP ROLE humble")
