"""Clears that can be taken back for a while: nobody reads them, an undo brings all of it, a late one nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from .conftest import Host
from .test_relatives import chat, say, texts

DAY = 86_400


@pytest.fixture
def host(make_host: Callable[..., Host]) -> Host:
    """A host whose clears can be undone for a day."""
    return make_host(DOCCHAT_CLEAR_UNDO_SECONDS=DAY)


def undo(client: FlaskClient, cleared: TestResponse) -> TestResponse:
    return client.post(f"/api/receipts/{cleared.headers['Docchat-Receipt']}/undo")


def receipt(client: FlaskClient, cleared: TestResponse) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/receipts/{cleared.headers['Docchat-Receipt']}").get_json()
    return found


def test_the_status_says_how_long(client: FlaskClient, make_host: Callable[..., Host]) -> None:
    assert client.get("/api/status").get_json()["limits"]["undo_seconds"] == DAY
    assert make_host().client("test").get("/api/status").get_json()["limits"]["undo_seconds"] == 0


ACTS = {
    "clear": ("POST", "/clear"),
    "delete": ("DELETE", ""),
    "history": ("POST", "/history/clear"),
}


@pytest.mark.parametrize("action", ACTS)
def test_what_is_pending_is_unreadable_and_comes_back_whole(host: Host, client: FlaskClient, action: str) -> None:
    session_id = chat(host, "one", "two")
    before = client.get(f"/api/sessions/{session_id}").get_json()
    method, path = ACTS[action]
    cleared = client.open(f"/api/sessions/{session_id}{path}", method=method)
    assert cleared.get_json() == {"success": True}
    found = receipt(client, cleared)
    assert (found["action"], found["state"]) == (action, "pending")
    left = datetime.fromisoformat(found["undo_until"]) - datetime.fromisoformat(found["created_at"])
    assert left.total_seconds() == DAY
    now = client.get(f"/api/sessions/{session_id}")
    assert now.status_code == 410 or now.get_json()["messages"] == []
    assert "one" not in client.post("/api/sessions/search", json={"text": "one"}).text

    undone = undo(client, cleared)
    assert undone.status_code == 200
    assert undone.get_json() == {"success": True, "session": session_id}
    after = client.get(f"/api/sessions/{session_id}").get_json()
    assert (after["title"], after["messages"]) == (before["title"], before["messages"])
    found = receipt(client, cleared)
    assert (found["state"], found["undo_until"]) == ("undone", None)


def test_many_come_back_at_once(host: Host, client: FlaskClient) -> None:
    mine = [chat(host, f"chat {number}") for number in range(3)]
    cleared = client.post("/api/sessions/bulk/clear", json={"all": True})
    assert cleared.status_code == 200
    assert cleared.get_json()["receipt"]["state"] == "pending"
    assert [client.get(f"/api/sessions/{session_id}").status_code for session_id in mine] == [410] * 3
    assert undo(client, cleared).get_json() == {"success": True, "session": None}
    assert [texts(client, session_id) for session_id in mine] == [["chat 0"], ["chat 1"], ["chat 2"]]


def test_an_undo_is_done_once(host: Host, client: FlaskClient) -> None:
    cleared = client.post(f"/api/sessions/{chat(host)}/clear")
    assert undo(client, cleared).status_code == 200
    again = undo(client, cleared)
    assert again.status_code == 409
    assert again.get_json()["code"] == "undo_over"


def test_an_undo_that_comes_too_late_brings_nothing(host: Host, client: FlaskClient) -> None:
    session_id = chat(host)
    cleared = client.post(f"/api/sessions/{session_id}/clear")
    # What the job at the end of the window does, and what every start does.
    host.services.clearing._settling.settle_all()
    assert receipt(client, cleared)["state"] == "done"
    late = undo(client, cleared)
    assert late.status_code == 409
    assert late.get_json()["code"] == "undo_over"
    assert client.get(f"/api/sessions/{session_id}").status_code == 410


def test_a_history_that_was_gone_on_with_does_not_come_back(host: Host, client: FlaskClient) -> None:
    session_id = chat(host, "before")
    cleared = client.post(f"/api/sessions/{session_id}/history/clear")
    say(host, session_id, "after")
    assert undo(client, cleared).get_json()["code"] == "undo_over"
    assert texts(client, session_id) == ["after"]


def test_an_undo_is_its_owners(host: Host, client: FlaskClient) -> None:
    session_id = chat(host)
    cleared = client.post(f"/api/sessions/{session_id}/clear")
    path = f"/api/receipts/{cleared.headers['Docchat-Receipt']}/undo"
    assert host.client("other").post(path).status_code == 404
    assert client.post(f"/api/receipts/{uuid4()}/undo").status_code == 404
    assert host.client().post(path).status_code == 401
    assert client.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post(path, json={"force": "true"}).status_code == 400
    assert client.get(f"/api/sessions/{session_id}").status_code == 410
    assert client.post(path).status_code == 200


def test_without_the_setting_nothing_is_pending(make_host: Callable[..., Host]) -> None:
    host = make_host()
    client = host.client("test")
    cleared = client.post(f"/api/sessions/{chat(host)}/clear")
    found = receipt(client, cleared)
    assert (found["state"], found["undo_until"]) == ("done", None)
    assert undo(client, cleared).status_code == 409


def test_the_successor_of_an_undone_clear_is_not_left_behind(host: Host, client: FlaskClient) -> None:
    session_id = chat(host)
    cleared = client.post(f"/api/sessions/{session_id}/clear")
    undo(client, cleared)
    listed = {session["id"] for session in client.get("/api/sessions").get_json()["sessions"]}
    assert listed == {session_id}
    assert host.services.store.get(owner="id-of-test", session_id=UUID(session_id)).messages == 2
