"""One contract for every keyring, and probes into the bytes below it."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from docchat.db.engine import Database
from docchat.errors import Cleared, ConfigError, KeyDamaged, StorageFull, StoreError, StoreUnavailable
from docchat.keys import slot_file
from docchat.keys.keyring import SlotState
from docchat.keys.slot_file import OpenFile
from docchat.keys.slots import HEADER_BYTES, SLOT_BYTES, SlotKeyring
from docchat.keys.sql import SqlKeyring
from docchat.types import utc_now

from .conftest import STORE, Opener

SESSION = uuid4()


def test_a_key_is_the_same_for_everyone_until_destroyed(open_keyring: Opener) -> None:
    keyring = open_keyring()
    slots = keyring.create(session_id=SESSION, count=2)
    keys = [keyring.open(session_id=SESSION, slot=slot) for slot in slots]
    assert all(len(key) == 32 for key in keys)
    assert keys[0] != keys[1]
    other = open_keyring(slots=1)
    assert [other.open(session_id=SESSION, slot=slot) for slot in slots] == keys
    other.destroy(slots=slots[:1])
    with pytest.raises(Cleared):
        keyring.open(session_id=SESSION, slot=slots[0])
    assert keyring.open(session_id=SESSION, slot=slots[1]) == keys[1]
    assert keyring.states(slots=slots) == (SlotState.DESTROYED, SlotState.LIVE)
    other.close()


def test_destroying_again_is_no_error(open_keyring: Opener) -> None:
    keyring = open_keyring()
    slots = keyring.create(session_id=SESSION, count=2)
    keyring.destroy(slots=slots)
    keyring.destroy(slots=slots)
    keyring.destroy(slots=())
    assert keyring.states(slots=slots) == (SlotState.DESTROYED,) * 2


def test_slots_are_never_handed_out_twice(open_keyring: Opener) -> None:
    keyring = open_keyring()
    first = keyring.create(session_id=SESSION, count=2)
    keyring.destroy(slots=first)
    second = open_keyring(slots=1).create(session_id=uuid4(), count=2)
    assert not set(first) & set(second)


def test_a_key_of_another_session_does_not_open(open_keyring: Opener) -> None:
    keyring = open_keyring()
    (slot,) = keyring.create(session_id=SESSION, count=1)
    with pytest.raises(KeyDamaged):
        keyring.open(session_id=uuid4(), slot=slot)


def test_an_unknown_slot_is_damage_and_not_cleared(open_keyring: Opener) -> None:
    keyring = open_keyring()
    keyring.create(session_id=SESSION, count=1)
    with pytest.raises(KeyDamaged):
        keyring.open(session_id=SESSION, slot=999)
    assert keyring.states(slots=(999,)) == (SlotState.HOLE,)
    with pytest.raises(KeyDamaged):
        keyring.destroy(slots=(999,))


def test_a_keyring_of_another_store_is_refused(open_keyring: Opener) -> None:
    open_keyring().create(session_id=SESSION, count=1)
    with pytest.raises(ConfigError, match="belongs to the store"):
        open_keyring(store_id=uuid4(), slots=1)


def test_a_missing_keyring_is_refused_when_chats_are_sealed(open_keyring: Opener) -> None:
    with pytest.raises(ConfigError, match=r"missing|empty"):
        open_keyring(slots=1)


def test_a_keyring_older_than_the_database_is_refused(open_keyring: Opener) -> None:
    keyring = open_keyring()
    slots = keyring.create(session_id=SESSION, count=2)
    open_keyring(slots=max(slots) + 1)
    with pytest.raises(ConfigError, match="older"):
        open_keyring(slots=max(slots) + 3)


def test_a_foreign_master_key_is_refused(open_keyring: Opener, tmp_path: Path) -> None:
    open_keyring().create(session_id=SESSION, count=1)
    path = tmp_path / "keys" / "master.key"
    path.write_text(f"docchat-master-key 1 {'ab' * 32}\n")
    with pytest.raises(ConfigError, match="master key"):
        open_keyring(slots=1)


def test_threads_get_slots_of_their_own(open_keyring: Opener) -> None:
    keyring = open_keyring()
    taken: list[int] = []

    def create() -> None:
        for _ in range(20):
            taken.extend(keyring.create(session_id=SESSION, count=2))

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 160
    assert len(set(taken)) == 160
    for slot in taken:
        keyring.open(session_id=SESSION, slot=slot)


def test_changes_of_the_same_keys_never_wait_in_a_circle(open_keyring: Opener) -> None:
    keyring = open_keyring()
    slots: list[int] = []
    for _ in range(6):
        slots += keyring.create(session_id=SESSION, count=20)
        keyring.reserve(slots=slots[-1] + 5000)  # too far apart for one lock over all
    failed: list[Exception] = []

    def change(order: int) -> None:
        try:
            for step in range(0, 100, 5):
                some = slots[step : step + 20][::order]
                keyring.suspend(slots=some)
                keyring.destroy(slots=some)
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=change, args=(order,)) for order in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert set(keyring.states(slots=slots[:115])) == {SlotState.DESTROYED}


def test_slots_far_apart_are_locked_in_ascending_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = SlotKeyring(tmp_path, store_id=STORE, slots=0)
    keyring.reserve(slots=30_000)
    taken: list[int] = []
    real = slot_file._lock
    monkeypatch.setattr(slot_file, "_lock", lambda *request: (taken.append(request[1]), real(*request)))
    keyring.destroy(slots=(20_000, 10_000, 5))
    assert taken == [slot_file.at(slot) for slot in (5, 10_000, 20_000)]


def test_states_and_ages_of_many_slots_in_any_order(open_keyring: Opener) -> None:
    keyring = open_keyring()
    before = utc_now() - timedelta(minutes=1)
    slots = [slot for _ in range(6) for slot in keyring.create(session_id=SESSION, count=200)]
    keyring.destroy(slots=slots[::3])
    keyring.suspend(slots=slots[1::3])
    asked = [*slots[::-1], slots[5], slots[-1] + 50_000, *slots[::7]]
    kinds = {slot: (SlotState.DESTROYED, SlotState.SUSPENDED, SlotState.LIVE)[at % 3] for at, slot in enumerate(slots)}
    assert keyring.states(slots=asked) == tuple(kinds.get(slot, SlotState.HOLE) for slot in asked)
    ages = keyring.made_at(slots=asked)
    for slot, age in zip(asked, ages, strict=True):
        if kinds.get(slot) in (SlotState.LIVE, SlotState.SUSPENDED):
            assert before <= age <= utc_now()
        else:
            assert age == datetime(1970, 1, 1, tzinfo=UTC)
    assert keyring.states(slots=()) == ()


def test_a_lock_that_is_never_given_back_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = SlotKeyring(tmp_path, store_id=STORE, slots=0)
    slots = keyring.create(session_id=SESSION, count=2)
    monkeypatch.setattr(slot_file, "_LOCK_SECONDS", 0.2)
    with OpenFile(keyring.path) as holder:
        slot_file.lock_slots(holder, slots[:1])
        with pytest.raises(StoreUnavailable):
            keyring.destroy(slots=slots)
        assert keyring.open(session_id=SESSION, slot=slots[0])  # unreachable is not cleared
    keyring.destroy(slots=slots)
    assert set(keyring.states(slots=slots)) == {SlotState.DESTROYED}


def test_the_bytes_of_a_destroyed_key_are_gone(tmp_path: Path) -> None:
    keyring = SlotKeyring(tmp_path, store_id=STORE, slots=0)
    (slot,) = keyring.create(session_id=SESSION, count=1)
    record = _slot_bytes(tmp_path, slot)
    assert record[0] == SlotState.LIVE
    keyring.destroy(slots=(slot,))
    after = _slot_bytes(tmp_path, slot)
    assert after[0] == SlotState.DESTROYED
    assert record[4:] not in (tmp_path / "slots.bin").read_bytes()
    assert after[4:] == bytes(60)


def test_destroying_syncs_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = SlotKeyring(tmp_path, store_id=STORE, slots=0)
    slots = keyring.create(session_id=SESSION, count=2)
    synced: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (synced.append(descriptor), real(descriptor)))
    keyring.destroy(slots=slots)
    keyring.destroy(slots=slots)
    assert len(synced) == 2


def test_a_damaged_slot_is_damage(tmp_path: Path) -> None:
    keyring = SlotKeyring(tmp_path, store_id=STORE, slots=0)
    (slot,) = keyring.create(session_id=SESSION, count=1)
    with (tmp_path / "slots.bin").open("r+b") as file:
        file.seek(HEADER_BYTES + SLOT_BYTES * slot + 30)
        file.write(b"\xff\xff")
    with pytest.raises(KeyDamaged):
        keyring.open(session_id=SESSION, slot=slot)
    with (tmp_path / "slots.bin").open("r+b") as file:
        file.seek(HEADER_BYTES + SLOT_BYTES * slot)
        file.write(bytes(SLOT_BYTES))
    with pytest.raises(KeyDamaged):  # a hole is damage, never "cleared"
        keyring.open(session_id=SESSION, slot=slot)
    with (tmp_path / "slots.bin").open("r+b") as file:
        file.truncate(HEADER_BYTES)
    with pytest.raises(KeyDamaged):
        keyring.open(session_id=SESSION, slot=slot)


def test_a_key_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    keyring = SlotKeyring(tmp_path, store_id=STORE, slots=0)
    keyring.create(session_id=SESSION, count=3)
    with (tmp_path / "slots.bin").open("r+b") as file:
        file.truncate(HEADER_BYTES + 2 * SLOT_BYTES)
    with pytest.raises(ConfigError, match="shorter"):
        SlotKeyring(tmp_path, store_id=STORE, slots=3)


def test_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    SlotKeyring(tmp_path / "keys", store_id=STORE, slots=0)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    for name in ("slots.bin", "master.key"):
        assert (tmp_path / "keys" / name).stat().st_mode & 0o777 == 0o600


def test_a_forked_process_reads_with_a_descriptor_of_its_own(tmp_path: Path) -> None:
    keyring = SlotKeyring(tmp_path, store_id=STORE, slots=0)
    (slot,) = keyring.create(session_id=SESSION, count=1)
    key = keyring.open(session_id=SESSION, slot=slot)
    child = os.fork()
    if child == 0:
        same = keyring.open(session_id=SESSION, slot=slot) == key
        keyring.destroy(slots=(slot,))
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert keyring.states(slots=(slot,)) == (SlotState.DESTROYED,)


def test_a_full_disk_makes_no_key_but_still_destroys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = SlotKeyring(tmp_path, store_id=STORE, slots=0)
    slots = keyring.create(session_id=SESSION, count=64)
    real = os.pwrite

    def full(descriptor: int, data: bytes, offset: int) -> int:
        if offset >= os.fstat(descriptor).st_size:
            raise OSError(28, "No space left on device")
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StorageFull):
        keyring.create(session_id=SESSION, count=65)
    keyring.destroy(slots=slots)
    assert set(keyring.states(slots=slots)) == {SlotState.DESTROYED}


def test_the_sql_keyring_overwrites_the_row(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'keys.sqlite3'}")
    keyring = SqlKeyring(database, tmp_path, store_id=STORE, slots=0)
    (slot,) = keyring.create(session_id=SESSION, count=1)
    keyring.destroy(slots=(slot,))
    with database.read() as connection:
        row = connection.execute(text("SELECT state, nonce, wrapped FROM session_key")).one()
    assert row == (SlotState.DESTROYED, bytes(12), bytes(48))
    keyring.close()


def test_the_sql_keyring_leaves_no_byte_of_a_key_in_its_files(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'keys.sqlite3'}")
    keyring = SqlKeyring(database, tmp_path, store_id=STORE, slots=0)
    (slot,) = keyring.create(session_id=SESSION, count=1)
    with database.read() as connection:
        wrapped = connection.execute(text("SELECT wrapped FROM session_key")).scalar_one()
    script = (
        "import pathlib, sys\n"
        "files = pathlib.Path(sys.argv[1]).glob('keys.sqlite3*')\n"
        "print(sum(bytes.fromhex(sys.argv[2]) in path.read_bytes() for path in files))"
    )
    count = [sys.executable, "-c", script, str(tmp_path), wrapped.hex()]
    assert subprocess.run(count, check=True, capture_output=True, text=True).stdout != "0\n"
    keyring.destroy(slots=(slot,))
    assert subprocess.run(count, check=True, capture_output=True, text=True).stdout == "0\n"
    keyring.close()


def _slot_bytes(directory: Path, slot: int) -> bytes:
    start = HEADER_BYTES + SLOT_BYTES * slot
    return (directory / "slots.bin").read_bytes()[start : start + SLOT_BYTES]
