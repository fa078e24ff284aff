"""Every route, as nobody, as its owner, as another user and as a disabled one. A route without a row fails."""

import io
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import product
from uuid import uuid4

import pytest
from flask import url_for
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from docchat.blueprint import ALIASES, ROUTES, Route
from docchat.types import Draft

from .conftest import Host

EVERY = ROUTES + ALIASES
SECRET = "the owner's secret words"  # what must never reach anybody else


@dataclass
class Things:
    """What the owner has; the ids that fill the URLs."""

    session_id: str
    run_id: str
    receipt_id: str
    document_id: str
    collection_id: str
    attachment_id: str
    member: str = "id-of-third"
    number: str = "1"
    section: str = "p1"
    model_id: str = "unknown"
    message_id: str = "1"

    def fill(self, rule: str) -> str:
        for field in fields(self):
            rule = rule.replace(f"<{field.name}>", getattr(self, field.name))
        return rule


@dataclass(frozen=True)
class Row:
    """How a route is called, and what its owner gets. `ids`: it names something that belongs to somebody."""

    status: int = 200
    ids: bool = False
    json: dict[str, object] | None = None
    files: bool = False


ROWS = {
    "chat": Row(),
    "chat_session": Row(ids=True),
    "documents_page": Row(),
    "status": Row(),
    "models": Row(),
    "usage": Row(),
    "models_page": Row(),  # `test` is an administrator
    "connected_models": Row(),
    "connect_model": Row(201, json={"label": "Another", "url": "http://127.0.0.1:9/v1"}),
    "order_models": Row(400, json={"ids": []}),
    "try_model": Row(400, json={"url": "file:///etc/passwd"}),
    "change_model": Row(ids=True, json={"enabled": False}),
    "delete_model": Row(ids=True),
    "mine_page": Row(),
    "mine": Row(),
    "archive": Row(),
    "erase_mine": Row(json={"all": True}),
    "operate_page": Row(),
    "operate": Row(),
    "use_by_day": Row(),
    "people": Row(),
    "retry_jobs": Row(),
    "sessions": Row(),
    "create_session": Row(201, json={}),
    "clear_session": Row(),
    "search_sessions": Row(json={"text": "words"}),
    "count_sessions": Row(json={"all": True}),
    "clear_sessions": Row(json={"all": True}),
    "session": Row(ids=True),
    "rename_session": Row(ids=True, json={"title": "Another"}),
    "keep_draft": Row(ids=True, json={"text": "begun"}),
    "delete_session": Row(ids=True),
    "session_messages": Row(ids=True),
    "clear_session_by_id": Row(ids=True),
    "clear_history": Row(ids=True),
    "clear_memory": Row(ids=True),
    "export_session": Row(ids=True),
    "ask": Row(ids=True, json={"question": "What is it?"}),
    "run_events": Row(ids=True),
    "stop_run": Row(ids=True),
    "regenerate": Row(ids=True, json={"mode": "quotes"}),
    "edit_question": Row(400, ids=True, json={"question": "What is that?"}),  # an answer is no question
    "rate_answer": Row(ids=True, json={"rating": "down", "comment": "no"}),
    "unrate_answer": Row(ids=True),
    "attachments": Row(ids=True),
    "attach": Row(201, ids=True, files=True),
    "delete_attachment": Row(ids=True),
    "unlock_attachment": Row(ids=True, json={"password": "none is needed"}),
    "attachment_page": Row(ids=True),
    "attachment_image": Row(ids=True),
    "attachment_original": Row(ids=True),
    "collections": Row(),
    "create_collection": Row(201, json={"name": "Another"}),
    "collection": Row(ids=True),
    "rename_collection": Row(ids=True, json={"name": "Renamed"}),
    "delete_collection": Row(ids=True),
    "put_member": Row(ids=True, json={"role": "writer"}),
    "remove_member": Row(ids=True),
    "suggestions": Row(),
    "receipt": Row(ids=True),
    "undo": Row(409, ids=True),  # its clear is done for good
    "documents": Row(),
    "upload": Row(201, files=True),
    "document": Row(ids=True),
    "search_documents": Row(json={"name": "words"}),
    "documents_progress": Row(),
    "thumbnail": Row(ids=True),
    "delete_document": Row(ids=True),
    "retry_document": Row(ids=True),
    "unlock_document": Row(ids=True, json={"password": "none is needed"}),
    "page": Row(ids=True),
    "page_image": Row(ids=True),
    "original": Row(ids=True),
    "sections": Row(ids=True),
    "section_chat": Row(ids=True),
    "clear_text_section_chat": Row(ids=True),
}


