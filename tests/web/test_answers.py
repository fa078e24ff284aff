"""Asking over HTTP: the events, resuming, stopping, and the cookie."""

import io
import json
from collections.abc import Callable
from typing import Any
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


def turns(client: FlaskClient, session_id: str, *questions: str) -> list[dict[str, Any]]:
    """Ask one after another; all messages of the chat."""
    for question in questions:
        ask(client, session_id, question)
    messages: list[dict[str, Any]] = client.get(f"/api/sessions/{session_id}").get_json()["messages"]
    return messages


def test_an_answer_is_made_anew(client: FlaskClient, session_id: str) -> None:
    before = turns(client, session_id, "When was the bridge opened?", "What is the bridge made of?")
    path = f"/api/sessions/{session_id}/messages/{before[1]['id']}/regenerate"
    response = client.post(path)
    events = [(kind, json.loads(data)) for _, kind, data in parse(response.data)]
    assert (events[0][0], events[-1][0]) == ("passages", "done")
    assert events[0][1]["question"] == before[0]
    after = client.get(f"/api/sessions/{session_id}").get_json()
    assert [message["text"] for message in after["messages"]] == [message["text"] for message in before[:2]]
    assert after["messages"] == [before[0], events[-1][1]["message"]]
    assert after["messages"][1]["id"] > before[3]["id"]
    assert (after["message_count"], after["title"]) == (2, "When was the bridge opened?")
    again = client.post(path)
    assert (again.status_code, again.get_json()["code"]) == (409, "message_replaced")
    old = client.get(f"/api/sessions/{session_id}/runs/{before[1]['run']}/events")
    assert "1932" not in old.text
    asked = client.post(f"/api/sessions/{session_id}/messages/{before[0]['id']}/regenerate")
    assert (asked.status_code, asked.get_json()["code"]) == (400, "not_an_answer")
    wrong = client.post(
        f"/api/sessions/{session_id}/messages/{after['messages'][1]['id']}/regenerate", json={"model": "x"}
    )
    assert (wrong.status_code, wrong.get_json()["code"]) == (400, "unknown_model")


def test_a_question_is_changed(client: FlaskClient, session_id: str) -> None:
    document = client.get("/api/documents").get_json()["documents"][0]["id"]
    assert client.post(f"/api/sessions/{session_id}/ask", json={"question": "When?", "documents": [document]}).data
    before = turns(client, session_id, "What is the bridge made of?")
    path = f"/api/sessions/{session_id}/messages/{before[0]['id']}/edit"
    assert client.post(path, json={"question": " "}).get_json()["code"] == "empty_question"
    assert client.get(f"/api/sessions/{session_id}").get_json()["messages"] == before, "nothing went for nothing"
    assert client.post(path, json={"question": "How many towers does the bridge have?"}).data
    after = client.get(f"/api/sessions/{session_id}").get_json()["messages"]
    assert [message["role"] for message in after] == ["user", "assistant"]
    assert after[0]["text"] == "How many towers does the bridge have?"
    assert after[0]["documents"] == [document], "asked of what it was asked of before"
    assert "two towers" in after[1]["text"]
    path = f"/api/sessions/{session_id}/messages/{after[0]['id']}/edit"
    assert client.post(path, json={"question": "When?", "documents": [str(uuid4())]}).status_code == 404
    assert client.post(path, json={"question": "When was it opened?", "collections": ["personal"]}).data
    last = client.get(f"/api/sessions/{session_id}").get_json()["messages"][0]
    assert (last["documents"], last["collections"]) == ([], ["personal"])


def test_an_answer_is_rated(client: FlaskClient, session_id: str) -> None:
    asked, answered = turns(client, session_id, "When was the bridge opened?")
    path = f"/api/sessions/{session_id}/messages/{answered['id']}/feedback"

    def stored() -> object:
        return client.get(f"/api/sessions/{session_id}").get_json()["messages"][1]["feedback"]

    assert answered["feedback"] is None
    assert client.put(path, json={"rating": "down", "comment": " too short "}).get_json() == {"success": True}
    assert stored() == {"rating": "down", "comment": "too short"}
    assert "too short" in client.get(f"/api/sessions/{session_id}/export?format=markdown").text
    for body, status, code in (
        ({"rating": "good"}, 400, "unknown_rating"),
        ({"comment": "x"}, 400, "missing_field"),
        ({"rating": "up", "comment": "x" * 2001}, 413, "comment_too_long"),
    ):
        response = client.put(path, json=body)
        assert (response.status_code, response.get_json()["code"]) == (status, code)
    assert client.put(path.replace(str(answered["id"]), str(asked["id"])), json={"rating": "up"}).status_code == 400
    assert stored() == {"rating": "down", "comment": "too short"}
    assert client.delete(path).get_json() == {"success": True}
    assert stored() is None


def test_a_process_makes_so_many_answers(make_host: Callable[..., Host]) -> None:
    host = make_host(DOCCHAT_MAX_ANSWERS=1)
    client = host.client("test")
    session_id = client.post("/api/sessions", json={}).get_json()["id"]
    host.services.answers._runs.take_place("somebody else")
    response = client.post(f"/api/sessions/{session_id}/ask", json={"question": "When?"})
    assert (response.status_code, response.get_json()["code"]) == (503, "overloaded")
    assert response.headers["Retry-After"] == "5"
    assert client.get(f"/api/sessions/{session_id}").get_json()["messages"] == [], "nothing is stored of it"
    host.services.answers._runs.give_place("somebody else")
    assert ask(client, session_id, "When?")[-1][1] == "done"
