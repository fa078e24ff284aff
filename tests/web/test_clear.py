"""The HTTP contract of the clear, word for word."""

import threading
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from docchat.errors import ClearUnfinished, StorageFull, StoreError, StoreUnavailable
from docchat.sessions.clearing import Clearance, Clearing
from docchat.types import Draft

from .conftest import Host, sign_in


def current(client: FlaskClient) -> str:
    with client.session_transaction() as session:
        return str(session["chat_session_id"])


def put(client: FlaskClient, value: object) -> None:
    with client.session_transaction() as session:
        session["chat_session_id"] = value


def chat(host: Host, name: str = "test") -> str:
    """A chat of this user with a message in it."""
    owner = host.users[name].id
    session = host.services.store.create(owner=owner, title="A chat")
    host.services.store.append(owner=owner, session_id=session.id, drafts=[Draft("user", "hello")])
    return str(session.id)


def message_count(host: Host, session_id: str, name: str = "test") -> int:
    return host.services.store.get(owner=host.users[name].id, session_id=UUID(session_id)).messages


def test_the_test_client_example_of_the_founding_document(host: Host) -> None:
    app = host.app
    with app.test_client() as client:
        # Login first
        client.post("/login", data={"username": "test", "password": "pass"})

        # Clear session
        response = client.post("/api/sessions/clear")
        assert response.json["success"] == True  # noqa: E712


def test_a_clear_answers_success_and_nothing_else(client: FlaskClient) -> None:
    response = client.post("/api/sessions/clear")
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.get_json() == {"success": True}


def test_the_fetch_of_the_founding_document_has_a_json_type_and_an_empty_body(client: FlaskClient) -> None:
    response = client.post(
        "/api/sessions/clear",
        headers={
            "Content-Type": "application/json",
            "Sec-Fetch-Site": "same-origin",
            "Origin": "http://localhost",
        },
    )
    assert response.get_json() == {"success": True}


def test_the_cookie_names_a_new_empty_session(host: Host, client: FlaskClient) -> None:
    old = chat(host)
    put(client, old)
    response = client.post("/api/sessions/clear")
    assert response.get_json() == {"success": True}
    new = UUID(current(client))
    assert new.version == 4
    assert str(new) != old
    session = client.get(f"/api/sessions/{new}").get_json()
    assert session["messages"] == []
    assert session["created_at"] == session["updated_at"]
    assert session["user"] == "test"
    receipt = client.get(f"/api/receipts/{response.headers['Docchat-Receipt']}").get_json()
    assert receipt["session"] == old
    assert receipt["successor"] == str(new)
    assert receipt["counts"]["messages"] == 1


def test_the_old_session_is_gone(host: Host, client: FlaskClient) -> None:
    old = chat(host)
    put(client, old)
    client.post("/api/sessions/clear")
    response = client.get(f"/api/sessions/{old}")
    assert response.status_code == 410
    assert response.get_json()["code"] == "cleared"
    assert response.get_json()["successor"] == current(client)
    assert client.post(f"/api/sessions/{old}/ask", json={"question": "still there?"}).status_code == 410


def test_signed_out_is_401_and_stores_nothing(host: Host) -> None:
    response = host.client().post("/api/sessions/clear")
    assert response.status_code == 401
    assert response.get_json()["error"] == "Please sign in."
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    "cookie", [None, "", "nonsense", "None", 17, "0fd3c5f8-9d1c-4f3e-8a0f-3f6a3c9b2a11", "../../etc/passwd", ["x"]]
)
def test_a_cookie_without_a_session_clears_nothing_and_succeeds(
    host: Host, client: FlaskClient, cookie: object
) -> None:
    bystander = chat(host)
    if cookie is not None:
        put(client, cookie)
    response = client.post("/api/sessions/clear")
    assert response.get_json() == {"success": True}
    assert "Docchat-Receipt" not in response.headers
    assert client.get(f"/api/sessions/{current(client)}").get_json()["messages"] == []
    assert message_count(host, bystander) == 1


def test_a_cookie_with_another_users_session_harms_nobody(host: Host, client: FlaskClient) -> None:
    foreign = chat(host, "other")
    put(client, foreign)
    assert client.post("/api/sessions/clear").get_json() == {"success": True}
    assert current(client) != foreign
    assert message_count(host, foreign, "other") == 1


def test_a_clear_without_a_session_reuses_the_empty_one(client: FlaskClient) -> None:
    client.post("/api/sessions/clear")
    first = current(client)
    put(client, str(uuid4()))
    client.post("/api/sessions/clear")
    assert current(client) == first


def test_a_late_cookie_with_the_cleared_id_does_not_clear_its_successor(host: Host, client: FlaskClient) -> None:
    old = chat(host)
    put(client, old)
    client.post("/api/sessions/clear")
    successor = current(client)
    owner = host.users["test"].id
    host.services.store.append(owner=owner, session_id=UUID(successor), drafts=[Draft("user", "new")])
    put(client, old)
    assert client.post("/api/sessions/clear").get_json() == {"success": True}
    assert message_count(host, successor) == 1


