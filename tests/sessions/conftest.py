"""Sessions over every pair of content database and keyring."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from docchat.db.engine import Database
from docchat.db.migrate import migrate
from docchat.jobs.worker import Worker
from docchat.keys.keyring import Keyring
from docchat.keys.slots import SlotKeyring
from docchat.keys.sql import SqlKeyring
from docchat.sessions.bulk import BulkClearing
from docchat.sessions.clearing import Clearing
from docchat.sessions.shredder import Shredder
from docchat.sessions.sql import SqlSessionStore
from docchat.sessions.sql_audit import SqlAudit
from docchat.sessions.sql_bulk import SqlBulk
from docchat.sessions.sql_graves import SqlGraves
from docchat.sessions.sql_settle import SqlSettle


@dataclass
class House:
    """What one process holds of the session rooms."""

    database: Database
    keyring: Keyring
    store: SqlSessionStore
    graves: SqlGraves
    settling: SqlSettle
    audit: SqlAudit
    bulk: BulkClearing
    clearing: Clearing
    worker: Worker


def build(database: Database, keyring: Keyring, *, undo_seconds: float = 0.0) -> House:
    shredder = Shredder(keyring, undo_seconds=undo_seconds)
    graves, settling = SqlGraves(database, shredder), SqlSettle(database, shredder)
    audit, bulk = SqlAudit(database, keyring), BulkClearing(SqlBulk(database), shredder)
    jobs = {
        "reclaim": settling.reclaim,
        "settle": lambda job, beat: settling.settle(receipt_id=UUID(job.subject)),
        "bulk": bulk.finish,
    }
    return House(
        database=database,
        keyring=keyring,
        store=SqlSessionStore(database, keyring),
        graves=graves,
        settling=settling,
        audit=audit,
        bulk=bulk,
        clearing=Clearing(graves, settling, audit, shredder),
        worker=Worker(database, jobs),
    )


@pytest.fixture(params=["sqlite+slots", "postgresql+slots", "postgresql+sql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    engine, kind = request.param.split("+")
    url = f"sqlite:///{tmp_path / 'docchat.sqlite3'}"
    if engine == "postgresql":
        url = request.getfixturevalue("postgres_store")
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
