"""Any order of verbs against a model: what a key's state is, and that it opens as the same key or not at all."""

import tempfile
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from docchat.db.engine import Database
from docchat.errors import Cleared, KeyDamaged
from docchat.keys.cleared_log import ClearedLog
from docchat.keys.keyring import SlotState
from docchat.keys.rotation import rotate
from docchat.keys.slots import SlotKeyring
from docchat.keys.sql import SqlKeyring

from .conftest import STORE, AnyKeyring

SESSION = uuid4()


class KeyringMachine(RuleBasedStateMachine):
    """Two processes' worth of keyrings over the same files, and what they have to say."""

    slots = Bundle("slots")
    in_a_database = False

    @initialize()
    def open_both(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.states: dict[int, SlotState] = {}
        self.keys: dict[int, bytes] = {}
        self.reserved = 0
        self.one, self.other = self._open(), self._open()

    def _open(self) -> AnyKeyring:
        path = Path(self.directory.name)
        if not self.in_a_database:
            return SlotKeyring(path / "keys", store_id=STORE, slots=0)
        return SqlKeyring(Database(f"sqlite:///{path / 'keys.sqlite3'}"), path / "keys", store_id=STORE, slots=0)

    @rule(target=slots, count=st.integers(1, 3))
    def create(self, count: int) -> object:
        made = self.one.create(session_id=SESSION, count=count)
        assert min(made) >= self.reserved
        assert not set(made) & set(self.states)
        self.states.update(dict.fromkeys(made, SlotState.LIVE))
        self.keys.update({slot: self.other.open(session_id=SESSION, slot=slot) for slot in made})
        return multiple(*made)

    @rule(chosen=st.lists(slots, min_size=1, max_size=4))
    def destroy(self, chosen: list[int]) -> None:
        self.one.destroy(slots=chosen)
        self.states.update(dict.fromkeys(chosen, SlotState.DESTROYED))

    @rule(chosen=st.lists(slots, min_size=1, max_size=4))
    def suspend(self, chosen: list[int]) -> None:
        self.one.suspend(slots=chosen)
        for slot in chosen:
            if self.states[slot] is SlotState.LIVE:
                self.states[slot] = SlotState.SUSPENDED

    @rule(chosen=st.lists(slots, min_size=1, max_size=4))
    def resume(self, chosen: list[int]) -> None:
        if any(self.states[slot] is SlotState.DESTROYED for slot in chosen):
            with pytest.raises(Cleared):
                self.one.resume(slots=chosen)
            return
        self.one.resume(slots=chosen)
        self.states.update(dict.fromkeys(chosen, SlotState.LIVE))

    @rule(slots=st.integers(0, 40))
    def reserve(self, slots: int) -> None:
        self.other.reserve(slots=slots)
        self.reserved = max(self.reserved, slots)

    @rule()
    def change_the_master_key(self) -> None:
        done = rotate(self.one, lambda: [(slot, SESSION) for slot in self.states], patience=0)
        assert done.left == 0
        assert self.other.masters.numbers() == (done.number,)

    @rule(verb=st.sampled_from(["destroy", "suspend", "resume"]), known=st.booleans())
    def an_unknown_slot_changes_nothing(self, verb: str, known: bool) -> None:
        chosen = [100_000, *([min(self.states)] if known and self.states else [])]
        with pytest.raises(KeyDamaged):
            getattr(self.one, verb)(slots=chosen)

    @rule()
    def change_places(self) -> None:
        self.one.close()
        self.one, self.other = self.other, self._open()

    @invariant()
    def both_say_the_same(self) -> None:
        slots = sorted(self.states)
        for keyring in (self.one, self.other):
            assert keyring.states(slots=slots) == tuple(self.states[slot] for slot in slots)
        for slot, state in self.states.items():
            if state is SlotState.LIVE:
                assert self.other.open(session_id=SESSION, slot=slot) == self.keys[slot]
            else:
                with pytest.raises(Cleared):
                    self.other.open(session_id=SESSION, slot=slot)

    @invariant()
    def the_log_of_clears_is_right(self) -> None:
        log = ClearedLog.load(ClearedLog.of(self.other, store_id=STORE).dump())
        named = {slot for first, last in log.destroyed for slot in range(first, last + 1)}
        assert named == {slot for slot, state in self.states.items() if state is SlotState.DESTROYED}
        assert log.handed_out >= max([self.reserved, *(slot + 1 for slot in self.states)])

    def teardown(self) -> None:
        if hasattr(self, "directory"):
            self.one.close()
            self.other.close()
            self.directory.cleanup()


class SqlKeyringMachine(KeyringMachine):
    """The same over SQLite."""

    in_a_database = True


_steps = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestSlots = KeyringMachine.TestCase
TestSlots.settings = _steps
TestSql = SqlKeyringMachine.TestCase
TestSql.settings = settings(_steps, max_examples=10)
