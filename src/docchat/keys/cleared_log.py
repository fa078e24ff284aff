"""The log of clears: which slots of a store were destroyed. No key and no content; it may lie beside any backup.

When old keys are put back together with old content, applying it makes unreadable again what was cleared since.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from ..errors import InvalidInput
from .keyring import Keyring, SlotState

_MAGIC = b"docchat-clears-1 "
_BATCH = 10_000
_MOST = 1 << 62

Range = tuple[int, int]
"""First and last slot of a run, both included."""


@dataclass(frozen=True, slots=True)
class ClearedLog:
    """The destroyed slots of one store, as ascending ranges that do not touch."""

    store_id: UUID
    handed_out: int
    destroyed: tuple[Range, ...]

    @classmethod
    def of(cls, keyring: Keyring, *, store_id: UUID) -> "ClearedLog":
        """What the keyring says now."""
        handed_out = keyring.handed_out()
        found = (
            (slot, slot)
            for batch in _batches([(0, handed_out - 1)])
            for slot, state in zip(batch, keyring.states(slots=batch), strict=True)
            if state is SlotState.DESTROYED
        )
        return cls(store_id, handed_out, tuple(_joined(found)))

    def dump(self) -> bytes:
        """One line of text, the first word of which is a checksum of the rest."""
        content = {"store_id": str(self.store_id), "handed_out": self.handed_out, "destroyed": self.destroyed}
        body = json.dumps(content, separators=(",", ":")).encode("ascii")
        return _MAGIC + hashlib.sha256(body).hexdigest().encode("ascii") + b" " + body + b"\n"

    @classmethod
    def load(cls, data: bytes) -> "ClearedLog":
        """What `dump` wrote. Raises InvalidInput when it is damaged or something else."""
        checksum, _, body = data.removeprefix(_MAGIC).rstrip(b"\n").partition(b" ")
        if not data.startswith(_MAGIC) or hashlib.sha256(body).hexdigest().encode("ascii") != checksum:
            raise InvalidInput("This is no log of clears, or it is damaged.", code="log_damaged")
        try:
            content = json.loads(body)
            log = cls(
                UUID(content["store_id"]),
                int(content["handed_out"]),
                tuple((int(first), int(last)) for first, last in content["destroyed"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInput("This log of clears is damaged.", code="log_damaged") from error
        bounds = [bound for run in log.destroyed for bound in run]
        in_order = all(first <= last for first, last in log.destroyed) and bounds == sorted(bounds)
        if not in_order or not 0 <= min(bounds, default=0) <= max(bounds, default=-1) + 1 <= log.handed_out <= _MOST:
            raise InvalidInput("This log of clears is damaged.", code="log_damaged")
        return log

    def merge(self, other: "ClearedLog") -> "ClearedLog":
        """What either of them knows. Raises InvalidInput for the log of another store."""
        if other.store_id != self.store_id:
            raise InvalidInput("This log of clears belongs to another store.", code="log_foreign")
        handed_out = max(self.handed_out, other.handed_out)
        return ClearedLog(self.store_id, handed_out, tuple(_joined(sorted(self.destroyed + other.destroyed))))

    def apply(self, keyring: Keyring) -> int:
        """Destroy what was cleared, and hand out no number again that ever was; how many keys were still there.

        Slots that the keyring never had are marked as destroyed too: what they sealed was cleared, and is no damage.
        """
        keyring.reserve(slots=self.handed_out)
        brought_back = 0
        for batch in _batches(self.destroyed):
            states = keyring.states(slots=batch)
            brought_back += sum(state in (SlotState.LIVE, SlotState.SUSPENDED) for state in states)
            keyring.destroy(slots=batch)
        return brought_back


def _batches(ranges: Iterable[Range]) -> Iterator[list[int]]:
    """Every slot of the ranges, many at a time."""
    batch: list[int] = []
    for first, last in ranges:
        for start in range(first, last + 1, _BATCH):
            batch.extend(range(start, min(start + _BATCH, last + 1)))
            if len(batch) >= _BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _joined(ranges: Iterable[Range]) -> Iterator[Range]:
    """Ascending ranges with those that touch or overlap made one."""
    current: Range | None = None
    for first, last in ranges:
        if current is not None and first <= current[1] + 1:
            current = (current[0], max(current[1], last))
            continue
        if current is not None:
            yield current
        current = (first, last)
    if current is not None:
        yield current
