"""The keyring under test, once of each kind."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from docchat.db.engine import Database
from docchat.keys.slots import SlotKeyring
from docchat.keys.sql import SqlKeyring

STORE = uuid4()
AnyKeyring = SlotKeyring | SqlKeyring
Opener = Callable[..., AnyKeyring]


@pytest.fixture(params=["slots", "sql-sqlite", "sql-postgresql"])
def open_keyring(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the keyring under test, again and again over the same files."""

    def open_it(*, store_id: UUID = STORE, slots: int = 0, master_key: str = "") -> AnyKeyring:
        if request.param == "slots":
            return SlotKeyring(tmp_path / "keys", store_id=store_id, slots=slots, master_key=master_key)
        url = f"sqlite:///{tmp_path / 'keys.sqlite3'}"
        if request.param == "sql-postgresql":
            url = request.getfixturevalue("postgres_url")
        database = Database(url)
        request.addfinalizer(database.close)
        return SqlKeyring(database, tmp_path / "keys", store_id=store_id, slots=slots, master_key=master_key)

    return open_it
