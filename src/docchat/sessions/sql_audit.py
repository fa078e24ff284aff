"""Whether rows and keys agree: what crashes, full disks and restored backups leave, found by walking all sessions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, or_, select, text

from ..db.engine import Database
from ..db.schema import chat_session, job, receipt
from ..keys.keyring import CLEARED, Keyring, SlotState
from ..types import Action, ReceiptState, utc_now
from .sql_graves import Grave, grave_of
from .sql_rows import SessionRow, slots_of

_BATCH = 5000
_ORPHAN_AGE = timedelta(minutes=10)
# Numbers and times only: the walk reads no titles.
_WALK = (
    select(
        *(
            chat_session.c[name]
            for name in ("no", "id", "owner", "meta_slot", "history_slot", "cleared_at", "receipt_id")
        )
    )
    .where(
        chat_session.c.no > bindparam("after"),
        or_(chat_session.c.meta_slot.is_not(None), chat_session.c.history_slot.is_not(None)),
    )
    .order_by(chat_session.c.no)
    .limit(_BATCH)
)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A session whose rows and keys do not agree: `slots` are to be destroyed, its rows treated as `action` says.

    None: the rows are gone already, and only the keys are still there.
    """

    grave: Grave
    slots: tuple[int, ...]
    action: Action | None


class SqlAudit:
    """Walks sessions and keys, in batches; memory is bounded by what is found."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    def disagreements(self) -> list[Disagreement]:
        """Clears that were cut short after a key was withheld, and keys that live on though their chat is cleared."""
        found: list[Disagreement] = []
        for rows, states in self._walk():
            for row in rows:
                slots = slots_of(row).all()
                item = _disagreement(row, slots, tuple(states[slot] for slot in slots))
                if item is not None:
                    found.append(item)
        waiting = self._pending([item.grave.session_id for item in found if item.action is None])
        return [item for item in found if item.grave.session_id not in waiting]

    def unburied(self) -> int:
        """How many clears were cut short: a key is withheld, the rows are there."""
        return sum(item.action is not None for item in self.disagreements())

    def undead(self) -> int:
        """How many sessions are cleared though a key of theirs is still there."""
        return sum(item.action is None for item in self.disagreements())

    def damaged(self) -> list[UUID]:
        """Live sessions of which a key is missing: damage, which nothing here repairs."""
        return [
            row.id
            for rows, states in self._walk()
            for row in rows
            if row.cleared_at is None and SlotState.HOLE in [states[slot] for slot in slots_of(row).all()]
        ]

    def orphan_keys(self) -> list[int]:
        """Slots whose key is there and that no session names."""
        handed_out = self._keyring.handed_out()
        orphans = set(self._present(range(handed_out)))
        for slots in self._named():
            orphans.difference_update(slots)
        return sorted(orphans)

    def sweep_keys(self) -> int:
        """Destroy the keys that no session names and that are older than ten minutes; how many they were.

        Looked at again while no session can get a key: what is just being made is never swept.
        """
        candidates = self.orphan_keys()
        ages = self._keyring.made_at(slots=candidates)
        now = utc_now()
        old = {slot for slot, made in zip(candidates, ages, strict=True) if made + _ORPHAN_AGE < now}
        if not old:
            return 0
        with self._database.write() as connection:
            if not self._database.is_sqlite:
                connection.execute(text("LOCK TABLE chat_session IN SHARE ROW EXCLUSIVE MODE"))
            for slots in self._named():
                old.difference_update(slots)
            self._keyring.destroy(slots=sorted(old))
        return len(old)

    def _walk(self) -> Iterator[tuple[Sequence[SessionRow], dict[int, SlotState]]]:
        """All sessions that have keys, with the state of each of their slots."""
        after = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(_WALK, {"after": after}).all()
            if not rows:
                return
            after = rows[-1].no
            slots = sorted(slot for row in rows for slot in (row.meta_slot, row.history_slot) if slot is not None)
            yield rows, dict(zip(slots, self._keyring.states(slots=slots), strict=True))

    def _named(self) -> Iterator[set[int]]:
        """The slots that sessions name, in batches, and those of histories whose clear can still be undone."""
        for rows, states in self._walk():
            del rows
            yield set(states)
        query = select(receipt.c.scope).where(receipt.c.id == bindparam("by"), receipt.c.state == ReceiptState.PENDING)
        with self._database.read() as connection:
            for subject in connection.execute(select(job.c.subject).where(job.c.kind == "settle")).scalars().all():
                scope = connection.execute(query, {"by": UUID(subject)}).scalar_one_or_none()
                yield set((scope or {}).get("slots", ()))

    def _present(self, slots: range) -> Iterator[int]:
        for start in range(0, len(slots), _BATCH):
            some = slots[start : start + _BATCH]
            states = self._keyring.states(slots=some)
            yield from (slot for slot, state in zip(some, states, strict=True) if state in _PRESENT)

    def _pending(self, session_ids: Sequence[UUID]) -> set[UUID]:
        """Those sessions whose clear can still be undone: their keys are only withheld, and meant to be."""
        pending: set[UUID] = set()
        query = (
            select(chat_session.c.id)
            .join(receipt, receipt.c.id == chat_session.c.receipt_id)
            .where(receipt.c.state.in_((ReceiptState.PENDING, ReceiptState.RUNNING)))
        )
        for start in range(0, len(session_ids), _BATCH):
            some = query.where(chat_session.c.id.in_(session_ids[start : start + _BATCH]))
            with self._database.read() as connection:
                pending.update(connection.execute(some).scalars())
        return pending


_PRESENT = frozenset((SlotState.LIVE, SlotState.SUSPENDED))


def _disagreement(row: SessionRow, slots: tuple[int, ...], states: tuple[SlotState, ...]) -> Disagreement | None:
    if row.cleared_at is not None:
        present = tuple(slot for slot, state in zip(slots, states, strict=True) if state in _PRESENT)
        return Disagreement(grave_of(row), present, None) if present else None
    if CLEARED.isdisjoint(states):
        return None
    if row.meta_slot is not None and states[0] in CLEARED:
        return Disagreement(grave_of(row), slots, "clear")
    return Disagreement(grave_of(row), slots[1:], "history")
