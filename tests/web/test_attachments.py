"""Attachments over HTTP: never in the clear on a disk, pages and pictures, and gone with their chat."""

import io
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from ..documents import samples
from .conftest import Host
from .test_routes import one_page_pdf

SECRET = "SECRETplanted"


def new_chat(client: FlaskClient) -> str:
    return str(client.post("/api/sessions", json={}).get_json()["id"])


def attach(client: FlaskClient, chat: str, content: bytes, name: str = "note.txt") -> dict[str, Any]:
    data = {"files": (io.BytesIO(content), name)}
    response = client.post(f"/api/sessions/{chat}/attachments", data=data, content_type="multipart/form-data")
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.get_json()["attachments"][0]
    return found


def test_a_large_file_is_never_spooled(host: Host, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Werkzeug writes what is larger than half a megabyte to a temporary file; a library's upload may be."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file")

    chat = new_chat(client)
    content = f"{SECRET} words. ".encode() * 200_000
    for name in ("TemporaryFile", "SpooledTemporaryFile", "NamedTemporaryFile"):
        monkeypatch.setattr(tempfile, name, refuse)
        monkeypatch.setattr(f"werkzeug.formparser.{name}", refuse, raising=False)
    # By hand: the test client would spool it itself.
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{SECRET}.txt"\r\n\r\n'.encode()
    body, kind = head + content + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"
    found = client.post(f"/api/sessions/{chat}/attachments", data=body, content_type=kind).get_json()["attachments"][0]
    assert found["size"] == len(content)
    monkeypatch.undo()
    host.services.worker.run_due()
    assert client.get(f"/api/sessions/{chat}/attachments").get_json()["attachments"][0]["state"] == "ready"
    files = [path for path in host.services.settings.data_dir.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes() or SECRET in path.name]
    assert not list((host.services.settings.data_dir / "files").rglob("*"))


def test_a_file_is_attached_asked_read_and_cleared(host: Host, client: FlaskClient) -> None:
    chat = new_chat(client)
    attached = attach(client, chat, one_page_pdf("The Wutach reaches the Rhine at Waldshut."), "river.pdf")
    assert (attached["state"], attached["collection"]) == ("queued", None)
    host.services.worker.run_due()
    answer = client.post(f"/api/sessions/{chat}/ask", json={"question": "Where does the Wutach reach the Rhine?"})
    assert '"attachment":true' in answer.text.replace(" ", "")
    cited = client.get(f"/api/sessions/{chat}").get_json()["messages"][-1]["citations"][0]
    assert (cited["document"], cited["attachment"]) == (attached["id"], True)
    base = f"/api/sessions/{chat}/attachments/{attached['id']}"
    page = client.get(f"{base}/pages/{cited['page']}").get_json()
    assert page["text"][cited["start"] : cited["end"]] == cited["quote"]
    assert page["boxes"]
    picture = client.get(f"{page['image']}?width=300")
    assert picture.data.startswith(b"\x89PNG")
    original = client.get(f"{base}/original")
    assert original.data.startswith(b"%PDF")
    assert original.headers["Content-Disposition"] == "attachment; filename=river.pdf"
    assert client.get("/api/documents").get_json()["documents"] == [], "it is not in the library"
    receipt = client.post(f"/api/sessions/{chat}/clear").headers["Docchat-Receipt"]
    counts = client.get(f"/api/receipts/{receipt}").get_json()["counts"]
    assert (counts["attachments"], counts["passages"]) == (1, 1)
    for path in (base.rpartition("/")[0], f"{base}/pages/1", f"{base}/original", page["image"]):
        assert client.get(path).status_code == 410, path


def test_a_refused_file_says_why(make_host: Callable[..., Host]) -> None:
    host = make_host(DOCCHAT_MAX_UPLOAD_BYTES=1000)
    client = host.client("test")
    chat = new_chat(client)
    for content, status, code in ((b"", 400, "empty_file"), (b"x" * 1001, 413, "too_large")):
        data = {"files": (io.BytesIO(content), "a.txt")}
        response = client.post(f"/api/sessions/{chat}/attachments", data=data, content_type="multipart/form-data")
        assert (response.status_code, response.get_json()["code"]) == (status, code)
    assert client.post(f"/api/sessions/{chat}/attachments").get_json()["code"] == "no_file"
    assert client.get(f"/api/sessions/{chat}/attachments").get_json() == {"attachments": []}


def test_what_is_held_in_memory_is_bounded(make_host: Callable[..., Host]) -> None:
    client = make_host(DOCCHAT_MAX_UPLOAD_BYTES=200_000).client("test")
    chat = new_chat(client)
    file = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n' + b"word " * 36_000 + b"\r\n"
    )
    for count, status in ((3, 201), (8, 413)):
        body, kind = file * count + b"--x--\r\n", "multipart/form-data; boundary=x"
        assert client.post(f"/api/sessions/{chat}/attachments", data=body, content_type=kind).status_code == status


