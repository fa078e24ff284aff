"""Answers on four real workers: followed from anywhere, left alone, stopped, and cut off by a killed worker."""

import itertools
import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ..clear.scale import LONG
from .live import PASSWORD, Client, Server, SlowModel, docchat, one_client_per_worker, serving, slow_model, wait_until

GRACE = 2.0
OPTIONS = ("--workers", "4", "--threads", "128")  # each stream takes one
RUNS = 100 if LONG else 8
LATE_SECONDS = 1.0
"""How much later than at its own worker a text may be read at another one; 0.35 on a quiet machine."""


@dataclass
class Site:
    """Four workers over one store, and a signed-in client at each of them."""

    server: Server
    model: SlowModel
    folder: Path
    clients: dict[int, Client]

    def chat(self) -> str:
        return str(next(iter(self.clients.values())).call("POST", "/api/sessions", {})[1]["id"])

    def state(self, session: str) -> dict[str, Any]:
        """The last message of a chat, read at any worker."""
        client = next(client for pid, client in self.clients.items() if pid in self.server.workers)
        message: dict[str, Any] = client.call("GET", f"/api/sessions/{session}")[1]["messages"][-1]
        return message


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("answers")
    docchat(folder, "user", "add", "ann", "--password-stdin", stdin=f"{PASSWORD}\n")
    (folder / "note.txt").write_text("The river is called Wutach. It flows to the Rhine near Waldshut.\n")
    docchat(folder, "ingest", str(folder / "note.txt"))
    settings = {"DOCCHAT_ANSWER_GRACE_SECONDS": str(GRACE), "DOCCHAT_MAX_RUNNING_ANSWERS": "1000"}
    with slow_model() as model, serving(folder, *OPTIONS, DOCCHAT_MODEL_URL=model.url, **settings) as server:
        yield Site(server, model, folder, one_client_per_worker(server, "ann"))


QUESTION = {"question": "Where does the river SECRETword flow?", "mode": "model"}


def lines(response: Any) -> Iterator[tuple[float, int, str, dict[str, Any]]]:
    """The events of a stream with the moment they came, and their offsets."""
    offset, kind = 0, ""
    for raw in response:
        line = raw.decode().rstrip("\n")
        if line.startswith("id: "):
            offset = int(line.rpartition(".")[2])
        elif line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            yield time.monotonic(), offset, kind, json.loads(line[6:])


def first_text(client: Client, session: str) -> tuple[str, Iterator[tuple[float, int, str, dict[str, Any]]]]:
    """Ask, and read until the first words; the id of the run, and the rest of the stream."""
    for _ in range(5):  # a busy store says so, and is asked again
        stream = client.open("POST", f"/api/sessions/{session}/ask", QUESTION)
        if stream.status == 200:
            break
        assert stream.status == 503, stream.read()
        stream.read()
    run, read = "", lines(stream)
    for _, _, kind, data in read:
        run = data.get("run", run)
        if kind == "text":
            return run, read
    pytest.fail("no word of an answer")


