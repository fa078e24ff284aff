"""Signing in and out of the standalone server, as a browser would."""

import io
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from docchat import DocChat
from docchat.errors import ConfigError
from docchat.server.accounts import Accounts
from docchat.server.app import create_app
from docchat.server.sign_in import safe_target

PASSWORD = "correct horse battery"


@pytest.fixture
def client(app: Flask, accounts: Accounts) -> FlaskClient:
    return app.test_client()


def sign_in(client: FlaskClient, name: str = "ann", password: str = PASSWORD, **more: str) -> TestResponse:
    return client.post("/login", data={"username": name, "password": password, **more})


def signed_in(client: FlaskClient) -> bool:
    return client.get("/api/status").status_code == 200


def test_the_page_sends_strangers_to_the_sign_in_and_back(client: FlaskClient) -> None:
    answer = client.get("/documents")
    assert answer.status_code == 302
    assert answer.location.startswith("/login?next=")
    page = client.get(answer.location)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "private, no-store"
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    target = re.search(r'name="next" value="([^"]*)"', page.text)
    assert target is not None
    after = sign_in(client, next=target[1])
    assert after.status_code == 303
    assert after.location == "/documents"
    assert client.get("/documents").status_code == 200


def test_the_founding_documents_example(data_dir: Path) -> None:
    app = create_app({"DOCCHAT_DATA_DIR": str(data_dir), "DOCCHAT_PASSWORD_MIN_LENGTH": 4, "TESTING": True})
    Accounts(app.extensions["docchat"].database, min_length=4).add(name="test", password="pass")
    client = app.test_client()
    client.post("/login", data={"username": "test", "password": "pass"})
    response = client.post("/api/sessions/clear")
    assert response.json is not None
    assert response.json["success"] == True  # noqa: E712  (word for word)
    assert response.json == {"success": True}
    app.extensions["docchat"].worker.stop()
    app.extensions["docchat"].database.close()


def test_a_wrong_password_and_an_unknown_name_look_the_same(client: FlaskClient) -> None:
    wrong = sign_in(client, password="wrong password")
    unknown = sign_in(client, name="bob")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("ann", "bob") == unknown.text
    assert not signed_in(client)


def test_the_typed_name_cannot_become_markup(client: FlaskClient) -> None:
    answer = sign_in(client, name='"><script>alert(1)</script>')
    assert "<script>alert" not in answer.text


def test_after_ten_failures_a_name_has_to_wait_and_others_need_not(client: FlaskClient, accounts: Accounts) -> None:
    accounts.add(name="bob", password=PASSWORD)
    for _ in range(10):
        assert sign_in(client, password="wrong password").status_code == 401
    refused = sign_in(client)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert not signed_in(client)
    assert sign_in(client, name="bob").status_code == 303


def test_signing_out_and_in_as_another_leaves_nothing_behind(client: FlaskClient, accounts: Accounts) -> None:
    accounts.add(name="bob", password=PASSWORD)
    sign_in(client)
    chat = client.post("/api/sessions", json={"title": "of ann"}).get_json()["id"]
    with client.session_transaction() as session:
        session["left_behind"] = "by ann"
        assert session["chat_session_id"] == chat
    assert client.post("/logout").status_code == 303
    with client.session_transaction() as session:
        assert dict(session) == {}
    sign_in(client, name="bob")
    with client.session_transaction() as session:
        assert "chat_session_id" not in session
    assert client.get("/api/status").get_json()["user"] == "bob"
    assert client.get("/api/sessions").get_json()["sessions"] == []
    assert client.get(f"/api/sessions/{chat}").status_code == 404


def test_signing_in_over_another_sign_in_rotates_the_cookie(client: FlaskClient, accounts: Accounts) -> None:
    accounts.add(name="bob", password=PASSWORD)
    sign_in(client)
    with client.session_transaction() as session:
        session["left_behind"] = "by ann"
    sign_in(client, name="bob")
    with client.session_transaction() as session:
        assert "left_behind" not in session


def test_a_disabled_user_is_shut_out_at_the_next_request(client: FlaskClient, accounts: Accounts) -> None:
    sign_in(client)
    assert signed_in(client)
    account = accounts.named(name="ann")
    accounts.set_disabled(account_id=account.id, disabled=True)
    assert client.get("/api/status").status_code == 401
    assert sign_in(client).status_code == 401
    accounts.set_disabled(account_id=account.id, disabled=False)
    assert not signed_in(client)  # the old sign-in does not come back to life
    accounts.delete(account_id=account.id)
    assert client.get("/api/status").status_code == 401


def test_changing_the_password_ends_the_other_sign_ins(app: Flask, client: FlaskClient) -> None:
    other = app.test_client()
    sign_in(client)
    sign_in(other)
    new = "another long password"

    def change(**fields: str) -> TestResponse:
        return client.post("/account/password", data={"current": PASSWORD, "new": new, "again": new} | fields)

    assert change(current="wrong password").status_code == 401
    assert change(again="typed differently").status_code == 400
    assert change(new="short", again="short").status_code == 400
    assert signed_in(other)
    assert change().status_code == 200
    assert signed_in(client)
    assert not signed_in(other)
    assert sign_in(other).status_code == 401
    assert sign_in(other, password=new).status_code == 303


