"""Who asks: every way of being nobody is 401, and the cookie proves nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask_login import AnonymousUserMixin, LoginManager

from docchat import DocChat
from docchat.web import auth

from .conftest import Host, bare_host


def status(host: Host) -> int:
    return host.app.test_client().post("/api/sessions", json={}).status_code


class Visitor:
    """A user object as a host may write it."""

    is_authenticated: Any = True
    is_active: Any = True
    is_anonymous: Any = False
    id: Any = "7"
    got: Any = "7"

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def get_id(self) -> Any:
        return self.got


NOBODY = {
    "no id": Visitor(got=None),
    "an empty id": Visitor(got=""),
    "a blank id": Visitor(got=" "),
    "an id of None, spelled": Visitor(got="None"),
    "an attribute id of None": Visitor(id=None, got="None"),
    "anonymous": Visitor(is_anonymous=True),
    "disabled": Visitor(is_active=False),
    "not authenticated": Visitor(is_authenticated=False),
    "disabled, by a method": Visitor(is_active=lambda: False),
    "not authenticated, by a method": Visitor(is_authenticated=lambda: False),
    "deleted": None,
    "Flask-Login's stranger": AnonymousUserMixin(),
}


def host_of(tmp_path: Path, visitor: object, **config: Any) -> Host:
    host = bare_host(tmp_path / "data", **config)
    manager = LoginManager(host.app)
    manager.request_loader(lambda request: visitor)
    DocChat(host.app)
    return host


@pytest.mark.parametrize("disabled_login", [False, True])
@pytest.mark.parametrize("visitor", NOBODY.values(), ids=NOBODY)
def test_nobody_is_401_and_nothing_is_stored(tmp_path: Path, visitor: object, disabled_login: bool) -> None:
    host = host_of(tmp_path, visitor, LOGIN_DISABLED=disabled_login)
    assert status(host) == 401
    assert host.app.test_client().options("/api/sessions").status_code == 401
    with host.services.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM chat_session").scalar_one() == 0
    host.close()


@pytest.mark.parametrize(
    ("visitor", "owner", "name"),
    [
        (Visitor(), "7", "7"),
        (Visitor(id=7, got=7), "7", "7"),
        (Visitor(username="ada"), "7", "ada"),
        (Visitor(name="Ada L."), "7", "Ada L."),
        (Visitor(username="", email="ada@example.org"), "7", "ada@example.org"),
        (Visitor(is_active=lambda: True), "7", "7"),
    ],
)
def test_somebody_is_known_by_id_and_shown_by_name(tmp_path: Path, visitor: object, owner: str, name: str) -> None:
    host = host_of(tmp_path, visitor)
    response = host.app.test_client().post("/api/sessions", json={})
    assert response.get_json()["user"] == name
    assert len(host.services.store.list(owner=owner).items) == 1
    host.close()


def test_functions_of_the_host_come_before_flask_login(tmp_path: Path) -> None:
    app = Flask("host")
    app.config.update(SECRET_KEY="x", DOCCHAT_DATA_DIR=str(tmp_path / "data"), DOCCHAT_WORKER="external")
    who: list[Any] = [None]
    DocChat(app, current_user_id=lambda: who[0], current_username=lambda: "Ada")
    host = Host(app)
    for nobody in (None, "", "  "):
        who[0] = nobody
        assert status(host) == 401
    who[0] = 12
    response = app.test_client().post("/api/sessions", json={})
    assert response.get_json()["user"] == "Ada"
    assert len(host.services.store.list(owner="12").items) == 1
    page = app.test_client().get("/")
    assert page.status_code == 200
    who[0] = None
    assert app.test_client().get("/").status_code == 401
    host.close()


def test_without_a_name_the_id_is_shown(tmp_path: Path) -> None:
    app = Flask("host")
    app.config.update(SECRET_KEY="x", DOCCHAT_DATA_DIR=str(tmp_path / "data"), DOCCHAT_WORKER="external")
    DocChat(app, current_user_id=lambda: "12")
    assert app.test_client().get("/api/status").get_json()["user"] == "12"
    Host(app).close()


@pytest.mark.parametrize("manager", [None, LoginManager])
def test_a_host_without_a_user_loader_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, manager: type[LoginManager] | None
) -> None:
    app = Flask("host")
    app.config.update(SECRET_KEY="x", DOCCHAT_DATA_DIR=str(tmp_path / "data"), DOCCHAT_WORKER="external")
    if manager is not None:
        manager(app)
    DocChat(app)
    assert status(Host(app)) == status(Host(app)) == 401
    assert caplog.text.count("user_loader") == 1
    Host(app).close()


def test_pages_lead_to_the_hosts_sign_in(make_host: Callable[..., Host]) -> None:
    host = make_host()
    host.app.login_manager.login_view = "login"  # type: ignore[attr-defined]
    for path in ("/", "/documents", f"/c/{uuid4()}"):
        response = host.client().get(path)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/login?next=")
        assert response.headers["Cache-Control"] == "private, no-store"
    assert host.client().get("/api/status").status_code == 401
    assert 'data-login="/login"' in host.client("test").get("/").text


def test_the_hosts_own_sign_in_page_keeps_its_policy(make_host: Callable[..., Host]) -> None:
    host = make_host()
    host.app.login_manager.unauthorized_handler(lambda: "<script>the host's own</script>")  # type: ignore[attr-defined]
    response = host.client().get("/")
    assert response.text == "<script>the host's own</script>"
    assert "Content-Security-Policy" not in response.headers


def test_a_user_disabled_meanwhile_is_out_at_once(host: Host) -> None:
    client = host.client("test")
    assert client.get("/api/sessions").status_code == 200
    host.users["test"].active = False
    assert client.get("/api/sessions").status_code == 401


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("0fd3c5f8-9d1c-4f3e-8a0f-3f6a3c9b2a11", True),
        ("0FD3C5F8-9D1C-4F3E-8A0F-3F6A3C9B2A11", True),
        ("0fd3c5f89d1c4f3e8a0f3f6a3c9b2a11", False),
        ("{0fd3c5f8-9d1c-4f3e-8a0f-3f6a3c9b2a11}", False),
        ("0fd3c5f8-9d1c-4f3e-8a0f-3f6a3c9b2a1\n", False),
        ("0fd3c5f89d1c-4f3e-8a0f-3f6a3c9b2a-11", False),
        ("", False),
        (None, False),
        (5, False),
    ],
)
def test_ids_have_one_spelling(value: object, right: bool) -> None:
    assert (auth.parse_id(value) is not None) == right
