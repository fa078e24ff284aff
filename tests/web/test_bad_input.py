"""Bad input and bad days: each has its status, a message for people, and leaves the server alive."""

import io
import shlex
import sqlite3
import time
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from docchat.errors import ModelUnavailable, StorageFull
from tests.conftest import PostgresServer

from .conftest import Host


def check(response: TestResponse, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    body = response.get_json()
    assert set(body) >= {"error", "code", "request_id"}
    assert body["code"] == code
    assert body["error"].endswith(".")


def new_chat(client: FlaskClient) -> str:
    return str(client.post("/api/sessions", json={}).get_json()["id"])


def upload(client: FlaskClient, *files: tuple[bytes, str], field: str = "files") -> TestResponse:
    data = {field: [(io.BytesIO(content), name) for content, name in files]}
    return client.post("/api/documents", data=data, content_type="multipart/form-data")


def test_no_file(client: FlaskClient) -> None:
    check(client.post("/api/documents"), 400, "no_file")
    check(client.post("/api/documents", data={"other": "x"}, content_type="multipart/form-data"), 400, "no_file")
    check(client.post("/api/documents", data={"files": "text"}, content_type="multipart/form-data"), 400, "no_file")
    check(client.post("/api/documents", json={}), 400, "missing_field")  # JSON asks for a file from the web
    check(upload(client, (b"", "")), 400, "no_file")


def test_an_empty_file(client: FlaskClient) -> None:
    check(upload(client, (b"", "a.txt")), 400, "empty_file")


def test_a_file_that_is_too_large(make_host: Callable[..., Host]) -> None:
    client = make_host(DOCCHAT_MAX_UPLOAD_BYTES=1000).client("test")
    check(upload(client, (b"x" * 1001, "a.txt")), 413, "too_large")
    # More than a whole request may bring: refused before it is read.
    whole = client.post("/api/documents", data=b"x" * 3_000_000, content_type="multipart/form-data; boundary=x")
    check(whole, 413, "too_large")
    assert upload(client, (b"x" * 1000, "a.txt")).status_code == 201


def test_a_refused_file_does_not_stop_the_others(make_host: Callable[..., Host]) -> None:
    client = make_host(DOCCHAT_MAX_UPLOAD_BYTES=1000).client("test")
    response = upload(client, (b"", "empty.txt"), (b"words", "good.txt"), (b"x" * 1001, "large.txt"))
    assert response.status_code == 201
    body = response.get_json()
    assert [document["name"] for document in body["documents"]] == ["good.txt"]
    assert [(error["name"], error["code"]) for error in body["errors"]] == [
        ("empty.txt", "empty_file"),
        ("large.txt", "too_large"),
    ]


def test_the_field_may_be_called_file(client: FlaskClient) -> None:
    assert upload(client, (b"words", "a.txt"), field="file").status_code == 201


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("\u202egnp.exe", "gnp.exe"),
        ("..", "unnamed"),
        ("x" * 5000 + ".txt", "x" * 251 + ".txt"),
        ("报告.txt", "报告.txt"),
    ],
)
def test_names_of_files_are_only_names(client: FlaskClient, name: str, shown: str) -> None:
    document = upload(client, (b"words", name)).get_json()["documents"][0]
    assert document["name"] == shown
    response = client.get(f"/api/documents/{document['id']}/original")
    assert response.headers["Content-Disposition"].startswith("attachment; filename")
    assert response.data == b"words"


def test_a_text_file_named_pdf_is_shown_as_failed(host: Host, client: FlaskClient) -> None:
    response = upload(client, (b"just some text, no PDF at all", "report.pdf"))
    assert response.status_code == 201
    document_id = response.get_json()["documents"][0]["id"]
    host.services.worker.run_due()
    document = client.get(f"/api/documents/{document_id}").get_json()
    assert document["state"] == "failed"
    assert document["error"]
    page = client.get(f"/api/documents/{document_id}/pages/1")
    check(page, 422, document["code"])
    assert page.get_json()["error"] == document["error"]