def row_of(route: Route) -> Row:
    """How this route is called: an alias as the route that it is another name of."""
    return ROWS[route.endpoint.removeprefix("v1_")]


def everything(host: Host) -> Things:
    """One of each thing, all of them the user `test`'s."""
    services, owner = host.services, host.users["test"].id
    gone = services.store.create(owner=owner)
    receipt = services.clearing.delete(owner=owner, session_id=gone.id)
    session = services.store.create(owner=owner, title=SECRET)
    services.store.append(owner=owner, session_id=session.id, drafts=[Draft("user", SECRET)])
    document = services.library.add(
        owner=owner, name="secret.pdf", stream=io.BytesIO(one_page_pdf(SECRET)), media_type="application/pdf"
    )
    team = services.collections.create(owner=owner, name=SECRET)
    services.collections.put_member(owner=owner, collection_id=team.id, user_id="id-of-third", role="reader")
    file = io.BytesIO(one_page_pdf(SECRET))
    attached = services.attachments.add(
        owner=owner, session_id=session.id, name="secret too.pdf", stream=file, media_type="application/pdf"
    )
    model = services.connected.add(label=SECRET, url="http://127.0.0.1:9/v1", name="", key="a-key", enabled=False)
    services.worker.run_due()
    run = services.answers.start(owner=owner, session_id=session.id, question=SECRET)
    for event in services.answers.follow(owner=owner, session_id=session.id, run_id=run.id):
        if event is not None and event.kind == "done":
            break
    return Things(
        str(session.id),
        str(run.id),
        str(receipt.id),
        str(document.id),
        str(team.id),
        str(attached.id),
        model_id=str(model.id),
        message_id=str(run.answer.id),
    )


