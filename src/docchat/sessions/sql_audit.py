"""Whether rows and keys agree: what crashes, full disks and restored backups leave, found by walking all sessions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, bindparam, or_, select, text, type_coerce

from ..db.engine import Database
from ..db.schema import chat_model, chat_session, job, receipt
from ..keys.keyring import CLEARED, Keyring, SlotState
from ..types import Action, ReceiptState, utc_now
from .sql_graves import Grave, grave_of
from .sql_rows import SessionRow, slots_of

_BATCH = 5000
_ORPHAN_AGE = timedelta(minutes=10)
# Numbers only, and nothing to convert: the walk passes every chat there ever was.
_WALK = (
    select(
        chat_session.c.no,
        chat_session.c.meta_slot,
        chat_session.c.history_slot,
        type_coerce(chat_session.c.cleared_at.is_not(None), Integer).label("cleared"),
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
            nos = [
                no for no, meta, history, cleared in rows if _disagree(states.get(meta), states.get(history), cleared)
            ]
            if nos:
                found += self._looked_at(nos, states)
        return found

    def unburied(self) -> int:
        """How many clears were cut short: a key is withheld, the rows are there."""
        return sum(item.action is not None for item in self.disagreements())

    def undead(self) -> int:
        """How many sessions are cleared though a key of theirs is still there."""
        return sum(item.action is None for item in self.disagreements())

    def damaged(self) -> list[UUID]:
        """Live sessions of which a key is missing: damage, which nothing here repairs."""
        found: list[UUID] = []
        for rows, states in self._walk():
            nos = [
                no
                for no, meta, history, cleared in rows
                if not cleared and SlotState.HOLE in (states.get(meta), states.get(history))
            ]
            if nos:
                with self._database.read() as connection:
                    query = select(chat_session.c.id).where(chat_session.c.no.in_(nos))
                    found += connection.execute(query).scalars()
        return found

    def orphan_keys(self) -> list[int]:
        """Slots whose key is there and that neither a session nor a model names."""
        handed_out = self._keyring.handed_out()
        orphans = set(self._present(range(handed_out)))
        for slots in self._named():
            orphans.difference_update(slots)
        return sorted(orphans)

    def sweep_keys(self) -> int:
        """Destroy the keys that no session or model names and that are older than ten minutes; how many they were.

        Looked at again while nothing can get a key: what is just being made is never swept.
        """
        candidates = self.orphan_keys()
        ages = self._keyring.made_at(slots=candidates)
        now = utc_now()
        old = {slot for slot, made in zip(candidates, ages, strict=True) if made + _ORPHAN_AGE < now}
        if not old:
            return 0
        with self._database.write() as connection:
            if not self._database.is_sqlite:
                connection.execute(text("LOCK TABLE chat_session, chat_model IN SHARE ROW EXCLUSIVE MODE"))
            for slots in self._named():
                old.difference_update(slots)
            self._keyring.destroy(slots=sorted(old))
        return len(old)

    def _walk(self) -> Iterator[tuple[Sequence[Any], dict[int | None, SlotState]]]:
        """All sessions that have keys, as (no, meta slot, history slot, cleared), with the state of each slot."""
        after = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(_WALK, {"after": after}).all()
            if not rows:
                return
            after = rows[-1].no
            slots = [row[1] for row in rows if row[1] is not None] + [row[2] for row in rows if row[2] is not None]
            slots.sort()
            yield rows, dict(zip(slots, self._keyring.states(slots=slots), strict=True))

    def _looked_at(self, nos: Sequence[int], states: dict[int | None, SlotState]) -> list[Disagreement]:
        """What is to be done about these sessions; nothing about those whose clear can still be undone."""
        query = (
            select(chat_session, receipt.c.state.label("receipt_state"))
            .outerjoin(receipt, receipt.c.id == chat_session.c.receipt_id)
            .where(chat_session.c.no.in_(nos))
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        found = (
            _disagreement(row, tuple(states.get(slot, SlotState.HOLE) for slot in slots_of(row).all()))
            for row in rows
            if row.receipt_state not in (ReceiptState.PENDING, ReceiptState.RUNNING)
        )
        return [item for item in found if item is not None]

    def _named(self) -> Iterator[set[int]]:
        """The slots that sessions name, in batches, that histories whose clear can be undone do, and models."""
        for _, states in self._walk():
            yield {slot for slot in states if slot is not None}
        query = select(receipt.c.scope).where(receipt.c.id == bindparam("by"), receipt.c.state == ReceiptState.PENDING)
        with self._database.read() as connection:
            for subject in connection.execute(select(job.c.subject).where(job.c.kind == "settle")).scalars().all():
                scope = connection.execute(query, {"by": UUID(subject)}).scalar_one_or_none()
                yield set((scope or {}).get("slots", ()))
            yield set(connection.execute(select(chat_model.c.slot).where(chat_model.c.slot.is_not(None))).scalars())

    def _present(self, slots: range) -> Iterator[int]:
        for start in range(0, len(slots), _BATCH):
            some = slots[start : start + _BATCH]
            states = self._keyring.states(slots=some)
            yield from (slot for slot, state in zip(some, states, strict=True) if state in _PRESENT)


_PRESENT = frozenset((SlotState.LIVE, SlotState.SUSPENDED))


def _disagree(meta: SlotState | None, history: SlotState | None, cleared: int) -> bool:
    if cleared:
        return meta in _PRESENT or history in _PRESENT
    return meta in CLEARED or history in CLEARED


def _disagreement(row: SessionRow, states: tuple[SlotState, ...]) -> Disagreement | None:
    slots = slots_of(row).all()
    if row.cleared_at is not None:
        present = tuple(slot for slot, state in zip(slots, states, strict=True) if state in _PRESENT)
        return Disagreement(grave_of(row), present, None) if present else None
    if CLEARED.isdisjoint(states):
        return None
    if row.meta_slot is not None and states[0] in CLEARED:
        return Disagreement(grave_of(row), slots, "clear")
    return Disagreement(grave_of(row), (row.history_slot,), "history")
