"""The guard: foreign sites, headers on every answer, errors under our prefix."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import TestResponse

from .conftest import Host
from .test_routes import EVERY, call, everything, row_of

UNSAFE = [route for route in EVERY if route.method != "GET"]
BODIES: dict[str, dict[str, Any]] = {
    "form": {"data": "a=b", "content_type": "application/x-www-form-urlencoded"},
    "text": {"data": '{"question": "x"}', "content_type": "text/plain"},
    "multipart": {"data": {"files": "x"}, "content_type": "multipart/form-data"},
    "json": {"json": {}},
    "none": {},
}
FOREIGN: dict[str, dict[str, str]] = {
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "same-site": {"Sec-Fetch-Site": "same-site"},
    "cross-site with our origin": {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    "unknown word": {"Sec-Fetch-Site": "same-origin, none"},
    "empty word": {"Sec-Fetch-Site": ""},
    "foreign origin": {"Origin": "https://evil.example"},
    "longer origin": {"Origin": "http://localhost.evil.example"},
    "shorter origin": {"Origin": "http://evil-localhost"},
    "other port": {"Origin": "http://localhost:8080"},
    "user part": {"Origin": "http://localhost@evil.example"},
    "null origin": {"Origin": "null"},
    "empty origin": {"Origin": ""},
    "file origin": {"Origin": "file://localhost"},
    "broken origin": {"Origin": "http://[localhost"},
}
OURS: dict[str, dict[str, str]] = {
    "same origin": {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
    "typed by the user": {"Sec-Fetch-Site": "none"},
    "older browser": {"Origin": "http://localhost"},
    "older browser, default port": {"Origin": "http://localhost:80"},
    "older browser over https": {"Origin": "https://LOCALHOST"},
    "no browser": {},
    "the browser's word before the origin": {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_site_changes_nothing(host: Host, headers: dict[str, str]) -> None:
    things, client = everything(host), host.client("test")
    before = client.get("/api/sessions").data + client.get("/api/documents").data
    for route, body in product(UNSAFE, BODIES.values()):
        response = client.open(things.fill(route.rule), method=route.method, headers=headers, **body)
        assert response.status_code == 403, (route.endpoint, body)
        assert response.get_json()["code"] == "cross_site"
        assert "Set-Cookie" not in response.headers
    assert client.get("/api/sessions").data + client.get("/api/documents").data == before


@pytest.mark.parametrize("headers", OURS.values(), ids=OURS)
def test_our_own_pages_and_programs_pass(host: Host, headers: dict[str, str]) -> None:
    client = host.client("test")
    things = everything(host)
    client.environ_base.update({f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()})
    for route in UNSAFE:
        row = row_of(route)
        response = call(client, route.method, things.fill(route.rule), row)
        # As signed in anyway, or cleared on the way.
        assert response.status_code in (row.status, 404, 409, 410) or response.status_code < 300, route.endpoint


def test_reading_needs_no_proof(host: Host) -> None:
    response = host.client("test").get("/api/sessions", headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 200  # what comes back stays unreadable for the other site


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://chat.example.org", 200),
        ("https://chat.example.org:443", 200),
        ("http://127.0.0.1:8000", 403),
        ("https://chat.example.org:8443", 403),
    ],
)
def test_behind_a_proxy_our_host_is_the_one_the_browser_sees(host: Host, origin: str, status: int) -> None:
    host.app.wsgi_app = ProxyFix(host.app.wsgi_app, x_proto=1, x_host=1)  # type: ignore[method-assign]
    headers = {"Origin": origin, "X-Forwarded-Host": "chat.example.org", "X-Forwarded-Proto": "https"}
    client = host.client("test")
    response = client.post("/api/sessions/clear", base_url="http://127.0.0.1:8000", headers=headers)
    assert response.status_code in (status, 401)  # the cookie is another host's: past the guard it is 401
    assert (response.status_code == 403) == (status == 403)


def check_headers(response: TestResponse, *, cached: bool = False) -> None:
    headers = response.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert len(headers["Docchat-Request-Id"]) == 32
    assert (headers["Cache-Control"] == "private, no-store") != cached


def test_every_answer_has_the_headers(host: Host) -> None:
    things = everything(host)
    for route in EVERY:
        path, row = things.fill(route.rule), row_of(route)
        check_headers(call(host.client("other"), route.method, path, row))
        check_headers(call(host.client(), route.method, path, row))
        check_headers(host.client("test").open(path, method="PUT"))
        check_headers(host.client("test").open(path, method="OPTIONS"))
    for route in EVERY:
        check_headers(call(host.client("test"), route.method, things.fill(route.rule), row_of(route)))


def test_a_stream_is_not_held_back(host: Host) -> None:
    response = host.client("test").post(f"/api/sessions/{everything(host).session_id}/ask", json={"question": "What?"})
    assert response.mimetype == "text/event-stream"
    assert response.headers["X-Accel-Buffering"] == "no"


def test_our_static_files_may_be_cached(host: Host) -> None:
    response = host.client().get("/docchat-static/css/base.css")
    assert response.status_code == 200
    check_headers(response, cached=True)
    response.close()


def test_every_request_has_an_id_of_its_own(host: Host) -> None:
    client = host.client("test")
    ids = {client.get("/api/status").headers["Docchat-Request-Id"] for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/x/docchat/api/nothing", 404, "not_found"),
        ("GET", "/x/docchat/nothing", 404, "not_found"),
        ("PUT", "/x/docchat/api/status", 405, "method_not_allowed"),
        ("GET", "/x/docchat/api/sessions/clear/", 404, "not_found"),
    ],
)
def test_under_our_prefix_every_error_is_json(
    make_host: Callable[..., Host], method: str, path: str, status: int, code: str
) -> None:
    host = make_host(DOCCHAT_URL_PREFIX="/x/docchat")
    response = host.client("test").open(path, method=method)
    assert response.status_code == status
    assert response.get_json()["code"] == code
    check_headers(response)
    assert host.client().get("/x/docchatter").mimetype == "text/html"


def test_a_wrong_method_says_which_are_right(host: Host) -> None:
    response = host.client("test").put("/api/status")
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert response.get_json()["code"] == "method_not_allowed"


def test_handlers_of_the_host_do_not_answer_for_us(make_host: Callable[..., Host]) -> None:
    host = make_host()
    for code in (404, 405, 413, 500):
        host.app.register_error_handler(code, lambda error: ("the host's words", error.code))
    client = host.client("test")
    assert client.get("/api/sessions/1").get_json()["code"] == "not_found"
    assert client.put("/api/status").get_json()["code"] == "method_not_allowed"
    large = client.post("/api/sessions", data=b" " * 2_000_000, content_type="application/json")
    assert large.get_json()["code"] == "too_large"
    assert client.get("/nothing").text == "the host's words"


def test_the_hosts_limit_for_bodies_is_its_own(make_host: Callable[..., Host]) -> None:
    host = make_host(MAX_CONTENT_LENGTH=100)
    host.app.post("/hosts-form")(lambda: "taken")
    client = host.client("test")
    assert client.post("/api/sessions/search", json={"text": "x" * 1000}).status_code == 200


def test_the_wrong_page_is_a_page(make_host: Callable[..., Host]) -> None:
    host = make_host()
    response = host.client("test").get("/c/1")
    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert response.headers["Docchat-Request-Id"] in response.text
