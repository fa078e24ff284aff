"""Clearing many chats: counted, all unreadable in the answer, one receipt, finished through a kill; and retention."""

import time
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from docchat.db.schema import chat_session, job, message
from docchat.errors import Cleared, StoreUnavailable
from docchat.jobs.queue import Job
from docchat.keys.keyring import SlotState
from docchat.sessions import bulk as bulk_clearing
from docchat.sessions.retention import Retention
from docchat.sessions.shredder import Shredder
from docchat.sessions.sql_bulk import BulkScope
from docchat.types import Draft, ReceiptState, new_id, utc_now

from .conftest import House, build

ALL = BulkScope(everything=True)


def fill(house: House, number: int, *, owner: str = "ada", messages: int = 2) -> list[UUID]:
    made = []
    for _ in range(number):
        session = house.store.create(owner=owner, title="a title")
        house.store.append(owner=owner, session_id=session.id, drafts=[Draft("user", "said")] * messages)
        made.append(session.id)
    return made


def living(house: House, owner: str = "ada") -> list[UUID]:
    return [session.id for session in house.store.list(owner=owner, limit=100).items]


def count(house: House) -> int:
    with house.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(message)).scalar_one())


def test_all_chats_of_an_owner_and_nobody_elses(house: House) -> None:
    mine, theirs = fill(house, 5), fill(house, 2, owner="bob")
    found = house.bulk.count(owner="ada", scope=ALL)
    assert (found.sessions, found.messages) == (5, 10)
    written = house.bulk.clear(owner="ada", scope=ALL)
    assert (written.action, written.state, written.session_id) == ("bulk", ReceiptState.DONE, None)
    assert written.counts == {"sessions": 5, "messages": 10, "titles": 5, "running_answers": 0}
    assert house.clearing.receipt(owner="ada", receipt_id=written.id) == written
    for session_id in mine:
        with pytest.raises(Cleared):
            house.store.messages(owner="ada", session_id=session_id)
        slots = house.graves.find(owner="ada", session_id=session_id).slots.all()
        assert house.keyring.states(slots=slots) == (SlotState.DESTROYED,) * 2
    assert sorted(living(house, "bob")) == sorted(theirs)
    house.worker.run_due()
    assert count(house) == 4
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(job)).scalar_one() == 0
    again = house.bulk.clear(owner="ada", scope=ALL)
    assert (again.state, again.counts["sessions"]) == (ReceiptState.DONE, 0)


def test_a_selection_leaves_the_others_and_takes_no_foreign_one(house: House) -> None:
    mine, theirs = fill(house, 4), fill(house, 1, owner="bob")
    scope = BulkScope(session_ids=(mine[0], mine[2], mine[2], theirs[0], new_id()))
    assert house.bulk.count(owner="ada", scope=scope).sessions == 2
    assert house.bulk.clear(owner="ada", scope=scope).counts["sessions"] == 2
    assert sorted(living(house)) == sorted([mine[1], mine[3]])
    assert living(house, "bob") == theirs
    assert house.bulk.count(owner="ada", scope=BulkScope()).sessions == 0  # nothing is chosen


def test_chats_that_were_not_written_to_for_long(house: House) -> None:
    old, new = fill(house, 2), fill(house, 1)
    with house.database.write() as connection:
        long_ago = utc_now() - timedelta(days=31)
        connection.execute(update(chat_session).where(chat_session.c.id.in_(old)).values(updated_at=long_ago))
    scope = BulkScope(before=utc_now() - timedelta(days=30))
    assert house.bulk.count(owner="ada", scope=scope).sessions == 2
    house.bulk.clear(owner="ada", scope=scope)
    assert living(house) == new


def test_a_chat_that_is_made_meanwhile_is_not_meant(house: House) -> None:
    fill(house, 2)
    receipt_id = house.bulk.rows.begin(owner="ada", scope=ALL, undo_seconds=0.0)
    later = fill(house, 1)
    job_of_it = Job(0, "bulk", str(receipt_id), 1, new_id())
    house.bulk.finish(job_of_it, lambda: None)
    assert living(house) == later


