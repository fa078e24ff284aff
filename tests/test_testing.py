"""A host's test, written with docchat.testing as a host would."""

import io
from pathlib import Path

from flask import Flask

from docchat import DocChat
from docchat.testing import FakeModel, run_jobs, use_model


def test_a_host_tests_its_chat(tmp_path: Path) -> None:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="x" * 16, DOCCHAT_DATA_DIR=str(tmp_path), DOCCHAT_WORKER="external")
    DocChat(app, current_user_id=lambda: "ada", current_username=lambda: "Ada")
    model = FakeModel("The archive was created in 1934 [1].")
    use_model(app, model)
    client = app.test_client()
    text = b"The National Archives is an independent agency created in 1934."
    client.post("/api/documents", data={"files": (io.BytesIO(text), "archives.txt")})
    assert run_jobs(app) >= 1
    session = client.post("/api/sessions").json["id"]
    stream = client.post(f"/api/sessions/{session}/ask", json={"question": "When was the archive created?"})
    assert "event: citation" in stream.text
    answer = client.get(f"/api/sessions/{session}").json["messages"][1]
    assert answer["text"] == "The archive was created in 1934 [1]."
    assert answer["citations"][0]["quote"] == text.decode()
    assert "independent agency" in model.asked[0][-1].content
