"""Nothing but allowed hosts is reached, whatever a URL, a redirect, a name server or a slow server tries."""

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from docchat.documents import fetch
from docchat.documents.fetch import AllowList, Fetcher
from docchat.errors import ConfigError, DocChatError, InvalidInput, Overloaded, TooLarge

PUBLIC = "93.184.215.14"
NAMES = {
    "docs.example.org": [PUBLIC],
    "rebind.example.org": [PUBLIC],
    "local.example.org": ["127.0.0.1"],
    "both.example.org": [PUBLIC, "127.0.0.1"],
    "six.example.org": ["::1"],
    "mapped.example.org": ["::ffff:127.0.0.1"],
    "nat.example.org": ["64:ff9b::7f00:1"],
    "sixtofour.example.org": ["2002:7f00:1::"],
    "teredo.example.org": ["2001:0:7f00:1::"],
    "cloud.example.org": ["169.254.169.254"],
    "lan.example.org": ["192.168.1.10"],
    "shared.example.org": ["100.64.0.1"],
    "unique.example.org": ["fd00::1"],
    "link.example.org": ["fe80::1%eth0"],
    "zero.example.org": ["0.0.0.0"],
    "many.example.org": ["224.0.0.1"],
    "broadcast.example.org": ["255.255.255.255"],
    "compatible.example.org": ["::7f00:1"],
    "none.example.org": [],
}
ALLOWED = "*.example.org"

# What may be asked of a server whose only allowed hosts are those of example.org; {port} is the canary's.
URLS = [
    *("http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://127.0.1:{port}/", "http://127.127.127.127:{port}/"),
    *("http://localhost:{port}/", "http://LOCALHOST:{port}/", "http://localhost.:{port}/", "http://0:{port}/"),
    *("http://0.0.0.0:{port}/", "http://[::]:{port}/", "http://[::1]:{port}/", "http://[0:0:0:0:0:0:0:1]:{port}/"),
    *("http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/", "http://[::127.0.0.1]:{port}/"),
    *("http://[64:ff9b::7f00:1]:{port}/", "http://[2002:7f00:1::]:{port}/", "http://[::1%25lo]:{port}/"),
    *("http://2130706433:{port}/", "http://017700000001:{port}/", "http://0x7f000001:{port}/", "http://0x7f.1:{port}/"),
    *("http://0177.0.0.1:{port}/", "http://0x7f.0x0.0x0.0x1:{port}/", "http://127.0.0.01:{port}/"),
    *("http://00000177.0.0.1:{port}/", "http://4294967297:{port}/", "http://127.0.0.1.:{port}/"),
    *(
        "http://\uff11\uff12\uff17.0.0.1:{port}/",
        "http://\u2460\u2461\u2466.0.0.1:{port}/",
        "http://127\u30020.0.1:{port}/",
    ),
    *("http://%31%32%37.0.0.1:{port}/", "http://127.0.0.1%2f.example.org:{port}/"),
    *("http://docs.example.org@127.0.0.1:{port}/", "http://127.0.0.1:{port}@docs.example.org/"),
    *("http://user:pass@docs.example.org/", "http://docs.example.org:{port}@127.0.0.1:{port}/"),
    *("http://127.0.0.1:{port}\\@docs.example.org/", "http://127.0.0.1:{port}\\.example.org/"),
    *("http://127.0.0.1:{port}#@docs.example.org/", "http://127.0.0.1:{port}?@docs.example.org/"),
    *("http://docs.example.org:{port}/", "https://docs.example.org:{port}/", "http://docs.example.org:22/"),
    *("http://docs.example.org:99999/", "http://docs.example.org:-1/", "http://docs.example.org:x/"),
    *("http://evilexample.org:{port}/", "http://example.org:{port}/", "http://docs.example.org.evil:{port}/"),
    *(
        "http://127.0.0.1:{port}/\r\nHost: docs.example.org",
        "http://docs.example.org/\r\nX: y",
        "http://docs.example.org/ x",
    ),
    *("http:127.0.0.1:{port}/", "http:///127.0.0.1:{port}/", "//127.0.0.1:{port}/", "127.0.0.1:{port}/", "http://"),
    *(
        " http://127.0.0.1:{port}/",
        "\thttp://127.0.0.1:{port}/",
        "ht\ntp://127.0.0.1:{port}/",
        "http:/\\127.0.0.1:{port}/",
    ),
    *("file:///etc/passwd", "file://127.0.0.1/etc/passwd", "ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_x"),
    *("dict://127.0.0.1:{port}/", "ldap://127.0.0.1:{port}/", "jar:http://127.0.0.1:{port}/", "data:text/plain,x"),
    *("javascript:alert(1)", "unix:///tmp/x", "ws://127.0.0.1:{port}/", "netdoc:///etc/passwd", "", "x" * 3000),
    *("http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://10.0.0.1/", "http://192.168.0.1/"),
    *(f"http://{name}/" for name in NAMES if name not in ("docs.example.org", "rebind.example.org")),
]


