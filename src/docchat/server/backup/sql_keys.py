"""The records of a keyring in SQL: copied out for a backup, and put in the place of all others at a restore."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, insert, inspect, select, text

from ...config import Settings
from ...db.engine import Database
from ...keys.keyring import SlotState
from ...keys.slot_file import SLOT, SLOT_BYTES, VERSION
from ...keys.sql_tables import SEQUENCE, create_tables, key_residue, keyring_meta, session_key
from .archive import Spool
from .keys_about import About

_BATCH = 5000


def keyring_database(settings: Settings) -> Database:
    """The database that DOCCHAT_KEYRING_URL names."""
    return Database(settings.keyring_url, timeout=settings.store_timeout_seconds)


def is_made(database: Database) -> bool:
    """Whether a keyring was ever made in this database."""
    with database.read() as connection:
        if not inspect(connection).has_table(keyring_meta.name):
            return False
        return connection.execute(select(keyring_meta.c.key).limit(1)).first() is not None


def copy(settings: Settings, spool: Spool, handed_out: int) -> About:
    """Write every slot handed out to `spool`, holes too."""
    database = keyring_database(settings)
    try:
        with database.read() as connection:
            known = {row.key: row.value for row in connection.execute(select(keyring_meta))}
        for first in range(0, handed_out, _BATCH):
            last = min(first + _BATCH, handed_out) - 1
            with database.read() as connection:
                rows = connection.execute(select(session_key).where(session_key.c.slot.between(first, last))).all()
            packed = {
                row.slot: SLOT.pack(row.state, VERSION, row.master, bytes(row.nonce), bytes(row.wrapped))
                for row in rows
            }
            spool.write_bytes(b"".join(packed.get(slot, bytes(SLOT_BYTES)) for slot in range(first, last + 1)))
    finally:
        database.close()
    return About(
        known["store_id"], known["keyring_id"], handed_out, int(known.get("master_number", 1)), known["master"]
    )


def replace(connection: Connection, about: About, records: Iterable[bytes]) -> None:
    """Put the records in the place of all keys of the keyring, in the caller's transaction."""
    create_tables(connection)
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        for table in (session_key, keyring_meta, key_residue):
            connection.execute(delete(table))
    else:  # which also takes the files away that they stood in
        connection.execute(text("TRUNCATE session_key, keyring_meta, key_residue"))
    values = {
        "store_id": about.store_id,
        "keyring_id": about.keyring_id,
        "master_number": str(about.master),
        "master": about.check,
    }
    connection.execute(insert(keyring_meta), [{"key": key, "value": value} for key, value in values.items()])
    first = 0
    for block in records:
        rows = [_row(first + number, record) for number, record in enumerate(SLOT.iter_unpack(block))]
        kept = [row for row in rows if row["state"] != SlotState.HOLE]
        if kept:
            connection.execute(insert(session_key), kept)
        first += len(rows)
    _hand_out_above(connection, about.handed_out, is_sqlite=is_sqlite)


def _row(slot: int, record: tuple[Any, ...]) -> dict[str, Any]:
    state, _, master, nonce, wrapped = record
    return {"slot": slot, "state": state, "master": master, "nonce": nonce, "wrapped": wrapped}


def _hand_out_above(connection: Connection, handed_out: int, *, is_sqlite: bool) -> None:
    if not is_sqlite:
        connection.execute(text(f"SELECT setval('{SEQUENCE}', :last)"), {"last": max(1, handed_out - 1)})
        return
    connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'session_key'"))
    row = text("INSERT INTO sqlite_sequence (name, seq) VALUES ('session_key', :last)")
    connection.execute(row, {"last": max(0, handed_out - 1)})
