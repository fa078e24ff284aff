"""Rotation beside clears and servers, in processes of their own; and rotation killed at every step."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from docchat.db.engine import Database
from docchat.keys.keyring import SlotState
from docchat.keys.slots import HEADER_BYTES, SLOT_BYTES

from ..clear.scale import LONG
from .conftest import STORE, AnyKeyring
from .ring_process import SESSION, opened

STRACE = shutil.which("strace")
_EVERY = {"slots": 1, "sqlite": 1, "postgresql": 5}
_SOME = {"slots": 2, "sqlite": 1, "postgresql": 17}
CALLS = {"slots": "pwrite64,fsync,fdatasync", "sqlite": "pwrite64,fsync,fdatasync", "postgresql": "sendto"}


class Place:
    """A keyring in files or a database, for several processes."""

    def __init__(self, kind: str, directory: Path, url: str) -> None:
        self.kind, self.directory, self.url = kind, directory, url
        self._opened: list[AnyKeyring] = []
        self._started: list[subprocess.Popen[str]] = []

    def open(self) -> AnyKeyring:
        self._opened.append(opened(self.directory, self.url, STORE))
        return self._opened[-1]

    def close(self) -> None:
        for keyring in self._opened:
            keyring.close()
        for process in self._started:
            if process.returncode is None:
                _end(process, kill=True)

    def start(self, role: str, slots: int, *before: str, at: float = 0.0) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.keys.ring_process", role, str(self.directory), self.url, str(STORE)]
        process = subprocess.Popen(
            [*before, *command, str(slots), str(at)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a killed strace leaves its child running: the whole group is killed
        )
        self._started.append(process)
        return process


@pytest.fixture(params=["slots", "sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    url = "" if request.param == "slots" else f"sqlite:///{tmp_path / 'keys.sqlite3'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    place = Place(request.param, tmp_path / "keys", url)
    yield place
    place.close()


def _end(process: "subprocess.Popen[str]", *, kill: bool = False) -> str:
    if kill:
        os.killpg(process.pid, signal.SIGKILL)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == (-signal.SIGKILL if kill else 0), errors
    return output


def _made(keyring: AnyKeyring, count: int) -> tuple[int, ...]:
    made: tuple[int, ...] = ()
    while len(made) < count:
        made += keyring.create(session_id=SESSION, count=min(500, count - len(made)))
    return made


def test_a_rotation_never_brings_a_destroyed_key_back(place: Place) -> None:
    count = 3000 if place.kind == "slots" else 200
    keyring = place.open()
    made = _made(keyring, count)
    keys = {slot: keyring.open(session_id=SESSION, slot=slot) for slot in made if slot % 2}
    start = time.time() + 2
    rotation = place.start("rotate_always", count + 1, at=start)
    _end(place.start("destroy_all", count, at=start))
    _end(rotation, kill=True)
    gone = [slot for slot in made if slot % 2 == 0 and slot and slot < count]
    assert set(keyring.states(slots=gone)) == {SlotState.DESTROYED}
    _end(place.start("change_master", count + 1))
    assert set(keyring.states(slots=gone)) == {SlotState.DESTROYED}
    assert {slot: keyring.open(session_id=SESSION, slot=slot) for slot in keys} == keys


@pytest.mark.skipif(STRACE is None, reason="strace is missing: apt install strace")
def test_a_clear_in_the_middle_of_a_rewrap_wins(place: Place) -> None:
    keyring = place.open()
    delay = f"inject={CALLS[place.kind].partition(',')[0]}:delay_enter=10000"  # between what was read and its write
    rotation = place.start("rotate_always", 300, str(STRACE), "-f", "-qq", "-o", "/dev/null", "-e", delay)
    gone: list[int] = []
    for turn in range(8):
        before = keyring.current_master()
        made = keyring.create(session_id=SESSION, count=30)
        deadline = time.monotonic() + 30
        while keyring.current_master() == before and time.monotonic() < deadline:
            time.sleep(0.002)
        assert keyring.current_master() > before
        time.sleep(0.008 * (turn % 5))  # the rewrapping has begun
        keyring.destroy(slots=made)
        gone += made
        time.sleep(0.1)
    _end(rotation, kill=True)
    assert set(keyring.states(slots=gone)) == {SlotState.DESTROYED}
    assert _bytes_left(place, gone) == 0


def _bytes_left(place: Place, slots: list[int]) -> int:
    """How many of these slots hold anything of a key."""
    if not place.url:
        content = (place.directory / "slots.bin").read_bytes()
        records = [content[HEADER_BYTES + SLOT_BYTES * slot :][4:SLOT_BYTES] for slot in slots]
        return sum(record != bytes(60) for record in records)
    database = Database(place.url)
    with database.read() as connection:
        rows = connection.execute(text("SELECT slot, nonce, wrapped FROM session_key")).all()
    database.close()
    kept = {row.slot: bytes(row.nonce) + bytes(row.wrapped) for row in rows}
    return sum(kept[slot] != bytes(60) for slot in slots)


def test_servers_create_read_and_clear_through_rotations(place: Place) -> None:
    keyring = place.open()
    made = _made(keyring, 100)
    start = time.time() + 1
    servers = [place.start("serve", 0, at=start) for _ in range(2)]
    rotation = place.start("rotate_always", 150, at=start)
    # However busy the machine is: the race goes on for a while after each has done its work once, and rotated twice.
    said = [process.stdout.readline() for process in (*servers, rotation, rotation) if process.stdout is not None]
    time.sleep(2.5)
    for process in (*servers, rotation):
        _end(process, kill=True)
    assert said[:2] == ["served\n"] * 2
    assert all(line.startswith("Rotation(") for line in said[2:])
    for slot in made:
        assert keyring.open(session_id=SESSION, slot=slot)


@pytest.mark.skipif(STRACE is None, reason="strace is missing: apt install strace")
def test_a_rotation_killed_at_any_step_is_finished_by_the_next(place: Place, tmp_path: Path) -> None:
    keyring = place.open()
    made = _made(keyring, 5)
    keyring.suspend(slots=made[3:4])
    keyring.destroy(slots=made[4:])
    keys = [keyring.open(session_id=SESSION, slot=slot) for slot in made[:3]]
    expected = keyring.states(slots=made)
    step, killed, number = 1, 0, keyring.current_master()
    while True:
        inject = f"inject={CALLS[place.kind]}:signal=KILL:when={step}"
        process = place.start("change_master", 7, str(STRACE), "-f", "-qq", "-o", "/dev/null", "-e", inject)
        process.communicate(timeout=60)
        fresh = place.open()
        assert fresh.states(slots=made) == expected
        assert [fresh.open(session_id=SESSION, slot=slot) for slot in made[:3]] == keys
        fresh.destroy(slots=fresh.create(session_id=SESSION, count=1))
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        killed += 1
        _end(place.start("change_master", 7))
        assert set(fresh.census().masters) == {fresh.current_master()}
        assert fresh.masters.numbers() == (fresh.current_master(),)
        assert fresh.current_master() > number
        fresh.resume(slots=made[3:4])
        assert fresh.open(session_id=SESSION, slot=made[3])
        fresh.suspend(slots=made[3:4])
        number = fresh.current_master()
        fresh.close()
        step += _stride(place)
    assert killed >= 4


def _stride(place: Place) -> int:
    """How far apart the calls are at which a rotation is killed; a message to PostgreSQL does less than a write."""
    return _EVERY[place.kind] if LONG else _SOME[place.kind]


@pytest.mark.skipif(STRACE is None, reason="strace is missing: apt install strace")
def test_each_destroy_is_synced_before_it_is_said(tmp_path: Path) -> None:
    place = Place("slots", tmp_path / "keys", "")
    _made(place.open(), 2)
    log = tmp_path / "calls"
    trace = (str(STRACE), "-f", "-qq", "-y", "-o", str(log), "-e", "trace=pwrite64,fdatasync,write")
    _end(place.start("destroy_two", 0, *trace))
    calls = re.findall(r"(pwrite64|fdatasync|write)\(\d+<[^>]*(slots\.bin|pipe:\[\d+\])>", log.read_text())
    names = [name for name, _ in calls]
    assert names == ["pwrite64", "fdatasync", "write"] * 2, os.linesep.join(names)
