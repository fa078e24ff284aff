"""Asking over HTTP: the events, resuming, stopping, and the cookie."""

import io
import json
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from .conftest import Host
from .test_sse import parse

TEXT = b"The bridge over the river was opened in 1932. It is made of steel. It has two towers."


@pytest.fixture
def session_id(host: Host, client: FlaskClient) -> str:
    """An empty chat, with a document in the library."""
    files = {"files": (io.BytesIO(TEXT), "bridge.txt")}
    assert client.post("/api/documents", data=files, content_type="multipart/form-data").status_code == 201
    host.services.worker.run_due()
    return str(client.post("/api/sessions", json={}).get_json()["id"])


def ask(client: FlaskClient, session_id: str, question: str) -> list[tuple[str, str, dict[str, object]]]:
    response = client.post(f"/api/sessions/{session_id}/ask", json={"question": question})
    assert response.status_code == 200, response.text
    return [(name, kind, json.loads(data)) for name, kind, data in parse(response.data)]


def test_an_answer_quotes_and_cites(client: FlaskClient, session_id: str) -> None:
    events = ask(client, session_id, "When was the bridge opened?")
    kinds = [kind for _, kind, _ in events]
    assert kinds[0] == "passages"
    assert kinds[-1] == "done"
    first, last = events[0][2], events[-1][2]
    assert first["question"]["text"] == "When was the bridge opened?"  # type: ignore[index]
    assert first["answer"]["role"] == "assistant"  # type: ignore[index]
    assert first["mode"] == "quotes"
    said = "".join(str(data["text"]) for _, kind, data in events if kind == "text")
    assert last["message"]["text"] == said  # type: ignore[index]
    citations = [data for _, kind, data in events if kind == "citation"]
    assert citations
    page = client.get(f"/api/documents/{citations[0]['document']}/pages/{citations[0]['page']}").get_json()
    quote = page["text"][citations[0]["start"] : citations[0]["end"]]
    assert quote == citations[0]["quote"]
    assert "1932" in quote


def test_a_chat_keeps_its_answer(client: FlaskClient, session_id: str) -> None:
    ask(client, session_id, "When was the bridge opened?")
    session = client.get(f"/api/sessions/{session_id}").get_json()
    assert session["message_count"] == 2
    assert [message["role"] for message in session["messages"]] == ["user", "assistant"]
    assert session["messages"][1]["state"] == "done"
    assert session["messages"][1]["citations"]
    exported = client.get(f"/api/sessions/{session_id}/export?format=markdown")
    assert "1932" in exported.text
    assert exported.headers["Content-Disposition"].startswith("attachment")
    assert json.loads(client.get(f"/api/sessions/{session_id}/export?format=json").text)["messages"]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_reader_resumes_where_it_stopped(client: FlaskClient, session_id: str, share: float) -> None:
    events = ask(client, session_id, "When was the bridge opened?")
    run, whole = events[0][2]["run"], events[-1][2]["message"]["text"]  # type: ignore[index]
    offset = int(len(whole) * share)
    headers = {"Last-Event-ID": f"{run}.{offset}"} if offset else {}
    response = client.get(f"/api/sessions/{session_id}/runs/{run}/events", headers=headers)
    again = [(kind, json.loads(data)) for _, kind, data in parse(response.data)]
    assert whole[:offset] + "".join(data["text"] for kind, data in again if kind == "text") == whole
    assert again[-1][0] == "done"
    if offset == 0:
        assert again[0][0] == "passages"
        assert again[0][1]["question"]["text"] == "When was the bridge opened?"


def test_asking_makes_the_chat_the_current_one(client: FlaskClient, session_id: str) -> None:
    other = client.post("/api/sessions", json={}).get_json()["id"]
    assert client.get("/api/status").get_json()["current"] == other
    ask(client, session_id, "When was the bridge opened?")
    assert client.get("/api/status").get_json()["current"] == session_id


def test_without_a_model_none_can_be_asked(client: FlaskClient, session_id: str) -> None:
    response = client.post(f"/api/sessions/{session_id}/ask", json={"question": "x", "mode": "model"})
    assert response.status_code == 400
    assert response.get_json()["code"] == "no_model"
    assert client.get(f"/api/sessions/{session_id}").get_json()["messages"] == []


def test_an_answer_that_has_ended_may_be_stopped(client: FlaskClient, session_id: str) -> None:
    run = ask(client, session_id, "When was the bridge opened?")[0][2]["run"]
    path = f"/api/sessions/{session_id}/runs/{run}/stop"
    assert client.post(path).get_json() == {"success": True}
    assert client.post(f"/api/sessions/{session_id}/runs/{uuid4()}/stop").status_code == 404
    other = client.post("/api/sessions", json={}).get_json()["id"]
    assert client.post(f"/api/sessions/{other}/runs/{run}/stop").status_code == 404


def test_a_cleared_chat_tells_its_readers(client: FlaskClient, session_id: str) -> None:
    run = ask(client, session_id, "When was the bridge opened?")[0][2]["run"]
    successor = client.post(f"/api/sessions/{session_id}/clear").headers["Docchat-Successor"]
    for method, path in (("GET", f"runs/{run}/events"), ("POST", f"runs/{run}/stop"), ("GET", "messages")):
        response = client.open(f"/api/sessions/{session_id}/{path}", method=method)
        assert response.status_code == 410, path
        assert response.get_json()["successor"] == successor
