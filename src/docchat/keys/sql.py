"""The keyring of many hosts: the same records in a table of a database of its own."""

import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    insert,
    select,
    text,
    update,
)

from ..db.engine import Database
from ..errors import Cleared, ConfigError, KeyDamaged, StoreUnavailable
from .cipher import NONCE_BYTES, WRAPPED_BYTES, MasterKey, new_key
from .keyring import CLEARED, SlotState

metadata = MetaData()
keyring_meta = Table(
    "keyring_meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", String(64), nullable=False),
)
session_key = Table(
    "session_key",
    metadata,
    Column("slot", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("state", SmallInteger, nullable=False),
    Column("master", Integer, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)


class SqlKeyring:
    """Keyring in the tables of `database`; the master key stays in a file of `directory` on each host."""

    def __init__(self, database: Database, directory: Path, *, store_id: UUID, slots: int) -> None:
        """Open the keyring, or make it when the store knows of no `slots`.

        Raises ConfigError when it is another store's, was made with another master key, or is older than `slots`.
        """
        self._database = database
        self._store_id = store_id
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / "master.key"
        if slots == 0 and not path.exists():
            MasterKey.create(path)
        self._master = MasterKey.load(path)
        self._claim(slots)

    def create(self, *, session_id: UUID, count: int) -> tuple[int, ...]:
        """Make `count` new keys, committed before this returns."""
        slots = []
        with self._database.write() as connection:
            for _ in range(count):
                placeholder = {"state": SlotState.HOLE, "master": 0, "nonce": b"", "wrapped": b""}
                slot = connection.execute(
                    insert(session_key).values(placeholder).returning(session_key.c.slot)
                ).scalar_one()
                nonce, wrapped = self._master.wrap(new_key(), context=self._context(session_id, slot))
                connection.execute(
                    update(session_key)
                    .where(session_key.c.slot == slot)
                    .values(state=SlotState.LIVE, master=self._master.number, nonce=nonce, wrapped=wrapped)
                )
                slots.append(slot)
        return tuple(slots)

    def open(self, *, session_id: UUID, slot: int) -> bytes:
        """The key in `slot`. Raises Cleared when destroyed or suspended, KeyDamaged for anything else but live."""
        with self._database.read() as connection:
            row = connection.execute(select(session_key).where(session_key.c.slot == slot)).one_or_none()
        if row is not None and row.state in CLEARED:
            raise Cleared
        if row is None or row.state != SlotState.LIVE or row.master != self._master.number:
            raise KeyDamaged
        return self._master.unwrap(row.nonce, row.wrapped, context=self._context(session_id, slot))

    def states(self, *, slots: Sequence[int]) -> tuple[SlotState, ...]:
        """The state of each slot, in one query; a slot without a row is a HOLE."""
        query = select(session_key.c.slot, session_key.c.state).where(session_key.c.slot.in_(set(slots)))
        with self._database.read() as connection:
            found = {row.slot: SlotState(row.state) for row in connection.execute(query)}
        return tuple(found.get(slot, SlotState.HOLE) for slot in slots)

    def destroy(self, *, slots: Sequence[int]) -> None:
        """Overwrite the keys, committed before this returns; the rows stay as markers."""
        if not slots:
            return
        wanted = set(slots)
        gone = {"state": SlotState.DESTROYED, "nonce": bytes(NONCE_BYTES), "wrapped": bytes(WRAPPED_BYTES)}
        with self._database.write() as connection:
            result = connection.execute(
                update(session_key).where(session_key.c.slot.in_(wanted)).values(master=0, **gone)
            )
            if result.rowcount != len(wanted):
                raise KeyDamaged
        # On SQLite the old page stays in the main file until the log is moved into it; a reader may hold that up, and
        # then the next one does it. The key is destroyed either way.
        with suppress(StoreUnavailable):
            self._database.checkpoint()

    def suspend(self, *, slots: Sequence[int]) -> None:
        """Withhold live keys, committed before this returns; a destroyed one stays destroyed."""
        self._turn(slots, SlotState.LIVE, SlotState.SUSPENDED)

    def resume(self, *, slots: Sequence[int]) -> None:
        """Make suspended keys live again. Raises Cleared, changing nothing, when one is destroyed."""
        self._turn(slots, SlotState.SUSPENDED, SlotState.LIVE)

    def handed_out(self) -> int:
        """One more than the highest slot number ever handed out."""
        with self._database.read() as connection:
            return self._handed_out(connection)

    def reserve(self, *, slots: int) -> None:
        """Hand out no number below `slots` from now on."""
        with self._database.write() as connection:
            if not self._database.is_sqlite:
                connection.execute(text("LOCK TABLE session_key IN EXCLUSIVE MODE"))
            if self._handed_out(connection) >= slots:
                return
            if self._database.is_sqlite:
                connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'session_key'"))
                connection.execute(
                    text("INSERT INTO sqlite_sequence (name, seq) VALUES ('session_key', :last)"), {"last": slots - 1}
                )
            else:
                last = {"last": max(1, slots - 1)}
                connection.execute(text("SELECT setval(pg_get_serial_sequence('session_key', 'slot'), :last)"), last)

    def rewrap(self, *, keys: Iterable[tuple[int, UUID]]) -> int:
        """Nothing to do while there is one master key."""
        return sum(0 for _ in keys)

    def rewrite(self) -> bool:
        """Empty SQLite's write-ahead log."""
        return self._database.checkpoint()

    def _handed_out(self, connection: Connection) -> int:
        if self._database.is_sqlite:
            query = "SELECT seq + 1 FROM sqlite_sequence WHERE name = 'session_key'"
        else:
            query = "SELECT CASE WHEN is_called THEN last_value + 1 ELSE 0 END FROM session_key_slot_seq"
        return int(connection.execute(text(query)).scalar_one_or_none() or 0)

    def _turn(self, slots: Sequence[int], before: SlotState, after: SlotState) -> None:
        if not slots:
            return
        wanted = set(slots)
        query = select(session_key.c.slot, session_key.c.state).where(session_key.c.slot.in_(wanted))
        with self._database.write() as connection:
            rows = connection.execute(query.order_by(session_key.c.slot).with_for_update()).all()
            states = [row.state for row in rows]
            if len(rows) != len(wanted) or SlotState.HOLE in states:
                raise KeyDamaged
            if after is SlotState.LIVE and SlotState.DESTROYED in states:
                raise Cleared
            turned = [row.slot for row in rows if row.state == before]
            connection.execute(update(session_key).where(session_key.c.slot.in_(turned)).values(state=after))

    def close(self) -> None:
        """Close this process's connections."""
        self._database.close()

    def _context(self, session_id: UUID, slot: int) -> bytes:
        return self._store_id.bytes + struct.pack("<Q", slot) + session_id.bytes

    def _claim(self, slots: int) -> None:
        with self._database.write() as connection:
            if not self._database.is_sqlite:
                # Two processes that start at once must not both create the tables.
                connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('docchat.keyring'))"))
            metadata.create_all(connection)
            rows = connection.execute(select(keyring_meta.c.key, keyring_meta.c.value))
            known = {row.key: row.value for row in rows}
            mine = {"store_id": str(self._store_id), "master": self._master.check(self._store_id).hex()}
            if not known and slots == 0:
                values = [{"key": key, "value": value} for key, value in mine.items()]
                connection.execute(insert(keyring_meta), values)
                return
            handed_out = self._handed_out(connection)
        self._compare(known, mine, handed_out, slots)

    def _compare(self, known: dict[str, str], mine: dict[str, str], handed_out: int, slots: int) -> None:
        if not known:
            raise ConfigError(
                "DOCCHAT_KEYRING_URL leads to an empty keyring, but the database holds sealed chats. "
                "Restore the keyring that belongs to this database."
            )
        if known.get("store_id") != mine["store_id"]:
            raise ConfigError(
                f"The keyring belongs to the store {known.get('store_id')}, the database is the store "
                f"{self._store_id}. Use the keyring and the database that belong together."
            )
        if known.get("master") != mine["master"]:
            raise ConfigError(
                "This host's master key is not the one the keyring was made with. Copy keys/master.key from the data "
                "directory of a host that works."
            )
        if handed_out < slots:
            raise ConfigError(
                "The keyring is older than the database: chats have keys it does not know. Restore the newest keyring."
            )