def test_another_worker_resumes_with_nothing_lost_or_doubled(site: Site) -> None:
    here, there, third, *_ = site.clients.values()
    session = site.chat()
    run, read = first_text(here, session)
    path = f"/api/sessions/{session}/runs/{run}/events"
    came: list[tuple[float, int]] = []  # at the worker that makes it: when, and how much
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(lambda: [came.append((at, offset)) for at, offset, kind, _ in read if kind == "text"])
        text, known, late = "", 0, []
        for client in (there, third, there):  # each a lost connection, resumed at another worker
            headers = {"Last-Event-ID": f"{run}.{known}"} if known else {}
            stream = client.open("GET", path, **headers)
            for at, offset, kind, data in itertools.islice((line for line in lines(stream) if line[2] == "text"), 4):
                assert kind == "text"
                text, known = text + data["text"], offset
                assert len(text) == known, "the offset counts the characters read"
                late += [at - moment for moment, told in came[-200:] if told >= known][:1]
            client.close()
        assert third.call("POST", f"/api/sessions/{session}/runs/{run}/stop")[0] == 200
        stopped = time.monotonic()
        wait_until(lambda: site.model.talking == 0, seconds=2, what="the model's stream to be cut")
        assert time.monotonic() - stopped < LATE_SECONDS
        watching.result(5)
    stored = site.state(session)
    assert stored["state"] == "stopped"
    assert stored["error"] is None
    assert stored["text"].startswith(text)
    rest = there.open("GET", path, **{"Last-Event-ID": f"{run}.{known}"})
    ended = [(kind, data) for _, _, kind, data in lines(rest)]
    assert text + "".join(data["text"] for kind, data in ended if kind == "text") == stored["text"]
    assert ended[-1][0] == "done"
    assert sorted(late)[len(late) // 2] < LATE_SECONDS, late


def test_an_answer_that_is_left_alone_stops(site: Site) -> None:
    here, there, *_ = site.clients.values()
    left, followed = site.chat(), site.chat()
    _, read = first_text(here, left)
    del read
    here.close()
    begun = time.monotonic()
    kept_run, other = first_text(there, followed)
    wait_until(lambda: site.state(left)["state"] == "stopped", seconds=GRACE + 6, what="the answer to stop")
    assert time.monotonic() - begun > GRACE / 2
    stored = site.state(left)
    assert "Nobody was following" in stored["error"]
    assert "SECRETword" in stored["text"]
    assert site.state(followed)["state"] == "running", "somebody follows this one"
    assert site.model.talking == 1
    assert here.call("POST", f"/api/sessions/{followed}/runs/{kept_run}/stop")[0] == 200
    assert [kind for _, _, kind, _ in other][-1] == "done"


def test_a_killed_worker_loses_no_question_and_says_what_is_half(site: Site) -> None:
    victim = next(iter(site.clients))
    sessions = [site.chat() for _ in range(RUNS)]
    cookie = site.clients[victim].cookie
    clients = [Client(site.server, cookie) for _ in sessions]

    def ask(pair: tuple[str, Client]) -> int | None:
        first_text(pair[1], pair[0])
        return pair[1].worker

    with ThreadPoolExecutor(4) as pool:
        workers = list(pool.map(ask, zip(sessions, clients, strict=True)))
    if victim not in workers:
        victim = next(worker for worker in workers if worker is not None)
    time.sleep(2.2)  # some of it is stored by now
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in site.server.workers, what="the worker to be gone")
    if not LONG:  # as if its silence had lasted; who lives says so again within two seconds
        with sqlite3.connect(site.folder / "docchat.sqlite3", timeout=10) as database:
            database.execute("UPDATE answer_run SET beat_at = beat_at - 30000000")
        database.close()
    hit = [session for session, worker in zip(sessions, workers, strict=True) if worker == victim]
    assert hit
    wait_until(
        lambda: all(site.state(session)["state"] == "failed" for session in hit), seconds=20, what="answers to say so"
    )
    for session in hit:
        stored = site.state(session)
        assert stored["error"] == "The server stopped while it was answering."
    reader = next(client for pid, client in site.clients.items() if pid in site.server.workers)
    for session in sessions:
        messages = reader.call("GET", f"/api/sessions/{session}")[1]["messages"]
        assert [message["role"] for message in messages] == ["user", "assistant"]
        assert messages[0]["text"] == QUESTION["question"], "no question is lost"
    half = site.state(hit[0])
    path = f"/api/sessions/{hit[0]}/messages/{half['id']}/regenerate"
    again = [kind for _, _, kind, _ in lines(reader.open("POST", path, {"mode": "quotes"}))]
    assert (again[0], again[-1]) == ("passages", "done")
    assert reader.call("GET", f"/api/sessions/{hit[0]}")[1]["message_count"] == 2
    assert site.state(hit[0])["state"] == "done"
    for client in clients:
        client.close()
