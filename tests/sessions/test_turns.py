"""Turns that are replaced, and opinions on answers: rows, counters, races, and what a clear does to them."""

import threading
from uuid import UUID

import pytest
from sqlalchemy import select

from docchat.db.schema import answer_run, chat_session, feedback, job, message
from docchat.errors import Cleared, Conflict, DocChatError, InvalidInput, NotFound, TooLarge
from docchat.sessions.export import all_messages, json_document, markdown
from docchat.types import Draft, Feedback, Message, MessageState, new_id

from .conftest import House, build

OWNER = "ada"


def start(house: House, session_id: UUID, text: str) -> tuple[Message, Message]:
    """A question and its running answer."""
    answer = Draft("assistant", "", state=MessageState.RUNNING, mode="quotes", run_id=new_id())
    return house.store.start_run(owner=OWNER, session_id=session_id, question=Draft("user", text), answer=answer)


def turn(house: House, session_id: UUID, text: str) -> tuple[Message, Message]:
    """A question and its answer."""
    asked, answered = start(house, session_id, text)
    said = Draft("assistant", f"about {text}", run_id=answered.run_id)
    house.store.revise(owner=OWNER, session_id=session_id, message_id=answered.id, draft=said)
    return asked, answered


def replace(house: House, session_id: UUID, message_id: int, text: str | None) -> tuple[Message, ...]:
    answer = Draft("assistant", "", state=MessageState.RUNNING, mode="quotes", run_id=new_id())
    question = None if text is None else Draft("user", text)
    key = {"owner": OWNER, "session_id": session_id}
    return house.store.replace_run(**key, message_id=message_id, question=question, answer=answer)  # type: ignore[arg-type]


def rows(house: House) -> tuple[list[int], list[int], list[int]]:
    """The ids of messages and opinions there are, and of messages that are being made."""
    with house.database.read() as connection:
        return (
            sorted(connection.execute(select(message.c.id)).scalars()),
            sorted(connection.execute(select(feedback.c.id)).scalars()),
            sorted(connection.execute(select(answer_run.c.message_id)).scalars()),
        )


def rate(house: House, session_id: UUID, message_id: int, comment: str = "") -> None:
    thought = Feedback("up", comment)
    house.store.feedback.put(owner=OWNER, session_id=session_id, message_id=message_id, feedback=thought)


@pytest.mark.parametrize("part", ["question", "answer"])
def test_what_follows_goes_in_the_same_moment(house: House, part: str) -> None:
    session_id = house.store.create(owner=OWNER, title="Kept").id
    first = turn(house, session_id, "one")
    second = turn(house, session_id, "two")
    third = start(house, session_id, "three")
    for _, answered in (first, second, third):
        rate(house, session_id, answered.id)
    house.clearing.clear_memory(owner=OWNER, session_id=session_id)
    replaced = second[0] if part == "question" else second[1]
    added = replace(house, session_id, replaced.id, "other" if part == "question" else None)
    kept = [*first, second[0]] if part == "answer" else [*first]
    ids = [item.id for item in (*kept, *added)]
    assert rows(house) == (ids, [first[1].id], [added[-1].id])
    assert min(item.id for item in added) > third[1].id, "numbers are never given again"
    session = house.store.get(owner=OWNER, session_id=session_id)
    assert (session.title, session.messages) == ("Kept", len(ids))
    assert session.memory_from == third[1].id + 1, "what was forgotten stays so"
    assert [item.id for item in house.store.messages(owner=OWNER, session_id=session_id).items] == ids
    said = Draft("assistant", "late words", run_id=third[1].run_id)
    with pytest.raises(Cleared) as late:
        house.store.revise(owner=OWNER, session_id=session_id, message_id=third[1].id, draft=said)
    assert late.value.successor == session_id
    receipt = house.clearing.clear_memory(owner=OWNER, session_id=session_id).receipt
    assert receipt is not None
    assert receipt.counts == {"messages_forgotten": len(added)}
    receipt = house.clearing.clear_history(owner=OWNER, session_id=session_id).receipt
    assert receipt is not None
    assert receipt.counts["messages"] == len(ids)
    house.worker.run_due()
    assert rows(house) == ([], [], [])


def test_the_bytes_of_what_was_replaced_go(house: House) -> None:
    session_id = house.store.create(owner=OWNER).id
    asked, answered = turn(house, session_id, "one " * 2000)
    rate(house, session_id, answered.id, "a comment")
    with house.database.read() as connection:
        bodies = [bytes(body) for body in connection.execute(select(message.c.body)).scalars()]
        bodies += [bytes(body) for body in connection.execute(select(feedback.c.body)).scalars()]
    replace(house, session_id, asked.id, "two")
    with house.database.read() as connection:
        assert "messages" in connection.execute(select(job.c.subject).where(job.c.kind == "reclaim")).scalars().all()
    house.worker.run_due()
    if house.database.is_sqlite:
        path = str(house.database.url.database)
        for name in (path, f"{path}-wal"):
            with open(name, "rb") as file:
                raw = file.read()
            assert not any(body[-40:] in raw or body[:40] in raw for body in bodies), name


