"""The careful host: tokens, server-side sessions, a policy, a proxy, a path in front; over a real server too."""

import importlib.util
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from flask import Flask
from werkzeug.serving import make_server
from werkzeug.test import Client, TestResponse

from docchat import DocChat
from docchat.web.guard import CONTENT_SECURITY_POLICY

EXAMPLE = Path(__file__).parents[2] / "examples" / "hardened" / "app.py"
BASE = "/portal/x/docchat"
PROXY = {"X-Forwarded-Host": "portal.example.org", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("hardened", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "hardened", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make_app(module: ModuleType, tmp_path: Path, closing: Callable[[Flask], Flask]) -> Callable[..., Flask]:
    def make(**config: object) -> Flask:
        config = {"SESSIONS_DIR": str(tmp_path / "sessions"), "DOCCHAT_DATA_DIR": str(tmp_path / "data"), **config}
        return closing(module.create_app(config))

    return make


def token(page: str) -> str:
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]


def sign_in(client: Client) -> None:
    page = client.get("/portal/login", headers=PROXY)
    data = {"username": "ada", "password": "analytical engine", "csrf_token": token(page.text)}
    headers = {**PROXY, "Referer": "https://portal.example.org/portal/login"}
    response = client.post("/portal/login", data=data, headers=headers)
    assert response.status_code == 302, response.text
    assert response.headers["Location"] == f"{BASE}/"


def ask(client: Client, path: str, **kwargs: object) -> TestResponse:
    return client.open(f"{BASE}{path}", headers=PROXY, **kwargs)  # type: ignore[arg-type]


def test_behind_the_proxy(make_app: Callable[..., Flask]) -> None:
    client = Client(make_app(DOCCHAT_WORKER="external"))
    assert client.get("/x/docchat/", headers=PROXY).status_code == 404
    assert ask(client, "/").headers["Location"].startswith("/portal/login?next=")
    assert ask(client, "/api/status").status_code == 401
    assert client.get(f"{BASE}/", headers={}).headers["Location"].startswith("https://")
    sign_in(client)
    page = ask(client, "/")
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert f'"{BASE}/docchat-static/css/base.css"' in page.text
    with ask(client, "/docchat-static/css/base.css") as style:
        assert style.status_code == 200
    made = ask(client, "/api/sessions", method="POST", json={"title": "A chat"})
    assert made.status_code == 201
    session_id = made.get_json()["id"]
    assert ask(client, "/api/status").get_json()["current"] == session_id
    cleared = ask(client, "/api/sessions/clear", method="POST")
    assert cleared.get_json() == {"success": True}
    assert ask(client, "/api/status").get_json()["current"] not in (None, session_id)
    assert ask(client, f"/api/sessions/{session_id}").status_code == 410
    assert ask(client, "/api/nothing").get_json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://portal.example.org"}, 200),
        ({"Origin": "https://127.0.0.1:8000"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_the_guard_behind_the_proxy(make_app: Callable[..., Flask], headers: dict[str, str], status: int) -> None:
    client = Client(make_app(DOCCHAT_WORKER="external"))
    sign_in(client)
    response = client.post(f"{BASE}/api/sessions/clear", headers={**PROXY, **headers})
    assert response.status_code == status


@pytest.fixture
def server(make_app: Callable[..., Flask]) -> Iterator[str]:
    """Address of the example on a real server, with docchat's own worker thread."""
    app = make_app(HTTPS=False)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_main_job_over_a_real_server(server: str) -> None:
    with httpx.Client(base_url=server, headers={"Origin": server}, follow_redirects=True, timeout=20) as client:
        page = client.get(f"{BASE}/")
        assert page.url.path == "/portal/login"
        data = {"username": "ada", "password": "analytical engine", "csrf_token": token(page.text)}
        page = client.post("/portal/login", data=data)
        assert page.url.path == f"{BASE}/"
        content = b"The bridge over the river was opened in 1932. It is made of steel."
        uploaded = client.post(f"{BASE}/api/documents", files={"files": ("bridge.txt", content)})
        document = uploaded.json()["documents"][0]
        for _ in range(200):
            if document["state"] in ("ready", "failed"):
                break
            threading.Event().wait(0.05)
            document = client.get(f"{BASE}/api/documents/{document['id']}").json()
        assert document["state"] == "ready"
        session_id = client.post(f"{BASE}/api/sessions", json={}).json()["id"]
        with client.stream(
            "POST", f"{BASE}/api/sessions/{session_id}/ask", json={"question": "When was the bridge opened?"}
        ) as stream:
            assert stream.headers["X-Accel-Buffering"] == "no"
            answer = stream.read().decode()
        assert "1932" in answer
        assert answer.rstrip().rpartition("event: ")[2].startswith("done")
        cleared = client.post(f"{BASE}/api/sessions/{session_id}/clear")
        assert cleared.json() == {"success": True}
        assert client.get(f"{BASE}/api/sessions/{session_id}").status_code == 410
        assert client.post("/portal/logout").status_code == 400  # the host's forms keep their tokens


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[Path]:
    """Socket of the example under gunicorn, whose three workers start together on an empty data directory."""
    address = tmp_path / "socket"
    settings = {"HTTPS": False, "SESSIONS_DIR": str(tmp_path / "sessions"), "DOCCHAT_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "gunicorn", "--workers=3", "--threads=4", "--bind", f"unix:{address}"]
    command += ["--no-control-socket", "--chdir", str(EXAMPLE.parent), f"app:create_app({settings!r})"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            for _ in range(400):
                if address.exists():
                    break
                time.sleep(0.05)
            yield address
        finally:
            process.terminate()
            process.wait(20)
    assert "Error" not in (tmp_path / "log").read_text()


def test_what_one_worker_clears_is_gone_in_all(gunicorn: Path) -> None:
    def fresh(cookies: httpx.Cookies | None = None) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=str(gunicorn))
        return httpx.Client(transport=transport, base_url="http://portal", cookies=cookies, timeout=30)

    with fresh() as client:
        page = client.get("/portal/login")
        data = {"username": "ada", "password": "analytical engine", "csrf_token": token(page.text)}
        assert client.post("/portal/login", data=data).status_code == 302
        cookies = client.cookies
    for _ in range(5):
        with fresh(cookies) as client:
            session_id = client.post(f"{BASE}/api/sessions", json={"title": "soon gone"}).json()["id"]
        with fresh(cookies) as client:
            assert client.get(f"{BASE}/api/sessions/{session_id}").json()["title"] == "soon gone"
        with fresh(cookies) as client:
            assert client.post(f"{BASE}/api/sessions/{session_id}/clear").json() == {"success": True}
        for _ in range(6):
            with fresh(cookies) as client:
                assert client.get(f"{BASE}/api/sessions/{session_id}").status_code == 410


def test_nobody_else_is_in(make_app: Callable[..., Flask]) -> None:
    app = make_app(DOCCHAT_WORKER="external")
    assert DocChat.services(app).settings.url_prefix == "/x/docchat"
    client = Client(app)
    page = client.get("/portal/login", headers=PROXY)
    data = {"username": "ada", "password": "wrong", "csrf_token": token(page.text)}
    headers = {**PROXY, "Referer": "https://portal.example.org/portal/login"}
    assert client.post("/portal/login", data=data, headers=headers).status_code == 200
    assert ask(client, "/api/status").status_code == 401
