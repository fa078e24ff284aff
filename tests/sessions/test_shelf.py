"""The order of chats: pinned ones, those that are put away, and pages of either."""

import pytest

from docchat.errors import InvalidInput, NotFound
from docchat.sessions.search import search
from docchat.sessions.sql_bulk import BulkScope
from docchat.types import Draft

from .conftest import House


def titles(house: House, **how: bool | None) -> list[str]:
    found, cursor = [], None
    while True:
        page = house.store.list(owner="ada", cursor=cursor, limit=2, **how)  # type: ignore[arg-type]
        found += [one.title for one in page.items]
        cursor = page.next
        if cursor is None:
            return found


def test_chats_are_pinned_put_away_and_brought_back(house: House) -> None:
    ids = {name: house.store.create(owner="ada", title=name).id for name in "abcdefg"}
    house.store.create(owner="bob", title="his")
    for name in "bdf":
        changed = house.store.change(owner="ada", session_id=ids[name], archived=True)
        assert (changed.title, changed.archived, changed.pinned) == (name, True, False)
    assert titles(house, archived=False) == ["g", "e", "c", "a"]
    assert titles(house, archived=True) == ["f", "d", "b"]
    assert sorted(titles(house)) == list("abcdefg"), "who asks for all gets all"
    for name in "aef":
        house.store.change(owner="ada", session_id=ids[name], pinned=True, title=f"{name}!")
    assert [one.title for one in house.store.pinned(owner="ada")] == ["f!", "e!", "a!"]
    assert titles(house, archived=False) == ["g", "f!", "e!", "c", "a!"], "what is pinned is not put away"
    assert not house.store.change(owner="ada", session_id=ids["e"], archived=True).pinned
    house.store.change(owner="ada", session_id=ids["e"], archived=False)
    house.store.change(owner="ada", session_id=ids["a"], pinned=False)
    assert titles(house, archived=False) == ["g", "f!", "e!", "c", "a!"], "each is where it was"
    house.store.append(owner="ada", session_id=ids["d"], drafts=[Draft("user", "asked again")])
    assert titles(house, archived=False)[0] == "d"
    assert not house.store.get(owner="ada", session_id=ids["d"]).archived
    house.store.append(owner="ada", session_id=ids["b"], drafts=[Draft("user", "needle")])
    house.store.change(owner="ada", session_id=ids["b"], archived=True)
    assert [hit.session.title for hit in search(house.store, owner="ada", text="needle").hits] == ["b"]
    house.clearing.delete(owner="ada", session_id=ids["a"])
    for chat in "bcdefg":
        house.store.change(owner="ada", session_id=ids[chat], archived=True)
    assert titles(house, archived=False) == []
    new = house.store.create(owner="ada", title="new")
    assert [titles(house, archived=False), len(titles(house))] == [["new"], 7]
    with pytest.raises(NotFound):
        house.store.change(owner="bob", session_id=new.id, pinned=True)
    with pytest.raises(InvalidInput):
        house.store.list(owner="ada", cursor="--1_2")
    assert house.bulk.count(owner="ada", scope=BulkScope(everything=True)).sessions == 7, "a clear of all means them"