def test_a_locked_one_is_read_with_its_password(
    host: Host, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    chat = new_chat(client)
    password = "tiger-Larnmouth-1907"
    attached = attach(client, chat, samples.pdf([[(72, 700, "Opens at 07:15.")]], password=password), "hours.pdf")
    host.services.worker.run_due()
    base = f"/api/sessions/{chat}/attachments/{attached['id']}"
    (waiting,) = client.get(f"/api/sessions/{chat}/attachments").get_json()["attachments"]
    assert (waiting["state"], waiting["code"]) == ("failed", "locked")
    refused = client.post(f"{base}/password", json={"password": "wrong"})
    assert (refused.status_code, refused.get_json()["code"]) == (422, "locked")
    assert client.get(f"/api/sessions/{chat}/attachments").get_json() == {"attachments": [waiting]}
    assert client.post(f"{base}/password", json={}).status_code == 400

    opened = client.post(f"{base}/password", json={"password": password}).get_json()
    assert (opened["state"], opened["code"], opened["error"], opened["pages"]) == ("ready", None, None, 1)
    assert client.get(f"{base}/pages/1").get_json()["text"] == "Opens at 07:15."
    answer = client.post(f"/api/sessions/{chat}/ask", json={"question": "When does it open?"})
    assert "07:15" in answer.text
    assert client.post(f"{base}/password", json={"password": "any"}).get_json() == opened, "a ready one stays"

    assert password not in caplog.text
    host.services.database.close()
    for path in host.services.settings.data_dir.rglob("*"):
        assert not path.is_file() or password.encode() not in path.read_bytes()


def test_only_one_that_waits_takes_a_password(host: Host, client: FlaskClient) -> None:
    chat = new_chat(client)
    broken = attach(client, chat, b"%PDF-1.4 garbage", "broken.pdf")
    path = f"/api/sessions/{chat}/attachments/{broken['id']}/password"
    host.services.worker.run_due()
    refused = client.post(path, json={"password": "any"})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "not_locked")
    client.post(f"/api/sessions/{chat}/clear")
    assert client.post(path, json={"password": "any"}).status_code == 410


def test_one_is_deleted_and_proven_gone(host: Host, client: FlaskClient) -> None:
    from uuid import UUID

    from docchat.server.verify.proof import prove

    chat = new_chat(client)
    attached = attach(client, chat, b"some words")
    host.services.worker.run_due()
    response = client.delete(f"/api/sessions/{chat}/attachments/{attached['id']}")
    assert response.get_json() == {"success": True}
    host.services.worker.run_due()
    assert prove(host.services, UUID(response.headers["Docchat-Receipt"])).findings == []
    assert client.delete(f"/api/sessions/{chat}/attachments/{attached['id']}").status_code == 404


def test_a_clear_is_proven_and_a_leftover_found(host: Host, client: FlaskClient, tmp_path: Path) -> None:
    from uuid import UUID

    from docchat.db.schema import attachment
    from docchat.server.verify.proof import prove

    chat = new_chat(client)
    attach(client, chat, b"some words")
    host.services.worker.run_due()
    with host.services.database.read() as connection:
        row = connection.execute(attachment.select()).one()
    client.post(f"/api/sessions/{chat}/clear")
    host.services.worker.run_due()
    assert prove(host.services, UUID(chat)).findings == []
    with host.services.database.write() as connection:
        connection.execute(attachment.insert().values(dict(row._mapping)))
    found = " ".join(str(one) for one in prove(host.services, UUID(chat)).findings)
    assert "attachment of this chat" in found
    assert "sealed attachment" in found