def test_a_question_that_is_too_long(make_host: Callable[..., Host]) -> None:
    client = make_host(DOCCHAT_MAX_QUESTION_CHARS=100).client("test")
    path = f"/api/sessions/{new_chat(client)}/ask"
    response = client.post(path, json={"question": "x" * 101})
    assert response.status_code == 413
    assert response.get_json()["error"]


def test_an_empty_question(client: FlaskClient) -> None:
    check(client.post(f"/api/sessions/{new_chat(client)}/ask", json={"question": " \n"}), 400, "empty_question")


BROKEN = {
    "broken JSON": (b'{"question": ', "broken_json"),
    "no UTF-8": (b'{"question": "\xff"}', "broken_json"),
    "not a number": (b'{"question": NaN}', "broken_json"),
    "deep nesting": (b"[" * 200_000, "broken_json"),
    "a huge number": (b'{"question": ' + b"9" * 10_000 + b"}", "broken_json"),
    "an array": (b'["question"]', "not_an_object"),
    "null": (b"null", "not_an_object"),
    "a text": (b'"question"', "not_an_object"),
    "an unknown field": (b'{"question": "x", "owner": "other"}', "unknown_field"),
    "a number": (b'{"question": 1}', "wrong_type"),
    "an object": (b'{"question": {"a": 1}}', "wrong_type"),
    "null for a text": (b'{"question": null}', "wrong_type"),
    "half a character": (b'{"question": "\\ud800"}', "not_text"),
    "a NUL": (b'{"question": "a\\u0000b"}', "not_text"),
    "an unknown mode": (b'{"question": "x", "mode": "poem"}', "unknown_mode"),
    "nothing": (b"", "missing_field"),
    "an empty object": (b"{}", "missing_field"),
}


@pytest.mark.parametrize(("body", "code"), BROKEN.values(), ids=BROKEN)
def test_a_body_that_makes_no_sense(client: FlaskClient, body: bytes, code: str) -> None:
    path = f"/api/sessions/{new_chat(client)}/ask"
    check(client.post(path, data=body, content_type="application/json"), 400, code)


def test_a_body_of_another_type(client: FlaskClient) -> None:
    path = f"/api/sessions/{new_chat(client)}/ask"
    check(client.post(path, data=b'{"question": "x"}', content_type="text/plain"), 400, "not_json")


def test_a_body_that_is_too_large(client: FlaskClient) -> None:
    body = b'{"question": "' + b"x" * 1_100_000 + b'"}'
    check(
        client.post(f"/api/sessions/{new_chat(client)}/ask", data=body, content_type="application/json"),
        413,
        "too_large",
    )


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_routes_without_fields_take_none(client: FlaskClient, method: str) -> None:
    path = f"/api/sessions/{new_chat(client)}" + ("/clear" if method == "POST" else "")
    check(client.open(path, method=method, json={"all": "true"}), 400, "unknown_field")
    check(client.open(path, method=method, data=b"null", content_type="application/json"), 400, "not_an_object")
    assert client.open(path, method=method, json={}).status_code == 200


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=101", "limit=1e3", "limit=", "cursor=%00"])
def test_a_query_that_makes_no_sense(client: FlaskClient, query: str) -> None:
    new_chat(client)
    response = client.get(f"/api/sessions?{query}")
    assert response.status_code == 400
    assert response.get_json()["error"]


def test_an_unknown_export(client: FlaskClient) -> None:
    assert client.get(f"/api/sessions/{new_chat(client)}/export?format=pdf").status_code == 400


def test_an_unknown_id(client: FlaskClient) -> None:
    check(client.get(f"/api/sessions/{uuid4()}"), 404, "not_found")
    check(client.get("/api/documents/1/pages/1"), 404, "not_found")


