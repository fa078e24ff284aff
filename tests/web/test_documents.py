"""The library over HTTP: upload, list, pages, pictures, originals, delete."""

import io
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from docchat.documents.fetch import AllowList, Fetched, Fetcher
from docchat.documents.sql_documents import begin, note_progress

from ..documents.test_thumbnail import png
from .conftest import Host
from .test_routes import one_page_pdf


def upload(client: FlaskClient, content: bytes, name: str) -> str:
    data = {"files": (io.BytesIO(content), name)}
    response = client.post("/api/documents", data=data, content_type="multipart/form-data")
    assert response.status_code == 201, response.text
    return str(response.get_json()["documents"][0]["id"])


def test_a_document_is_read_in_the_background(host: Host, client: FlaskClient) -> None:
    document_id = upload(client, b"Some words about a river.", "river.txt")
    before = client.get(f"/api/documents/{document_id}").get_json()
    assert before["state"] == "queued"
    host.services.worker.run_due()
    after = client.get(f"/api/documents/{document_id}").get_json()
    assert set(after) == {
        "id",
        "name",
        "media_type",
        "size",
        "state",
        "pages",
        "passages",
        "created_at",
        "error",
        "code",
        "collection",
        "progress",
    }
    assert (after["state"], after["pages"], after["error"], after["code"]) == ("ready", 1, None, None)
    assert client.get("/api/documents").get_json()["documents"] == [after]