def test_strangers_cannot_reach_the_password_page(client: FlaskClient) -> None:
    assert client.get("/account/password").status_code == 302
    assert client.post("/account/password", data={"new": PASSWORD}).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/login", "/logout", "/account/password"])
def test_other_sites_cannot_sign_anybody_in_or_out(client: FlaskClient, path: str, headers: Mapping[str, str]) -> None:
    if path != "/login":
        sign_in(client)
    before = signed_in(client)
    fields = {"username": "ann", "password": PASSWORD, "current": PASSWORD, "new": "x" * 20, "again": "x" * 20}
    assert client.post(path, data=fields, headers=headers).status_code == 403
    assert signed_in(client) is before


def test_the_cookie_is_secure_where_the_scheme_is(app: Flask, accounts: Accounts) -> None:
    def cookie(base: str) -> str:
        client = app.test_client()
        answer = client.post("/login", base_url=base, data={"username": "ann", "password": PASSWORD})
        return answer.headers["Set-Cookie"]

    for base in ("http://localhost", "https://localhost"):
        assert "HttpOnly" in cookie(base)
        assert "SameSite=Lax" in cookie(base)
        assert ("; Secure" in cookie(base)) is base.startswith("https")


@pytest.mark.parametrize("proxies", [0, 1])
def test_proxy_headers_count_only_behind_a_trusted_proxy(data_dir: Path, proxies: int) -> None:
    app = create_app({"DOCCHAT_DATA_DIR": str(data_dir), "DOCCHAT_TRUSTED_PROXIES": proxies})
    Accounts(app.extensions["docchat"].database, min_length=12).add(name="ann", password=PASSWORD)
    answer = app.test_client().post(
        "/login",
        data={"username": "ann", "password": PASSWORD},
        headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example", "Origin": "https://chat.example"},
    )
    if proxies:
        assert "; Secure" in answer.headers["Set-Cookie"]
    else:
        assert answer.status_code == 403  # the Origin is not the host that was asked
    app.extensions["docchat"].database.close()


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example/",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "\\\\elsewhere",
        "javascript:x",
        "x",
        "/\t/elsewhere.example",
        "/a\r\nSet-Cookie: x=y",
        "",
        "http:///x",
        "/" + "x" * 3000,
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(client: FlaskClient, target: str) -> None:
    assert safe_target(target) is None
    answer = sign_in(client, next=target)
    assert answer.status_code == 303
    assert answer.location == "/"


def test_a_path_on_this_server_is_kept() -> None:
    assert safe_target("/c/0b7c?x=1#y") == "/c/0b7c?x=1#y"


@pytest.mark.parametrize("host_limit", [None, 1000])
def test_files_of_any_shape_below_the_limit_are_taken(data_dir: Path, host_limit: int | None) -> None:
    """Werkzeug counts what it buffers of a file's line ends against the limit meant for small form fields."""
    config = {"DOCCHAT_DATA_DIR": str(data_dir), "DOCCHAT_WORKER": "external"}
    app = create_app(config if host_limit is None else {**config, "MAX_FORM_MEMORY_SIZE": host_limit})
    accounts = Accounts(DocChat.services(app).database, min_length=12)
    accounts.add(name="ann", password=PASSWORD)
    client = app.test_client()
    sign_in(client)
    shapes = [(b"word " * 15 + b"\r\n") * 4000, (b"x" * 74 + b"\n") * 5000, b"\r" * 300_000, b"y" * 450_000]
    for number, content in enumerate(shapes):
        files = {"files": (io.BytesIO(content), f"{number}.txt")}
        answer = client.post("/api/documents", data=files)
        assert answer.status_code == 201, answer.text
        assert answer.get_json()["documents"][0]["size"] == len(content)


def test_every_error_has_its_request_id(client: FlaskClient) -> None:
    for answer in (client.get("/api/nope"), client.post("/login", headers={"Sec-Fetch-Site": "cross-site"})):
        assert answer.status_code in (403, 404)
        assert len(answer.headers["Docchat-Request-Id"]) == 32
        assert answer.get_json()["request_id"] == answer.headers["Docchat-Request-Id"]


def test_health(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.get_json() == {"status": "ok"}
    assert "Set-Cookie" not in answer.headers


def test_an_unknown_address_is_a_page_for_people_and_json_for_programs(client: FlaskClient) -> None:
    page = client.get("/nothing/here", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert page.mimetype == "text/html"
    assert client.get("/nothing/here").get_json()["code"] == "not_found"


def test_a_restart_keeps_the_sign_in(data_dir: Path, client: FlaskClient) -> None:
    sign_in(client)
    cookie = client.get_cookie("docchat")
    assert cookie is not None
    again = create_app({"DOCCHAT_DATA_DIR": str(data_dir), "DOCCHAT_WORKER": "external"})
    other = again.test_client()
    other.set_cookie("docchat", cookie.value)
    assert signed_in(other)
    again.extensions["docchat"].database.close()


def test_an_unknown_setting_stops_the_start(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCCHAT_NO_SUCH_THING", "1")
    with pytest.raises(ConfigError, match="DOCCHAT_NO_SUCH_THING"):
        create_app({"DOCCHAT_DATA_DIR": str(data_dir)})
