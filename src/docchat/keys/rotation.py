"""Changing the master key: a new one, every session key wrapped under it in place, the old one retired.

Every step can be cut short and taken again: 1 the new key is stored beside the old one, 2 the keyring names it as the
current one (from here new keys use it), 3 each key is rewrapped, with both master keys valid, 4 when the keyring holds
no key under an older one, the old line of `master.key` is overwritten.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from uuid import UUID

from .keyring import Keyring, SlotState
from .master import MasterKeys

_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Census:
    """How many slots are in which state, and how many keys (live or suspended) each master key wraps."""

    states: Mapping[SlotState, int]
    masters: Mapping[int, int]

    @classmethod
    def of(cls, counts: Mapping[tuple[SlotState, int], int]) -> "Census":
        """From the number of slots by state and master key."""
        states: Counter[SlotState] = Counter()
        masters: Counter[int] = Counter()
        for (state, master), number in counts.items():
            states[state] += number
            if state in (SlotState.LIVE, SlotState.SUSPENDED):
                masters[master] += number
        return cls(states, masters)

    def under_older(self, master: int) -> int:
        """Number of keys under master keys with a lower number."""
        return sum(count for number, count in self.masters.items() if number < master)


@runtime_checkable
class RotatingKeyring(Keyring, Protocol):
    """A keyring that can say where its master keys stand."""

    masters: MasterKeys
    shared: bool
    """Whether other hosts, with a `master.key` of their own, may use it too."""

    def current_master(self) -> int:
        """Number of the master key that new keys are wrapped under."""

    def census(self) -> Census:
        """Every slot counted."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did. It is finished when no key is `left` and it is not `waiting`."""

    number: int
    """The new master key."""
    rewrapped: int = 0
    left: int = 0
    """Keys that are still under an older master key: nobody named them, or they are damaged."""
    retired: int = 0
    waiting: bool = False
    """The new master key was made, and has to be copied to the other hosts before it is used."""


def rotate(
    keyring: RotatingKeyring, pairs: Callable[[], Iterable[tuple[int, UUID]]], *, patience: float = 10.0
) -> Rotation:
    """Change to a new master key, or finish the change that was begun. `pairs` yields every (slot, session id).

    Keys that are not named yet (a chat that is just being made) are waited for, `patience` seconds long. Raises
    ConfigError when a newer key has to be put into the setting first.
    """
    current, numbers = keyring.current_master(), keyring.masters.numbers()
    if numbers[-1] <= current and not _is_unfinished(keyring, current, numbers):
        number = keyring.masters.add(above=current)
        if keyring.shared:
            return Rotation(number, waiting=True)
    deadline = time.monotonic() + patience
    rewrapped = keyring.rewrap(keys=pairs())
    current = keyring.current_master()
    while left := keyring.census().under_older(current):
        if time.monotonic() >= deadline:
            return Rotation(current, rewrapped, left)
        time.sleep(min(_PAUSE_SECONDS, patience))
        rewrapped += keyring.rewrap(keys=pairs())
    retired = keyring.masters.retire(below=current)
    return Rotation(current, rewrapped, retired=retired)


def _is_unfinished(keyring: RotatingKeyring, current: int, numbers: tuple[int, ...]) -> bool:
    """Whether a rotation was cut short: an old line that is not retired, or a key under an older master key."""
    old_line = not keyring.masters.from_setting and numbers[0] < current
    return old_line or keyring.census().under_older(current) > 0
