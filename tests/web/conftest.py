"""A host with Flask-Login and three people, and docchat in it."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from docchat import DocChat
from docchat.documents.library import Library
from docchat.web.state import Services

PASSWORD = "pass"


class User(UserMixin):
    def __init__(self, id: str, username: str) -> None:
        self.id = id
        self.username = username
        self.active = True

    @property
    def is_active(self) -> bool:
        return self.active


@dataclass
class Host:
    """An application of somebody else, and what a test may do to it."""

    app: Flask
    users: dict[str, User] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        return DocChat.services(self.app)

    @property
    def prefix(self) -> str:
        return self.services.settings.url_prefix

    def client(self, username: str | None = None) -> FlaskClient:
        """A browser, with somebody signed in."""
        client = self.app.test_client()
        if username is not None:
            sign_in(client, username)
        return client

    def replace(self, **parts: Any) -> None:
        """Put other parts into the services."""
        from dataclasses import replace

        self.app.extensions["docchat"] = replace(self.services, **parts)

    def close(self) -> None:
        self.services.worker.stop()
        self.services.database.close()
        self.services.keyring.close()


def sign_in(client: FlaskClient, username: str) -> None:
    response = client.post("/login", data={"username": username, "password": PASSWORD})
    assert response.status_code == 200


def bare_host(data_dir: Path, **config: Any) -> Host:
    """A host before docchat is mounted in it."""
    app = Flask("host", static_folder=None)
    app.config.update(SECRET_KEY="host", DOCCHAT_DATA_DIR=str(data_dir), DOCCHAT_WORKER="external")
    app.config.update(config)
    # Names and ids differ, so that a test sees which of them was used.
    users = {name: User(f"id-of-{name}", name) for name in ("test", "other", "disabled")}
    host = Host(app, users)
    manager = LoginManager(app)
    manager.user_loader(lambda user_id: next((user for user in users.values() if user.id == user_id), None))

    @app.post("/login")
    def login() -> str:
        assert request.form["password"] == PASSWORD
        login_user(users[request.form["username"]], force=True)
        return "signed in"

    @app.post("/logout")
    def logout() -> str:
        logout_user()
        return "signed out"

    @app.get("/hosts-own")
    def page() -> str:
        return "a page of the host"

    return host


@pytest.fixture
def make_host(tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """A function that makes hosts with docchat in them; keywords are settings."""
    hosts: list[Host] = []
    libraries: list[Library] = []

    def make(**config: Any) -> Host:
        host = bare_host(tmp_path / f"data{len(hosts)}", **config)
        DocChat(host.app, is_admin=lambda: current_user.username == "test")
        host.users["disabled"].active = False
        hosts.append(host)
        libraries.append(host.services.library)
        return host

    gc.freeze()  # what was there before need not be looked through
    try:
        yield make
        for host in hosts:
            host.close()
        for library in libraries:
            library.close()
        gc.collect()  # what was left open warns in the test that left it
    finally:
        gc.unfreeze()


@pytest.fixture
def host(make_host: Callable[..., Host]) -> Host:
    """The host, docchat mounted at its root."""
    return make_host()


@pytest.fixture
def client(host: Host) -> FlaskClient:
    """The browser of `test`, signed in."""
    return host.client("test")
