"""The contract of a session store, with probes below the API."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from docchat.db.schema import answer_run, chat_session, message
from docchat.errors import Cleared, InvalidInput, KeyDamaged, NotFound, TooLarge
from docchat.keys.keyring import SlotState
from docchat.sessions.search import search
from docchat.sessions.sql_runs import RunRow
from docchat.types import Citation, Draft, MessageState, new_id, utc_now

from .conftest import House

CITATION = Citation(1, uuid4(), "plan.pdf", 3, "Goals", 10, 20, "ten letters")


def ask(house: House, owner: str, text: str = "a question") -> Draft:
    return Draft("user", text)


def test_a_new_session_is_empty_and_has_no_keys(house: House) -> None:
    session = house.store.create(owner="ada")
    assert session.created_at == session.updated_at
    assert session.created_at.tzinfo is not None
    assert house.store.get(owner="ada", session_id=session.id) == session
    assert house.store.messages(owner="ada", session_id=session.id).items == ()
    with house.database.read() as connection:
        row = connection.execute(select(chat_session)).one()
    assert (row.meta_slot, row.history_slot, row.title) == (None, None, None)


def test_messages_come_back_as_they_were(house: House) -> None:
    session = house.store.create(owner="ada")
    run = new_id()
    drafts = [
        Draft("user", "Was heißt das? 什么 \U0001f600"),
        Draft("assistant", "This [1].", (CITATION,), MessageState.STOPPED, "model", "m", True, "oh", run),
    ]
    stored = house.store.append(owner="ada", session_id=session.id, drafts=drafts)
    read = house.store.messages(owner="ada", session_id=session.id).items
    assert read == stored
    assert read[0].text == drafts[0].text
    assert read[1].citations == (CITATION,)
    assert (read[1].state, read[1].mode, read[1].model, read[1].refused) == (MessageState.STOPPED, "model", "m", True)
    assert (read[1].error, read[1].run_id) == ("oh", run)
    after = house.store.get(owner="ada", session_id=session.id)
    assert after.messages == 2
    assert after.updated_at >= session.updated_at


def test_pages_of_messages_are_whole_and_in_order(house: House) -> None:
    session = house.store.create(owner="ada")
    for number in range(25):
        house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", str(number))])
    pages = []
    cursor = None
    while True:
        page = house.store.messages(owner="ada", session_id=session.id, cursor=cursor, limit=10)
        pages.append([int(item.text) for item in page.items])
        cursor = page.next
        if cursor is None:
            break
    assert pages == [list(range(15, 25)), list(range(5, 15)), list(range(5))]


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "²", "999999999999", ""])
def test_a_foreign_cursor_is_bad_input(house: House, cursor: str) -> None:
    session = house.store.create(owner="ada")
    house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "a")])
    with pytest.raises(InvalidInput):
        house.store.messages(owner="ada", session_id=session.id, cursor=cursor)
    with pytest.raises(InvalidInput):
        house.store.list(owner="ada", cursor=cursor)


def test_the_list_is_newest_first_and_paged(house: House) -> None:
    ids = [house.store.create(owner="ada", title=f"chat {number}").id for number in range(7)]
    house.store.append(owner="ada", session_id=ids[0], drafts=[Draft("user", "again")])
    house.store.create(owner="bob", title="not hers")
    first = house.store.list(owner="ada", limit=4)
    second = house.store.list(owner="ada", limit=4, cursor=first.next)
    found = [session.id for session in (*first.items, *second.items)]
    assert found == [ids[0], *ids[:0:-1]]
    assert second.next is None
    assert first.items[1].title == "chat 6"


def test_another_owner_and_an_unknown_id_are_the_same(house: House) -> None:
    session = house.store.create(owner="ada", title="hers")
    house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "a")])
    for owner, session_id in (("bob", session.id), ("ada", uuid4())):
        for call in (
            lambda o, s: house.store.get(owner=o, session_id=s),
            lambda o, s: house.store.messages(owner=o, session_id=s),
            lambda o, s: house.store.rename(owner=o, session_id=s, title="mine"),
            lambda o, s: house.store.append(owner=o, session_id=s, drafts=[Draft("user", "b")]),
            lambda o, s: house.store.revise(owner=o, session_id=s, message_id=1, draft=Draft("user", "b")),
            lambda o, s: house.store.watch(owner=o, session_id=s),
            lambda o, s: house.store.stop_run(owner=o, session_id=s, run_id=uuid4()),
            lambda o, s: house.clearing.clear(owner=o, session_id=s),
            lambda o, s: house.clearing.delete(owner=o, session_id=s),
        ):
            with pytest.raises(NotFound):
                call(owner, session_id)
    assert house.store.get(owner="ada", session_id=session.id).title == "hers"
    assert house.store.get(owner="ada", session_id=session.id).messages == 1


def test_a_message_of_another_session_cannot_be_revised(house: House) -> None:
    mine = house.store.create(owner="bob")
    house.store.append(owner="bob", session_id=mine.id, drafts=[Draft("user", "a")])
    hers = house.store.create(owner="ada")
    (message_hers,) = house.store.append(owner="ada", session_id=hers.id, drafts=[Draft("user", "hers")])
    with pytest.raises(NotFound):
        house.store.revise(owner="bob", session_id=mine.id, message_id=message_hers.id, draft=Draft("user", "x"))
    assert house.store.messages(owner="ada", session_id=hers.id).items[0].text == "hers"


def test_titles_are_checked_and_renamed(house: House) -> None:
    session = house.store.create(owner="ada")
    renamed = house.store.rename(owner="ada", session_id=session.id, title="  a \n title ")
    assert renamed.title == "a title"
    assert house.store.get(owner="ada", session_id=session.id).title == "a title"
    with pytest.raises(InvalidInput):
        house.store.rename(owner="ada", session_id=session.id, title="  ")
    with pytest.raises(TooLarge):
        house.store.rename(owner="ada", session_id=session.id, title="x" * 201)


def test_an_append_is_all_or_nothing(house: House) -> None:
    session = house.store.create(owner="ada")
    with house.database.write() as connection:
        connection.execute(update(chat_session).values(next_seq=(1 << 24) - 1))
    with pytest.raises(TooLarge):
        house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "a"), Draft("user", "b")])
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(message)).scalar_one() == 0


def test_a_run_grows_its_answer_and_ends(house: House) -> None:
    session = house.store.create(owner="ada")
    run = new_id()
    asked, answered = house.store.start_run(
        owner="ada",
        session_id=session.id,
        question=Draft("user", "why?"),
        answer=Draft("assistant", "", state=MessageState.RUNNING, run_id=run),
    )
    assert answered.id == asked.id + 1
    house.store.beat_runs(run_ids=[run])
    assert house.store.look_at_runs(run_ids=[run]) == {run: RunRow(False, None)}
    partial = Draft("assistant", "Be", state=MessageState.RUNNING, run_id=run)
    house.store.revise(owner="ada", session_id=session.id, message_id=answered.id, draft=partial)
    assert house.store.messages(owner="ada", session_id=session.id).items[1].text == "Be"
    house.store.stop_run(owner="ada", session_id=session.id, run_id=run)
    assert house.store.look_at_runs(run_ids=[run])[run].stop
    done = Draft("assistant", "Because.", state=MessageState.STOPPED, run_id=run)
    house.store.revise(owner="ada", session_id=session.id, message_id=answered.id, draft=done)
    with house.database.read() as connection:
        assert connection.execute(select(answer_run)).all() == []
    assert house.store.look_at_runs(run_ids=[run]) == {}


@pytest.mark.parametrize(("given", "after"), [("", "Why?"), ("hers", "hers")])
def test_a_session_without_a_title_gets_one_with_its_question(house: House, given: str, after: str) -> None:
    house.store.create(owner="bob", title="his")
    before = house.keyring.handed_out()
    session = house.store.create(owner="ada", title=given)
    answer = Draft("assistant", "", state=MessageState.RUNNING, run_id=new_id())
    house.store.start_run(
        owner="ada", session_id=session.id, question=Draft("user", "why?"), answer=answer, title="Why?"
    )
    assert house.store.get(owner="ada", session_id=session.id).title == after
    with house.database.read() as connection:
        titles = connection.execute(select(chat_session.c.title)).scalars().all()
    assert after.encode() not in b"".join(titles), "sealed"
    assert house.keyring.handed_out() - before == 2, "one pair of keys"


def test_an_answer_whose_process_died_says_so(house: House) -> None:
    session = house.store.create(owner="ada")
    run = new_id()
    house.store.start_run(
        owner="ada",
        session_id=session.id,
        question=Draft("user", "why?"),
        answer=Draft("assistant", "", state=MessageState.RUNNING, run_id=run),
    )
    assert house.store.messages(owner="ada", session_id=session.id).items[1].state is MessageState.RUNNING
    with house.database.write() as connection:
        connection.execute(update(answer_run).values(beat_at=utc_now() - timedelta(seconds=30)))
    dead = house.store.messages(owner="ada", session_id=session.id).items[1]
    assert dead.state is MessageState.FAILED
    assert dead.error


def test_late_writers_are_told_that_it_was_cleared(house: House) -> None:
    session = house.store.create(owner="ada", title="t")
    (first,) = house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "a")])
    successor = house.clearing.clear(owner="ada", session_id=session.id).session.id
    for call in (
        lambda: house.store.get(owner="ada", session_id=session.id),
        lambda: house.store.messages(owner="ada", session_id=session.id),
        lambda: house.store.rename(owner="ada", session_id=session.id, title="x"),
        lambda: house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "b")]),
        lambda: house.store.revise(owner="ada", session_id=session.id, message_id=first.id, draft=Draft("user", "b")),
        lambda: house.store.watch(owner="ada", session_id=session.id),
    ):
        with pytest.raises(Cleared) as caught:
            call()
        assert caught.value.successor == successor


def test_destroyed_keys_alone_stop_every_verb(house: House) -> None:
    """Between the two halves of a clear the rows still stand, but nothing can be read or written."""
    session = house.store.create(owner="ada", title="t")
    (first,) = house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "a")])
    watch = house.store.watch(owner="ada", session_id=session.id)
    assert watch.alive()
    assert house.store.alive([watch]) == (True,)
    house.keyring.destroy(slots=house.graves.find(owner="ada", session_id=session.id).slots.all())
    assert not watch.alive()
    assert house.store.alive([watch]) == (False,)
    for call in (
        lambda: house.store.get(owner="ada", session_id=session.id),
        lambda: house.store.messages(owner="ada", session_id=session.id),
        lambda: house.store.rename(owner="ada", session_id=session.id, title="x"),
        lambda: house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "b")]),
        lambda: house.store.revise(owner="ada", session_id=session.id, message_id=first.id, draft=Draft("user", "b")),
    ):
        with pytest.raises(Cleared):
            call()
    assert house.store.list(owner="ada").items == ()
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(message)).scalar_one() == 1


@pytest.mark.parametrize("verb", ["messages", "append", "revise", "rename", "get"])
def test_a_clear_in_the_middle_of_a_verb_wins(house: House, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """The keys are destroyed right after the verb has opened one of them."""
    session = house.store.create(owner="ada", title="t")
    (first,) = house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "a")])
    slots = house.graves.find(owner="ada", session_id=session.id).slots.all()
    real = house.keyring.open

    def open_then_clear(*, session_id: UUID, slot: int) -> bytes:
        key = real(session_id=session_id, slot=slot)
        house.keyring.destroy(slots=slots)
        return key

    monkeypatch.setattr(house.keyring, "open", open_then_clear)
    calls = {
        "messages": lambda: house.store.messages(owner="ada", session_id=session.id),
        "append": lambda: house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "b")]),
        "revise": lambda: house.store.revise(
            owner="ada", session_id=session.id, message_id=first.id, draft=Draft("user", "b")
        ),
        "rename": lambda: house.store.rename(owner="ada", session_id=session.id, title="x"),
        "get": lambda: house.store.get(owner="ada", session_id=session.id),
    }
    with pytest.raises(Cleared):
        calls[verb]()
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(message)).scalar_one() == 1


def test_a_clear_cut_short_after_its_first_key_reads_as_cleared(house: House) -> None:
    """An error or a crash between the two keys: nothing may be read, and the next reconcile finishes it."""
    session = house.store.create(owner="ada", title="t")
    house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "a")])
    watch = house.store.watch(owner="ada", session_id=session.id)
    house.keyring.destroy(slots=house.graves.find(owner="ada", session_id=session.id).slots.all()[:1])
    assert not watch.alive()
    assert house.store.alive([watch]) == (False,)
    for call in (
        lambda: house.store.messages(owner="ada", session_id=session.id),
        lambda: house.store.get(owner="ada", session_id=session.id),
        lambda: house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "b")]),
    ):
        with pytest.raises(Cleared):
            call()
    assert house.clearing.reconcile(patience=0.0) == 1
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(message)).scalar_one() == 0


def test_a_cursor_never_reaches_beyond_its_session(house: House) -> None:
    first = house.store.create(owner="ada")
    house.store.append(owner="ada", session_id=first.id, drafts=[Draft("user", "hers")])
    second = house.store.create(owner="bob")
    house.store.append(owner="bob", session_id=second.id, drafts=[Draft("user", "his")])
    page = house.store.messages(owner="ada", session_id=first.id, cursor="99999999")
    assert [item.text for item in page.items] == ["hers"]
    with pytest.raises(InvalidInput):
        house.store.list(owner="ada", cursor=f"0_{1 << 63}")


def test_one_damaged_key_leaves_the_other_chats_readable(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = house.store.create(owner="ada", title="damaged")
    house.store.append(owner="ada", session_id=damaged.id, drafts=[Draft("user", "gone words")])
    whole = house.store.create(owner="ada", title="whole")
    house.store.append(owner="ada", session_id=whole.id, drafts=[Draft("user", "kept words")])
    real = house.keyring.open

    def open_damaged(*, session_id: UUID, slot: int) -> bytes:
        if session_id == damaged.id:
            raise KeyDamaged
        return real(session_id=session_id, slot=slot)

    monkeypatch.setattr(house.keyring, "open", open_damaged)
    assert [session.title for session in house.store.list(owner="ada").items] == ["whole", ""]
    assert [hit.session.id for hit in search(house.store, owner="ada", text="words").hits] == [whole.id]
    with pytest.raises(KeyDamaged):  # never taken for cleared
        house.store.get(owner="ada", session_id=damaged.id)
    house.clearing.delete(owner="ada", session_id=damaged.id)
    assert [session.title for session in house.store.list(owner="ada").items] == ["whole"]


def test_a_first_write_that_is_rolled_back_leaves_no_key(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    session = house.store.create(owner="ada")
    made: list[int] = []
    real = house.keyring.create

    def create(*, session_id: UUID, count: int) -> tuple[int, ...]:
        made.extend(real(session_id=session_id, count=count))
        return tuple(made)

    monkeypatch.setattr(house.keyring, "create", create)
    monkeypatch.setattr("docchat.sessions.sealing.seal", lambda *arguments, **context: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "a")])
    assert set(house.keyring.states(slots=made)) == {SlotState.DESTROYED}
    monkeypatch.undo()
    assert house.store.get(owner="ada", session_id=session.id).messages == 0
    house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "a")])


def test_dead_answers_are_ended(house: House) -> None:
    session = house.store.create(owner="ada")
    run = new_id()
    _, answered = house.store.start_run(
        owner="ada",
        session_id=session.id,
        question=Draft("user", "why?"),
        answer=Draft("assistant", "", state=MessageState.RUNNING, run_id=run),
    )
    partial = Draft("assistant", "Because", state=MessageState.RUNNING, mode="model", run_id=run)
    house.store.revise(owner="ada", session_id=session.id, message_id=answered.id, draft=partial)
    assert house.store.end_dead_runs() == 0
    with house.database.write() as connection:
        connection.execute(update(answer_run).values(beat_at=utc_now() - timedelta(minutes=5)))
    assert house.store.end_dead_runs() == 1
    with house.database.read() as connection:
        assert connection.execute(select(answer_run)).all() == []
    ended = house.store.messages(owner="ada", session_id=session.id).items[1]
    assert (ended.text, ended.state, ended.mode) == ("Because", MessageState.FAILED, "model")
    assert ended.error


@pytest.mark.parametrize("years", [-10, 10])
def test_the_newest_chat_comes_first_whatever_the_clock_says(
    house: House, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    first, second = house.store.create(owner="ada"), house.store.create(owner="ada")
    monkeypatch.setattr("docchat.sessions.sql.utc_now", lambda: utc_now() + timedelta(days=365 * years))
    house.store.append(owner="ada", session_id=first.id, drafts=[Draft("user", "after the jump")])
    assert [session.id for session in house.store.list(owner="ada").items] == [first.id, second.id]
    page = house.store.list(owner="ada", limit=1)
    assert [session.id for session in house.store.list(owner="ada", cursor=page.next).items] == [second.id]
    monkeypatch.undo()
    house.store.append(owner="ada", session_id=second.id, drafts=[Draft("user", "and back")])
    assert [session.id for session in house.store.list(owner="ada").items] == [second.id, first.id]
