"""Real servers on loopback, and a real Chromium. Without Chromium these tests skip; `make test` installs it."""

import importlib.util
import shutil
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from docchat.server import accounts
from docchat.server.accounts import Accounts
from docchat.server.app import create_app
from docchat.web.state import Services

from ..network_lock import network_stays
from ..server.live import PASSWORD, SlowModel, slow_model
from .page import Browser, Drivers, chromium

DEMO = Path(__file__).parents[2] / "demo" / "docs"
HARDENED = Path(__file__).parents[2] / "examples" / "hardened"
_NAMES = count()


class Faults:
    """A gateway in front of a site, as a broken one would be: it answers for the site where a test says so."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.answers: dict[str, int] = {}
        self.down = False
        self.held: dict[str, threading.Event] = {}
        """Requests that wait at the gateway until the event is set."""
        self.swapped: dict[str, bytes] = {}
        """Requests that the site carries out, but whose answer is lost; this one comes in its place."""
        self.last_words: list[bytes] = []
        """What a running stream ends with, each used once."""

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        status = next((code for end, code in self.answers.items() if path.endswith(end)), None)
        if self.down:
            status = 502
        if status is not None:
            start_response(f"{status} Broken", [("Content-Type", "text/html")])
            return [b"<h1>The gateway is broken</h1>"]
        for end, event in list(self.held.items()):
            if path.endswith(end):
                event.wait(30)
        body = self._passed_on(self.app(environ, start_response), stream=path.endswith(("/ask", "/events")))
        for end, other in list(self.swapped.items()):
            if path.endswith(end):
                next(body, None)
                body.close()
                return [other]
        return body

    def _passed_on(self, body: Any, *, stream: bool) -> Generator[bytes]:
        """The body as it comes; a gateway that goes down breaks off what it is passing on."""
        try:
            for piece in body:
                if self.down:
                    return
                if stream and self.last_words:
                    yield self.last_words.pop()
                    return
                yield piece
        finally:
            getattr(body, "close", lambda: None)()


@dataclass
class Site:
    """A served application; `url` is the address of its chat page."""

    app: Flask
    url: str
    faults: Faults
    names: list[str] = field(default_factory=list)

    @property
    def services(self) -> Services:
        services: Services = self.app.extensions["docchat"]
        return services

    def person(self) -> str:
        """The name of somebody new."""
        name = f"person{next(_NAMES)}"
        Accounts(self.services.database, min_length=12).add(name=name, password=PASSWORD)
        return name


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # a page has ninety files: not a connection and a thread for each

    def log(self, type: str, message: str, *arguments: Any) -> None:
        pass


@contextmanager
def served(app: Flask, path: str) -> Iterator[Site]:
    """The application behind a server with threads, stopped and closed at the end."""
    faults = Faults(app.wsgi_app)
    app.wsgi_app = faults  # type: ignore[method-assign]
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]  # a stream may still be open
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    site = Site(app, f"http://127.0.0.1:{server.server_port}{path}", faults)
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        site.services.worker.stop()
        site.services.library.close()
        site.services.database.close()
        site.services.keyring.close()


@pytest.fixture(scope="module", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Password hashes that cost next to nothing; the real cost is `accounts`'s own business."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The standalone server, answering with quotes."""
    with served(create_app({"DOCCHAT_DATA_DIR": str(tmp_path_factory.mktemp("site"))}), "/") as site:
        yield site


@pytest.fixture(scope="package")
def model() -> Iterator[SlowModel]:
    """A model server whose answers take a minute."""
    with slow_model() as model:
        yield model


@pytest.fixture(scope="package")
def slow_site(tmp_path_factory: pytest.TempPathFactory, model: SlowModel) -> Iterator[Site]:
    """The standalone server with a slow model."""
    data = tmp_path_factory.mktemp("slow")
    with served(create_app({"DOCCHAT_DATA_DIR": str(data), "DOCCHAT_MODEL_URL": model.url}), "/") as site:
        yield site


@pytest.fixture(scope="package")
def hardened_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The careful host of the examples, at a path of its own."""
    # From a copy: it keeps its sessions in a folder beside itself.
    folder = tmp_path_factory.mktemp("hardened")
    shutil.copytree(HARDENED, folder / "host", ignore=shutil.ignore_patterns("instance", "__pycache__"))
    spec = importlib.util.spec_from_file_location("hardened_host", folder / "host" / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "hardened_host", module)
        spec.loader.exec_module(module)
        app = module.create_app({"HTTPS": False, "DOCCHAT_DATA_DIR": str(folder / "data")})
        with served(app, f"{module.ROOT}/x/docchat/") as site:
            yield site


@pytest.fixture(scope="package")
def drivers() -> Iterator[Drivers]:
    """The browsers, kept from test to test."""
    drivers = Drivers()
    yield drivers
    drivers.quit()


@pytest.fixture
def open_browser(tmp_path: Path, drivers: Drivers) -> Iterator[Callable[[str], Browser]]:
    """A function that opens a browser of its own at a site; every console must be free of complaints at the end."""
    paths = chromium()
    if paths is None:
        pytest.skip(
            "Chromium or its driver is not installed: `make test` installs them, or apt install chromium-driver."
        )
    browsers: list[Browser] = []

    def open_at(url: str) -> Browser:
        browsers.append(Browser(drivers.lend(*paths, tmp_path), url))
        return browsers[-1]

    with network_stays():
        yield open_at
    complaints = [line for browser in browsers for line in browser.complaints()]
    drivers.take_back()
    assert complaints == []


@pytest.fixture
def browser(open_browser: Callable[[str], Browser], site: Site) -> Browser:
    """A browser at the standalone server, with somebody new signed in."""
    browser = open_browser(site.url)
    browser.go()
    browser.sign_in(site.person(), PASSWORD)
    browser.see("docchat-composer")
    return browser


@pytest.fixture
def slow_browser(open_browser: Callable[[str], Browser], slow_site: Site) -> Browser:
    """A browser at the server with the slow model, with a document of somebody new."""
    browser = open_browser(slow_site.url)
    browser.go()
    browser.sign_in(slow_site.person(), PASSWORD)
    browser.see("docchat-composer")
    browser.upload(DEMO / "gifts-and-entertainment-policy.md")
    return browser
