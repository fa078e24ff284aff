"""Search in one's own chats, and export."""

import json
from uuid import UUID, uuid4

import pytest

from docchat.errors import InvalidInput
from docchat.sessions.export import json_document, markdown
from docchat.sessions.search import search
from docchat.types import Citation, Draft, Message, Page

from .conftest import House


def test_search_finds_all_words_in_own_chats_only(house: House) -> None:
    hers = house.store.create(owner="ada", title="Über den Löwen")
    house.store.append(owner="ada", session_id=hers.id, drafts=[Draft("user", "Where does the LION sleep at night?")])
    other = house.store.create(owner="bob", title="lion")
    house.store.append(owner="bob", session_id=other.id, drafts=[Draft("user", "lion sleep")])
    (hit,) = search(house.store, owner="ada", text="lion SLEEP").hits
    assert hit.session.id == hers.id
    assert [hit.snippet[start:end] for start, end in hit.marks] == ["LION", "sleep"]
    (title,) = search(house.store, owner="ada", text="lowen").hits
    assert title.message_id is None
    assert search(house.store, owner="ada", text="lion tiger").hits == ()
    house.clearing.clear(owner="ada", session_id=hers.id)
    assert search(house.store, owner="ada", text="lion").hits == ()
    with pytest.raises(InvalidInput):
        search(house.store, owner="ada", text="  ")


def test_a_search_says_whether_it_looked_through_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        session = house.store.create(owner="ada", title=f"chat {number}")
        house.store.append(owner="ada", session_id=session.id, drafts=[Draft("user", "words")] * 4)
    assert search(house.store, owner="ada", text="lion") == ((), True)
    monkeypatch.setattr("docchat.sessions.search.MAX_SEARCHED_MESSAGES", 8)
    assert search(house.store, owner="ada", text="lion") == ((), False)
    assert search(house.store, owner="nobody", text="lion") == ((), True)


def test_search_looks_through_long_chats(house: House) -> None:
    session = house.store.create(owner="ada")
    drafts = [Draft("user", f"word{number} common") for number in range(450)]
    house.store.append(owner="ada", session_id=session.id, drafts=drafts)
    assert len(search(house.store, owner="ada", text="word3 common", limit=500).hits) == 111
    assert len(search(house.store, owner="ada", text="common", limit=20).hits) == 20


def test_exports_hold_messages_and_sources(house: House) -> None:
    session = house.store.create(owner="ada", title="My chat")
    citation = Citation(1, uuid4(), "plan.pdf", 3, "Goals", 0, 4, "1934\nagain")
    drafts = [Draft("user", "When?"), Draft("assistant", "In 1934 [1].", (citation,))]
    messages = house.store.append(owner="ada", session_id=session.id, drafts=drafts)
    text = markdown(session, messages)
    assert text.startswith("# My chat\n")
    assert "When?" in text
    assert "- [1] plan.pdf, page 3, Goals: 1934 again" in text
    document = json.loads(json_document(session, messages))
    assert document["title"] == "My chat"
    assert [item["text"] for item in document["messages"]] == ["When?", "In 1934 [1]."]
    assert document["messages"][1]["citations"][0]["quote"] == "1934\nagain"


def test_a_chat_cleared_during_the_search_is_not_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for title in ("one lion", "two lion"):
        house.store.create(owner="ada", title=title)
    real = house.store.messages

    def messages_then_clear(
        *, owner: str, session_id: UUID, cursor: str | None = None, limit: int = 50
    ) -> Page[Message]:
        page = real(owner=owner, session_id=session_id, cursor=cursor, limit=limit)
        for session in house.store.list(owner="ada").items:
            house.clearing.delete(owner="ada", session_id=session.id)
        return page

    monkeypatch.setattr(house.store, "messages", messages_then_clear)
    assert search(house.store, owner="ada", text="lion").hits == ()
