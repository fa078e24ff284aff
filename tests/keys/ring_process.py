"""A process that works on a keyring: what the tests run beside one another, and kill."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from docchat.db.engine import Database
from docchat.errors import Cleared, StoreUnavailable
from docchat.keys.rotation import rotate
from docchat.keys.slots import SlotKeyring
from docchat.keys.sql import SqlKeyring

from .conftest import AnyKeyring

SESSION = UUID(int=7)


def opened(directory: Path, url: str, store_id: UUID) -> AnyKeyring:
    """The slot file in `directory`, or the keyring of the database `url`."""
    if not url:
        return SlotKeyring(directory, store_id=store_id, slots=0)
    return SqlKeyring(Database(url), directory, store_id=store_id, slots=0)


def change_master(keyring: AnyKeyring, slots: int) -> None:
    """One rotation, or the rest of one, over the first `slots` slots."""

    def pairs() -> Iterator[tuple[int, UUID]]:
        return ((slot, SESSION) for slot in range(slots))

    done = rotate(keyring, pairs, patience=0)
    if done.waiting:
        done = rotate(keyring, pairs, patience=0)
    print(done, flush=True)


def rotate_always(keyring: AnyKeyring, slots: int) -> None:
    """Rotation after rotation until killed."""
    while True:
        with suppress(StoreUnavailable):  # SQLite was busy for too long: run it again
            change_master(keyring, slots)


def destroy_all(keyring: AnyKeyring, slots: int) -> None:
    """Destroy the even slots, one after the other."""
    for slot in range(2, slots, 2):
        keyring.destroy(slots=(slot,))


def serve(keyring: AnyKeyring, slots: int) -> None:
    """Create, read, withhold, give back and destroy until killed; every key must be what it was."""
    while True:
        with suppress(StoreUnavailable):  # 503: SQLite was busy for too long
            _serve_once(keyring)
            print("served", flush=True)


def _serve_once(keyring: AnyKeyring) -> None:
    made = keyring.create(session_id=SESSION, count=2)
    keys = [keyring.open(session_id=SESSION, slot=slot) for slot in made]
    for _ in range(20):
        keyring.suspend(slots=made[:1])
        keyring.resume(slots=made)
        assert [keyring.open(session_id=SESSION, slot=slot) for slot in made] == keys
    keyring.destroy(slots=made[:1])
    for _ in range(5):
        try:
            keyring.open(session_id=SESSION, slot=made[0])
        except Cleared:
            continue
        raise AssertionError("a destroyed key came back")


def destroy_two(keyring: AnyKeyring, slots: int) -> None:
    """Destroy two keys, twice, and say so each time."""
    for _ in range(2):
        keyring.destroy(slots=(0, 1))
        os.write(1, b"cleared\n")


ROLES: dict[str, Callable[[AnyKeyring, int], None]] = {
    role.__name__: role for role in (change_master, rotate_always, destroy_all, serve, destroy_two)
}

if __name__ == "__main__":
    role, directory, url, store, slots, start = sys.argv[1:]
    ring = opened(Path(directory), url, UUID(store))
    ring.states(slots=(0,))
    time.sleep(max(0.0, float(start) - time.time()))
    ROLES[role](ring, int(slots))
