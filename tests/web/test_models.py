"""Models over HTTP: who may connect them, that keys never come back, what a trial tells, and limits by day."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
from flask.testing import FlaskClient

from .conftest import Host

KEY = "sk-never-told-4711"
API = "/api/models/connected"


class Server:
    """A model server that answers shortly; `key` is the one it wants."""

    def __init__(self) -> None:
        self.key = ""
        self.heard: list[str] = []
        self.redirects = ""
        played = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer({"data": [{"id": "small"}, {"id": "large"}]})

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                event = json.dumps(
                    {"choices": [{"delta": {"content": "Hello to you."}}], "usage": {"total_tokens": 12}}
                )
                self._answer(f"data: {event}\n\ndata: [DONE]\n\n")

            def _answer(self, value: object) -> None:
                played.heard.append(self.headers.get("Authorization", ""))
                if played.redirects:
                    self.send_response(302)
                    self.send_header("Location", played.redirects)
                elif played.key and self.headers.get("Authorization") != f"Bearer {played.key}":
                    self.send_response(401)
                    value = {"error": {"message": "Incorrect key <b>provided</b>"}}
                else:
                    self.send_response(200)
                body = (value if isinstance(value, str) else json.dumps(value)).encode()
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def _connect(client: FlaskClient, url: str, **more: Any) -> dict[str, Any]:
    response = client.post(API, json={"label": "Large", "url": url, "name": "large", "key": KEY, **more})
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.get_json()
    return found


def test_a_model_is_connected_changed_ordered_and_deleted(client: FlaskClient) -> None:
    made = _connect(client, "http://127.0.0.1:9/v1/", context_tokens=8192)
    other = _connect(client, "http://127.0.0.1:9/v1", label="Small", key="")
    assert (made["url"], made["has_key"], other["has_key"]) == ("http://127.0.0.1:9/v1", True, False)
    assert client.get("/api/models").get_json() == {
        "models": [
            {"id": made["id"], "label": "Large", "default": True},
            {"id": other["id"], "label": "Small", "default": False},
        ]
    }
    assert client.post(f"{API}/order", json={"ids": [other["id"]]}).status_code == 200
    assert client.patch(f"{API}/{made['id']}", json={"enabled": False, "label": "Off"}).get_json()["has_key"]
    assert [item["label"] for item in client.get("/api/models").get_json()["models"]] == ["Small"]
    listed = client.get(API).get_json()
    assert [item["label"] for item in listed["models"]] == ["Small", "Off"]
    assert client.get("/api/status").get_json()["mode"] == "model"
    for item in (made, other):
        assert client.delete(f"{API}/{item['id']}").get_json() == {"success": True}
    assert client.get("/api/models").get_json() == {"models": []}
    assert client.get("/api/status").get_json()["mode"] == "quotes"


def test_no_answer_ever_holds_a_key(host: Host, client: FlaskClient, server: Server, caplog: Any) -> None:
    caplog.set_level("DEBUG", "docchat")
    made = _connect(client, server.url)
    server.key = "another"
    answers = [
        client.get(API),
        client.patch(f"{API}/{made['id']}", json={"label": "Larger"}),
        client.patch(f"{API}/{made['id']}", json={"url": "http://127.0.0.2:9/v1"}),
        client.post("/api/models/try", json={"id": made["id"]}),
        client.get("/models"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 400, 200, 200]
    assert not [answer for answer in answers if KEY in answer.text]
    assert answers[2].get_json()["code"] == "key_again"
    assert KEY not in caplog.text


def test_others_see_nothing_of_it(host: Host, client: FlaskClient) -> None:
    made = _connect(client, "http://127.0.0.1:9/v1")
    other = host.client("other")
    assert [other.get(path).status_code for path in ("/models", API)] == [403, 403]
    assert other.post(API, json={"label": "x", "url": "http://127.0.0.1:9/v1"}).status_code == 403
    assert other.post("/api/models/try", json={"url": "http://127.0.0.1:9/v1"}).status_code == 403
    assert other.delete(f"{API}/{made['id']}").status_code == 404
    assert "Models" not in other.get("/documents").text
    assert 'href="/models"' in client.get("/documents").text
    assert other.get("/api/models").get_json()["models"][0].keys() == {"id", "label", "default"}
    foreign = client.delete(f"{API}/{made['id']}", headers={"Sec-Fetch-Site": "cross-site"})
    assert (foreign.status_code, foreign.get_json()["code"]) == (403, "cross_site")
    assert len(host.services.connected.list()) == 1


def test_a_trial_lists_models_and_times_an_answer(client: FlaskClient, server: Server) -> None:
    server.key = KEY
    found = client.post("/api/models/try", json={"url": server.url, "key": KEY}).get_json()
    assert (found["models"], found["model"], found["text"]) == (["small", "large"], "small", "Hello to you.")
    assert 0 < found["first_seconds"] <= found["seconds"] < 5
    made = _connect(client, server.url)
    found = client.post("/api/models/try", json={"id": made["id"]}).get_json()
    assert (found["text"], found["error"]) == ("Hello to you.", "")
    moved = client.post("/api/models/try", json={"id": made["id"], "url": "http://127.0.0.2:9/v1"})
    assert moved.get_json()["code"] == "key_again"


def test_a_trial_that_fails_says_why(client: FlaskClient, server: Server) -> None:
    server.key = "another"
    found = client.post("/api/models/try", json={"url": server.url, "key": KEY}).get_json()
    assert "does not accept its key" in found["error"]
    assert "HTTP 401" in found["detail"]
    server.key, server.redirects = "", "http://127.0.0.1:9/elsewhere"
    found = client.post("/api/models/try", json={"url": server.url}).get_json()
    assert found["text"] == ""
    assert "302" in found["detail"]
    found = client.post("/api/models/try", json={"url": "http://127.0.0.1:9/v1"}).get_json()
    assert "cannot be reached" in found["error"]
    assert client.post("/api/models/try", json={"url": "file:///etc/passwd"}).get_json()["code"] == "bad_url"


def test_a_question_goes_to_the_chosen_model(host: Host, client: FlaskClient, server: Server) -> None:
    first = _connect(client, "http://127.0.0.1:9/v1", label="Away")
    second = _connect(client, server.url, label="Here")
    session = client.post("/api/sessions", json={}).get_json()["id"]
    host.services.library.add(
        owner="id-of-test", name="a.txt", stream=_text("The river is long."), media_type="text/plain"
    )
    host.services.worker.run_due()
    server.heard.clear()
    ask = f"/api/sessions/{session}/ask"
    body = client.post(ask, json={"question": "How long is the river?", "model": second["id"]}).text
    assert '"model":"Here"' in body
    assert server.heard == [f"Bearer {KEY}"]
    assert until(lambda: client.get("/api/usage").get_json()["days"][0]["tokens"] == 12)
    unknown = client.post(ask, json={"question": "How long?", "model": "gone"})
    assert (unknown.status_code, unknown.get_json()["code"]) == (400, "unknown_model")
    ask = f"/api/sessions/{client.post('/api/sessions', json={}).get_json()['id']}/ask"
    body = client.post(ask, json={"question": "How long is the river?", "model": first["id"]}).text
    assert "cannot be reached" in body
    assert "quoted from your documents" in body


def test_a_day_has_so_many_answers(make_host: Callable[..., Host], server: Server) -> None:
    host = make_host(DOCCHAT_ANSWERS_PER_DAY=1, DOCCHAT_MODEL_URL=server.url)
    client = host.client("test")
    session = client.post("/api/sessions", json={}).get_json()["id"]
    ask = f"/api/sessions/{session}/ask"
    assert client.post(ask, json={"question": "How long?"}).status_code == 200
    refused = client.post(ask, json={"question": "How long?"})
    assert (refused.status_code, refused.get_json()["code"]) == (429, "daily_limit")
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    assert refused.get_json()["ends"].endswith("00:00:00+00:00")
    assert len(client.get(f"/api/sessions/{session}").get_json()["messages"]) == 2
    assert client.post(ask, json={"question": "How long?", "mode": "quotes"}).status_code == 200
    used = client.get("/api/usage").get_json()
    assert (used["answers_per_day"], used["days"][0]["answers"]) == (1, 1)
    assert host.client("other").get("/api/usage").get_json()["days"] == []


def until(found: Callable[[], bool]) -> bool:
    """Whether it comes true within two seconds."""
    deadline = monotonic() + 2
    while not found() and monotonic() < deadline:
        sleep(0.01)
    return found()


def _text(words: str) -> Any:
    from io import BytesIO

    return BytesIO(words.encode())
