"""Mounting in somebody else's application: either order, factories, two applications, and nothing of theirs changed."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, jsonify, session
from flask_login import LoginManager, UserMixin, login_user
from flask_talisman import Talisman
from flask_wtf import CSRFProtect
from flask_wtf.csrf import generate_csrf

from docchat import DocChat
from docchat.errors import ConfigError
from docchat.web.guard import CONTENT_SECURITY_POLICY

Closing = Callable[[Flask], Flask]


class User(UserMixin):
    def __init__(self, id: str) -> None:
        self.id = id


def host(tmp_path: Path, name: str = "host", **config: Any) -> Flask:
    """An application with pages of its own."""
    app = Flask(name, static_folder=None)
    app.config.update(
        SECRET_KEY="host", DOCCHAT_DATA_DIR=str(tmp_path / name), DOCCHAT_WORKER="external", DOCCHAT_URL_PREFIX="/chat"
    )
    app.config.update(config)

    @app.get("/sign-in")
    def sign_in() -> str:
        login_user(User("ada"))
        return "signed in"

    @app.route("/page", methods=["GET", "POST"])
    def page() -> str:
        return "<script>the host's own</script>"

    @app.get("/visits")
    def visits() -> Response:
        session["visits"] = session.get("visits", 0) + 1
        response = jsonify(visits=session["visits"])
        response.headers["X-Of-The-Host"] = "1"
        return response

    @app.get("/fails")
    def fails() -> str:
        raise ValueError("the host's own failure")

    @app.get("/token")
    def token() -> str:
        return generate_csrf()

    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


PARTS: dict[str, Callable[[Flask], object]] = {
    "login": lambda app: LoginManager(app).user_loader(User),
    "csrf": CSRFProtect,
    "talisman": lambda app: Talisman(app, force_https=False, session_cookie_secure=False),
    "docchat": DocChat,
}


@pytest.mark.parametrize(
    "order",
    [
        ("docchat", "login", "csrf", "talisman"),
        ("login", "csrf", "talisman", "docchat"),
        ("csrf", "docchat", "talisman", "login"),
        ("talisman", "login", "docchat", "csrf"),
    ],
)
def test_any_order_of_initialisation(tmp_path: Path, closing: Closing, order: tuple[str, ...]) -> None:
    app = host(tmp_path)
    for part in order:
        PARTS[part](app)
    closing(app)
    client = app.test_client()
    assert client.post("/chat/api/sessions/clear").status_code == 401
    client.get("/sign-in")
    # Our guard stands in for the token, and no hook of the host reads an upload under its own limits.
    response = client.post("/chat/api/sessions/clear", headers={"Content-Type": "application/json"})
    assert response.get_json() == {"success": True}
    assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    files = {"files": (io.BytesIO(b"words"), "a.txt")}
    assert client.post("/chat/api/documents", data=files, content_type="multipart/form-data").status_code == 201
    foreign = client.post("/chat/api/sessions/clear", headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.get_json()["code"] == "cross_site"
    page = client.get("/chat/")
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert 'name="csrf-token"' in page.text
    # The host's own forms keep its protection and its policy.
    assert client.post("/page").status_code == 400
    token = client.get("/token").text
    assert client.post("/page", headers={"X-CSRFToken": token}).status_code == 200
    assert client.get("/page").headers["Content-Security-Policy"] == "default-src 'self'; object-src 'none'"


def test_an_app_factory(tmp_path: Path, closing: Closing) -> None:
    docchat = DocChat()
    apps = []
    for name in ("one", "two"):
        app = host(tmp_path, name)
        PARTS["login"](app)
        docchat.init_app(app)
        apps.append(closing(app))
    assert DocChat.services(apps[0]) is not DocChat.services(apps[1])


def test_two_applications_in_one_process_share_nothing(tmp_path: Path, closing: Closing) -> None:
    one, two = (
        host(tmp_path, "one", DOCCHAT_URL_PREFIX="/first/chat"),
        host(tmp_path, "two", DOCCHAT_URL_PREFIX="", DOCCHAT_MAX_QUESTION_CHARS=10),
    )
    for app in (one, two):
        PARTS["login"](app)
        DocChat(app)
        closing(app)
    first, second = one.test_client(), two.test_client()
    first.get("/sign-in")
    second.get("/sign-in")
    made = first.post("/first/chat/api/sessions", json={"title": "of the first"}).get_json()
    assert second.get("/api/sessions").get_json()["sessions"] == []
    assert second.get(f"/api/sessions/{made['id']}").status_code == 404
    assert first.get("/api/sessions").status_code == 404
    assert second.get("/api/status").get_json()["limits"]["question_chars"] == 10
    assert first.get("/first/chat/api/status").get_json()["limits"]["question_chars"] == 8000
    assert "/first/chat/docchat-static/" in first.get("/first/chat/").text
    assert "/first/" not in second.get("/").text


def test_the_hosts_answers_stay_the_same_byte_for_byte(tmp_path: Path, closing: Closing) -> None:
    without, with_docchat = host(tmp_path, "same"), host(tmp_path, "same")
    for app in (without, with_docchat):
        PARTS["login"](app)
    DocChat(with_docchat)
    closing(with_docchat)
    calls = [
        ("GET", "/page"),
        ("GET", "/page?x=1"),
        ("HEAD", "/page"),
        ("OPTIONS", "/page"),
        ("POST", "/page"),
        ("PUT", "/page"),
        ("GET", "/visits"),
        ("GET", "/nothing"),
        ("GET", "/fails"),
        ("GET", "/chatter"),
        ("POST", "/api/sessions/clear"),
        ("GET", "/docchat-static/css/base.css"),
    ]
    for method, path in calls:
        answers = []
        for app in (without, with_docchat):
            headers = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
            response = app.test_client().open(path, method=method, headers=headers)
            answers.append((response.status, sorted(without_signature(response)), response.data))
        assert answers[0] == answers[1], (method, path)


def without_signature(response: Any) -> list[tuple[str, str]]:
    """Headers; of a signed cookie only what is in it, since the signature holds the time."""
    return [
        (name, value.partition(".")[0] if name == "Set-Cookie" else value) for name, value in response.headers.items()
    ]


def test_twice_in_one_application_is_refused(tmp_path: Path, closing: Closing) -> None:
    app = host(tmp_path)
    DocChat(app)
    closing(app)
    with pytest.raises(ConfigError, match="once"):
        DocChat(app)


def test_a_template_of_the_host_comes_first(tmp_path: Path, closing: Closing) -> None:
    (tmp_path / "templates" / "docchat").mkdir(parents=True)
    (tmp_path / "templates" / "docchat" / "chat.html").write_text("the host's own page for {{ user }}")
    app = host(tmp_path)
    app.template_folder = str(tmp_path / "templates")
    PARTS["login"](app)
    DocChat(app)
    closing(app)
    client = app.test_client()
    client.get("/sign-in")
    assert client.get("/chat/").text == "the host's own page for ada"