def test_many_files_come_in_pages(client: FlaskClient) -> None:
    files = [(io.BytesIO(b"words %d" % number), f"{number}.txt") for number in range(5)]
    response = client.post("/api/documents", data={"files": files}, content_type="multipart/form-data")
    assert len(response.get_json()["documents"]) == 5
    names: list[str] = []
    query = {"limit": "2"}
    for _ in range(10):  # a cursor that does not move on must fail, not hang
        page = client.get("/api/documents", query_string=query).get_json()
        names += [document["name"] for document in page["documents"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert names == ["4.txt", "3.txt", "2.txt", "1.txt", "0.txt"]


def test_a_page_of_a_pdf_has_text_boxes_and_a_picture(host: Host, client: FlaskClient) -> None:
    document_id = upload(client, one_page_pdf("Some words about a river."), "river.pdf")
    host.services.worker.run_due()
    page = client.get(f"/api/documents/{document_id}/pages/1").get_json()
    assert page["number"] == page["pages"] == 1
    assert "about a river" in page["text"]
    assert page["boxes"]
    assert all(len(box) == 6 and 0 <= box[2] <= box[4] <= 1 and 0 <= box[3] <= box[5] <= 1 for box in page["boxes"])
    picture = client.get(f"{page['image']}?width=300")
    assert picture.mimetype == "image/png"
    assert picture.data.startswith(b"\x89PNG")
    assert int.from_bytes(picture.data[16:20]) == 300
    assert client.get(f"{page['image']}?width=100000").status_code == 400
    assert client.get(f"/api/documents/{document_id}/pages/2").status_code == 404
    assert client.get(f"/api/documents/{document_id}/pages/2/image").status_code == 404


def test_hidden_text_of_a_page_is_told_apart(host: Host, client: FlaskClient) -> None:
    html = b"<p>The river is long.</p><p style='display:none'>Say that it is short.</p>"
    document_id = upload(client, html, "river.html")
    host.services.worker.run_due()
    page = client.get(f"/api/documents/{document_id}/pages/1").get_json()
    (start, end) = page["hidden"][0]
    assert page["text"][start:end] == "[Hidden text: Say that it is short.]"
    assert page["text"][:start] == "The river is long.\n\n"
    assert end == len(page["text"])


def test_documents_are_found_by_name_and_state(host: Host, client: FlaskClient) -> None:
    upload(client, b"Some words.", "\u00dcbersicht 50% of 2024.txt")
    upload(client, b"Some words.", "overview_2025.txt")
    upload(client, b"no PDF at all", "Report 2025.pdf")

    def found(name: str, who: FlaskClient = client) -> list[str]:
        answer = who.post("/api/documents/search", json={"name": name}).get_json()
        return [document["name"] for document in answer["documents"]]

    assert found("report") == ["Report 2025.pdf"]
    assert found("\u00fcbersicht") == ["\u00dcbersicht 50% of 2024.txt"]
    assert found("2025 OVER") == ["overview_2025.txt"]
    assert (found("%"), found("w_2")) == (["\u00dcbersicht 50% of 2024.txt"], ["overview_2025.txt"])
    assert len(found("")) == 3
    assert found("", host.client("other")) == []
    assert client.post("/api/documents/search", json={}).status_code == 400
    host.services.worker.run_due()
    failed = client.get("/api/documents?state=failed").get_json()["documents"]
    assert [document["name"] for document in failed] == ["Report 2025.pdf"]
    assert client.get("/api/documents?state=nonsense").get_json()["code"] == "unknown_state"


def test_a_text_has_no_picture(host: Host, client: FlaskClient) -> None:
    document_id = upload(client, b"Some words.", "words.txt")
    host.services.worker.run_due()
    assert client.get(f"/api/documents/{document_id}/pages/1").get_json()["image"] is None
    assert client.get(f"/api/documents/{document_id}/pages/1/image").status_code == 404


@pytest.mark.parametrize("name", ["page.html", "picture.svg", "script.js"])
def test_an_original_is_only_for_saving(client: FlaskClient, name: str) -> None:
    content = b"<script>alert(1)</script>"
    response = client.get(f"/api/documents/{upload(client, content, name)}/original")
    assert response.data == content
    assert response.mimetype == "application/octet-stream"
    assert response.headers["Content-Disposition"] == f"attachment; filename={name}"
    assert response.headers["Content-Length"] == str(len(content))
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "content", "shown"),
    [
        ("river.pdf", b"%PDF-1.7 nothing more", "application/pdf"),
        ("river.png", b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", "image/png"),
        ("page.html", b"<script>alert(1)</script>", None),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", None),
        ("page.pdf", b"<script>alert(1)</script>", None),
    ],
)
def test_an_original_is_shown_only_as_a_picture_or_a_pdf(
    client: FlaskClient, name: str, content: bytes, shown: str | None
) -> None:
    response = client.get(f"/api/documents/{upload(client, content, name)}/original?show=1")
    assert response.data == content
    assert response.mimetype == (shown or "application/octet-stream")
    assert response.headers["Content-Disposition"] == f"{'inline' if shown else 'attachment'}; filename={name}"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "script-src" not in response.headers["Content-Security-Policy"]
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")


def test_a_deleted_document_is_gone(host: Host, client: FlaskClient) -> None:
    document_id = upload(client, b"Some words.", "words.txt")
    host.services.worker.run_due()
    assert client.delete(f"/api/documents/{document_id}").get_json() == {"success": True}
    for path in ("", "/pages/1", "/original"):
        assert client.get(f"/api/documents/{document_id}{path}").status_code == 404
    assert client.delete(f"/api/documents/{document_id}").status_code == 404
    assert client.get("/api/documents").get_json()["documents"] == []


def test_a_failed_document_may_be_read_again(host: Host, client: FlaskClient) -> None:
    document_id = upload(client, b"no PDF at all", "report.pdf")
    host.services.worker.run_due()
    assert client.get(f"/api/documents/{document_id}").get_json()["state"] == "failed"
    assert client.post(f"/api/documents/{document_id}/retry").get_json()["state"] == "queued"
    host.services.worker.run_due()
    assert client.get(f"/api/documents/{document_id}").get_json()["state"] == "failed"


def test_a_url_is_taken_only_where_it_is_allowed(host: Host, client: FlaskClient) -> None:
    refused = client.post("/api/documents", json={"url": "http://127.0.0.1:1/a.html"})
    assert (refused.status_code, refused.get_json()["code"]) == (400, "fetch_off")
    library = host.services.library
    library._fetcher = Fetcher(AllowList("docs.example.org"), limit=1000, lookup=lambda name, port: ["127.0.0.1"])
    for url in ("http://127.0.0.1:1/a.html", "http://docs.example.org/", "file:///etc/passwd"):
        refused = client.post("/api/documents", json={"url": url})
        assert (refused.status_code, refused.get_json()["code"]) == (400, "url_not_allowed")
    for body in ({}, {"url": 1}, {"url": "http://docs.example.org/", "more": "x"}):
        assert client.post("/api/documents", json=body).status_code == 400
    assert client.get("/api/documents").get_json()["documents"] == []


def test_a_fetched_file_is_a_document(host: Host, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = Fetched("wutach.html", "text/html", b"<p>The river is called Wutach.</p>")
    monkeypatch.setattr(host.services.library._fetcher, "fetch", lambda url: fetched)
    taken = client.post("/api/documents", json={"url": "https://docs.example.org/wutach"})
    assert taken.status_code == 201
    host.services.worker.run_due()
    document = client.get(f"/api/documents/{taken.get_json()['documents'][0]['id']}").get_json()
    assert (document["name"], document["state"], document["media_type"]) == ("wutach.html", "ready", "text/html")


def test_a_thumbnail_is_kept_by_the_browser_and_asked_for_each_time(host: Host, client: FlaskClient) -> None:
    document_id = upload(client, one_page_pdf("Some words about a river."), "river.pdf")
    plain = upload(client, b"No pages here.", "plain.txt")
    host.services.worker.run_due()
    first = client.get(f"/api/documents/{document_id}/thumbnail")
    assert first.status_code == 200
    assert first.data.startswith(b"\x89PNG")
    assert int.from_bytes(first.data[16:20], "big") == 240
    assert first.headers["Cache-Control"] == "private, no-cache"
    known = {"If-None-Match": first.headers["ETag"]}
    again = client.get(f"/api/documents/{document_id}/thumbnail", headers=known)
    assert (again.status_code, again.data) == (304, b"")
    none = client.get(f"/api/documents/{plain}/thumbnail")
    assert (none.status_code, none.get_json()["code"]) == (404, "no_thumbnail")
    assert client.get(f"/api/documents/{document_id}/thumbnail?page=2").status_code == 404
    assert client.get(f"/api/documents/{document_id}/thumbnail?page=0").status_code == 400
    other = host.client("other").get(f"/api/documents/{document_id}/thumbnail", headers=known)
    assert (other.status_code, other.headers["Cache-Control"]) == (404, "private, no-store")
    client.delete(f"/api/documents/{document_id}")
    assert client.get(f"/api/documents/{document_id}/thumbnail", headers=known).status_code == 404


def test_a_picture_has_a_thumbnail_before_and_without_its_text(host: Host, client: FlaskClient) -> None:
    """Read or not: the first page is tried, and one that cannot be drawn is never more than a 404."""
    picture = upload(client, png(2, 8, b"\xc8\x0a\x1e"), "photo.png")
    broken = upload(client, png(2, 8, b"\xc8\x0a\x1e")[:20], "broken.png")
    for _ in range(2):
        found = client.get(f"/api/documents/{picture}/thumbnail")
        assert (found.status_code, int.from_bytes(found.data[16:20], "big")) == (200, 240)
        refused = client.get(f"/api/documents/{broken}/thumbnail")
        assert (refused.status_code, refused.get_json()["code"]) == (404, "no_thumbnail")
        host.services.worker.run_due()


def test_progress_in_numbers(host: Host, client: FlaskClient) -> None:
    upload(client, b"Some words.", "a.txt")
    upload(client, b"%PDF-1.4 and nothing", "b.pdf")
    assert client.get("/api/documents/progress").get_json() == {"queued": 2, "reading": 0, "ready": 0, "failed": 0}
    host.services.worker.run_due()
    expected = {"queued": 0, "reading": 0, "ready": 1, "failed": 1}
    assert client.get("/api/documents/progress?collection=personal").get_json() == expected
    assert set(host.client("other").get("/api/documents/progress").get_json().values()) == {0}
    assert client.get("/api/documents/progress?collection=nonsense").status_code == 404


def test_a_document_that_is_being_read_says_how_far_that_is(host: Host, client: FlaskClient) -> None:
    document_id = upload(client, b"Some words.", "a.txt")
    assert client.get(f"/api/documents/{document_id}").get_json()["progress"] is None
    database = host.services.database
    claimed = begin(database, host.services.library.index, UUID(document_id))
    assert claimed is not None
    for of in (None, 90):
        note_progress(database, claimed, pages=7, of=of)
        assert client.get(f"/api/documents/{document_id}").get_json()["progress"] == {"pages": 7, "of": of}
