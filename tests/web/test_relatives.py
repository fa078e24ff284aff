"""The relatives of the clear: the history of a chat, the model's memory of it, and a document's receipt."""

import io
import threading
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from docchat.errors import Cleared, ClearUnfinished, StoreUnavailable
from docchat.sessions.clearing import Clearance, Clearing
from docchat.types import Draft

from .conftest import Host, sign_in

RELATIVES = ("history", "memory")


def chat(host: Host, *texts: str, name: str = "test", title: str = "A chat") -> str:
    """A chat of this user in which these texts were said."""
    owner = host.users[name].id
    session = host.services.store.create(owner=owner, title=title)
    say(host, str(session.id), *(texts or ("hello", "hello yourself")), name=name)
    return str(session.id)


def say(host: Host, session_id: str, *texts: str, name: str = "test") -> None:
    drafts = [Draft("user", text) for text in texts]
    host.services.store.append(owner=host.users[name].id, session_id=UUID(session_id), drafts=drafts)


def texts(client: FlaskClient, session_id: str) -> list[str]:
    return [message["text"] for message in client.get(f"/api/sessions/{session_id}").get_json()["messages"]]


def test_a_history_clear_takes_the_messages_and_keeps_the_chat(host: Host, client: FlaskClient) -> None:
    session_id = chat(host, "one", "two", "three")
    before = client.get(f"/api/sessions/{session_id}").get_json()
    response = client.post(f"/api/sessions/{session_id}/history/clear")
    assert response.status_code == 200
    assert response.get_json() == {"success": True}
    after = client.get(f"/api/sessions/{session_id}").get_json()
    assert (after["id"], after["title"], after["created_at"]) == (session_id, "A chat", before["created_at"])
    assert (after["messages"], after["older"], after["message_count"]) == ([], None, 0)
    assert "one" not in client.get(f"/api/sessions/{session_id}/export").text
    assert client.post("/api/sessions/search", json={"text": "three"}).get_json()["hits"] == []
    receipt = client.get(f"/api/receipts/{response.headers['Docchat-Receipt']}").get_json()
    assert (receipt["action"], receipt["session"], receipt["state"]) == ("history", session_id, "done")
    assert receipt["counts"]["messages"] == 3
    assert receipt["successor"] is None


def test_the_chat_goes_on_after_its_history_was_cleared(host: Host, client: FlaskClient) -> None:
    session_id = chat(host, "before")
    last = client.get(f"/api/sessions/{session_id}").get_json()["messages"][-1]["id"]
    client.post(f"/api/sessions/{session_id}/history/clear")
    say(host, session_id, "after")
    assert texts(client, session_id) == ["after"]
    # A number that was used once stays so: a late writer of the old message must not reach the new one.
    assert client.get(f"/api/sessions/{session_id}").get_json()["messages"][0]["id"] > last


def test_a_history_clear_of_nothing_has_no_receipt(host: Host, client: FlaskClient) -> None:
    session_id = chat(host)
    assert "Docchat-Receipt" in client.post(f"/api/sessions/{session_id}/history/clear").headers
    for _ in range(2):
        again = client.post(f"/api/sessions/{session_id}/history/clear")
        assert again.get_json() == {"success": True}
        assert "Docchat-Receipt" not in again.headers


def test_a_late_answer_to_a_cleared_history_is_410(host: Host, client: FlaskClient) -> None:
    session_id = chat(host)
    owner, store = host.users["test"].id, host.services.store
    run = uuid4()
    question, answer = Draft("user", "late"), Draft("assistant", "", state="running", run_id=run)  # type: ignore[arg-type]
    _, running = store.start_run(owner=owner, session_id=UUID(session_id), question=question, answer=answer)
    assert client.post(f"/api/sessions/{session_id}/history/clear").status_code == 200
    with pytest.raises(Cleared) as error:
        store.revise(
            owner=owner, session_id=UUID(session_id), message_id=running.id, draft=Draft("assistant", "too late")
        )
    assert error.value.status == 410
    assert texts(client, session_id) == []


def test_a_stream_over_a_cleared_history_says_so(host: Host, client: FlaskClient) -> None:
    session_id = chat(host, "What is it?")
    run = host.services.answers.start(owner=host.users["test"].id, session_id=UUID(session_id), question="What?")
    client.post(f"/api/sessions/{session_id}/history/clear")
    late = client.get(f"/api/sessions/{session_id}/runs/{run.id}/events")
    assert late.status_code in (404, 410) or "event: cleared" in late.text
    assert "What?" not in late.text
    assert texts(client, session_id) == []


def test_the_cookie_goes_on_naming_a_chat_whose_history_was_cleared(host: Host, client: FlaskClient) -> None:
    session_id = chat(host)
    with client.session_transaction() as cookie:
        cookie["chat_session_id"] = session_id
    response = client.post(f"/api/sessions/{session_id}/history/clear")
    assert "Set-Cookie" not in response.headers
    assert client.get("/api/status").get_json()["current"] == session_id


def test_a_memory_clear_keeps_every_message(host: Host, client: FlaskClient) -> None:
    session_id = chat(host, "one", "two")
    assert client.get(f"/api/sessions/{session_id}").get_json()["memory_from"] is None
    response = client.post(f"/api/sessions/{session_id}/memory/clear")
    assert response.status_code == 200
    answer = response.get_json()
    last = client.get(f"/api/sessions/{session_id}").get_json()["messages"][-1]["id"]
    assert answer == {"success": True, "memory_from": answer["memory_from"]}
    assert answer["memory_from"] > last
    assert texts(client, session_id) == ["one", "two"]
    say(host, session_id, "three")
    session = client.get(f"/api/sessions/{session_id}").get_json()
    assert session["memory_from"] == answer["memory_from"] == session["messages"][-1]["id"]
    receipt = client.get(f"/api/receipts/{response.headers['Docchat-Receipt']}").get_json()
    assert (receipt["action"], receipt["session"], receipt["state"]) == ("memory", session_id, "done")