def test_a_foreign_event_id(client: FlaskClient) -> None:
    session = new_chat(client)
    path = f"/api/sessions/{session}/runs/{uuid4()}/events"
    for value in (f"{uuid4()}.5", "5", ".", "x.y", f"{uuid4()}.-1"):
        check(client.get(path, headers={"Last-Event-ID": value}), 400, "bad_event_id")


def test_a_full_disk(host: Host, client: FlaskClient) -> None:
    session = new_chat(client)
    with host.services.database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    limit_pages(host, pages)
    title = {"title": "x" * 200}
    answers = [client.post("/api/sessions", json=title) for _ in range(200)]
    full = [answer for answer in answers if answer.status_code != 201]
    assert full
    for answer in full:
        check(answer, 507, "storage_full")
    limit_pages(host, 1_000_000)
    assert client.get(f"/api/sessions/{session}").status_code == 200
    assert client.post("/api/sessions", json=title).status_code == 201


def limit_pages(host: Host, pages: int) -> None:
    """Let the database grow to so many pages, on the connection that every request of a test uses."""
    with host.services.database.read() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_while_a_file_is_received(host: Host, client: FlaskClient) -> None:
    class Full:
        def add(self, **_: object) -> None:
            raise OSError(28, "No space left on device", "/var/tmp/secret")

    library = host.services.library
    host.replace(library=Full())
    response = upload(client, (b"words", "a.txt"))
    check(response, 507, "storage_full")
    assert "/var" not in response.text
    host.replace(library=library)
    assert upload(client, (b"words", "a.txt")).status_code == 201


def test_a_full_disk_for_one_file_of_many(host: Host, client: FlaskClient) -> None:
    class Full:
        def add(self, **_: object) -> None:
            raise StorageFull

    library = host.services.library
    host.replace(library=Full())
    check(upload(client, (b"words", "a.txt"), (b"words", "b.txt")), 507, "storage_full")
    host.replace(library=library)


def test_a_model_that_is_gone(host: Host, client: FlaskClient) -> None:
    class Gone:
        def start(self, **_: object) -> None:
            raise ModelUnavailable

    session = new_chat(client)
    host.replace(answers=Gone())
    check(client.post(f"/api/sessions/{session}/ask", json={"question": "x"}), 502, "model_unavailable")


def test_a_database_that_is_held(make_host: Callable[..., Host]) -> None:
    host = make_host(DOCCHAT_STORE_TIMEOUT_SECONDS=0.2)
    client = host.client("test")
    session = new_chat(client)
    holder = sqlite3.connect(host.services.settings.data_dir / "docchat.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    check(client.post("/api/sessions", json={}), 503, "store_unavailable")
    assert time.monotonic() - started < 3
    assert client.get(f"/api/sessions/{session}").status_code == 200  # readers do not wait for a writer
    holder.execute("ROLLBACK")
    holder.close()
    assert client.post("/api/sessions", json={}).status_code == 201


def test_a_database_that_is_gone_and_comes_back(
    make_host: Callable[..., Host], postgres_url: str, postgres_server: PostgresServer
) -> None:
    host = make_host(DOCCHAT_DATABASE_URL=postgres_url)
    client = host.client("test")
    session = new_chat(client)
    started_with = shlex.split((postgres_server.data / "postmaster.opts").read_text())
    options = shlex.join(started_with[3:])  # after the program and its -D
    postgres_server.control("stop", "-m", "fast")
    try:
        for path in ("/api/sessions", f"/api/sessions/{session}", "/api/documents"):
            started = time.monotonic()
            check(client.get(path), 503, "store_unavailable")
            assert time.monotonic() - started < 3
        check(client.post("/api/sessions/clear"), 503, "store_unavailable")
        assert client.get("/api/status").status_code == 503
    finally:
        postgres_server.control("start", "-l", str(postgres_server.base / "log"), "-o", options)
    assert client.get(f"/api/sessions/{session}").status_code == 200
    assert host.services.store.get(owner="id-of-test", session_id=UUID(session)).messages == 0