def test_messages_that_cannot_be_replaced(house: House) -> None:
    session_id = house.store.create(owner=OWNER).id
    other_id = house.store.create(owner=OWNER).id
    elsewhere, _ = turn(house, other_id, "elsewhere")
    old, _ = turn(house, session_id, "old")
    house.clearing.clear_history(owner=OWNER, session_id=session_id)
    asked, answered = turn(house, session_id, "one")
    replace(house, session_id, answered.id, None)
    verbs = (
        lambda number: replace(house, session_id, number, "again"),
        lambda number: rate(house, session_id, number),
        lambda number: house.store.feedback.remove(owner=OWNER, session_id=session_id, message_id=number),
        lambda number: house.store.turn(owner=OWNER, session_id=session_id, message_id=number),
    )
    before = rows(house)
    for number, error in (
        (answered.id, Conflict),
        (old.id, Cleared),
        (elsewhere.id, NotFound),
        (asked.id + 100, NotFound),
        (0, NotFound),
    ):
        for verb in verbs:
            with pytest.raises(error):
                verb(number)
    assert rows(house) == before


def at_once(
    house: House, session_id: UUID, message_id: int, *texts: str
) -> tuple[list[threading.Thread], list[object]]:
    """Threads that replace the same message at the same time, and what became of it: a text or an error."""
    outcomes: list[object] = []
    ready = threading.Barrier(len(texts))

    def play(text: str) -> None:
        ready.wait()
        try:
            outcomes.append(replace(house, session_id, message_id, text)[0].text)
        except DocChatError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=play, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    return threads, outcomes


def test_of_two_that_replace_one_wins(house: House) -> None:
    session_id = house.store.create(owner=OWNER).id
    for number in range(10):
        asked, _ = start(house, session_id, f"question {number}")
        threads, outcomes = at_once(house, session_id, asked.id, "left", "right")
        for thread in threads:
            thread.join()
        lost = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
        assert [error.code for error in lost] == ["message_replaced"]
        winner = next(outcome for outcome in outcomes if outcome not in lost)
        texts = [item.text for item in house.store.messages(owner=OWNER, session_id=session_id).items]
        assert texts[-2:] == [winner, ""]
        assert len(texts) == 2 * (number + 1)
        assert len(rows(house)[2]) == number + 1, "no run without its answer, none doubled"


def test_a_clear_wins_over_what_replaces(house: House) -> None:
    for number in range(8):
        session_id = house.store.create(owner=OWNER).id
        asked, _ = turn(house, session_id, "one")
        threads, outcomes = at_once(house, session_id, asked.id, "two")
        house.clearing.delete(owner=OWNER, session_id=session_id)
        threads[0].join()
        assert all(outcome == "two" or isinstance(outcome, Cleared) for outcome in outcomes)
        house.worker.run_due()
        assert rows(house) == ([], [], [])
        with house.database.read() as connection:
            assert connection.execute(select(chat_session.c.messages)).scalars().all() == [0] * (number + 1)


def test_opinions_are_sealed_and_go_with_their_answer(house: House) -> None:
    session_id = house.store.create(owner=OWNER).id
    asked, answered = turn(house, session_id, "one")
    key = {"owner": OWNER, "session_id": session_id}
    put = house.store.feedback.put
    put(**key, message_id=answered.id, feedback=Feedback("down", "planted words"))
    with house.database.read() as connection:
        assert b"planted" not in bytes(connection.execute(select(feedback.c.body)).scalar_one())
    read = house.store.messages(**key).items
    assert [item.feedback for item in read] == [None, Feedback("down", "planted words")]
    session = house.store.get(**key)
    everything = all_messages(house.store, **key)
    assert "planted words" in markdown(session, everything)
    assert "planted words" in json_document(session, everything)
    put(**key, message_id=answered.id, feedback=Feedback("up"))
    assert house.store.messages(**key).items[-1].feedback == Feedback("up")
    with pytest.raises(TooLarge, match="2,000 characters; this one has 2,001"):
        put(**key, message_id=answered.id, feedback=Feedback("up", "x" * 2001))
    with pytest.raises(InvalidInput):
        put(**key, message_id=asked.id, feedback=Feedback("up"))
    for _ in range(2):
        house.store.feedback.remove(**key, message_id=answered.id)
        assert rows(house)[1] == []
    assert house.store.messages(**key).items[-1].feedback is None


@pytest.mark.parametrize("verb", ["clear", "history"])
def test_an_undo_brings_opinions_back(house: House, verb: str) -> None:
    house = build(house.database, house.keyring, undo_seconds=60)
    session_id = house.store.create(owner=OWNER).id
    _, answered = turn(house, session_id, "one")
    rate(house, session_id, answered.id, "kept")
    clear = house.clearing.clear if verb == "clear" else house.clearing.clear_history
    done = clear(owner=OWNER, session_id=session_id)
    assert done.receipt is not None
    with pytest.raises(Cleared):
        rate(house, session_id, answered.id)
    house.clearing.undo(owner=OWNER, receipt_id=done.receipt.id)
    assert house.store.messages(owner=OWNER, session_id=session_id).items[-1].feedback == Feedback("up", "kept")
    done = clear(owner=OWNER, session_id=session_id)
    assert done.receipt is not None
    house.settling.settle(receipt_id=done.receipt.id)
    house.worker.run_due()
    assert rows(house) == ([], [], [])