def test_a_memory_clear_again_forgets_what_was_said_since(host: Host, client: FlaskClient) -> None:
    session_id = chat(host, "one")
    path = f"/api/sessions/{session_id}/memory/clear"
    first = client.post(path).get_json()["memory_from"]
    assert client.post(path).get_json()["memory_from"] == first
    say(host, session_id, "two")
    assert client.post(path).get_json()["memory_from"] > first
    assert texts(client, session_id) == ["one", "two"]


def test_a_history_clear_leaves_no_line_of_the_memory(host: Host, client: FlaskClient) -> None:
    session_id = chat(host, "one")
    client.post(f"/api/sessions/{session_id}/memory/clear")
    client.post(f"/api/sessions/{session_id}/history/clear")
    say(host, session_id, "two")
    session = client.get(f"/api/sessions/{session_id}").get_json()
    assert session["memory_from"] in (None, session["messages"][0]["id"])


@pytest.mark.parametrize("relative", RELATIVES)
def test_a_cleared_chat_has_neither(host: Host, client: FlaskClient, relative: str) -> None:
    session_id = chat(host)
    successor = client.post(f"/api/sessions/{session_id}/clear").headers["Docchat-Successor"]
    response = client.post(f"/api/sessions/{session_id}/{relative}/clear")
    assert response.status_code == 410
    assert response.get_json()["code"] == "cleared"
    assert response.get_json()["successor"] == successor


@pytest.mark.parametrize("relative", RELATIVES)
@pytest.mark.parametrize("name", ["unknown", "other", "malformed"])
def test_an_id_that_is_not_ones_own_is_404(host: Host, client: FlaskClient, relative: str, name: str) -> None:
    foreign = chat(host, "theirs", name="other")
    session_id = {"unknown": str(uuid4()), "other": foreign, "malformed": "1"}[name]
    response = client.post(f"/api/sessions/{session_id}/{relative}/clear")
    assert response.status_code == 404
    assert "Docchat-Receipt" not in response.headers
    sign_in(client, "other")
    session = client.get(f"/api/sessions/{foreign}").get_json()
    assert [message["text"] for message in session["messages"]] == ["theirs"]
    assert session["memory_from"] is None


@pytest.mark.parametrize("relative", RELATIVES)
def test_they_take_no_fields(host: Host, client: FlaskClient, relative: str) -> None:
    session_id = chat(host)
    path = f"/api/sessions/{session_id}/{relative}/clear"
    assert client.post(path, json={"all": True}).status_code == 400
    assert client.post(path, data="x", content_type="text/plain").status_code == 400
    assert len(texts(client, session_id)) == 2
    assert client.post(path, json={}).status_code == 200


@pytest.mark.parametrize("relative", RELATIVES)
def test_signed_out_and_cross_site(host: Host, client: FlaskClient, relative: str) -> None:
    path = f"/api/sessions/{chat(host)}/{relative}/clear"
    assert host.client().post(path).status_code == 401
    assert client.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_eight_at_once_clear_one_history(host: Host) -> None:
    session_id = chat(host, "one", "two")
    answers: list[tuple[int, str | None]] = []
    barrier = threading.Barrier(8)

    def click(client: FlaskClient) -> None:
        barrier.wait()
        response = client.post(f"/api/sessions/{session_id}/history/clear")
        answers.append((response.status_code, response.headers.get("Docchat-Receipt")))

    threads = [threading.Thread(target=click, args=(host.client("test"),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _ in answers] == [200] * 8
    assert len({receipt for _, receipt in answers if receipt}) == 1


class FailingClearing(Clearing):
    """A clearing whose store fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def clear_history(self, *, owner: str, session_id: UUID) -> Clearance:
        raise self.error

    def clear_memory(self, *, owner: str, session_id: UUID) -> Clearance:
        raise self.error


@pytest.mark.parametrize("relative", RELATIVES)
@pytest.mark.parametrize(
    ("error", "status"), [(StoreUnavailable(), 503), (ClearUnfinished(), 503), (ClearUnfinished(full=True), 507)]
)
def test_a_failure_is_never_a_success(
    host: Host, client: FlaskClient, relative: str, error: Exception, status: int
) -> None:
    session_id = chat(host)
    host.replace(clearing=FailingClearing(error))
    response = client.post(f"/api/sessions/{session_id}/{relative}/clear")
    assert response.status_code == status
    assert set(response.get_json()) == {"error", "code", "request_id"}
    assert "Docchat-Receipt" not in response.headers


def test_a_deleted_document_has_a_receipt(host: Host, client: FlaskClient) -> None:
    data = {"files": (io.BytesIO(b"some words"), "a.txt")}
    made = client.post("/api/documents", data=data, content_type="multipart/form-data").get_json()["documents"][0]["id"]
    host.services.worker.run_due()
    response = client.delete(f"/api/documents/{made}")
    assert response.get_json() == {"success": True}
    receipt = client.get(f"/api/receipts/{response.headers['Docchat-Receipt']}").get_json()
    assert (receipt["action"], receipt["document"], receipt["session"]) == ("document", made, None)
    assert receipt["state"] == "done"
    assert sum(receipt["counts"].values()) > 0
    assert "a.txt" not in str(receipt)
    assert client.delete(f"/api/documents/{made}").status_code == 404
