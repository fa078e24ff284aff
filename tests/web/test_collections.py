"""Collections over HTTP: made, shared, asked, left and deleted."""

import io
from collections.abc import Callable

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from .conftest import Host

RIVER = b"The Wutach reaches the Rhine at Waldshut."


def make(client: FlaskClient, name: str = "Team") -> str:
    response = client.post("/api/collections", json={"name": name})
    assert response.status_code == 201
    return str(response.get_json()["id"])


def upload(client: FlaskClient, collection: str | None, content: bytes = RIVER) -> TestResponse:
    data: dict[str, object] = {"files": (io.BytesIO(content), "river.txt")}
    if collection is not None:
        data["collection"] = collection
    return client.post("/api/documents", data=data, content_type="multipart/form-data")


def test_a_shared_collection_from_making_to_deleting(host: Host) -> None:
    owner, member = host.client("test"), host.client("other")
    team = make(owner)
    assert upload(member, team).status_code == 404
    path = f"/api/collections/{team}"
    assert member.get(path).status_code == 404
    shared = owner.put(f"{path}/members/id-of-other", json={"role": "reader"}).get_json()
    assert shared["members"] == [{"user": "id-of-other", "name": "id-of-other", "role": "reader"}]
    refused = upload(member, team)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "not_allowed")
    document = upload(owner, team).get_json()["documents"][0]
    assert document["collection"] == team
    host.services.worker.run_due()
    seen = member.get("/api/collections").get_json()["collections"]
    assert [(one["name"], one["access"], one["documents"], one["members"]) for one in seen] == [
        ("Team", "reader", 1, [])
    ]
    assert [one["id"] for one in member.get("/api/documents").get_json()["documents"]] == [document["id"]]
    assert member.get("/api/documents?collection=personal").get_json()["documents"] == []
    assert [one["id"] for one in member.get(f"/api/documents?collection={team}").get_json()["documents"]] == [
        document["id"]
    ]
    assert member.get(f"/api/documents/{document['id']}/pages/1").status_code == 200
    assert member.delete(f"/api/documents/{document['id']}").status_code == 403
    assert member.delete(path).status_code == 403
    owner.put(f"{path}/members/id-of-other", json={"role": "writer"})
    assert upload(member, team).status_code == 201
    assert member.delete(f"/api/documents/{document['id']}").status_code == 200
    assert member.delete(f"{path}/members/id-of-third").status_code == 403
    assert member.delete(f"{path}/members/other").get_json() == {"success": True}  # by the own name
    assert member.get(path).status_code == upload(member, team).status_code == 404
    response = owner.delete(path)
    receipt = owner.get(f"/api/receipts/{response.headers['Docchat-Receipt']}").get_json()
    assert (receipt["action"], receipt["document"], receipt["counts"]["documents"]) == ("collection", team, 1)
    assert owner.get("/api/collections").get_json() == {"collections": []}
    assert owner.get(f"/api/documents?collection={team}").status_code == 404


def test_a_question_names_what_it_is_asked_of(host: Host, client: FlaskClient) -> None:
    team = make(client)
    own = upload(client, "personal", b"The Danube flows to the Black Sea.").get_json()["documents"][0]["id"]
    upload(client, team)
    host.services.worker.run_due()
    chat = client.post("/api/sessions", json={}).get_json()["id"]

    def ask(**chosen: object) -> TestResponse:
        question = {"question": "Where does the Wutach reach the Rhine?", **chosen}
        response = client.post(f"/api/sessions/{chat}/ask", json=question)
        response.get_data()
        return response

    def last() -> tuple[dict[str, object], dict[str, object]]:
        asked, answered = client.get(f"/api/sessions/{chat}").get_json()["messages"][-2:]
        return asked, answered

    for chosen, refused in (({}, False), ({"collections": [team]}, False), ({"collections": ["personal"]}, True)):
        assert ask(**chosen).status_code == 200
        asked, answered = last()
        assert asked["collections"] == chosen.get("collections")
        assert answered["refused"] is refused
    assert ask(collections=["personal", team], documents=[own]).status_code == 200
    asked, answered = last()
    assert (asked["collections"], asked["documents"]) == (["personal", team], [own])
    assert answered["refused"] is True
    before = client.get(f"/api/sessions/{chat}").get_json()["message_count"]
    for chosen, status in (
        ({"collections": ["x"]}, 404),
        ({"collections": ["6b0b3a8e-6a3c-4f2e-9d3a-0123456789ab"]}, 404),
        ({"documents": ["6b0b3a8e-6a3c-4f2e-9d3a-0123456789ab"]}, 404),
        ({"collections": []}, 400),
        ({"collections": "personal"}, 400),
        ({"documents": [1]}, 400),
        ({"question": 1}, 400),
        ({"more": "x"}, 400),
    ):
        assert ask(**chosen).status_code == status, chosen
    assert client.get(f"/api/sessions/{chat}").get_json()["message_count"] == before


def test_people_are_invited_by_name_where_the_host_knows_them(make_host: Callable[..., Host]) -> None:
    from dataclasses import replace

    host = make_host()
    names = {name: user.id for name, user in host.users.items()}
    host.replace(user=replace(host.services.user, find=names.get))
    owner, member = host.client("test"), host.client("other")
    path = f"/api/collections/{make(owner)}"
    assert owner.put(f"{path}/members/nobody", json={"role": "reader"}).status_code == 404
    shared = owner.put(f"{path}/members/other", json={"role": "reader"}).get_json()
    assert shared["members"] == [{"user": "id-of-other", "name": "other", "role": "reader"}]
    assert member.get(path).status_code == 200
    assert member.put(f"{path}/members/disabled", json={"role": "reader"}).status_code == 403
    assert owner.delete(f"{path}/members/other").status_code == 200
    assert member.get(path).status_code == 404
