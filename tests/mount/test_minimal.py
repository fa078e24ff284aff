"""The smallest host: at most 15 lines, Flask-Login only, and the whole main job."""

import importlib.util
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

EXAMPLE = Path(__file__).parents[2] / "examples" / "minimal.py"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closing: Callable[[Flask], Flask]) -> Flask:
    """The example as it stands, with its instance folder in a temporary directory."""
    (tmp_path / "minimal.py").write_bytes(EXAMPLE.read_bytes())
    spec = importlib.util.spec_from_file_location("minimal", tmp_path / "minimal.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "minimal", module)
    spec.loader.exec_module(module)
    return closing(module.app)


def test_it_has_at_most_15_lines() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 15


def test_the_main_job(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/chat/api/status").status_code == 401
    client.get("/")
    files = {"files": (io.BytesIO(b"The bridge over the river was opened in 1932. It is made of steel."), "bridge.txt")}
    uploaded = client.post("/chat/api/documents", data=files, content_type="multipart/form-data").get_json()
    path = f"/chat/api/documents/{uploaded['documents'][0]['id']}"
    deadline = time.monotonic() + 30
    while client.get(path).get_json()["state"] != "ready":  # read by the thread that the first request started
        assert time.monotonic() < deadline
        time.sleep(0.05)
    session = client.post("/chat/api/sessions", json={}).get_json()["id"]
    answer = client.post(f"/chat/api/sessions/{session}/ask", json={"question": "When was the bridge opened?"}).text
    assert "1932" in answer
    assert "event: citation" in answer
    assert "event: done" in answer
    assert client.post("/chat/api/sessions/clear").get_json() == {"success": True}
    assert client.get(f"/chat/api/sessions/{session}").status_code == 410
