"""The Keyring protocol: where session keys live, and the one act that makes a chat unreadable for ever."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Protocol
from uuid import UUID


class SlotState(IntEnum):
    """State of a key's slot. Only DESTROYED means cleared; a HOLE is damage, never read as cleared."""

    HOLE = 0
    LIVE = 1
    DESTROYED = 2
    SUSPENDED = 3


CLEARED = frozenset((SlotState.DESTROYED, SlotState.SUSPENDED))
"""The states in which a key is withheld from everyone: its session reads as cleared."""


class Keyring(Protocol):
    """Keeps 32-byte keys in numbered slots. Nobody caches what it returns.

    Raises StoreUnavailable when out of reach, KeyDamaged for a hole or a failed unwrap, StorageFull when
    a new key does not fit.
    """

    identity: UUID
    """Id of this keyring, made with it."""

    def create(self, *, session_id: UUID, count: int) -> tuple[int, ...]:
        """Make `count` new keys, durable before this returns; their slot numbers, never used before."""

    def open(self, *, session_id: UUID, slot: int) -> bytes:
        """The 32-byte key in `slot`. Raises Cleared when it is destroyed or suspended."""

    def states(self, *, slots: Sequence[int]) -> tuple[SlotState, ...]:
        """The state of each slot, in the order asked."""

    def destroy(self, *, slots: Sequence[int]) -> None:
        """Overwrite the keys in place, durably, before this returns; also where one is destroyed already."""

    def suspend(self, *, slots: Sequence[int]) -> None:
        """Withhold live keys from everyone, durably, until they are resumed or destroyed; a destroyed one stays so."""

    def resume(self, *, slots: Sequence[int]) -> None:
        """Make suspended keys live again, durably. Raises Cleared, and changes nothing, when one is destroyed."""

    def handed_out(self) -> int:
        """One more than the highest slot number ever handed out; 0 for none."""

    def made_at(self, *, slots: Sequence[int]) -> tuple[datetime, ...]:
        """When each live or suspended key was made, to the minute: its nonce begins with the minutes since 1970.

        (4 bytes, then 8 random ones; a rewrap keeps the minute.) 1970 for a hole or a destroyed slot.
        """

    def reserve(self, *, slots: int) -> None:
        """Hand out no number below `slots` from now on; those never made stay holes."""

    def rewrap(self, *, keys: Iterable[tuple[int, UUID]]) -> int:
        """Wrap each key of (slot, session id) under the newest master key, in place; how many were changed."""

    def rewrite(self) -> bool:
        """Take what is left of destroyed keys out of the files; False when something holds that up."""

    def close(self) -> None:
        """Give back what this process holds open."""