class Server:
    """A server on this machine that counts who connects, and answers as it is told."""

    def __init__(self) -> None:
        self.connections = 0
        self.asked: list[tuple[str, str]] = []
        self.answers: dict[str, Callable[[http.server.BaseHTTPRequestHandler], None]] = {}
        served = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.asked.append((self.path, self.headers["Host"]))
                served.answers.get(self.path, _page)(self)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        class Counting(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self) -> tuple[socket.socket, object]:
                served.connections += 1
                return super().get_request()

            def handle_error(self, *_: object) -> None:
                """A reader that leaves early is no error here."""

        self._server = Counting(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            handler.send_header("Location", to)
            handler.end_headers()

        self.answers[path] = answer

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _page(handler: http.server.BaseHTTPRequestHandler) -> None:
    _send(handler, b"<p>The river is called Wutach.</p>", {"Content-Type": "text/html; charset=utf-8"})


def _send(handler: http.server.BaseHTTPRequestHandler, body: bytes, headers: dict[str, str]) -> None:
    handler.send_response(200)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def canary() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def open_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def _lookup(host: str, port: int) -> Sequence[str]:
    return NAMES.get(host, ["127.0.0.1"])


def _fetcher(allow: str, *, limit: int = 1 << 20, seconds: float = 5.0, lookup: fetch.Lookup = _lookup) -> Fetcher:
    return Fetcher(AllowList(allow), limit=limit, seconds=seconds, lookup=lookup)


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Where connections are tried to; those to the internet fail."""
    tried: list[tuple[str, int]] = []
    connect = socket.create_connection

    def noted(address: tuple[str, int], timeout: float | None = None) -> socket.socket:
        tried.append(address)
        if not address[0].startswith("127."):
            raise TimeoutError
        return connect(address, timeout=timeout)

    monkeypatch.setattr(socket, "create_connection", noted)
    return tried


def test_there_are_enough_urls() -> None:
    assert len(set(URLS)) >= 60


@pytest.mark.parametrize("url", URLS)
def test_no_trick_reaches_the_canary(url: str, canary: Server, connects: list[tuple[str, int]]) -> None:
    with pytest.raises(InvalidInput) as refused:
        _fetcher(f"{ALLOWED}, docs.example.org").fetch(url.replace("{port}", str(canary.port)))
    assert refused.value.code == "url_not_allowed"
    assert (canary.connections, connects) == (0, [])


@pytest.mark.parametrize("url", URLS)
def test_no_redirect_reaches_the_canary(url: str, canary: Server, open_server: Server) -> None:
    target = url.replace("{port}", str(canary.port))
    if any(ord(letter) > 255 or letter in "\r\n" for letter in target):
        pytest.skip("no header can hold it")
    open_server.redirect("/start", target)
    # Some of them are paths of the server itself.
    with contextlib.suppress(InvalidInput):
        _fetcher(f"127.0.0.1:{open_server.port}, {ALLOWED}").fetch(f"http://127.0.0.1:{open_server.port}/start")
    assert canary.connections == 0
    assert open_server.asked[0][0] == "/start"


def test_a_name_that_changes_is_asked_once_and_its_first_answer_used(
    canary: Server, connects: list[tuple[str, int]]
) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []

    def changing(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    with pytest.raises(InvalidInput) as failed:
        _fetcher(f"rebind.example.org:{canary.port}", lookup=changing).fetch(
            f"http://rebind.example.org:{canary.port}/"
        )
    assert failed.value.code == "fetch_failed"
    assert (asked, connects) == (["rebind.example.org"], [(PUBLIC, canary.port)])
    assert canary.connections == 0


def test_an_allowed_file_is_fetched(open_server: Server) -> None:
    found = _fetcher(f"127.0.0.1:{open_server.port}").fetch(f"http://127.0.0.1:{open_server.port}/rivers/wutach?x=1#y")
    assert (found.name, found.media_type) == ("wutach.html", "text/html")
    assert b"Wutach" in found.content
    assert open_server.asked == [("/rivers/wutach?x=1", f"127.0.0.1:{open_server.port}")]


def test_a_listed_name_may_lead_to_a_listed_address(open_server: Server) -> None:
    url = f"http://local.example.org:{open_server.port}/a.html"
    with pytest.raises(InvalidInput):
        _fetcher(f"local.example.org:{open_server.port}").fetch(url)
    assert open_server.connections == 0
    assert _fetcher(f"local.example.org:{open_server.port}, 127.0.0.0/8").fetch(url).name == "a.html"


def test_a_listed_port_opens_no_other(canary: Server) -> None:
    """A name that is listed must not lead to a service beside the one whose address is."""
    fetcher = _fetcher(f"local.example.org:{canary.port}, 127.0.0.1:{canary.port + 1}")
    with pytest.raises(InvalidInput) as refused:
        fetcher.fetch(f"http://local.example.org:{canary.port}/")
    assert (refused.value.code, canary.connections) == ("url_not_allowed", 0)


def test_redirects_among_allowed_hosts_are_followed(open_server: Server) -> None:
    port = open_server.port
    open_server.redirect("/a", "/b", 301)
    open_server.redirect("/b", f"//127.0.0.1:{port}/c.html", 308)
    open_server.redirect("/loop", "/loop")
    fetcher = _fetcher(f"127.0.0.1:{port}")
    assert fetcher.fetch(f"http://127.0.0.1:{port}/a").name == "c.html"
    with pytest.raises(InvalidInput, match="too often"):
        fetcher.fetch(f"http://127.0.0.1:{port}/loop")
    assert len([path for path, _ in open_server.asked if path == "/loop"]) == 6


def test_off_unless_it_is_switched_on(canary: Server) -> None:
    with pytest.raises(InvalidInput) as refused:
        _fetcher("").fetch(f"http://127.0.0.1:{canary.port}/")
    assert refused.value.code == "fetch_off"
    assert canary.connections == 0


def test_no_proxy_of_the_environment_is_asked(
    canary: Server, open_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    _fetcher(f"127.0.0.1:{open_server.port}").fetch(f"http://127.0.0.1:{open_server.port}/")
    assert (canary.connections, open_server.connections) == (0, 1)


def _dripping(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"x")
        time.sleep(0.05)


def _slow_header(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(200):
        handler.wfile.write(b"x")
        time.sleep(0.05)


def _interim(handler: http.server.BaseHTTPRequestHandler) -> None:
    for _ in range(200):
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [_dripping, _slow_header, _interim])
def test_a_slow_server_is_left(
    open_server: Server, answer: Callable[[http.server.BaseHTTPRequestHandler], None]
) -> None:
    open_server.answers["/slow"] = answer
    begun = time.monotonic()
    with pytest.raises(InvalidInput) as failed:
        _fetcher(f"127.0.0.1:{open_server.port}", seconds=0.7).fetch(f"http://127.0.0.1:{open_server.port}/slow")
    assert failed.value.code == "fetch_failed"
    assert time.monotonic() - begun < 4


def test_too_much_is_refused(open_server: Server) -> None:
    open_server.answers["/large"] = lambda handler: _send(handler, bytes(3000), {})
    open_server.answers["/packed"] = lambda handler: _send(handler, b"x", {"Content-Encoding": "gzip"})
    open_server.answers["/short"] = lambda handler: _send(handler, b"x", {"Content-Length": "10"})
    open_server.answers["/gone"] = lambda handler: handler.send_error(404)
    fetcher = _fetcher(f"127.0.0.1:{open_server.port}", limit=2000)
    with pytest.raises(TooLarge):
        fetcher.fetch(f"http://127.0.0.1:{open_server.port}/large")
    for path in ("/packed", "/short", "/gone"):
        with pytest.raises(InvalidInput) as failed:
            fetcher.fetch(f"http://127.0.0.1:{open_server.port}{path}")
        assert failed.value.code == "fetch_failed"


def test_only_some_at_a_time(open_server: Server) -> None:
    open_server.answers["/slow"] = _dripping
    fetcher = _fetcher(f"127.0.0.1:{open_server.port}", seconds=2.0)
    url = f"http://127.0.0.1:{open_server.port}/slow"
    caught: list[type[DocChatError]] = []

    def one() -> None:
        try:
            fetcher.fetch(url)
        except DocChatError as error:
            caught.append(type(error))

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert caught.count(Overloaded) == 2


@pytest.mark.parametrize(
    ("headers", "path", "name"),
    [
        ({"Content-Type": "application/pdf"}, "/report", "report.pdf"),
        ({"Content-Type": "application/pdf"}, "/report.pdf", "report.pdf"),
        (
            {"Content-Type": "text/plain", "Content-Disposition": 'attachment; filename="../../a.txt"'},
            "/x",
            "../../a.txt",
        ),
        ({}, "/", "127.0.0.1"),
    ],
)
def test_names(open_server: Server, headers: dict[str, str], path: str, name: str) -> None:
    open_server.answers[path] = lambda handler: _send(handler, b"x", headers)
    found = _fetcher(f"127.0.0.1:{open_server.port}").fetch(f"http://127.0.0.1:{open_server.port}{path}")
    assert found.name == name


@pytest.mark.parametrize(
    "entry", ["http://example.org", "exa mple.org", "2130706433", "0x7f.1", "user@example.org", "*"]
)
def test_a_list_that_makes_no_sense_stops_the_start(entry: str) -> None:
    with pytest.raises(ConfigError):
        AllowList(f"docs.example.org, {entry}")


@pytest.mark.parametrize(
    ("address", "opened"),
    [
        (PUBLIC, True),
        ("2606:2800:220:1::1", True),
        *((refused, False) for addresses in NAMES.values() for refused in addresses if refused != PUBLIC),
        *(
            (refused, False)
            for refused in ("10.1.2.3", "172.16.0.1", "198.18.0.1", "192.0.0.8", "ff02::1", "2001:db8::1")
        ),
    ],
)
def test_addresses(address: str, opened: bool) -> None:
    assert AllowList("example.org").opens(fetch.ipaddress.ip_address(address.partition("%")[0]), 443) is opened
