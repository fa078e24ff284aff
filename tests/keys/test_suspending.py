"""Withholding keys and giving them back, on every keyring."""

from pathlib import Path
from uuid import uuid4

import pytest

from docchat.errors import Cleared, KeyDamaged
from docchat.keys.keyring import SlotState

from .conftest import Opener

SESSION = uuid4()


def test_a_suspended_key_reads_as_cleared_until_it_is_resumed(open_keyring: Opener) -> None:
    keyring = open_keyring()
    slots = keyring.create(session_id=SESSION, count=2)
    key = keyring.open(session_id=SESSION, slot=slots[0])
    keyring.suspend(slots=slots)
    keyring.suspend(slots=slots)
    other = open_keyring(slots=1)
    assert other.states(slots=slots) == (SlotState.SUSPENDED,) * 2
    with pytest.raises(Cleared):
        other.open(session_id=SESSION, slot=slots[0])
    other.resume(slots=slots)
    other.resume(slots=slots)
    assert keyring.states(slots=slots) == (SlotState.LIVE,) * 2
    assert keyring.open(session_id=SESSION, slot=slots[0]) == key


def test_a_destroyed_key_is_neither_suspended_nor_resumed(open_keyring: Opener) -> None:
    keyring = open_keyring()
    slots = keyring.create(session_id=SESSION, count=3)
    keyring.suspend(slots=slots[:2])
    keyring.destroy(slots=slots[1:2])
    keyring.suspend(slots=slots)
    assert keyring.states(slots=slots) == (SlotState.SUSPENDED, SlotState.DESTROYED, SlotState.SUSPENDED)
    with pytest.raises(Cleared):
        keyring.resume(slots=slots)
    assert keyring.states(slots=slots) == (SlotState.SUSPENDED, SlotState.DESTROYED, SlotState.SUSPENDED)


def test_a_hole_is_neither_suspended_nor_resumed(open_keyring: Opener) -> None:
    keyring = open_keyring()
    slots = keyring.create(session_id=SESSION, count=1)
    for verb in (keyring.suspend, keyring.resume):
        with pytest.raises(KeyDamaged):
            verb(slots=(slots[0], 999))
        verb(slots=())
    assert keyring.states(slots=slots) == (SlotState.LIVE,)


def test_numbers_that_are_reserved_are_never_handed_out(open_keyring: Opener, tmp_path: Path) -> None:
    keyring = open_keyring()
    assert keyring.handed_out() == 0
    first = keyring.create(session_id=SESSION, count=2)
    assert keyring.handed_out() == max(first) + 1
    keyring.reserve(slots=200)
    keyring.reserve(slots=100)
    assert open_keyring(slots=200).handed_out() == 200
    assert keyring.states(slots=(150, 199)) == (SlotState.HOLE,) * 2
    assert min(keyring.create(session_id=SESSION, count=2)) >= 200
