"""C9: a database or keyring that is gone is 503 within 3 s and never "cleared"; all is well when it is back."""

import http.client
import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

import pytest

from docchat.config import Settings

from ..server.live import Client, events
from .ground import ABOUT, SECTION_CHAT
from .hosts import ONE_HOST, TWO_HOSTS, Hosts, Writer
from .scale import SCALE

SRC = Path(__file__).parents[2] / "src"
LONGEST = 3.0
REQUESTS: tuple[tuple[str, str], ...] = (
    ("GET", "/api/sessions/{}"),
    ("GET", "/api/sessions/{}/messages"),
    ("POST", "/api/sessions/{}/clear"),
    ("DELETE", "/api/sessions/{}"),
    ("POST", "/api/sessions/{}/history/clear"),
    ("GET", "/api/sessions/{}/export"),
    ("POST", f"{SECTION_CHAT}/clear"),
)


class Asking:
    """Requests that are all sent at once while something is away."""

    def __init__(self, hosts: Hosts, host: int, session_id: UUID) -> None:
        self.clients = [hosts.client(host, "user0") for _ in REQUESTS]
        self.session_id = session_id
        self.answers: list[tuple[str, int, str, float]] = []

    def all(self) -> "Asking":
        """Send all; they may take three seconds at most, and say 503."""
        threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(len(REQUESTS))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self

    def _ask(self, number: int) -> None:
        method, path = REQUESTS[number]
        start = time.monotonic()
        try:
            response = self.clients[number].open(method, path.format(self.session_id))
            text = response.read().decode()
            status = response.status
        except (OSError, http.client.HTTPException) as error:
            text, status = repr(error), 0
        self.answers.append((f"{method} {path}", status, text, time.monotonic() - start))


def _judge(asking: Asking, *, live: tuple[int, ...] = ()) -> float:
    for what, status, text, seconds in asking.answers:
        told = f"{what}: {status} {text} after {seconds:.1f} s"
        assert seconds < LONGEST, told
        assert status == 503 or status in live, told
        if status == 503:
            assert json.loads(text)["code"] in ("store_unavailable", "clear_unfinished"), told
    return max(seconds for *_, seconds in asking.answers)


@TWO_HOSTS
@pytest.mark.parametrize("line", ["content", "keys"])
def test_c09_a_cut_line_is_503_and_heals(hosts: Hosts, line: str, tally: Callable[..., None]) -> None:
    assert hosts.network is not None
    longest = back = 0.0
    with Writer(hosts) as writer:
        store, owner = writer.services.store, hosts.owners["user0"]
        for _ in range(SCALE.outages):
            session_id = writer.chat("user0", "SECRETcut", about=ABOUT)
            other = hosts.client(1, "user0")
            here = hosts.client(0, "user0")
            hosts.network.cut(0, line)
            try:
                longest = max(longest, _judge(Asking(hosts, 0, session_id).all()))
                assert other.call("GET", f"/api/sessions/{session_id}")[0] == 200, "the other host goes on"
            finally:
                hosts.network.mend(0, line)
            mended = time.monotonic()
            _await(here, session_id, 200)
            back = max(back, time.monotonic() - mended)
            assert len(store.messages(owner=owner, session_id=session_id).items) == 6, "cut off is not cleared"
            assert here.call("POST", f"/api/sessions/{session_id}/clear")[0] == 200
            assert other.call("GET", f"/api/sessions/{session_id}")[0] == 410
    figures = f"503 after {longest:.1f} s at most, back after {back:.1f} s"
    tally(f"line to the {line} database cut, {hosts.place}", SCALE.outages * len(REQUESTS), figures)


