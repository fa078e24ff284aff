"""Clear means gone: at the API, in the rows, in the bytes, and never a false success."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from docchat.db.engine import Database
from docchat.db.migrate import migrate
from docchat.db.schema import SESSION_OWNED, chat_session, job, message, receipt
from docchat.errors import Cleared, ClearUnfinished, NotFound, StorageFull, StoreUnavailable
from docchat.keys.keyring import SlotState
from docchat.keys.slots import SlotKeyring
from docchat.sessions.sql_graves import INLINE_MESSAGES, SqlGraves
from docchat.types import Draft, MessageState, new_id

from .conftest import House, build


def fill(house: House, owner: str = "ada", messages: int = 4, title: str = "a title") -> UUID:
    session = house.store.create(owner=owner, title=title)
    for number in range(messages):
        house.store.append(owner=owner, session_id=session.id, drafts=[Draft("user", f"message {number}")])
    return session.id


def rows(house: House) -> dict[str, int]:
    with house.database.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in SESSION_OWNED
        }


def live(house: House, owner: str) -> list[UUID]:
    query = select(chat_session.c.id).where(chat_session.c.owner == owner, chat_session.c.cleared_at.is_(None))
    with house.database.read() as connection:
        return list(connection.execute(query).scalars())


def test_a_clear_takes_everything_and_names_what_went(house: House) -> None:
    session_id = fill(house)
    run = new_id()
    answer = Draft("assistant", "", state=MessageState.RUNNING, run_id=run)
    house.store.start_run(owner="ada", session_id=session_id, question=Draft("user", "q"), answer=answer)
    slots = house.graves.find(owner="ada", session_id=session_id).slots.all()
    outcome = house.clearing.clear(owner="ada", session_id=session_id)
    assert outcome.receipt is not None
    assert outcome.receipt.counts == {"messages": 6, "titles": 1, "running_answers": 1}
    assert outcome.receipt.successor == outcome.session.id != session_id
    assert house.clearing.receipt(owner="ada", receipt_id=outcome.receipt.id) == outcome.receipt
    with pytest.raises(NotFound):
        house.clearing.receipt(owner="bob", receipt_id=outcome.receipt.id)
    assert set(rows(house).values()) == {0}
    assert house.keyring.states(slots=slots) == (SlotState.DESTROYED,) * 2
    with house.database.read() as connection:
        tombstone = connection.execute(select(chat_session).where(chat_session.c.id == session_id)).one()
    assert (tombstone.title, tombstone.messages) == (None, 0)
    new = house.store.get(owner="ada", session_id=outcome.session.id)
    assert (new.messages, new.title, new.created_at) == (0, "", new.updated_at)
    assert new.id.version == 4


def test_a_repeated_clear_gives_the_same_answer(house: House) -> None:
    session_id = fill(house)
    first = house.clearing.clear(owner="ada", session_id=session_id)
    house.store.append(owner="ada", session_id=first.session.id, drafts=[Draft("user", "new talk")])
    second = house.clearing.clear(owner="ada", session_id=session_id)
    assert second.receipt == first.receipt
    assert second.session.id == first.session.id
    assert house.store.get(owner="ada", session_id=first.session.id).messages == 1


def test_eight_clears_at_once_make_one_successor(house: House) -> None:
    for _ in range(5):
        session_id = fill(house)
        before = len(live(house, "ada"))
        outcomes = []
        barrier = threading.Barrier(8)

        def race(target: UUID = session_id, gate: threading.Barrier = barrier, found: list[object] = outcomes) -> None:
            gate.wait()
            found.append(house.clearing.clear(owner="ada", session_id=target).session.id)

        threads = [threading.Thread(target=race) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 8
        assert len(set(outcomes)) == 1
        assert len(live(house, "ada")) == before


def test_a_long_chat_is_unreadable_at_once_and_reclaimed_by_the_job(house: House) -> None:
    session = house.store.create(owner="ada")
    drafts = [Draft("user", f"message {number}") for number in range(INLINE_MESSAGES + 36)]
    house.store.append(owner="ada", session_id=session.id, drafts=drafts)
    outcome = house.clearing.clear(owner="ada", session_id=session.id)
    assert outcome.receipt is not None
    assert outcome.receipt.counts["messages"] == INLINE_MESSAGES + 36
    with pytest.raises(Cleared):
        house.store.messages(owner="ada", session_id=session.id)
    house.worker.run_due()
    assert set(rows(house).values()) == {0}
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(job)).scalar_one() == 0


def test_a_delete_leaves_no_successor(house: House) -> None:
    session_id = fill(house)
    written = house.clearing.delete(owner="ada", session_id=session_id)
    assert (written.action, written.successor) == ("delete", None)
    assert house.clearing.delete(owner="ada", session_id=session_id) == written
    assert live(house, "ada") == []
    assert house.clearing.current(owner="ada", session_id=session_id) is None


def test_the_cookie_never_clears_what_is_not_meant(house: House) -> None:
    hers, his = fill(house, "ada"), fill(house, "bob")
    for hint in (None, uuid4(), his):
        outcome = house.clearing.clear_current(owner="ada", session_id=hint)
        assert outcome.receipt is None
        assert outcome.session.messages == 0
        assert outcome.session.owner == "ada"
    assert len(live(house, "ada")) == 2  # an existing empty one is used again
    assert house.store.get(owner="bob", session_id=his).messages == 4
    assert house.store.get(owner="ada", session_id=hers).messages == 4


def test_clearing_nothing_again_and_again_adds_no_rows(house: House) -> None:
    current = house.clearing.clear_current(owner="ada", session_id=None).session
    for _ in range(20):
        cleared = house.clearing.clear_current(owner="ada", session_id=current.id)
        assert cleared.receipt is None
        assert cleared.session.id != current.id
        assert cleared.session.created_at == cleared.session.updated_at > current.updated_at
        assert house.clearing.clear_current(owner="bob", session_id=cleared.session.id).session.owner == "bob"
        current = cleared.session
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(chat_session)).scalar_one() == 2
        assert connection.execute(select(func.count()).select_from(receipt)).scalar_one() == 0


def test_a_late_cookie_does_not_clear_the_successor(house: House) -> None:
    session_id = fill(house)
    first = house.clearing.clear_current(owner="ada", session_id=session_id)
    twice = house.clearing.clear_current(owner="ada", session_id=session_id)
    assert twice.session.id == first.session.id
    house.store.append(owner="ada", session_id=first.session.id, drafts=[Draft("user", "new talk")])
    late = house.clearing.clear_current(owner="ada", session_id=session_id)
    assert late.session.id != first.session.id
    assert house.store.get(owner="ada", session_id=first.session.id).messages == 1


def test_the_hint_follows_successors(house: House) -> None:
    first = fill(house)
    second = house.clearing.clear(owner="ada", session_id=first).session.id
    house.store.append(owner="ada", session_id=second, drafts=[Draft("user", "x")])
    third = house.clearing.clear(owner="ada", session_id=second).session.id
    found = house.clearing.current(owner="ada", session_id=first)
    assert found is not None
    assert found.id == third
    assert house.clearing.current(owner="bob", session_id=first) is None
    assert house.clearing.current(owner="ada", session_id=None) is None
    house.clearing.delete(owner="ada", session_id=third)
    assert house.clearing.current(owner="ada", session_id=first) is None


@pytest.mark.parametrize(("failure", "status"), [(StorageFull(), 507), (StoreUnavailable(), 503)])
def test_rows_that_cannot_go_are_no_success_and_are_swept(
    house: House, monkeypatch: pytest.MonkeyPatch, failure: Exception, status: int
) -> None:
    session_id = fill(house)
    with monkeypatch.context() as broken:

        def fail(*arguments: object, **keywords: object) -> None:
            raise failure

        broken.setattr(SqlGraves, "bury", fail)
        for _ in range(2):  # never a false success, also not on retry
            with pytest.raises(ClearUnfinished) as caught:
                house.clearing.clear(owner="ada", session_id=session_id)
            assert caught.value.status == status
        with pytest.raises(Cleared):
            house.store.messages(owner="ada", session_id=session_id)
        assert house.clearing.sweep() == 1
    assert house.clearing.sweep() == 0
    assert rows(house)["message"] == 0
    assert house.clearing.clear(owner="ada", session_id=session_id).receipt is not None


@pytest.mark.parametrize("by_cookie", [False, True])
def test_a_clear_never_waits_for_a_writer_to_make_the_chat_unreadable(tmp_path: Path, by_cookie: bool) -> None:
    database = Database(f"sqlite:///{tmp_path / 'docchat.sqlite3'}", timeout=0.3)
    origin = migrate(database)
    house = build(database, SlotKeyring(tmp_path / "keys", store_id=origin.store_id, slots=0))
    session_id = fill(house)
    writer = sqlite3.connect(tmp_path / "docchat.sqlite3", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    clear = house.clearing.clear_current if by_cookie else house.clearing.clear
    with pytest.raises(ClearUnfinished):
        clear(owner="ada", session_id=session_id)
    with pytest.raises(Cleared):
        house.store.messages(owner="ada", session_id=session_id)
    writer.execute("ROLLBACK")
    writer.close()
    assert house.clearing.sweep() == 0
    assert rows(house)["message"] == 0
    database.close()


def test_a_keyring_that_fails_clears_nothing_and_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = fill(house)

    def fail(*, slots: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(house.keyring, "destroy", fail)
    with pytest.raises(StoreUnavailable) as caught:
        house.clearing.clear(owner="ada", session_id=session_id)
    assert type(caught.value) is StoreUnavailable
    assert len(house.store.messages(owner="ada", session_id=session_id).items) == 4


def test_a_start_finishes_what_a_crash_cut_short(house: House) -> None:
    cut, whole = fill(house), fill(house)
    house.keyring.destroy(slots=house.graves.find(owner="ada", session_id=cut).slots.all())
    assert build(house.database, house.keyring).clearing.reconcile(patience=0.0) == 1
    assert house.clearing.reconcile() == 0
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(receipt)).scalar_one() == 1
        assert connection.execute(select(func.count()).select_from(message)).scalar_one() == 4
    assert house.store.get(owner="ada", session_id=whole).messages == 4


def test_a_first_write_during_the_clear_does_not_survive(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session gets its keys after the clear has looked for them."""
    session = house.store.create(owner="ada")
    real = house.graves.bury

    def late_write(*arguments: object, **keywords: object) -> object:
        monkeypatch.undo()
        house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "late")])
        return real(*arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(house.graves, "bury", late_write)
    house.clearing.clear(owner="ada", session_id=session.id)
    slots = house.graves.find(owner="ada", session_id=session.id).slots.all()
    assert house.keyring.states(slots=slots) == (SlotState.DESTROYED,) * 2
    assert rows(house)["message"] == 0


def test_appends_and_a_clear_at_once_leave_nothing_behind(house: House) -> None:
    for _ in range(10):
        session_id = fill(house, messages=1)
        told = threading.Event()

        def write(target: UUID = session_id, ended: threading.Event = told) -> None:
            try:
                while True:
                    house.store.append(owner="ada", session_id=target, drafts=[Draft("user", "more")] * 2)
            except Cleared:
                ended.set()

        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        house.clearing.clear(owner="ada", session_id=session_id)
        for writer in writers:
            writer.join()
        assert told.is_set()
        house.worker.run_due()
        assert rows(house)["message"] == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_of_verbs_keeps_the_promise(house: House, data: st.DataObject) -> None:
    """Whatever was cleared stays cleared, whatever was not keeps all its messages."""
    owners = (f"o{uuid4()}", f"o{uuid4()}")
    alive: dict[UUID, tuple[str, int]] = {}
    gone: dict[UUID, str] = {}
    steps = st.lists(st.tuples(st.sampled_from("ncaadx"), st.integers(0, 9)), max_size=14)
    for verb, pick in data.draw(steps):
        owner = owners[pick % 2]
        mine = [session_id for session_id, (whose, _) in alive.items() if whose == owner]
        target = mine[pick % len(mine)] if mine else None
        if verb == "n" or target is None:
            alive[house.store.create(owner=owner).id] = (owner, 0)
        elif verb == "a":
            house.store.append(owner=owner, session_id=target, drafts=[Draft("user", "x"), Draft("assistant", "y")])
            alive[target] = (owner, alive[target][1] + 2)
        elif verb in "cd":
            if verb == "c":
                alive[house.clearing.clear(owner=owner, session_id=target).session.id] = (owner, 0)
            else:
                house.clearing.delete(owner=owner, session_id=target)
            del alive[target]
            gone[target] = owner
        else:
            with pytest.raises(NotFound):
                house.clearing.clear(owner=owners[(pick + 1) % 2], session_id=target)
    for session_id, (owner, count) in alive.items():
        assert len(house.store.messages(owner=owner, session_id=session_id).items) == count
    for session_id, owner in gone.items():
        with pytest.raises(Cleared):
            house.store.messages(owner=owner, session_id=session_id)


SECRET = "zanzibar-kumquat"
READ_BYTES = """
import pathlib, sys
needles = [bytes.fromhex(word) for word in sys.argv[2:]]
for path in pathlib.Path(sys.argv[1]).rglob("*"):
    if path.is_file():
        data = path.read_bytes()
        for needle in needles:
            if needle in data:
                print(path.name, needle[:20])
"""


def raw_hits(directory: Path, *needles: bytes) -> str:
    """Files that hold any of the needles, read by a process of its own (closing one of SQLite's files drops locks)."""
    words = [needle.hex() for needle in needles]
    command = [sys.executable, "-c", READ_BYTES, str(directory), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_files_never_hold_plaintext_and_after_a_clear_no_key(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'docchat.sqlite3'}")
    origin = migrate(database)
    keyring = SlotKeyring(tmp_path / "keys", store_id=origin.store_id, slots=origin.slots)
    house = build(database, keyring)
    session = house.store.create(owner="ada", title=f"title {SECRET}")
    house.store.append(
        owner="ada", session_id=session.id, drafts=[Draft("user", f"text {SECRET} {n}") for n in range(9)]
    )
    slots = house.graves.find(owner="ada", session_id=session.id).slots.all()
    keys = [keyring.open(session_id=session.id, slot=slot) for slot in slots]
    wrapped = [
        (tmp_path / "keys" / "slots.bin").read_bytes()[4096 + 64 * slot + 16 : 4096 + 64 * slot + 64] for slot in slots
    ]
    with database.read() as connection:
        sealed = [row.body[12:60] for row in connection.execute(select(message.c.body))]
    assert raw_hits(tmp_path, *sealed) != ""  # the probe sees what is there
    assert raw_hits(tmp_path, *wrapped) != ""
    assert raw_hits(tmp_path, SECRET.encode(), *keys) == ""
    house.clearing.clear(owner="ada", session_id=session.id)
    assert raw_hits(tmp_path, *wrapped, *keys, SECRET.encode()) == ""
    house.worker.run_due()
    assert raw_hits(tmp_path, *sealed, *wrapped, *keys, SECRET.encode()) == ""
    database.close()
    assert os.path.exists(tmp_path / "docchat.sqlite3")
