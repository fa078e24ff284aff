"""The log of clears: what it remembers, what it refuses, and that it brings old keys up to date."""

import shutil
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docchat.errors import Cleared, InvalidInput
from docchat.keys.cleared_log import ClearedLog
from docchat.keys.keyring import SlotState
from docchat.keys.slots import SlotKeyring

from .conftest import STORE, Opener

SESSION = uuid4()
_slots = st.sets(st.integers(0, 60), max_size=40)


def _log(slots: set[int], handed_out: int = 61) -> ClearedLog:
    ranges = tuple((slot, slot) for slot in sorted(slots))
    return ClearedLog(STORE, handed_out, ()).merge(ClearedLog(STORE, 0, ranges))


def _members(log: ClearedLog) -> set[int]:
    return {slot for first, last in log.destroyed for slot in range(first, last + 1)}


@given(_slots, _slots)
def test_merging_is_the_union_in_ranges_that_do_not_touch(one: set[int], other: set[int]) -> None:
    merged = _log(one).merge(_log(other, 99))
    assert _members(merged) == one | other
    assert merged.handed_out == 99
    pairs = zip(merged.destroyed, merged.destroyed[1:], strict=False)
    assert all(last + 1 < first for (_, last), (first, _) in pairs)
    assert ClearedLog.load(merged.dump()) == merged


@given(_slots, st.data())
def test_a_damaged_log_is_refused(slots: set[int], data: st.DataObject) -> None:
    dump = bytearray(_log(slots).dump())
    place = data.draw(st.integers(0, len(dump) - 2))  # all but the end of the line
    dump[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidInput):
        ClearedLog.load(bytes(dump))
    with pytest.raises(InvalidInput):
        ClearedLog.load(bytes(_log(slots).dump()[:place]))


@pytest.mark.parametrize("ranges", [((5, 3),), ((0, 99),), ((-1, 2),), ((4, 6), (1, 2))])
def test_ranges_that_make_no_sense_are_refused(ranges: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(InvalidInput):
        ClearedLog.load(ClearedLog(STORE, 61, ranges).dump())


def test_a_log_of_another_store_is_not_merged() -> None:
    with pytest.raises(InvalidInput, match="another store"):
        _log({1}).merge(ClearedLog(uuid4(), 5, ()))


def test_the_log_names_what_was_destroyed_and_nothing_else(open_keyring: Opener) -> None:
    keyring = open_keyring()
    slots = keyring.create(session_id=SESSION, count=9)
    keyring.destroy(slots=slots[1:4])
    keyring.destroy(slots=slots[6:7])
    keyring.suspend(slots=slots[7:8])
    log = ClearedLog.of(keyring, store_id=STORE)
    assert log == ClearedLog(STORE, slots[-1] + 1, ((slots[1], slots[3]), (slots[6], slots[6])))
    assert ClearedLog.load(log.dump()) == log


def test_an_empty_keyring_has_an_empty_log(open_keyring: Opener) -> None:
    log = ClearedLog.of(open_keyring(), store_id=STORE)
    assert log == ClearedLog(STORE, 0, ())
    assert ClearedLog.load(log.dump()).apply(open_keyring()) == 0


def test_old_keys_are_brought_up_to_date(tmp_path: Path) -> None:
    keyring = SlotKeyring(tmp_path / "keys", store_id=STORE, slots=0)
    first = keyring.create(session_id=SESSION, count=4)
    keyring.suspend(slots=first[2:3])
    shutil.copytree(tmp_path / "keys", tmp_path / "old")
    second = keyring.create(session_id=SESSION, count=2)
    keyring.destroy(slots=(*first[:3], second[0]))
    log = ClearedLog.of(keyring, store_id=STORE)

    old = SlotKeyring(tmp_path / "old", store_id=STORE, slots=0)
    assert log.apply(old) == 3
    gone = (SlotState.DESTROYED,) * 3
    assert old.states(slots=(*first, *second)) == (*gone, SlotState.LIVE, SlotState.DESTROYED, SlotState.HOLE)
    assert min(old.create(session_id=SESSION, count=1)) > max(second)
    assert log.apply(old) == 0


def test_a_log_marks_slots_the_keyring_never_had(open_keyring: Opener) -> None:
    keyring = open_keyring()
    slots = keyring.create(session_id=SESSION, count=2)
    lost = slots[1] + 3
    log = ClearedLog(STORE, lost + 5, ((slots[0], slots[0]), (lost, lost)))
    assert log.apply(keyring) == 1
    assert keyring.states(slots=(*slots, lost, lost + 1)) == (
        SlotState.DESTROYED,
        SlotState.LIVE,
        SlotState.DESTROYED,
        SlotState.HOLE,
    )
    with pytest.raises(Cleared):
        keyring.open(session_id=SESSION, slot=lost)
    assert keyring.handed_out() == lost + 5
