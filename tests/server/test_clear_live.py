"""The promise, on a real server: four workers, many clears, each of a chat whose answer is being written just then."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from docchat.config import Settings
from docchat.extension import build_services
from docchat.keys.slots import HEADER_BYTES, SLOT_BYTES
from docchat.server.accounts import Accounts
from docchat.web.state import Services

from ..clear.scale import LONG
from .live import (
    PASSWORD,
    Client,
    Server,
    SlowModel,
    encodings,
    events,
    one_client_per_worker,
    scan,
    scanning,
    serving,
    slow_model,
    wait_until,
)

CLEARS = 200 if LONG else 40
USERS = 4
END_SECONDS = 1.0


@pytest.fixture
def model() -> Iterator[SlowModel]:
    with slow_model() as model:
        yield model


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where the server's temporary files go, to be watched too."""
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@pytest.fixture
def server(data_dir: Path, spool: Path, model: SlowModel) -> Iterator[Server]:
    services = build_services(Settings(data_dir=data_dir, worker="external"))
    accounts = Accounts(services.database, min_length=12)
    for number in range(USERS):
        owner = str(accounts.add(name=f"user{number}", password=PASSWORD).id)
        note = BytesIO(b"The river is called Wutach. It flows to the Rhine near Waldshut.\n")
        services.library.add(owner=owner, name="note.txt", stream=note, media_type="text/plain")
    services.worker.run_due()
    close(services)
    with serving(data_dir, "--workers", "4", DOCCHAT_MODEL_URL=model.url, TMPDIR=str(spool)) as server:
        yield server


class Round:
    """One clear in mid-stream, and what was seen of it."""

    def __init__(self, server: Server, readers: dict[int, Client], cookie: str) -> None:
        self.secret = f"SECRET{uuid4().hex}"
        self.server = server
        self.readers = readers
        self.cookie = cookie
        self.session = ""
        self.run = ""
        self.last = ""
        self.ended_after = float("inf")
        self.leaks: list[str] = []

    def play(self) -> "Round":
        talker, clearer = Client(self.server, self.cookie), Client(self.server, self.cookie)
        _, session = talker.call("POST", "/api/sessions", {"title": f"About {self.secret}"})
        self.session = session["id"]
        question = {"question": f"Where does the river {self.secret} flow?", "mode": "model"}
        stream = talker.open("POST", f"/api/sessions/{self.session}/ask", question)
        assert stream.status == 200, stream.read()
        flow = events(stream)
        said = 0
        for kind, data in flow:
            self.run = data.get("run", self.run)
            said += kind == "text" and self.secret in data["text"]
            assert kind not in ("done", "error"), data
            if said == 2:
                break
        cleared_at: list[float] = []
        clear = threading.Thread(target=self._clear, args=(clearer, cleared_at))
        clear.start()
        for kind, _data in flow:
            self.last = kind
        end = time.monotonic()
        clear.join()
        self.ended_after = end - cleared_at[0]
        self.look()
        talker.close()
        clearer.close()
        return self

    def look(self) -> None:
        """Try to read it, in every worker."""
        base = f"/api/sessions/{self.session}"
        for worker, reader in self.readers.items():
            for method, path, body in (
                ("GET", base, None),
                ("GET", f"{base}/messages", None),
                ("GET", f"{base}/export?format=markdown", None),
                ("GET", f"{base}/runs/{self.run}/events", None),
                ("GET", "/api/sessions?limit=100", None),
                ("POST", "/api/sessions/search", {"text": self.secret}),
                ("POST", f"{base}/ask", {"question": "What was said?"}),
            ):
                status, answer = reader.call(method, path, body)
                if self.secret in json.dumps(answer) or (self.session in path and not _says_cleared(status, answer)):
                    self.leaks.append(f"{method} {path} in worker {worker}: {status} {answer}")

    def _clear(self, clearer: Client, cleared_at: list[float]) -> None:
        status, answer = clearer.call("POST", f"/api/sessions/{self.session}/clear")
        cleared_at.append(time.monotonic())
        assert (status, answer) == (200, {"success": True})