def test_double_clicks_make_one_successor(host: Host) -> None:
    old = chat(host)
    clients = [host.client("test") for _ in range(8)]
    answers: list[tuple[int, str, str]] = []
    barrier = threading.Barrier(len(clients))

    def click(client: FlaskClient) -> None:
        barrier.wait()
        response = client.post(f"/api/sessions/{old}/clear")
        headers = response.headers
        answers.append((response.status_code, headers["Docchat-Receipt"], headers["Docchat-Successor"]))

    threads = [threading.Thread(target=click, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert answers[0][0] == 200


def test_two_tabs_clearing_one_leaves_the_other(host: Host, client: FlaskClient) -> None:
    older = client.post("/api/sessions", json={}).get_json()["id"]
    newer = client.post("/api/sessions", json={}).get_json()["id"]
    owner = host.users["test"].id
    for session_id in (older, newer):
        host.services.store.append(owner=owner, session_id=UUID(session_id), drafts=[Draft("user", "text")])
    response = client.post(f"/api/sessions/{older}/clear")
    assert response.get_json() == {"success": True}
    assert message_count(host, newer) == 1
    assert current(client) == newer


def test_a_clear_by_id_moves_a_cookie_that_names_it(host: Host, client: FlaskClient) -> None:
    session_id = client.post("/api/sessions", json={}).get_json()["id"]
    response = client.post(f"/api/sessions/{session_id}/clear")
    assert current(client) == response.headers["Docchat-Successor"] != session_id


@pytest.mark.parametrize("name", ["unknown", "other", "malformed"])
def test_a_clear_by_an_id_that_is_not_ones_own_is_404(host: Host, client: FlaskClient, name: str) -> None:
    session_id = {"unknown": str(uuid4()), "other": chat(host, "other"), "malformed": "1"}[name]
    response = client.post(f"/api/sessions/{session_id}/clear")
    assert response.status_code == 404
    assert response.get_json()["code"] == "not_found"


def test_b_after_a_in_the_same_browser_sees_nothing_of_a(host: Host, client: FlaskClient) -> None:
    old = chat(host)
    put(client, old)
    client.post("/logout")
    sign_in(client, "other")
    assert client.get("/api/status").get_json()["current"] is None
    assert old not in client.get("/").text
    assert client.get(f"/api/sessions/{old}").status_code == 404
    assert client.get("/api/sessions").get_json()["sessions"] == []
    assert client.post("/api/sessions/clear").get_json() == {"success": True}
    assert message_count(host, old) == 1


class FailingClearing(Clearing):
    """A clearing whose store fails with an inside that nobody may see."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def clear_current(self, *, owner: str, session_id: UUID | None) -> Clearance:
        raise self.error from OSError(5, "secret inside", "/secret/path/docchat.sqlite3")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreError(), 500, "store_failed"),
        (RuntimeError("secret inside SELECT * FROM message"), 500, "internal"),
        (StoreUnavailable(), 503, "store_unavailable"),
        (StorageFull(), 507, "storage_full"),
        (ClearUnfinished(), 503, "clear_unfinished"),
        (ClearUnfinished(full=True), 507, "clear_unfinished"),
    ],
)
def test_a_failure_tells_people_and_hides_the_inside(
    host: Host,
    client: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
    code: str,
) -> None:
    old = chat(host)
    put(client, old)
    host.replace(clearing=FailingClearing(error))
    response = client.post("/api/sessions/clear")
    assert response.status_code == status
    body = response.get_json()
    assert set(body) == {"error", "code", "request_id"}
    assert body["code"] == code
    for text in (response.text, caplog.text):
        for inside in ("secret", "SELECT", "/secret", "RuntimeError", "OSError"):
            assert inside not in text
    assert body["request_id"] == response.headers["Docchat-Request-Id"]
    assert body["request_id"] in caplog.text
    assert current(client) == old


def test_a_delete_has_a_receipt_and_no_successor(host: Host, client: FlaskClient) -> None:
    session_id = chat(host)
    response = client.delete(f"/api/sessions/{session_id}")
    assert response.get_json() == {"success": True}
    receipt = client.get(f"/api/receipts/{response.headers['Docchat-Receipt']}").get_json()
    assert receipt["action"] == "delete"
    assert receipt["successor"] is None
    assert client.get(f"/api/sessions/{session_id}").status_code == 410


def test_receipts_are_their_owners(host: Host, client: FlaskClient, make_host: Callable[..., Host]) -> None:
    response = client.delete(f"/api/sessions/{chat(host)}")
    path = f"/api/receipts/{response.headers['Docchat-Receipt']}"
    assert host.client("other").get(path).status_code == 404
    assert client.get(f"/api/receipts/{uuid4()}").status_code == 404
