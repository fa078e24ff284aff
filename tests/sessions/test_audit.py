"""Rows and keys agree: what is found when they do not, what is swept, and what is damage and stays."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from docchat.db.schema import chat_session
from docchat.errors import KeyDamaged
from docchat.keys.keyring import SlotState
from docchat.types import Draft, new_id, utc_now

from .conftest import House


def fill(house: House) -> tuple[UUID, tuple[int, ...]]:
    session = house.store.create(owner="ada", title="a title")
    house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "said")])
    return session.id, house.graves.find(owner="ada", session_id=session.id).slots.all()


def test_a_healthy_store_has_nothing_to_report(house: House) -> None:
    first, _ = fill(house)
    fill(house)
    house.clearing.clear(owner="ada", session_id=first)
    assert house.audit.disagreements() == []
    assert house.audit.orphan_keys() == []
    assert house.audit.damaged() == []
    assert house.audit.sweep_keys() == 0


def test_a_cleared_row_whose_keys_came_back_is_cleared_again(house: House) -> None:
    """Old keys were restored over newer rows: the row says cleared, the key is live."""
    kept, _ = fill(house)
    back, slots = fill(house)
    with house.database.write() as connection:
        gone = update(chat_session).where(chat_session.c.id == back)
        connection.execute(gone.values(cleared_at=chat_session.c.created_at, receipt_id=new_id()))
    assert (house.audit.undead(), house.audit.unburied()) == (1, 0)
    assert house.clearing.reconcile(patience=0.0) == 1
    assert house.keyring.states(slots=slots) == (SlotState.DESTROYED,) * 2
    assert house.store.get(owner="ada", session_id=kept).title == "a title"
    assert house.audit.undead() == 0


def test_a_hole_is_damage_and_never_swept(house: House) -> None:
    session_id, _ = fill(house)
    with house.database.write() as connection:
        lost = house.keyring.handed_out() + 1000
        connection.execute(update(chat_session).values(history_slot=lost))
    assert house.audit.damaged() == [session_id]
    assert house.audit.disagreements() == []
    assert house.clearing.reconcile(patience=0.0) == 0
    with pytest.raises(KeyDamaged):
        house.store.messages(owner="ada", session_id=session_id)
    assert house.store.get(owner="ada", session_id=session_id).title == "a title"


def test_keys_that_no_chat_names_are_swept_when_they_are_old(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _, named = fill(house)
    orphans = house.keyring.create(session_id=new_id(), count=2)
    assert house.audit.orphan_keys() == list(orphans)
    assert house.audit.sweep_keys() == 0  # younger than ten minutes: its chat may be on the way
    assert house.keyring.states(slots=orphans) == (SlotState.LIVE,) * 2
    monkeypatch.setattr("docchat.sessions.sql_audit.utc_now", lambda: utc_now() + timedelta(minutes=12))
    assert house.audit.sweep_keys() == 2
    assert house.keyring.states(slots=orphans) == (SlotState.DESTROYED,) * 2
    assert house.keyring.states(slots=named) == (SlotState.LIVE,) * 2
    assert house.audit.orphan_keys() == []