def close(services: Services) -> None:
    services.worker.stop()
    services.library.close()
    services.database.close()
    services.keyring.close()


def _says_cleared(status: int, answer: object) -> bool:
    """Gone, or a stream that says nothing else."""
    if status == 200 and isinstance(answer, str):
        return [line for line in answer.splitlines() if line.startswith("event: ")] == ["event: cleared"]
    return status in (404, 410)


def test_nothing_of_a_chat_cleared_in_mid_stream_stays_or_comes_back(
    server: Server, model: SlowModel, data_dir: Path, spool: Path
) -> None:
    readers = [one_client_per_worker(server, f"user{number}") for number in range(USERS)]
    assert len(server.workers) == 4
    assert all(set(clients) == server.workers for clients in readers)

    def play(number: int) -> list[Round]:
        clients = readers[number]
        cookie = next(iter(clients.values())).cookie
        return [Round(server, clients, cookie).play() for _ in range(CLEARS // USERS)]

    # Every title, question and answer holds the word SECRET: no file may, at any time.
    with scanning(encodings("SECRET"), data_dir, spool) as plain, ThreadPoolExecutor(USERS) as pool:
        rounds = [played for batch in pool.map(play, range(USERS)) for played in batch]

    assert plain["found"] == []
    assert plain["rounds"] > CLEARS / 10
    assert len(rounds) == CLEARS
    assert {played.last for played in rounds} == {"cleared"}
    ends = sorted(played.ended_after for played in rounds)
    print(f"streams ended {ends[len(ends) // 2]:.3f} s (median), {ends[-1]:.3f} s (latest) after the clear's answer")
    assert ends[-1] < END_SECONDS
    time.sleep(2.5)  # a late flush comes within two seconds
    for number, played in enumerate(rounds):
        if number % 10 == 0:
            played.look()
    assert [leak for played in rounds for leak in played.leaks] == []
    assert model.talking == 0
    connection = sqlite3.connect(data_dir / "docchat.sqlite3")
    try:
        for table in ("message", "answer_run"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    finally:
        connection.close()


def test_after_a_clear_no_file_holds_its_keys_or_its_ciphertext(server: Server, data_dir: Path, spool: Path) -> None:
    client = Client(server).sign_in("user0")
    _, session = client.call("POST", "/api/sessions", {"title": "SECRET title"})
    ask = {"question": "Where does the SECRET river flow?", "mode": "quotes"}
    status, _ = client.call("POST", f"/api/sessions/{session['id']}/ask", ask)
    assert status == 200
    database = sqlite3.connect(data_dir / "docchat.sqlite3")
    try:
        query = "SELECT meta_slot, history_slot, title FROM chat_session WHERE id = ?"
        *slots, title = database.execute(query, (UUID(session["id"]).hex,)).fetchone()
        sealed = [title, *(body for (body,) in database.execute("SELECT body FROM message"))]
    finally:
        database.close()
    assert len(sealed) == 3
    slot_file = (data_dir / "keys" / "slots.bin").read_bytes()
    records = [slot_file[HEADER_BYTES + slot * SLOT_BYTES :][:SLOT_BYTES] for slot in slots]
    wrapped = [record[16:] for record in records]
    ciphertext = [body[-32:] for body in sealed]
    services = build_services(Settings(data_dir=data_dir, worker="external"))
    keys = [services.keyring.open(session_id=UUID(session["id"]), slot=slot) for slot in slots]
    close(services)

    assert scan([*keys, *encodings("SECRET")], data_dir, spool) == []
    assert len(scan(wrapped, data_dir)) == 2
    assert len(scan(ciphertext, data_dir)) >= 3
    assert client.call("POST", f"/api/sessions/{session['id']}/clear")[0] == 200
    assert scan([*keys, *wrapped, *encodings("SECRET")], data_dir, spool) == []
    wait_until(lambda: not scan(ciphertext, data_dir, spool), seconds=5, what="the ciphertext to be reclaimed")
