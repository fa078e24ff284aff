"""Changing the master key, on every keyring: nothing is lost, nothing comes back, nothing stays under the old one."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from docchat.errors import Cleared, ConfigError, KeyDamaged
from docchat.keys.keyring import SlotState
from docchat.keys.master import MasterKeys
from docchat.keys.rotation import RotatingKeyring, Rotation, rotate
from docchat.keys.slots import SlotKeyring

from .conftest import STORE, AnyKeyring, Opener

SESSION = uuid4()


def _rotate(keyring: AnyKeyring, slots: Sequence[int], **options: float) -> Rotation:
    """Both runs of it where there may be other hosts."""

    def pairs() -> list[tuple[int, UUID]]:
        return [(slot, SESSION) for slot in slots]

    done = rotate(keyring, pairs, **options)
    return rotate(keyring, pairs, **options) if done.waiting else done


def test_keys_stay_what_they_are_and_lie_under_the_new_master_key(open_keyring: Opener, tmp_path: Path) -> None:
    keyring = open_keyring()
    assert isinstance(keyring, RotatingKeyring)
    slots = keyring.create(session_id=SESSION, count=5)
    made = keyring.made_at(slots=slots)
    keys = [keyring.open(session_id=SESSION, slot=slot) for slot in slots]
    keyring.suspend(slots=slots[:2])
    keyring.destroy(slots=slots[2:3])
    other = open_keyring(slots=1)  # a running server, which knows the old master key alone
    old = (tmp_path / "keys" / "master.key").read_text().split()[2]

    done = _rotate(keyring, slots)
    assert (done.number, done.rewrapped, done.left, done.retired) == (2, 4, 0, 1)
    assert keyring.census().masters == {2: 4}
    assert old not in (tmp_path / "keys" / "master.key").read_text()
    for ring in (keyring, other, open_keyring(slots=1)):
        assert ring.states(slots=slots) == (
            SlotState.SUSPENDED,
            SlotState.SUSPENDED,
            SlotState.DESTROYED,
            SlotState.LIVE,
            SlotState.LIVE,
        )
        assert [ring.open(session_id=SESSION, slot=slot) for slot in slots[3:]] == keys[3:]
        with pytest.raises(Cleared):
            ring.open(session_id=SESSION, slot=slots[2])
    assert keyring.made_at(slots=slots[3:]) == made[3:]
    (new,) = other.create(session_id=SESSION, count=1)
    assert keyring.census().masters == {2: 5}
    assert keyring.open(session_id=SESSION, slot=new)
    other.resume(slots=slots[:2])
    assert other.open(session_id=SESSION, slot=slots[0]) == keys[0]


def test_a_key_keeps_the_minute_it_was_made_in(open_keyring: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = open_keyring()
    then = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    monkeypatch.setattr("docchat.keys.cipher.utc_now", lambda: then)
    slots = keyring.create(session_id=SESSION, count=3)
    monkeypatch.undo()
    keyring.suspend(slots=slots[:1])
    keyring.destroy(slots=slots[2:])
    _rotate(keyring, slots)
    assert keyring.made_at(slots=slots) == (then, then, datetime(1970, 1, 1, tzinfo=UTC))


def test_again_and_again(open_keyring: Opener, tmp_path: Path) -> None:
    keyring = open_keyring()
    slots = keyring.create(session_id=SESSION, count=2)
    key = keyring.open(session_id=SESSION, slot=slots[0])
    assert [_rotate(keyring, slots).number for _ in range(3)] == [2, 3, 4]
    assert open_keyring(slots=1).open(session_id=SESSION, slot=slots[0]) == key
    assert keyring.masters.numbers() == (4,)
    assert len((tmp_path / "keys" / "master.key").read_text().splitlines()) == 4


def test_a_key_nobody_names_keeps_the_old_master_key(open_keyring: Opener) -> None:
    keyring = open_keyring()
    slots = keyring.create(session_id=SESSION, count=2)
    done = _rotate(keyring, slots[:1], patience=0)
    assert (done.left, done.retired) == (1, 0)
    assert keyring.masters.numbers() == (1, 2)
    assert open_keyring(slots=1).open(session_id=SESSION, slot=slots[1])
    keyring.destroy(slots=slots[1:])  # what the sweep does with it
    done = _rotate(keyring, slots[:1], patience=0)
    assert (done.number, done.left, done.retired) == (2, 0, 1)


def test_a_key_that_is_just_being_made_is_waited_for(open_keyring: Opener) -> None:
    keyring = open_keyring()
    slots = keyring.create(session_id=SESSION, count=1)
    calls = 0
    keyring.masters.add(above=1)

    def pairs() -> list[tuple[int, UUID]]:
        nonlocal calls
        calls += 1
        return [(slots[0], SESSION)] if calls > 1 else []

    started = time.monotonic()
    done = rotate(keyring, pairs, patience=20)
    assert (done.rewrapped, done.left, calls) == (1, 0, 2)
    assert time.monotonic() - started < 10


def test_a_key_named_for_the_wrong_chat_is_left_as_it_is(open_keyring: Opener) -> None:
    keyring = open_keyring()
    (slot,) = keyring.create(session_id=SESSION, count=1)
    key = keyring.open(session_id=SESSION, slot=slot)
    keyring.masters.add(above=1)
    assert keyring.rewrap(keys=[(slot, uuid4()), (slot + 7, SESSION)]) == 0
    assert keyring.open(session_id=SESSION, slot=slot) == key
    assert keyring.rewrap(keys=[(slot, SESSION)]) == 1
    assert keyring.rewrap(keys=[(slot, SESSION)]) == 0


def test_a_host_without_the_new_master_key_is_damaged_and_not_cleared(open_keyring: Opener, tmp_path: Path) -> None:
    keyring = open_keyring()
    (slot,) = keyring.create(session_id=SESSION, count=1)
    other = open_keyring(slots=1)
    old = (tmp_path / "keys" / "master.key").read_text()
    _rotate(keyring, [slot])
    new = (tmp_path / "keys" / "master.key").read_text()
    # Without it, and with another host's own key of the same number.
    for content in (old, old + f"docchat-master-key 2 {'cd' * 32}\n"):
        (tmp_path / "keys" / "master.key").write_text(content)
        with pytest.raises(KeyDamaged):
            other.open(session_id=SESSION, slot=slot)
        with pytest.raises(KeyDamaged):
            other.create(session_id=SESSION, count=1)
        with pytest.raises(KeyDamaged):
            other.rewrap(keys=[(slot, SESSION)])
        with pytest.raises(ConfigError, match="master key"):
            open_keyring(slots=1)
        other = open_keyring_before(other)
    (tmp_path / "keys" / "master.key").write_text(new)
    other.masters.numbers()
    assert other.open(session_id=SESSION, slot=slot)


def open_keyring_before(keyring: AnyKeyring) -> AnyKeyring:
    """The same server, as it was before it looked at the file."""
    keyring.masters._keys = {}
    return keyring


def test_a_setting_stands_for_the_file(open_keyring: Opener, tmp_path: Path) -> None:
    first, second = f"1:{'ab' * 32}", f"2:{'cd' * 32}"
    keyring = open_keyring(master_key=first)
    slots = keyring.create(session_id=SESSION, count=2)
    key = keyring.open(session_id=SESSION, slot=slots[0])
    assert not (tmp_path / "keys" / "master.key").exists()
    with pytest.raises(ConfigError, match="no newer key"):
        _rotate(keyring, slots)
    running = open_keyring(slots=1, master_key=f"{second}, {first}")
    assert running.create(session_id=SESSION, count=1)
    assert keyring.census().masters == {1: 3}  # the number in the keyring decides, not the highest
    with pytest.raises(ConfigError, match="master key"):
        open_keyring(slots=1, master_key=second)
    done = _rotate(open_keyring(slots=1, master_key=f"{second},{first}"), [*slots, slots[1] + 1])
    assert (done.number, done.rewrapped, done.left) == (2, 3, 0)
    assert open_keyring(slots=1, master_key=second).open(session_id=SESSION, slot=slots[0]) == key
    with pytest.raises(ConfigError, match="master key"):
        open_keyring(slots=1, master_key=first)


@pytest.mark.parametrize(
    "setting", ["secret", "1:", "1:abcd", "x:" + "ab" * 32, "0:" + "ab" * 32, "70000:" + "ab" * 32]
)
def test_a_setting_that_makes_no_sense_is_refused_and_not_repeated(setting: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        SlotKeyring(tmp_path, store_id=STORE, slots=0, master_key=setting)
    assert "DOCCHAT_MASTER_KEY" in refused.value.message
    assert not {"secret", "abcd", "ab" * 32} & set(refused.value.message.replace(":", " ").split())


def test_two_master_keys_of_one_number_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="differ"):
        MasterKeys(tmp_path / "master.key", f"1:{'ab' * 32},1:{'cd' * 32}").load_or_make(make=False)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cut=st.integers(0, 85))
def test_an_append_that_was_cut_off_is_passed_over(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_text(f"docchat-master-key 1 {'ab' * 32}\n" + f"docchat-master-key 2 {'cd' * 32}\n"[:cut])
    masters = MasterKeys(path)
    masters.load_or_make(make=False)
    whole = cut >= 85
    assert masters.numbers() == ((1, 2) if whole else (1,))
    assert masters.add(above=1) == (3 if whole else 2)
    assert masters.numbers() == ((1, 2, 3) if whole else (1, 2))
    assert masters.retire(below=masters.numbers()[-1]) == (2 if whole else 1)
    assert "ab" * 32 not in path.read_text()


def test_a_master_key_is_said_to_be_precious_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        SlotKeyring(tmp_path / "keys", store_id=STORE, slots=0)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert "keys/master.key" in said[0]
    assert "loses every chat" in said[0]
    assert str(tmp_path) not in said[0]
