"""The keyring of many hosts: the same records in a table of a database of its own."""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)

from ..db.engine import Database
from ..errors import Cleared, ConfigError, KeyDamaged, StoreUnavailable
from ..types import new_id
from .cipher import NONCE_BYTES, STAMP_BYTES, WRAPPED_BYTES, MasterKey, made_at, new_key
from .keyring import CLEARED, SlotState
from .master import MasterKeys
from .rotation import Census
from .sql_residue import Residue
from .sql_tables import FEW, SEQUENCE, create_tables, is_among, key_residue, keyring_meta, session_key

_READ_BATCH = 10_000
_REWRAP_BATCH = 200
_STATES = {state.value: state for state in SlotState}
_GONE: dict[str, Any] = {
    "state": SlotState.DESTROYED,
    "master": 0,
    "nonce": bytes(NONCE_BYTES),
    "wrapped": bytes(WRAPPED_BYTES),
}
# Whoever hands out slots or reads the current master key shares this lock; who changes either holds it alone.
_NUMBERS = "hashtext('docchat.keyring.numbers')"


class SqlKeyring:
    """Keyring in the tables of `database`; the master keys stay on each host, in a file of `directory`."""

    def __init__(
        self, database: Database, directory: Path, *, store_id: UUID, slots: int, master_key: str = ""
    ) -> None:
        """Open the keyring, or make it when the store knows of no `slots`.

        `master_key` stands for the file `master.key`. Raises ConfigError when the keyring is another store's, was made
        with another master key, or is older than `slots`.
        """
        self.masters = MasterKeys(directory / "master.key", master_key)
        self.shared = not database.is_sqlite
        self.residue = Residue(database)
        self._database = database
        self._store_id = store_id
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.masters.load_or_make(make=slots == 0)
        self.identity = self._claim(slots)

    def create(self, *, session_id: UUID, count: int) -> tuple[int, ...]:
        """Make `count` new keys, committed before this returns."""
        with self._database.write() as connection:
            slots = self._allot(connection, count)
            master = self._master(connection)
            rows = []
            for slot in slots:
                nonce, wrapped = master.wrap(new_key(), context=self._context(session_id, slot))
                row = {"state": SlotState.LIVE, "master": master.number, "nonce": nonce, "wrapped": wrapped}
                rows.append({"slot": slot, **row})
            connection.execute(insert(session_key).values(rows))
        return slots

    def open(self, *, session_id: UUID, slot: int) -> bytes:
        """The key in `slot`. Raises Cleared when destroyed or suspended, KeyDamaged for anything else but live."""
        with self._database.read() as connection:
            row = connection.execute(select(session_key).where(self._is_among((slot,)))).one_or_none()
        if row is not None and row.state in CLEARED:
            raise Cleared
        if row is None or row.state != SlotState.LIVE:
            raise KeyDamaged
        return self._unwrap(row, session_id)

    def states(self, *, slots: Sequence[int]) -> tuple[SlotState, ...]:
        """The state of each slot, in one query for each 10,000; a slot without a row is a HOLE."""
        found: dict[int, SlotState] = {}
        with self._database.read() as connection:
            for batch in _batches(iter(dict.fromkeys(slots)), _READ_BATCH):
                query = select(session_key.c.slot, session_key.c.state).where(self._is_among(batch))
                found.update((slot, _STATES[state]) for slot, state in connection.execute(query))
        return tuple([found.get(slot, SlotState.HOLE) for slot in slots])

    def destroy(self, *, slots: Sequence[int]) -> None:
        """Overwrite the keys, committed before this returns; the rows stay as markers."""
        if not slots:
            return
        wanted = sorted(set(slots))
        with self._database.write() as connection:
            if self._overwrite(connection, wanted) != len(wanted):
                self._mark_lost(connection, wanted)
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

    def made_at(self, *, slots: Sequence[int]) -> tuple[datetime, ...]:
        """When each live or suspended key was made, to the minute; 1970 for a hole or a destroyed slot."""
        found: dict[int, datetime] = {}
        is_there = session_key.c.state.in_((SlotState.LIVE, SlotState.SUSPENDED))
        with self._database.read() as connection:
            for batch in _batches(iter(dict.fromkeys(slots)), _READ_BATCH):
                query = select(session_key.c.slot, session_key.c.nonce).where(self._is_among(batch), is_there)
                found.update((row.slot, made_at(bytes(row.nonce))) for row in connection.execute(query))
        return tuple([found.get(slot, made_at(b"")) for slot in slots])

    def reserve(self, *, slots: int) -> None:
        """Hand out no number below `slots` from now on."""
        with self._database.write() as connection:
            self._lock_numbers(connection)
            if self._handed_out(connection) >= slots:
                return
            if self._database.is_sqlite:
                connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'session_key'"))
                row = text("INSERT INTO sqlite_sequence (name, seq) VALUES ('session_key', :last)")
                connection.execute(row, {"last": slots - 1})
            else:
                connection.execute(text(f"SELECT setval('{SEQUENCE}', :last)"), {"last": max(1, slots - 1)})

    def rewrap(self, *, keys: Iterable[tuple[int, UUID]]) -> int:
        """Make the newest master key the current one and wrap these keys under it, in place; how many were changed.

        A key that cannot be unwrapped stays as it is.
        """
        master = self._switch()
        pairs = iter(keys)
        return sum(self._rewrap(master, dict(batch)) for batch in _batches(pairs, _REWRAP_BATCH))

    def rewrite(self) -> bool:
        """Take what is left of destroyed keys out of the files; False when something holds that up.

        A PostgreSQL server may not permit all of it: see `residue`.
        """
        if self._database.is_sqlite:
            return self._database.checkpoint()
        return self.residue.rewrite()

    def current_master(self) -> int:
        """Number of the master key that new keys are wrapped under."""
        with self._database.read() as connection:
            return int(self._known(connection)["master_number"])

    def census(self) -> Census:
        """Every slot counted; the numbers handed out without a row are holes."""
        columns = session_key.c.state, session_key.c.master
        with self._database.read() as connection:
            rows = connection.execute(select(*columns, func.count().label("slots")).group_by(*columns)).all()
            holes = max(0, self._handed_out(connection) - 1) - sum(row.slots for row in rows)
        counts = {(SlotState(row.state), row.master): row.slots for row in rows}
        return Census.of(counts | ({(SlotState.HOLE, 0): holes} if holes > 0 else {}))

    def close(self) -> None:
        """Close this process's connections."""
        self._database.close()

    def _overwrite(self, connection: Connection, slots: Sequence[int]) -> int:
        """Destroy the keys of these rows; how many there are."""
        if self._database.is_sqlite:
            batches = _batches(iter(slots), _READ_BATCH)
            return sum(
                connection.execute(update(session_key).where(self._is_among(b)).values(_GONE)).rowcount for b in batches
            )
        # One round trip. The rows are locked in the order of their numbers, so that two clears of the same keys never
        # wait for each other in a circle.
        locked = select(session_key.c.slot, session_key.c.state).where(self._is_among(slots))
        rows = locked.order_by(session_key.c.slot).with_for_update(of=session_key).cte("locked")
        gone = (
            update(session_key)
            .where(session_key.c.slot == rows.c.slot, *([self._is_among(slots)] if len(slots) <= FEW else []))
            .values(_GONE)
            .returning(cast(literal_column("session_key.tableoid"), BigInteger).label("relation"), rows.c.state)
            .cte("gone")
        )
        old = select(gone.c.relation, _transaction()).where(gone.c.state != SlotState.DESTROYED).distinct()
        note = insert(key_residue).from_select(["relation", "position"], old)
        query = select(func.count()).select_from(gone).add_cte(note.cte("note"))
        return int(connection.execute(query).scalar_one())

    def _mark_lost(self, connection: Connection, slots: Sequence[int]) -> None:
        """Rows that are missing though their numbers were handed out: a clear marks them as destroyed too."""
        known: set[int] = set()
        for batch in _batches(iter(slots), _READ_BATCH):
            known.update(connection.execute(select(session_key.c.slot).where(self._is_among(batch))).scalars())
        lost = [slot for slot in slots if slot not in known]
        if lost and not 0 < lost[0] <= lost[-1] < self._handed_out(connection):
            raise KeyDamaged
        if lost:
            connection.execute(insert(session_key), [{"slot": slot, **_GONE} for slot in lost])

    def _turn(self, slots: Sequence[int], before: SlotState, after: SlotState) -> None:
        if not slots:
            return
        wanted = sorted(set(slots))
        batches = list(_batches(iter(wanted), _READ_BATCH))
        with self._database.write() as connection:
            states: Counter[int] = Counter()
            for batch in batches:
                locked = select(session_key.c.state).where(self._is_among(batch)).order_by(session_key.c.slot)
                rows = locked.with_for_update(of=session_key).subquery()
                query = select(rows.c.state, func.count().label("slots")).group_by(rows.c.state)
                states.update({row.state: row.slots for row in connection.execute(query)})
            if states.total() != len(wanted) or states[SlotState.HOLE]:
                raise KeyDamaged
            if after is SlotState.LIVE and states[SlotState.DESTROYED]:
                raise Cleared
            # Each time, also where nothing is left to turn: the commit has to be as durable as the first.
            for batch in batches:
                is_one = session_key.c.state.in_((before, after))
                connection.execute(update(session_key).where(self._is_among(batch), is_one).values(state=after))

    def _switch(self) -> MasterKey:
        newest = self.masters.named(self.masters.numbers()[-1])
        with self._database.write() as connection:
            self._lock_numbers(connection)  # waits for every key that is just being made under the old one
            current = self._master(connection)
            if newest.number <= current.number:
                return current
            for key, value in _described(newest, self._store_id).items():
                connection.execute(update(keyring_meta).where(keyring_meta.c.key == key).values(value=value))
        return newest

    def _rewrap(self, master: MasterKey, keys: Mapping[int, UUID]) -> int:
        query = select(session_key).where(
            self._is_among(list(keys)),
            session_key.c.state.in_((SlotState.LIVE, SlotState.SUSPENDED)),
            session_key.c.master < master.number,
        )
        changes = []
        with self._database.write() as connection:
            for row in connection.execute(query.order_by(session_key.c.slot).with_for_update(of=session_key)).all():
                with suppress(KeyDamaged):
                    key = self._unwrap(row, keys[row.slot])
                    context, stamp = self._context(keys[row.slot], row.slot), bytes(row.nonce)[:STAMP_BYTES]
                    nonce, wrapped = master.wrap(key, context=context, stamp=stamp)
                    changes.append({"at": row.slot, "master": master.number, "nonce": nonce, "wrapped": wrapped})
            if changes:
                connection.execute(update(session_key).where(session_key.c.slot == bindparam("at")), changes)
                self._note(connection, [change["at"] for change in changes])
        return len(changes)

    def _is_among(self, slots: Sequence[int]) -> ColumnElement[bool]:
        return is_among(slots, in_text=self._database.is_sqlite)

    def _note(self, connection: Connection, slots: Sequence[int]) -> None:
        """Remember that old versions of these rows are in the files."""
        if not self._database.is_sqlite:
            relation = cast(literal_column("session_key.tableoid"), BigInteger)
            query = select(relation, _transaction()).where(self._is_among(slots)).distinct()
            connection.execute(insert(key_residue).from_select(["relation", "position"], query))

    def _allot(self, connection: Connection, count: int) -> tuple[int, ...]:
        if self._database.is_sqlite:
            first = max(1, self._handed_out(connection))
            return tuple(range(first, first + count))
        query = text(
            f"SELECT pg_advisory_xact_lock_shared({_NUMBERS}), nextval('{SEQUENCE}') AS slot "  # noqa: S608
            "FROM generate_series(1, :count)"
        )
        return tuple(row.slot for row in connection.execute(query, {"count": count}))

    def _lock_numbers(self, connection: Connection) -> None:
        if not self._database.is_sqlite:  # where a write transaction is alone anyway
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_NUMBERS})"))

    def _handed_out(self, connection: Connection) -> int:
        if self._database.is_sqlite:
            query = "SELECT seq + 1 FROM sqlite_sequence WHERE name = 'session_key'"
        else:
            query = f"SELECT CASE WHEN is_called THEN last_value + 1 ELSE 0 END FROM {SEQUENCE}"  # noqa: S608
        return int(connection.execute(text(query)).scalar_one_or_none() or 0)

    def _unwrap(self, row: Row[Any], session_id: UUID) -> bytes:
        context = self._context(session_id, row.slot)
        return self.masters.named(row.master).unwrap(bytes(row.nonce), bytes(row.wrapped), context=context)

    def _context(self, session_id: UUID, slot: int) -> bytes:
        return self._store_id.bytes + struct.pack("<Q", slot) + session_id.bytes

    def _known(self, connection: Connection) -> dict[str, str]:
        rows = connection.execute(select(keyring_meta.c.key, keyring_meta.c.value))
        return {row.key: row.value for row in rows}

    def _master(self, connection: Connection) -> MasterKey:
        known = self._known(connection)
        master = self.masters.named(int(known["master_number"]))
        if master.check(self._store_id).hex() != known["master"]:
            raise KeyDamaged
        return master

    def _claim(self, slots: int) -> UUID:
        with self._database.write() as connection:
            if not self._database.is_sqlite:
                # Two processes that start at once must not both create the tables.
                connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('docchat.keyring'))"))
            create_tables(connection)
            known = self._known(connection)
            if not known and slots == 0:
                newest = self.masters.named(self.masters.numbers()[-1])
                known = {"store_id": str(self._store_id), **_described(newest, self._store_id)}
                connection.execute(insert(keyring_meta), _pairs(known))
            younger = {"master_number": "1", "keyring_id": str(new_id())} if known else {}
            missing = {key: value for key, value in younger.items() if key not in known}
            self._compare(known | missing, self._handed_out(connection), slots)
            if missing:
                connection.execute(insert(keyring_meta), _pairs(missing))
        return UUID((known | missing)["keyring_id"])

    def _compare(self, known: Mapping[str, str], handed_out: int, slots: int) -> None:
        if not known:
            raise ConfigError(
                "DOCCHAT_KEYRING_URL leads to an empty keyring, but the database holds sealed chats. "
                "Restore the keyring that belongs to this database."
            )
        if known["store_id"] != str(self._store_id):
            raise ConfigError(
                f"The keyring belongs to the store {known['store_id']}, the database is the store "
                f"{self._store_id}. Use the keyring and the database that belong together."
            )
        number = int(known["master_number"])
        if number not in self.masters.numbers():
            raise ConfigError(
                f"The keyring needs the master key with number {number}, which {self.masters.place} of this host does "
                "not hold. Copy it from a host that works."
            )
        if self.masters.named(number).check(self._store_id).hex() != known["master"]:
            raise ConfigError(
                f"The master key of this host, in {self.masters.place}, is not the one the keyring was made with. Copy "
                "it from a host that works."
            )
        if handed_out < slots:
            raise ConfigError(
                "The keyring is older than the database: chats have keys it does not know. Restore the newest keyring."
            )


def _described(master: MasterKey, store_id: UUID) -> dict[str, str]:
    return {"master_number": str(master.number), "master": master.check(store_id).hex()}


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _transaction() -> ColumnElement[int]:
    """The number of the running transaction."""
    return literal_column("pg_current_xact_id()::text::bigint", BigInteger)


def _batches(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(items, size)):
        yield batch
