"""Sessions over every pair of content database and keyring."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from docchat.db.engine import Database
from docchat.db.migrate import migrate
from docchat.jobs.worker import Worker
from docchat.keys.keyring import Keyring
from docchat.keys.slots import SlotKeyring
from docchat.keys.sql import SqlKeyring
from docchat.sessions.clearing import Clearing
from docchat.sessions.sql import SqlSessionStore
from docchat.sessions.sql_graves import SqlGraves


@dataclass
class House:
    """What one process holds of the session rooms."""

    database: Database
    keyring: Keyring
    store: SqlSessionStore
    graves: SqlGraves
    clearing: Clearing
    worker: Worker


def build(database: Database, keyring: Keyring) -> House:
    graves = SqlGraves(database, keyring)
    return House(
        database,
        keyring,
        SqlSessionStore(database, keyring),
        graves,
        Clearing(graves, keyring),
        Worker(database, {"reclaim": graves.reclaim}),
    )


@pytest.fixture(params=["sqlite+slots", "postgresql+slots", "postgresql+sql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    engine, kind = request.param.split("+")
    url = f"sqlite:///{tmp_path / 'docchat.sqlite3'}"
    if engine == "postgresql":
        url = request.getfixturevalue("postgres_url")
    database = Database(url)
    origin = migrate(database)
    keyring: Keyring
    if kind == "slots":
        keyring = SlotKeyring(tmp_path / "keys", store_id=origin.store_id, slots=origin.slots)
    else:
        keyring = SqlKeyring(
            Database(f"sqlite:///{tmp_path / 'keyring.sqlite3'}"),
            tmp_path / "keys",
            store_id=origin.store_id,
            slots=origin.slots,
        )
    yield build(database, keyring)
    keyring.close()
    database.close()
