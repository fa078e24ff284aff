"""Suggested questions over HTTP: of what is asked, for who asks, and from nothing that is gone."""

from collections.abc import Callable
from io import BytesIO
from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient

from .conftest import Host

PIER = b"The Old Pier was built in 1874 and carries the crane of the harbour office.\n"
TOWER = b"The Water Tower was opened in 1921 and is painted by the trust each spring.\n"


def upload(host: Host, client: FlaskClient, name: str, text: bytes, **fields: str) -> Any:
    """A document, read."""
    data = {"files": (BytesIO(text), name), **fields}
    added = client.post(f"{host.prefix}/api/documents", data=data).get_json()["documents"][0]
    while host.services.worker.run_due():
        pass
    return added


def asked(host: Host, client: FlaskClient, query: str = "") -> tuple[int, list[str] | None]:
    response = client.get(f"{host.prefix}/api/suggestions{query}")
    return response.status_code, response.get_json().get("questions")


def test_suggestions_are_those_of_what_is_asked(make_host: Callable[..., Host]) -> None:
    host = make_host()
    client, other = host.client("test"), host.client("other")
    assert asked(host, client) == (200, [])
    team = client.post(f"{host.prefix}/api/collections", json={"name": "Team"}).get_json()["id"]
    pier = upload(host, client, "pier.txt", PIER)["id"]
    tower = upload(host, client, "tower.txt", TOWER, collection=team)["id"]
    old, new = "When was the Old Pier built?", "When was the Water Tower opened?"
    both = asked(host, client)[1]
    assert both is not None
    assert {old, new} <= set(both)
    assert new not in (asked(host, client, "?collections=personal")[1] or [])
    assert old not in (asked(host, client, f"?collections={team}")[1] or [])
    assert asked(host, client, f"?documents={pier}")[1] == [old]

    # What is another's, unknown or malformed is not there.
    assert asked(host, other) == (200, [])
    for query in (f"?documents={pier}", f"?collections={team}", f"?documents={uuid4()}", "?documents=nonsense"):
        assert asked(host, other, query)[0] == 404

    assert client.delete(f"{host.prefix}/api/documents/{tower}").status_code == 200
    assert asked(host, client) == (200, [old])
    assert asked(host, client, f"?documents={tower}")[0] == 404