def _await(client: Client, session_id: UUID, status: int, *, method: str = "GET", path: str = "") -> None:
    """Ask again and again until the answer is as wished, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while True:
        with suppress(OSError):
            if client.call(method, f"/api/sessions/{session_id}{path}")[0] == status:
                return
        assert time.monotonic() < deadline, "it did not come back by itself"
        time.sleep(0.02)


@TWO_HOSTS
def test_c09_a_running_answer_outlasts_a_cut_and_is_not_taken_for_cleared(
    hosts: Hosts, tally: Callable[..., None]
) -> None:
    assert hosts.network is not None
    client = hosts.client(0, "user1")
    # Each process forgets an outage for itself, within a second.
    made = (client.call("POST", "/api/sessions", {"title": "SECRETword"}) for _ in iter(lambda: time.sleep(0.1), 0))
    session = next(answer for status, answer in made if status == 201)
    question = {"question": "Where does the river SECRETword flow?", "mode": "model"}
    flow = events(client.open("POST", f"/api/sessions/{session['id']}/ask", question))
    kinds = [next(flow)[0] for _ in range(3)]
    hosts.network.cut(0, "keys")
    threading.Timer(2.0, hosts.network.mend, (0, "keys")).start()
    start = time.monotonic()
    while time.monotonic() < start + 5:
        kinds.append(next(flow)[0])
    assert "cleared" not in kinds
    assert "error" not in kinds
    other = hosts.client(1, "user1")
    assert other.call("POST", f"/api/sessions/{session['id']}/clear")[0] == 200
    assert [kind for kind, _ in flow][-1] == "cleared"
    tally(f"an answer through a cut of the keyring's line, {hosts.place}", 1)


@contextmanager
def _moved(path: Path) -> Iterator[None]:
    away = path.with_name(f"{path.name}.away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


@ONE_HOST
@pytest.mark.parametrize("what", ["key file", "write lock"])
def test_c09_without_the_key_file_or_the_lock_nothing_hangs(
    hosts: Hosts, what: str, tally: Callable[..., None]
) -> None:
    folder = hosts.settings.data_dir
    longest = 0.0
    with Writer(hosts) as writer:
        for _ in range(SCALE.outages):
            session_id = writer.chat("user0", "SECRETaway", about=ABOUT)
            away = _moved(folder / "keys" / "slots.bin") if what == "key file" else _locked(folder / "docchat.sqlite3")
            with away:
                asking = Asking(hosts, 0, session_id).all()
            # Processes that have the key file open go on with it; nobody takes its absence for a clear.
            longest = max(longest, _judge(asking, live=(200, 410)))
            client = hosts.client(0, "user0")
            _await(client, session_id, 200, method="POST", path="/clear")
            assert client.call("GET", f"/api/sessions/{session_id}")[0] == 410
    tally(f"no {what}, {hosts.place}", SCALE.outages * len(REQUESTS), f"answered after {longest:.1f} s at most")


@TWO_HOSTS
def test_c09_postgresql_that_stops_is_503_and_heals(hosts: Hosts, tally: Callable[..., None]) -> None:
    assert hosts.postgres is not None
    longest = 0.0
    with Writer(hosts) as writer:
        for number in range(SCALE.outages):
            session_id = writer.chat("user0", "SECRETstop", about=ABOUT)
            client = hosts.client(0, "user0")
            hosts.postgres.control("stop", "-m", "immediate" if number % 2 else "fast")
            try:
                longest = max(longest, _judge(Asking(hosts, 0, session_id).all()))
            finally:
                hosts.postgres.begin()
            _await(client, session_id, 200)
            assert client.call("POST", f"/api/sessions/{session_id}/clear")[0] == 200
            hosts.postgres.control("stop", "-m", "immediate")
            hosts.postgres.begin()
            _await(client, session_id, 410)
    tally(f"postgresql stopped and crashed, {hosts.place}", SCALE.outages * len(REQUESTS), f"503 after {longest:.1f} s")


def test_c09_nothing_listens_or_notifies(hosts: Hosts, tally: Callable[..., None]) -> None:
    wanted = re.compile(r"\b(LISTEN|UNLISTEN|NOTIFY|pg_notify)\b")
    hits = [path for path in SRC.rglob("*.py") if wanted.search(path.read_text())]
    assert hits == []
    statements = 0
    if hosts.postgres is not None:
        with (hosts.postgres.base / "log").open(errors="replace") as log:
            for line in log:
                statements += "statement: " in line or "execute " in line
                assert not re.search(r"(statement: |execute [^:]*: )\s*(LISTEN|UNLISTEN|NOTIFY|.*pg_notify)", line)
        assert statements > 100
    tally(f"statements without LISTEN and NOTIFY, {hosts.place}", statements or len(list(SRC.rglob("*.py"))))


def test_c09_the_time_to_wait_is_below_the_bar() -> None:
    assert Settings(data_dir=Path("/nowhere")).store_timeout_seconds < LONGEST
