"""The promise, on a real server: four workers, 200 clears, each of a chat whose answer is being written just then."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from .live import PASSWORD, Client, Server, SlowModel, docchat, events, one_client_per_worker, serving, slow_model

CLEARS = 200
USERS = 4
END_SECONDS = 1.0


@pytest.fixture
def model() -> Iterator[SlowModel]:
    with slow_model() as model:
        yield model


@pytest.fixture
def server(data_dir: Path, tmp_path: Path, model: SlowModel) -> Iterator[Server]:
    (tmp_path / "note.txt").write_text("The river is called Wutach. It flows to the Rhine near Waldshut.\n")
    for number in range(USERS):
        added = docchat(data_dir, "user", "add", f"user{number}", "--password-stdin", stdin=f"{PASSWORD}\n")
        assert added.returncode == 0, added.stderr
        read = docchat(data_dir, "ingest", str(tmp_path / "note.txt"), "--user", f"user{number}")
        assert read.returncode == 0, read.stderr
    with serving(data_dir, "--workers", "4", DOCCHAT_MODEL_URL=model.url) as server:
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
                if self.secret in json.dumps(answer) or (self.session in path and status not in (404, 410)):
                    self.leaks.append(f"{method} {path} in worker {worker}: {status}")

    def _clear(self, clearer: Client, cleared_at: list[float]) -> None:
        status, answer = clearer.call("POST", f"/api/sessions/{self.session}/clear")
        cleared_at.append(time.monotonic())
        assert (status, answer) == (200, {"success": True})


def test_nothing_of_a_chat_cleared_in_mid_stream_stays_or_comes_back(server: Server, model: SlowModel) -> None:
    readers = [one_client_per_worker(server, f"user{number}") for number in range(USERS)]
    assert len(server.workers) == 4
    assert all(set(clients) == server.workers for clients in readers)

    def play(number: int) -> list[Round]:
        clients = readers[number]
        cookie = next(iter(clients.values())).cookie
        return [Round(server, clients, cookie).play() for _ in range(CLEARS // USERS)]

    with ThreadPoolExecutor(USERS) as pool:
        rounds = [played for batch in pool.map(play, range(USERS)) for played in batch]

    assert len(rounds) == CLEARS
    assert {played.last for played in rounds} == {"cleared"}
    assert max(played.ended_after for played in rounds) < END_SECONDS
    time.sleep(2.5)  # a late flush comes within two seconds
    for number, played in enumerate(rounds):
        if number % 10 == 0:
            played.look()
    assert [leak for played in rounds for leak in played.leaks] == []
    assert model.talking == 0
    for clients in readers:
        for client in clients.values():
            client.close()
