"""Many chats at once: which are meant, what is counted, what is cleared, what is answered."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from docchat.db.schema import chat_session
from docchat.errors import ClearUnfinished
from docchat.sessions.bulk import BulkClearing
from docchat.sessions.sql_bulk import MAX_SELECTED, BulkScope
from docchat.types import Receipt, ReceiptState, new_id, utc_now

from .conftest import Host
from .test_relatives import chat, texts

COUNT, CLEAR = "/api/sessions/bulk/count", "/api/sessions/bulk/clear"


def alive(client: FlaskClient) -> set[str]:
    return {session["id"] for session in client.get("/api/sessions?limit=100").get_json()["sessions"]}


def age(host: Host, session_id: str, days: float) -> None:
    """Let a chat have been written to so many days ago."""
    then = utc_now() - timedelta(days=days)
    with host.services.database.write() as connection:
        connection.execute(update(chat_session).where(chat_session.c.id == UUID(session_id)).values(updated_at=then))


def check_done(response: TestResponse, sessions: int, messages: int) -> None:
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert body["success"] is True
    receipt = body["receipt"]
    assert receipt["id"] == response.headers["Docchat-Receipt"]
    assert (receipt["action"], receipt["state"], receipt["session"]) == ("bulk", "done", None)
    assert (receipt["counts"]["sessions"], receipt["counts"]["messages"]) == (sessions, messages)


def test_all(host: Host, client: FlaskClient) -> None:
    mine, theirs = [chat(host) for _ in range(5)], chat(host, "theirs", name="other")
    assert client.post(COUNT, json={"all": True}).get_json() == {"sessions": 5, "messages": 10}
    assert alive(client) == set(mine)  # a count takes nothing
    response = client.post(CLEAR, json={"all": True})
    check_done(response, 5, 10)
    assert alive(client) == set()
    for session_id in mine:
        assert client.get(f"/api/sessions/{session_id}").status_code == 410
    assert texts(host.client("other"), theirs) == ["theirs"]
    receipt = response.get_json()["receipt"]
    assert client.get(f"/api/receipts/{receipt['id']}").get_json() == receipt
    assert host.client("other").get(f"/api/receipts/{receipt['id']}").status_code == 404
    check_done(client.post(CLEAR, json={"all": True}), 0, 0)


def test_those_not_written_to_for_days(host: Host, client: FlaskClient) -> None:
    old, young = chat(host), chat(host)
    age(host, old, 31)
    age(host, young, 29)
    scope = {"older_than_days": 30}
    assert client.post(COUNT, json=scope).get_json() == {"sessions": 1, "messages": 2}
    check_done(client.post(CLEAR, json=scope), 1, 2)
    assert alive(client) == {young}
    assert client.post(COUNT, json={"older_than_days": 28.5}).get_json()["sessions"] == 1


def test_a_selection(host: Host, client: FlaskClient) -> None:
    mine, theirs = [chat(host) for _ in range(4)], chat(host, "theirs", name="other")
    scope = {"ids": [mine[0], mine[1], mine[1], theirs, str(uuid4())]}
    assert client.post(COUNT, json=scope).get_json() == {"sessions": 2, "messages": 4}
    check_done(client.post(CLEAR, json=scope), 2, 4)
    assert alive(client) == {mine[2], mine[3]}
    assert texts(host.client("other"), theirs) == ["theirs"]
    check_done(client.post(CLEAR, json=scope), 0, 0)


def test_the_longest_selection_is_taken(client: FlaskClient) -> None:
    scope = {"ids": [str(uuid4()) for _ in range(MAX_SELECTED)]}
    assert client.post(COUNT, json=scope).get_json() == {"sessions": 0, "messages": 0}


BROKEN = {
    "nothing": ({}, "no_scope"),
    "two at once": ({"all": True, "older_than_days": 3}, "no_scope"),
    "an unknown field": ({"all": True, "owner": "id-of-other"}, "unknown_field"),
    "all, but not": ({"all": False}, "wrong_type"),
    "all as a number": ({"all": 1}, "wrong_type"),
    "all as a text": ({"all": "true"}, "wrong_type"),
    "no days": ({"older_than_days": 0}, "bad_age"),
    "days to come": ({"older_than_days": -1}, "bad_age"),
    "endless days": ({"older_than_days": 1e300}, "bad_age"),
    "days as a text": ({"older_than_days": "30"}, "wrong_type"),
    "days as a truth": ({"older_than_days": True}, "wrong_type"),
    "null": ({"older_than_days": None}, "wrong_type"),
    "no ids": ({"ids": []}, "bad_ids"),
    "too many ids": ({"ids": [str(uuid4())] * (MAX_SELECTED + 1)}, "bad_ids"),
    "a malformed id": ({"ids": ["1"]}, "bad_ids"),
    "one of many": ({"ids": [str(uuid4()), "../x"]}, "bad_ids"),
    "an id that is a number": ({"ids": [1]}, "bad_ids"),
    "ids as a text": ({"ids": str(uuid4())}, "wrong_type"),
    "ids as an object": ({"ids": {}}, "wrong_type"),
}


@pytest.mark.parametrize(("body", "code"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("path", [COUNT, CLEAR])
def test_a_body_that_makes_no_sense(host: Host, client: FlaskClient, path: str, body: object, code: str) -> None:
    kept = chat(host)
    response = client.post(path, json=body)
    assert response.status_code == 400, response.text
    assert response.get_json()["code"] == code
    assert response.get_json()["error"].endswith(".")
    assert alive(client) == {kept}


@pytest.mark.parametrize("path", [COUNT, CLEAR])
def test_an_infinite_number_and_no_json(host: Host, client: FlaskClient, path: str) -> None:
    kept = chat(host)
    for data in (b'{"older_than_days": 1e999}', b'{"older_than_days": Infinity}', b'{"all": true', b"", b"[]"):
        assert client.post(path, data=data, content_type="application/json").status_code == 400, data
    assert client.post(path, data=b'{"all": true}', content_type="text/plain").status_code == 400
    assert alive(client) == {kept}


@pytest.mark.parametrize("path", [COUNT, CLEAR])
def test_signed_out_and_cross_site(host: Host, client: FlaskClient, path: str) -> None:
    kept = chat(host)
    assert host.client().post(path, json={"all": True}).status_code == 401
    foreign = client.post(path, json={"all": True}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert alive(client) == {kept}


def test_the_current_chat_among_them_is_an_empty_page(host: Host, client: FlaskClient) -> None:
    session_id = chat(host)
    with client.session_transaction() as cookie:
        cookie["chat_session_id"] = session_id
    client.post(CLEAR, json={"ids": [session_id]})
    assert session_id not in client.get("/").text
    current = client.get("/api/status").get_json()["current"]
    assert current is None or texts(client, current) == []
    assert client.post("/api/sessions/clear").get_json() == {"success": True}


class Unfinished(BulkClearing):
    """A bulk clear that takes longer than a request has, or fails on the way."""

    def clear(
        self, *, owner: str, scope: BulkScope, final: bool = False, budget_seconds: float | None = None
    ) -> Receipt:
        if scope.everything:
            raise ClearUnfinished
        counts = {"sessions": 3}
        return Receipt(new_id(), None, "bulk", counts, utc_now(), state=ReceiptState.RUNNING)


def test_one_that_goes_on_is_202(host: Host, client: FlaskClient) -> None:
    bulk = host.services.bulk
    host.replace(bulk=Unfinished(bulk.rows, bulk.shredder))
    response = client.post(CLEAR, json={"older_than_days": 1})
    assert response.status_code == 202
    assert response.get_json()["success"] is False
    receipt = response.get_json()["receipt"]
    assert (receipt["state"], receipt["counts"]) == ("running", {"sessions": 3})
    assert response.headers["Docchat-Receipt"] == receipt["id"]
    failed = client.post(CLEAR, json={"all": True})
    assert failed.status_code == 503
    assert failed.get_json()["code"] == "clear_unfinished"
