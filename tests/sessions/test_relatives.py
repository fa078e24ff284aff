"""The relatives of a clear: the history alone, the memory alone, and a clear that can be undone for a while."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from docchat.db.schema import chat_session, job, message, receipt
from docchat.errors import Cleared, ClearUnfinished, Conflict, NotFound, StoreUnavailable
from docchat.keys.keyring import SlotState
from docchat.server.sql_slots import slot_owners
from docchat.sessions.sql_graves import INLINE_MESSAGES
from docchat.types import Draft, MessageState, Receipt, ReceiptState, new_id, utc_now

from .conftest import House, build


@pytest.fixture
def patient(house: House) -> House:
    """The same house, where a clear can be undone for ten minutes."""
    return build(house.database, house.keyring, undo_seconds=600.0)


def fill(house: House, *, messages: int = 4, owner: str = "ada") -> UUID:
    session = house.store.create(owner=owner, title="a title")
    drafts = [Draft("user", f"message {number}") for number in range(messages)]
    house.store.append(owner=owner, session_id=session.id, drafts=drafts)
    return session.id


def texts(house: House, session_id: UUID) -> list[str]:
    return [item.text for item in house.store.messages(owner="ada", session_id=session_id, limit=500).items]


def count(house: House) -> int:
    with house.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(message)).scalar_one())


def slots(house: House, session_id: UUID) -> tuple[int, ...]:
    return house.graves.find(owner="ada", session_id=session_id).slots.all()


def due(house: House, kind: str) -> None:
    """Let the time of these jobs come."""
    with house.database.write() as connection:
        connection.execute(update(job).where(job.c.kind == kind).values(run_at=utc_now()))
    house.worker.run_due()


def running(house: House, session_id: UUID) -> tuple[UUID, int]:
    run = new_id()
    answer = Draft("assistant", "", state=MessageState.RUNNING, run_id=run)
    _, answered = house.store.start_run(owner="ada", session_id=session_id, question=Draft("user", "q"), answer=answer)
    return run, answered.id


@pytest.mark.parametrize("length", [4, INLINE_MESSAGES + 30])
def test_a_history_goes_and_its_chat_stays(house: House, length: int) -> None:
    session_id = fill(house, messages=length)
    meta, history = slots(house, session_id)
    outcome = house.clearing.clear_history(owner="ada", session_id=session_id)
    assert outcome.receipt is not None
    assert (outcome.receipt.action, outcome.receipt.state) == ("history", ReceiptState.DONE)
    assert outcome.receipt.counts == {"messages": length, "running_answers": 0}
    assert (outcome.session.id, outcome.session.messages) == (session_id, 0)
    assert house.store.get(owner="ada", session_id=session_id).title == "a title"
    assert texts(house, session_id) == []
    assert house.keyring.states(slots=(meta, history)) == (SlotState.LIVE, SlotState.DESTROYED)
    # What is said from now on is sealed under a new key, and the rows of the old one go without it.
    house.store.append(owner="ada", session_id=session_id, drafts=[Draft("user", "a new beginning")])
    house.worker.run_due()
    assert texts(house, session_id) == ["a new beginning"]
    assert count(house) == 1
    assert slots(house, session_id)[0] == meta
    assert slots(house, session_id)[1] not in (meta, history)
    assert house.clearing.reconcile(patience=0.0) == 0


def test_clearing_a_history_twice_takes_nothing_more(house: House) -> None:
    session_id = fill(house)
    house.clearing.clear_history(owner="ada", session_id=session_id)
    again = house.clearing.clear_history(owner="ada", session_id=session_id)
    assert (again.receipt, again.session.id) == (None, session_id)
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(receipt)).scalar_one() == 1


def test_history_of_a_foreign_an_unknown_and_a_cleared_chat(house: House) -> None:
    session_id = fill(house)
    for owner, asked in (("bob", session_id), ("ada", uuid4())):
        with pytest.raises(NotFound):
            house.clearing.clear_history(owner=owner, session_id=asked)
        with pytest.raises(NotFound):
            house.clearing.clear_memory(owner=owner, session_id=asked)
    assert len(texts(house, session_id)) == 4
    successor = house.clearing.clear(owner="ada", session_id=session_id).session.id
    for clear in (house.clearing.clear_history, house.clearing.clear_memory):
        with pytest.raises(Cleared) as caught:
            clear(owner="ada", session_id=session_id)
        assert caught.value.successor == successor


def test_a_late_answer_does_not_come_back_after_its_history_was_cleared(house: House) -> None:
    session_id = fill(house)
    run, answer_id = running(house, session_id)
    watch = house.store.watch(owner="ada", session_id=session_id)
    outcome = house.clearing.clear_history(owner="ada", session_id=session_id)
    assert outcome.receipt is not None
    assert outcome.receipt.counts["running_answers"] == 1
    assert not watch.alive()
    assert house.store.look_at_runs(run_ids=[run]) == {}  # told to stop
    with pytest.raises(Cleared) as caught:
        house.store.revise(owner="ada", session_id=session_id, message_id=answer_id, draft=Draft("assistant", "late"))
    assert caught.value.successor == session_id  # the chat itself goes on
    assert count(house) == 0


def test_a_history_clear_that_was_cut_short_reads_as_cleared_and_is_finished(house: House) -> None:
    session_id = fill(house)
    _, history = slots(house, session_id)
    house.keyring.destroy(slots=(history,))
    with pytest.raises(Cleared):
        texts(house, session_id)
    assert house.store.get(owner="ada", session_id=session_id).title == "a title"
    assert house.audit.unburied() == 1
    assert house.clearing.reconcile(patience=0.0) == 1
    assert texts(house, session_id) == []
    assert house.store.get(owner="ada", session_id=session_id).messages == 0
    assert house.audit.unburied() == 0


def test_a_history_clear_whose_rows_fail_is_never_a_success(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = fill(house)

    def away(*arguments: object, **values: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(house.graves, "bury_history", away)
        with pytest.raises(ClearUnfinished):
            house.clearing.clear_history(owner="ada", session_id=session_id)
    assert house.clearing.sweep() == 0
    assert texts(house, session_id) == []


def test_a_memory_begins_below_what_was_said(house: House) -> None:
    session_id = fill(house)
    assert house.store.get(owner="ada", session_id=session_id).memory_from is None
    outcome = house.clearing.clear_memory(owner="ada", session_id=session_id)
    assert outcome.receipt is not None
    assert (outcome.receipt.action, outcome.receipt.counts) == ("memory", {"messages_forgotten": 4})
    (added,) = house.store.append(owner="ada", session_id=session_id, drafts=[Draft("user", "and now")])
    session = house.store.get(owner="ada", session_id=session_id)
    assert session.memory_from == outcome.session.memory_from == added.id
    assert texts(house, session_id)[-1] == "and now"
    assert len(texts(house, session_id)) == 5
    again = house.clearing.clear_memory(owner="ada", session_id=session_id).receipt
    assert again is not None
    assert again.counts == {"messages_forgotten": 1}
    house.clearing.clear_history(owner="ada", session_id=session_id)
    assert house.store.get(owner="ada", session_id=session_id).memory_from is None


def test_a_clear_can_be_undone_while_its_time_runs(patient: House) -> None:
    session_id = fill(patient)
    keys = slots(patient, session_id)
    outcome = patient.clearing.clear(owner="ada", session_id=session_id)
    assert outcome.receipt is not None
    assert outcome.receipt.state is ReceiptState.PENDING
    assert outcome.receipt.undo_until is not None
    assert timedelta(seconds=590) < outcome.receipt.undo_until - utc_now() <= timedelta(seconds=600)
    # At once as unreadable as any cleared chat, for every verb.
    assert patient.keyring.states(slots=keys) == (SlotState.SUSPENDED,) * 2
    with pytest.raises(Cleared):
        texts(patient, session_id)
    assert patient.clearing.reconcile(patience=0.0) == 0
    repeated = patient.clearing.clear(owner="ada", session_id=session_id)
    assert repeated.receipt == outcome.receipt
    with pytest.raises(NotFound):
        patient.clearing.undo(owner="bob", receipt_id=outcome.receipt.id)
    undone = patient.clearing.undo(owner="ada", receipt_id=outcome.receipt.id)
    assert (undone.state, undone.undo_until) == (ReceiptState.UNDONE, None)
    assert len(texts(patient, session_id)) == 4
    assert patient.store.get(owner="ada", session_id=session_id).title == "a title"
    # The empty chat that had taken its place is gone, and a second undo has nothing to do.
    assert patient.clearing.current(owner="ada", session_id=outcome.session.id) is None
    with pytest.raises(Conflict):
        patient.clearing.undo(owner="ada", receipt_id=outcome.receipt.id)
    due(patient, "settle")
    assert len(texts(patient, session_id)) == 4


def settled(patient: House, session_id: UUID, written: Receipt, keys: tuple[int, ...]) -> None:
    assert patient.clearing.receipt(owner="ada", receipt_id=written.id).state is ReceiptState.DONE
    assert set(patient.keyring.states(slots=keys)) == {SlotState.DESTROYED}
    with pytest.raises(Conflict) as caught:
        patient.clearing.undo(owner="ada", receipt_id=written.id)
    assert caught.value.code == "undo_over"
    patient.worker.run_due()
    assert count(patient) == 0
    with patient.database.read() as connection:
        titles = connection.execute(select(chat_session.c.title).where(chat_session.c.id == session_id)).scalar_one()
        assert titles is None


def test_a_clear_is_settled_when_its_time_is_over(patient: House) -> None:
    session_id = fill(patient)
    keys = slots(patient, session_id)
    written = patient.clearing.delete(owner="ada", session_id=session_id)
    assert written.state is ReceiptState.PENDING
    due(patient, "settle")
    settled(patient, session_id, written, keys)


def test_a_restart_settles_what_could_be_undone(patient: House) -> None:
    session_id = fill(patient)
    keys = slots(patient, session_id)
    written = patient.clearing.clear(owner="ada", session_id=session_id).receipt
    assert written is not None
    assert patient.settling.settle_all() == 1
    settled(patient, session_id, written, keys)


def test_a_final_delete_knows_no_undo(patient: House) -> None:
    session_id = fill(patient)
    keys = slots(patient, session_id)
    written = patient.clearing.delete(owner="ada", session_id=session_id, final=True)
    settled(patient, session_id, written, keys)


def test_an_undo_that_lost_its_keys_is_refused_and_changes_nothing(patient: House) -> None:
    """The end of the window was cut short between its keys and its rows."""
    session_id = fill(patient)
    keys = slots(patient, session_id)
    written = patient.clearing.clear(owner="ada", session_id=session_id).receipt
    assert written is not None
    patient.keyring.destroy(slots=keys[1:])
    with pytest.raises(Conflict):
        patient.clearing.undo(owner="ada", receipt_id=written.id)
    assert patient.keyring.states(slots=keys) == (SlotState.SUSPENDED, SlotState.DESTROYED)
    due(patient, "settle")
    settled(patient, session_id, written, keys)


def test_a_cleared_history_can_be_undone_until_the_chat_goes_on(patient: House) -> None:
    session_id = fill(patient)
    keys = slots(patient, session_id)
    first = patient.clearing.clear_history(owner="ada", session_id=session_id).receipt
    assert first is not None
    assert first.state is ReceiptState.PENDING
    assert texts(patient, session_id) == []
    assert patient.audit.orphan_keys() == []
    # A change of the master key reaches the withheld key too, also when the chat has a new one.
    assert (keys[1], session_id) in set(slot_owners(patient.database))
    patient.clearing.undo(owner="ada", receipt_id=first.id)
    assert len(texts(patient, session_id)) == 4
    second = patient.clearing.clear_history(owner="ada", session_id=session_id).receipt
    assert second is not None
    patient.store.append(owner="ada", session_id=session_id, drafts=[Draft("user", "on")])
    with pytest.raises(Conflict):
        patient.clearing.undo(owner="ada", receipt_id=second.id)
    due(patient, "settle")
    patient.worker.run_due()
    assert texts(patient, session_id) == ["on"]
    assert count(patient) == 1


def test_undo_and_settling_race_to_one_end(patient: House) -> None:
    """Whoever comes first wins; the other has no effect, and keys and rows agree."""
    session_id = fill(patient)
    written = patient.clearing.clear(owner="ada", session_id=session_id).receipt
    assert written is not None
    patient.clearing.undo(owner="ada", receipt_id=written.id)
    patient.settling.settle(receipt_id=written.id)
    assert len(texts(patient, session_id)) == 4
    assert patient.audit.disagreements() == []