@pytest.mark.parametrize("stage", ["begin", "next_batch", "bury", "end"])
def test_a_bulk_clear_is_finished_after_a_kill_at_any_stage(
    house: House, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    fill(house, 7)
    monkeypatch.setattr("docchat.sessions.sql_bulk._BATCH", 2)
    monkeypatch.setattr("docchat.sessions.bulk.BUDGET_SECONDS", 60.0)  # all of it here, however busy the machine is

    class Killed(BaseException):
        pass

    calls = []

    def die(real: object) -> object:
        def verb(*arguments: object, **values: object) -> object:
            calls.append(1)
            if stage != "begin" and len(calls) < (1 if stage == "end" else 2):
                return real(*arguments, **values)  # type: ignore[operator]
            if stage == "begin":
                real(*arguments, **values)  # type: ignore[operator]
            raise Killed

        return verb

    with monkeypatch.context() as dying:
        dying.setattr(house.bulk.rows, stage, die(getattr(house.bulk.rows, stage)))
        with pytest.raises(Killed):
            house.bulk.clear(owner="ada", scope=ALL)
    with house.database.write() as connection:
        connection.execute(update(job).where(job.c.kind == "bulk").values(run_at=utc_now()))
    other = build(house.database, house.keyring)  # another process
    other.worker.run_due()
    other.worker.run_due()
    assert living(house) == []
    assert count(house) == 0
    with house.database.read() as connection:
        (row,) = connection.execute(select(chat_session.c.receipt_id).distinct()).all()
    written = house.clearing.receipt(owner="ada", receipt_id=row.receipt_id)
    assert (written.state, written.counts["sessions"], written.counts["messages"]) == (ReceiptState.DONE, 7, 14)
    assert house.audit.disagreements() == []


def test_more_than_a_request_may_take_goes_on_in_the_background(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(house, 6)
    monkeypatch.setattr("docchat.sessions.sql_bulk._BATCH", 2)
    monkeypatch.setattr(bulk_clearing, "BUDGET_SECONDS", 0.0)
    written = house.bulk.clear(owner="ada", scope=ALL)
    assert (written.state, written.counts["sessions"]) == (ReceiptState.RUNNING, 2)
    assert len(living(house)) == 4  # said so: it is not done yet
    house.bulk.finish(Job(0, "bulk", str(written.id), 1, new_id()), lambda: None)
    assert house.clearing.receipt(owner="ada", receipt_id=written.id).state is ReceiptState.DONE
    assert living(house) == []


def test_a_database_that_goes_away_is_never_a_success(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(house, 2)

    def away(*arguments: object, **values: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(house.bulk.rows, "bury", away)
        written = house.bulk.clear(owner="ada", scope=ALL)
    assert (written.state, written.counts["sessions"]) == (ReceiptState.RUNNING, 0)
    house.bulk.finish(Job(0, "bulk", str(written.id), 1, new_id()), lambda: None)
    assert house.clearing.receipt(owner="ada", receipt_id=written.id).state is ReceiptState.DONE
    assert house.audit.disagreements() == []


def test_a_bulk_clear_can_be_undone(house: House) -> None:
    patient = build(house.database, house.keyring, undo_seconds=600.0)
    mine = fill(patient, 3)
    written = patient.bulk.clear(owner="ada", scope=ALL)
    assert written.state is ReceiptState.PENDING
    assert written.undo_until is not None
    assert living(patient) == []
    assert patient.audit.disagreements() == []
    patient.clearing.undo(owner="ada", receipt_id=written.id)
    assert sorted(living(patient)) == sorted(mine)
    again = patient.bulk.clear(owner="ada", scope=ALL)
    assert patient.settling.settle_all() == 1
    patient.worker.run_due()
    assert patient.clearing.receipt(owner="ada", receipt_id=again.id).state is ReceiptState.DONE
    assert count(patient) == 0


def test_ten_thousand_chats_are_answered_within_a_second_or_said_to_go_on(house: House) -> None:
    """Built below the API; a tenth of it on PostgreSQL, whose test server shares two cores."""
    number = 10_000 if house.database.is_sqlite else 1_000
    now = utc_now()
    rows = []
    for _ in range(number // 50):
        for slot in house.keyring.create(session_id=new_id(), count=50):
            rows.append({"id": new_id(), "owner": "ada", "meta_slot": slot, "created_at": now, "updated_at": now})
    with house.database.write() as connection:
        connection.execute(chat_session.insert(), rows)
    start = time.monotonic()
    written = house.bulk.clear(owner="ada", scope=ALL)
    assert time.monotonic() - start < 3.0  # the figure itself is measured by the benchmark
    if written.state is ReceiptState.RUNNING:
        house.bulk.finish(Job(0, "bulk", str(written.id), 1, new_id()), lambda: None)
    assert house.clearing.receipt(owner="ada", receipt_id=written.id).counts["sessions"] == number
    assert set(house.keyring.states(slots=[row["meta_slot"] for row in rows])) == {SlotState.DESTROYED}  # type: ignore[misc]


@pytest.mark.parametrize(("days", "idle_days", "left"), [(10, 0, 1), (0, 10, 2), (0, 0, 3), (5, 5, 1)])
def test_retention_by_age_and_by_idle_time(house: House, days: float, idle_days: float, left: int) -> None:
    """One chat is old and idle, one old but in use, one new."""
    idle, used, _ = fill(house, 3)
    ago = utc_now() - timedelta(days=11)
    with house.database.write() as connection:
        old = update(chat_session).where(chat_session.c.id.in_([idle, used]))
        connection.execute(old.values(created_at=ago))
        connection.execute(update(chat_session).where(chat_session.c.id == idle).values(updated_at=ago))
    retention = Retention(house.graves, Shredder(house.keyring, undo_seconds=600.0), days, idle_days)
    retention.sweep(Job(0, "retention", "all", 1, new_id()), lambda: None)
    assert len(living(house)) == left
    house.worker.run_due()
    assert count(house) == 2 * left
    with house.database.read() as connection:
        gone = select(chat_session.c.receipt_id).where(chat_session.c.cleared_at.is_not(None))
        for receipt_id in connection.execute(gone).scalars():
            written = house.clearing.receipt(owner="ada", receipt_id=receipt_id)
            assert (written.action, written.state, written.counts["messages"]) == ("expire", ReceiptState.DONE, 2)