def one_page_pdf(text: str) -> bytes:
    """A PDF with one line of text."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 6\n0000000000 65535 f \n"
    return body + head + table + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(body)


def call(client: FlaskClient, method: str, path: str, row: Row) -> TestResponse:
    if row.files:
        data = {"files": (io.BytesIO(b"some text"), "a.txt")}
        return client.open(path, method=method, data=data, content_type="multipart/form-data")
    return client.open(path, method=method, json=row.json) if row.json is not None else client.open(path, method=method)


def test_every_route_has_a_row(host: Host) -> None:
    mapped = {
        (method, rule.rule, rule.endpoint.removeprefix("docchat."))
        for rule in host.app.url_map.iter_rules()
        if rule.endpoint.startswith("docchat.") and rule.endpoint != "docchat.static"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert mapped == {(route.method, route.rule, route.endpoint) for route in EVERY}
    assert {route.endpoint for route in ROUTES} == set(ROWS)
    for route in EVERY:
        assert row_of(route).ids == ("<" in route.rule), route.endpoint


def test_every_route_of_the_api_has_a_twin_in_the_first_version(host: Host) -> None:
    names = {route.endpoint: route for route in ROUTES if route.rule.startswith("/api/")}
    twins = {route.endpoint.removeprefix("v1_"): route for route in ALIASES}
    assert set(twins) == set(names)
    for name, twin in twins.items():
        assert twin.endpoint == f"v1_{name}"
        assert twin.method == names[name].method
        assert twin.rule == names[name].rule.replace("/api/", "/api/v1/", 1)
        assert host.app.view_functions[f"docchat.v1_{name}"] is host.app.view_functions[f"docchat.{name}"]
    with host.app.test_request_context():
        assert url_for("docchat.clear_session") == "/api/sessions/clear"
        assert url_for("docchat.v1_clear_session") == "/api/v1/sessions/clear"


def test_both_names_answer_alike(host: Host) -> None:
    things, client = everything(host), host.client("test")
    twins = {route.endpoint.removeprefix("v1_"): route for route in ALIASES}
    for route in ROUTES:
        if route.method != "GET" or route.endpoint not in twins or route.endpoint == "operate":  # which measures
            continue
        answers = [client.get(things.fill(rule)) for rule in (route.rule, twins[route.endpoint].rule)]
        assert answers[0].data == answers[1].data, route.endpoint
        assert answers[0].content_type == answers[1].content_type


def test_an_upload_has_its_own_limits_under_both_names(make_host: Callable[..., Host]) -> None:
    client = make_host(MAX_FORM_MEMORY_SIZE=100).client("test")
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="large.txt"\r\n\r\n'
    body = head + b"words " * 500_000 + b"\r\n--x--\r\n"  # above the limit of every other body
    for path in ("/api/documents", "/api/v1/documents"):
        response = client.post(path, data=body, content_type="multipart/form-data; boundary=x")
        assert response.status_code == 201, response.text


@pytest.mark.parametrize("route", EVERY, ids=lambda route: route.endpoint)
def test_the_owner_is_served(host: Host, route: Route) -> None:
    row, things = row_of(route), everything(host)
    response = call(host.client("test"), route.method, things.fill(route.rule), row)
    assert response.status_code == row.status, response.text


METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


@pytest.mark.parametrize("who", ["nobody", "disabled", "deleted"])
@pytest.mark.parametrize("disabled_login", [False, True])
def test_strangers_get_nothing(make_host: Callable[..., Host], who: str, disabled_login: bool) -> None:
    host = make_host(LOGIN_DISABLED=disabled_login)
    things = everything(host)
    client = host.client({"nobody": None, "disabled": "disabled", "deleted": "test"}[who])
    if who == "deleted":
        del host.users["test"]
    for route, method in product(EVERY, METHODS):
        response = client.open(things.fill(route.rule), method=method)
        if method in (route.method, "OPTIONS") or (method, route.method) == ("HEAD", "GET"):
            assert response.status_code == 401, (method, route.endpoint)
        else:
            assert response.status_code in (401, 404, 405), (method, route.endpoint)
        assert SECRET not in response.text
        assert things.session_id not in response.text
        assert "chat_session_id" not in response.headers.get("Set-Cookie", "")


def test_anothers_id_and_an_unknown_one_are_answered_alike(host: Host) -> None:
    things, client = everything(host), host.client("other")
    unknown = Things(*(str(uuid4()) for _ in range(6)))
    malformed = Things("1", "x", "..", "%00", "-1", "x", number="-1", section="p0")
    for route in EVERY:
        row = row_of(route)
        if not row.ids:
            continue
        foreign = call(client, route.method, things.fill(route.rule), row)
        nothing = call(client, route.method, unknown.fill(route.rule), row)
        broken = call(client, route.method, malformed.fill(route.rule), row)
        assert foreign.status_code == nothing.status_code == 404, route.endpoint
        assert broken.status_code == 404, route.endpoint
        for response in (foreign, nothing, broken):
            assert SECRET not in response.text
        if foreign.is_json:  # a page for people holds the request's id in its text
            assert foreign.get_json() | {"request_id": ""} == nothing.get_json() | {"request_id": ""}
            assert foreign.get_json()["code"] == "not_found"


def test_another_user_changed_nothing(host: Host) -> None:
    things, client = everything(host), host.client("other")
    before = [host.client("test").get(things.fill(route.rule)).data for route in READS]
    for route in EVERY:
        call(client, route.method, things.fill(route.rule), row_of(route))
    assert [host.client("test").get(things.fill(route.rule)).data for route in READS] == before


_READ = ("session", "documents", "document", "page", "receipt", "collections", "collection", "attachments")
READS = [route for route in ROUTES if route.endpoint in _READ]


def test_another_users_lists_are_empty(host: Host) -> None:
    things, client = everything(host), host.client("other")
    assert client.get("/api/sessions").get_json() == {"sessions": [], "next": None, "pinned": []}
    assert client.get("/api/documents").get_json() == {"documents": [], "next": None}
    assert client.get("/api/collections").get_json() == {"collections": []}
    assert client.post("/api/sessions/search", json={"text": "secret"}).get_json()["hits"] == []
    assert client.post("/api/documents/search", json={"name": "secret"}).get_json() == {"documents": []}
    session = client.post("/api/sessions", json={}).get_json()["id"]
    answer = client.post(f"/api/sessions/{session}/ask", json={"question": SECRET}).text
    assert things.document_id not in answer
    assert "secret.pdf" not in answer


def test_a_get_writes_nothing(host: Host) -> None:
    things, client = everything(host), host.client("test")
    watcher = sqlite3.connect(host.services.settings.data_dir / "docchat.sqlite3")
    before = watcher.execute("PRAGMA data_version").fetchone()  # changes with every commit of another connection
    for route in EVERY:
        if route.method == "GET":
            response = client.get(things.fill(route.rule))
            assert "Set-Cookie" not in response.headers, route.endpoint
    assert watcher.execute("PRAGMA data_version").fetchone() == before
    client.post("/api/sessions", json={})
    assert watcher.execute("PRAGMA data_version").fetchone() != before
    watcher.close()
