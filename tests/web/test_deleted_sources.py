"""Citations of deleted documents say so, wherever a message is shown."""

import io
import json
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from .conftest import Host
from .test_sse import parse


def _upload(client: FlaskClient, host: Host, name: str, content: bytes) -> str:
    response = client.post("/api/documents", data={"files": (io.BytesIO(content), name)})
    assert response.status_code == 201
    host.services.worker.run_due()
    return str(response.get_json()["documents"][0]["id"])


def _events(stream: bytes) -> dict[str, Any]:
    return {kind: json.loads(data) for _, kind, data in parse(stream)}


def test_a_deleted_source_is_told_everywhere(host: Host, client: FlaskClient) -> None:
    document = _upload(client, host, "harbour.txt", b"The old lighthouse was built in 1873 by Mary Fisher.")
    session = client.post("/api/sessions", json={}).get_json()["id"]
    asked = client.post(f"/api/sessions/{session}/ask", json={"question": "When was the lighthouse built?"})
    events = _events(asked.data)
    assert events["citation"]["deleted"] is False
    run = events["passages"]["run"]
    assert client.delete(f"/api/documents/{document}").status_code == 200

    for path, find in (
        (f"/api/sessions/{session}", lambda answer: answer["messages"][-1]),
        (f"/api/sessions/{session}/messages", lambda answer: answer["messages"][-1]),
        (f"/api/sessions/{session}/export?format=json", lambda answer: answer["messages"][-1]),
    ):
        message = find(client.get(path).get_json(force=True))
        assert "1873" in message["text"], path
        assert [citation["deleted"] for citation in message["citations"]] == [True], path
    assert b"harbour.txt, page 1 (source deleted): " in client.get(f"/api/sessions/{session}/export").data

    again = _events(client.get(f"/api/sessions/{session}/runs/{run}/events").data)
    assert again["citation"]["deleted"] is True
    assert again["done"]["message"]["citations"][0]["deleted"] is True
    assert [(passage["deleted"], passage["text"]) for passage in again["passages"]["passages"]] == [(True, "")]
    assert client.get(f"/api/documents/{document}").status_code == 404
    assert UUID(again["citation"]["document"]) == UUID(document)
