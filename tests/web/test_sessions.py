"""Chats over HTTP: list, pages of messages, names, search."""

from uuid import UUID

import pytest
from flask.testing import FlaskClient

from docchat.types import Draft

from .conftest import Host


def new_chat(client: FlaskClient, title: str = "") -> str:
    response = client.post("/api/sessions", json={"title": title} if title else {})
    assert response.status_code == 201
    return str(response.get_json()["id"])


def say(host: Host, session_id: str, *texts: str) -> None:
    drafts = [Draft("user", text) for text in texts]
    host.services.store.append(owner="id-of-test", session_id=UUID(session_id), drafts=drafts)


def test_the_fields_of_a_chat(client: FlaskClient) -> None:
    session = client.get(f"/api/sessions/{new_chat(client, 'A title')}").get_json()
    assert set(session) == {
        "id",
        "title",
        "message_count",
        "created_at",
        "updated_at",
        "user",
        "memory_from",
        "document",
        "section",
        "pinned",
        "archived",
        "drafted",
        "draft",
        "messages",
        "older",
        "about",
    }
    assert session["title"] == "A title"
    assert session["created_at"].endswith("+00:00")


def test_a_list_comes_in_pages(client: FlaskClient) -> None:
    made = [new_chat(client, f"chat {number}") for number in range(7)]
    found: list[str] = []
    query = {"limit": "3"}
    for _ in range(10):  # a cursor that does not move on must fail, not hang
        page = client.get("/api/sessions", query_string=query).get_json()
        found += [session["id"] for session in page["sessions"]]
        assert len(page["sessions"]) <= 3
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert found == made[::-1]


def test_chats_are_pinned_put_away_and_keep_a_draft(client: FlaskClient) -> None:
    one, two, three = (new_chat(client, name) for name in ("one", "two", "three"))
    changed = client.patch(f"/api/sessions/{one}", json={"pinned": True, "title": "first"}).get_json()
    assert (changed["pinned"], changed["title"]) == (True, "first")
    assert client.patch(f"/api/sessions/{two}", json={"archived": True}).get_json()["archived"]
    listed = client.get("/api/sessions?limit=1").get_json()
    assert [[item["id"] for item in listed[kind]] for kind in ("sessions", "pinned")] == [[three], [one]]
    assert client.get(f"/api/sessions?cursor={listed['next']}").get_json()["pinned"] == [], "on the first page alone"
    put_away = client.get("/api/sessions?archived=1").get_json()
    assert [item["id"] for item in put_away["sessions"]] == [two]
    draft = {"text": "What about é 漢 🙂"}
    assert client.put(f"/api/sessions/{three}/draft", json=draft).get_json() == {"success": True}
    read = client.get(f"/api/sessions/{three}").get_json()
    assert (read["draft"], read["drafted"]) == (draft["text"], True)
    assert [item["drafted"] for item in client.get("/api/sessions").get_json()["sessions"]] == [True, False]
    for body in ({}, {"pinned": 1}, {"archived": "yes"}, {"pinned": None}, {"shelf": True}):
        assert client.patch(f"/api/sessions/{one}", json=body).status_code == 400
    assert client.put(f"/api/sessions/{three}/draft", json={"text": "x" * 20_001}).status_code == 413
    assert client.put(f"/api/sessions/{three}/draft", json={}).status_code == 400


def test_messages_come_in_pages_newest_first(host: Host, client: FlaskClient) -> None:
    session_id = new_chat(client)
    say(host, session_id, *[f"text {number}" for number in range(120)])
    session = client.get(f"/api/sessions/{session_id}").get_json()
    texts = [message["text"] for message in session["messages"]]
    assert texts == [f"text {number}" for number in range(70, 120)]
    older = session["older"]
    while older is not None:
        page = client.get(f"/api/sessions/{session_id}/messages", query_string={"cursor": older}).get_json()
        texts = [message["text"] for message in page["messages"]] + texts
        older = page["older"]
    assert texts == [f"text {number}" for number in range(120)]


def test_an_export_holds_every_message_in_order(host: Host, client: FlaskClient) -> None:
    session_id = new_chat(client, "Everything")
    texts = [f"text {number:04}" for number in range(1100)]
    say(host, session_id, *texts)
    exported = client.get(f"/api/sessions/{session_id}/export").text
    assert [line for line in exported.splitlines() if line.startswith("text ")] == texts


def test_an_export_that_a_clear_overtakes_breaks_off(host: Host, client: FlaskClient) -> None:
    session_id = new_chat(client, "Everything")
    say(host, session_id, *[f"text {number:04} " + "word " * 200 for number in range(300)])
    response = client.get(f"/api/sessions/{session_id}/export", buffered=False)
    pieces = response.iter_encoded()
    assert b"text 0000" in next(iter(pieces))
    host.services.clearing.clear(owner="id-of-test", session_id=UUID(session_id))
    with pytest.raises(ConnectionResetError):  # what a server takes for a client that has gone
        list(pieces)
    assert client.get(f"/api/sessions/{session_id}/export").status_code == 410


def test_a_chat_gets_another_name(client: FlaskClient) -> None:
    session_id = new_chat(client, "Old")
    response = client.patch(f"/api/sessions/{session_id}", json={"title": " New "})
    assert response.get_json()["title"] == "New"
    assert client.get(f"/api/sessions/{session_id}").get_json()["title"] == "New"


@pytest.mark.parametrize(("title", "status"), [("", 400), ("  ", 400), ("x" * 201, 413), ("x" * 200, 200)])
def test_a_name_has_its_bounds(client: FlaskClient, title: str, status: int) -> None:
    assert client.patch(f"/api/sessions/{new_chat(client)}", json={"title": title}).status_code == status


def test_search_finds_words_in_titles_and_messages(host: Host, client: FlaskClient) -> None:
    session_id = new_chat(client, "About rivers")
    say(host, session_id, "The Wutach flows into the Rhine.")
    hits = client.post("/api/sessions/search", json={"text": "wutach rhine"}).get_json()["hits"]
    assert len(hits) == 1
    assert hits[0]["session"]["id"] == session_id
    start, end = hits[0]["marks"][0]
    assert hits[0]["snippet"][start:end].lower() in ("wutach", "rhine")
    title = client.post("/api/sessions/search", json={"text": "rivers"}).get_json()["hits"]
    assert [hit["message"] for hit in title] == [None]
    assert client.post("/api/sessions/search", json={"text": " "}).status_code == 400
