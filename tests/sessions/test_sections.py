"""Chats about sections underneath: one a section and owner, and every verb keeps what it is about."""

import threading
from uuid import UUID, uuid4

import pytest

from docchat.errors import Cleared
from docchat.sessions import sections
from docchat.sessions.sections import SectionChats
from docchat.sessions.sql_sections import SqlSectionChats
from docchat.types import Draft

from .conftest import House, build

OWNER = "ann"
ABOUT = (UUID(int=7), "h3-120")


def chats(house: House) -> SectionChats:
    return SectionChats(SqlSectionChats(house.database), house.store, house.clearing)


def say(house: House, session_id: UUID, owner: str = OWNER) -> None:
    house.store.append(owner=owner, session_id=session_id, drafts=[Draft("user", "hello")])


def live(house: House) -> list[tuple[object, ...]]:
    with house.database.read() as connection:
        query = "SELECT section FROM chat_session WHERE cleared_at IS NULL AND document_id IS NOT NULL"
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_eight_that_open_and_clear_at_once_end_with_one_chat(house: House) -> None:
    for _ in range(3):
        barrier, found = threading.Barrier(8), []
        about = (uuid4(), "p1")

        def come(clears: bool, about: tuple[UUID, str] = about, barrier: threading.Barrier = barrier) -> None:
            mine = chats(house)
            barrier.wait()
            if clears and (cleared := mine.clear(owner=OWNER, about=about)) is not None:
                found.append(cleared.session.id)  # noqa: B023
            else:
                found.append(mine.open(owner=OWNER, about=about).id)  # noqa: B023

        threads = [threading.Thread(target=come, args=(number % 2 == 0,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len(chats(house).list(owner=OWNER, document_id=about[0])) == 1
        assert {chats(house).open(owner=OWNER, about=about).id} == set(found)


def test_owners_and_sections_have_chats_of_their_own(house: House) -> None:
    one = chats(house).open(owner=OWNER, about=ABOUT)
    assert (one.document_id, one.section) == ABOUT
    assert chats(house).open(owner="bob", about=ABOUT).id != one.id
    assert chats(house).open(owner=OWNER, about=(ABOUT[0], "p3")).id != one.id
    assert chats(house).places(owner="bob", document_id=ABOUT[0]).keys() == {"h3-120"}
    assert chats(house).places(owner=OWNER, document_id=uuid4()) == {}


def test_a_clear_by_section_by_id_and_again_is_one_clear(house: House) -> None:
    one = chats(house).open(owner=OWNER, about=ABOUT)
    say(house, one.id)
    first = chats(house).clear(owner=OWNER, about=ABOUT)
    assert first is not None
    assert first.receipt is not None
    assert (first.session.document_id, first.session.section, first.session.messages) == (*ABOUT, 0)
    assert chats(house).clear(owner=OWNER, about=ABOUT) == first
    assert house.clearing.clear(owner=OWNER, session_id=one.id).receipt == first.receipt
    with pytest.raises(Cleared):
        house.store.messages(owner=OWNER, session_id=one.id)
    assert live(house) == [("h3-120",)]


def test_a_repeated_clear_after_the_successor_was_deleted_is_bound_too(house: House) -> None:
    one = chats(house).open(owner=OWNER, about=ABOUT)
    say(house, one.id)
    cleared = house.clearing.clear(owner=OWNER, session_id=one.id)
    house.clearing.delete(owner=OWNER, session_id=cleared.session.id)
    again = house.clearing.clear(owner=OWNER, session_id=one.id)
    assert again.receipt == cleared.receipt
    assert (again.session.document_id, again.session.section) == ABOUT
    assert chats(house).open(owner=OWNER, about=ABOUT).id == again.session.id
    assert live(house) == [("h3-120",)]


def test_deleted_bulk_cleared_and_old_chats_leave_the_section_without_one(house: House) -> None:
    one = chats(house).open(owner=OWNER, about=ABOUT)
    say(house, one.id)
    house.clearing.delete(owner=OWNER, session_id=one.id)
    assert chats(house).clear(owner=OWNER, about=ABOUT) is None
    assert chats(house).list(owner=OWNER, document_id=ABOUT[0]) == ()
    assert chats(house).open(owner=OWNER, about=ABOUT).id != one.id


def test_a_clear_that_a_crash_cut_short_ends_bound(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "_PATIENCE_SECONDS", 0.1)
    one = chats(house).open(owner=OWNER, about=ABOUT)
    say(house, one.id)
    grave = house.graves.find(owner=OWNER, session_id=one.id)
    house.keyring.destroy(slots=grave.slots.all())
    with pytest.raises(Cleared):
        chats(house).open(owner=OWNER, about=ABOUT)
    assert house.clearing.reconcile(patience=0) == 1
    assert chats(house).open(owner=OWNER, about=ABOUT).id != one.id
    assert live(house) == [("h3-120",)]


def test_an_undo_brings_the_chat_back_and_a_used_successor_stays(house: House) -> None:
    with_undo = build(house.database, house.keyring, undo_seconds=60)
    one = chats(with_undo).open(owner=OWNER, about=ABOUT)
    say(with_undo, one.id)
    cleared = chats(with_undo).clear(owner=OWNER, about=ABOUT)
    assert cleared is not None
    assert cleared.receipt is not None
    say(with_undo, cleared.session.id)
    with_undo.clearing.undo(owner=OWNER, receipt_id=cleared.receipt.id)
    listed = [item.id for item in chats(with_undo).list(owner=OWNER, document_id=ABOUT[0])]
    assert listed == [cleared.session.id, one.id]
    assert chats(with_undo).open(owner=OWNER, about=ABOUT).id == cleared.session.id
