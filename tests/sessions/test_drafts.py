"""What was begun and not sent: sealed, one a chat, gone with the history, and not in the way of an undo."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from docchat.db.schema import draft, job
from docchat.errors import Cleared, NotFound, TooLarge
from docchat.sessions.sql_bulk import BulkScope
from docchat.sessions.sql_drafts import MAX_DRAFT_CHARS
from docchat.types import Draft, utc_now

from .conftest import House, build


def begin(house: House, text: str = "half a question", *, said: int = 2) -> UUID:
    session = house.store.create(owner="ada", title="a title")
    house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", str(n)) for n in range(said)])
    house.store.drafts.put(owner="ada", session_id=session.id, text=text)
    return session.id


def box(house: House, session_id: UUID) -> str:
    return house.store.drafts.get(owner="ada", session_id=session_id)


def rows(house: House) -> list[bytes]:
    with house.database.read() as connection:
        return [bytes(body) for body in connection.execute(select(draft.c.body)).scalars()]


def settle(house: House) -> None:
    with house.database.write() as connection:
        connection.execute(update(job).values(run_at=utc_now()))
    house.worker.run_due()


def test_a_draft_is_sealed_replaced_and_emptied(house: House) -> None:
    empty = house.store.create(owner="ada").id
    assert box(house, empty) == ""
    house.store.drafts.put(owner="ada", session_id=empty, text="")
    assert house.graves.find(owner="ada", session_id=empty).slots.all() == (), "nothing to seal, no keys"
    session_id = begin(house)
    before = house.store.get(owner="ada", session_id=session_id)
    house.store.drafts.put(owner="ada", session_id=session_id, text="a longer half of a question")
    assert house.store.get(owner="ada", session_id=session_id) == before, "the chat keeps its place and time"
    (sealed,) = rows(house)
    assert b"half" not in sealed
    assert box(house, session_id) == "a longer half of a question"
    assert [one.drafted for one in house.store.list(owner="ada").items] == [True, False]
    for owner, wrong in (("bob", session_id), ("ada", uuid4())):
        with pytest.raises(NotFound):
            house.store.drafts.get(owner=owner, session_id=wrong)
        with pytest.raises(NotFound):
            house.store.drafts.put(owner=owner, session_id=wrong, text="mine")
    with pytest.raises(TooLarge):
        house.store.drafts.put(owner="ada", session_id=session_id, text="x" * (MAX_DRAFT_CHARS + 1))
    house.store.drafts.put(owner="ada", session_id=session_id, text="")
    assert (box(house, session_id), rows(house)) == ("", [])


@pytest.mark.parametrize("verb", ["clear", "delete", "history", "bulk"])
@pytest.mark.parametrize("patience", [0.0, 600.0])
def test_a_clear_takes_the_draft_and_counts_it(house: House, verb: str, patience: float) -> None:
    house = build(house.database, house.keyring, undo_seconds=patience)
    other, session_id = begin(house, "another"), begin(house, said=80)
    if verb == "bulk":
        receipt = house.bulk.clear(owner="ada", scope=BulkScope(session_ids=(session_id,)))
    elif verb == "delete":
        receipt = house.clearing.delete(owner="ada", session_id=session_id)
    else:
        ways = {"clear": house.clearing.clear, "history": house.clearing.clear_history}
        receipt = ways[verb](owner="ada", session_id=session_id).receipt  # type: ignore[assignment]
    assert receipt.counts["drafts"] == 1
    if verb == "history":
        assert box(house, session_id) == ""
        house.store.drafts.put(owner="ada", session_id=session_id, text="")
    else:
        with pytest.raises(Cleared):
            box(house, session_id)
        with pytest.raises(Cleared):
            house.store.drafts.put(owner="ada", session_id=session_id, text="late")
    assert len(rows(house)) == (2 if patience else 1 + (verb == "bulk"))
    settle(house)
    assert len(rows(house)) == 1
    assert box(house, other) == "another"


def test_what_is_begun_after_a_clear_outlives_its_end(house: House) -> None:
    for patience in (0.0, 600.0):
        house = build(house.database, house.keyring, undo_seconds=patience)
        session_id = begin(house, "of before", said=80)
        house.clearing.clear_history(owner="ada", session_id=session_id)
        house.store.append(owner="ada", session_id=session_id, drafts=[Draft("user", "now")])
        assert box(house, session_id) == "", "not what is sealed under the key of before"
        house.store.drafts.put(owner="ada", session_id=session_id, text="of today")
        settle(house)
        assert box(house, session_id) == "of today"


def test_an_undo_brings_the_draft_back_and_minds_no_new_one(house: House) -> None:
    house = build(house.database, house.keyring, undo_seconds=600.0)
    for action, new, left in (("clear", None, "of before"), ("history", None, "of before"), ("history", "new", "")):
        session_id = begin(house, "of before", said=3)
        verb = house.clearing.clear if action == "clear" else house.clearing.clear_history
        receipt = verb(owner="ada", session_id=session_id).receipt
        assert receipt is not None
        if new:
            house.store.drafts.put(owner="ada", session_id=session_id, text=new)
        house.clearing.undo(owner="ada", receipt_id=receipt.id)
        assert len(house.store.messages(owner="ada", session_id=session_id).items) == 3
        assert box(house, session_id) == left
        assert house.audit.orphan_keys() == []
        house.clearing.delete(owner="ada", session_id=session_id, final=True)
