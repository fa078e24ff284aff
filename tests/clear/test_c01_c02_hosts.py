"""C1 and C2 on running servers: after a clear nobody reads a byte of it, and answers that are being made stop."""

import itertools
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from ..server.live import Client, events, wait_until
from .hosts import USERS, Hosts, Writer, quantile
from .scale import SCALE

READERS = 6
READS_A_CLEAR = 20
ENDED_P99, ENDED_MAX = 0.25, 1.0


class Reading:
    """Readers of one user's chats at every worker, while they are cleared one after another."""

    def __init__(self, hosts: Hosts, name: str, wanted: int) -> None:
        self.hosts = hosts
        self.name = name
        self.wanted = wanted
        self.cleared: dict[str, tuple[UUID, float]] = {}
        self.reads = 0
        self.leaks: list[str] = []
        self.seen_before = 0
        self.words: list[tuple[str, UUID]] = []
        self.lock = threading.Lock()
        self.over = threading.Event()

    def play(self) -> None:
        """Clear until so many reads have begun after a clear."""
        readers = self.hosts.everywhere(self.name)
        readers += self.hosts.clients(self.name, max(0, READERS - len(readers)))
        threads = [threading.Thread(target=self._read, args=(client, number)) for number, client in enumerate(readers)]
        clearers = itertools.cycle(self.hosts.clients(self.name, 2))
        with Writer(self.hosts) as writer:
            for number in range(3):
                self._add(writer, number)
            for thread in threads:
                thread.start()
            for number in itertools.count(3):
                if self.reads >= self.wanted or self.leaks:
                    break
                word, session_id = self.words[0]
                self._wait_for_readers()
                client = next(clearers)
                response = client.open("POST", f"/api/sessions/{session_id}/clear")
                answer = response.read()
                moment = time.monotonic()
                assert (response.status, json.loads(answer)) == (200, {"success": True})
                # The empty chats that take their places would make every list and search of this person longer.
                assert client.call("DELETE", f"/api/sessions/{response.headers['Docchat-Successor']}")[0] == 200
                with self.lock:
                    self.words.pop(0)
                    self.cleared[word] = (session_id, moment)
                self._add(writer, number)
        self.over.set()
        for thread in threads:
            thread.join()

    def _wait_for_readers(self) -> None:
        wanted = self.reads + READS_A_CLEAR
        deadline = time.monotonic() + 0.5
        while self.reads < wanted and time.monotonic() < deadline:
            time.sleep(0.005)

    def _add(self, writer: Writer, number: int) -> None:
        word = f"SECRET{self.name}n{number}x"
        session_id = writer.chat(self.name, word)
        with self.lock:
            self.words.append((word, session_id))

    def _read(self, client: Client, seed: int) -> None:
        for number in itertools.count(seed):
            if self.over.is_set():
                return
            with self.lock:
                newest = list(self.cleared.values())[-1:]
                target = newest[0][0] if newest and number % 4 else self.words[0][1]
                word = f"SECRET{self.name}"
            started = time.monotonic()
            method, path, body = _ways(target, word)[number % 9]
            try:
                _, answer = client.call(method, path, body)
            except OSError:
                client.close()
                continue
            text = answer if isinstance(answer, str) else json.dumps(answer)
            with self.lock:
                before = [known for known, (_, moment) in self.cleared.items() if moment < started]
                self.reads += bool(before)
                self.seen_before += word in text
                self.leaks += [f"{method} {path}: {known}" for known in before if known in text]


def _ways(session_id: UUID, word: str) -> list[tuple[str, str, object]]:
    base = f"/api/sessions/{session_id}"
    run = "5f5a1e9c-6d0f-4c53-9d21-0d6b5d4a5f10"
    return [
        ("GET", base, None),
        ("GET", f"{base}/messages?limit=3", None),
        ("GET", f"{base}/export?format=markdown", None),
        ("GET", f"{base}/export?format=json", None),
        ("GET", "/api/sessions?limit=100", None),
        ("POST", "/api/sessions/search", {"text": word}),
        ("GET", f"/c/{session_id}", None),
        ("GET", f"/api/v1/sessions/{session_id}", None),
        ("GET", f"{base}/runs/{run}/events", None),
    ]


def test_c01_no_reader_gets_a_byte_after_a_clear(hosts: Hosts, tally: Callable[..., None]) -> None:
    readings = [Reading(hosts, f"user{number}", SCALE.reads // 2) for number in range(2)]
    threads = [threading.Thread(target=reading.play) for reading in readings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reads = sum(reading.reads for reading in readings)
    clears = sum(len(reading.cleared) for reading in readings)
    assert [leak for reading in readings for leak in reading.leaks] == []
    assert reads >= SCALE.reads
    assert all(reading.seen_before for reading in readings), "the readers read nothing at all"
    tally(f"reads begun after a clear, {hosts.place}", reads, f"{clears} clears, 0 bytes")


class Talk:
    """A running answer that is cleared, or replaced, in mid-stream, at another worker or host."""

    def __init__(self, hosts: Hosts, name: str, number: int, verb: str = "clear") -> None:
        self.hosts, self.name, self.number, self.verb = hosts, name, number, verb
        self.ids: dict[str, int] = {}
        self.ended = float("inf")
        self.said_after: list[str] = []
        self.last = ""

    def play(self) -> "Talk":
        """Ask, clear while it is being answered, and see how long it goes on."""
        host = self.number % len(self.hosts.servers)
        talker, clearer = self.hosts.client(host, self.name), self.hosts.clients(self.name, host + 2)[-1]
        _, session = talker.call("POST", "/api/sessions", {"title": "About SECRETword"})
        question = {"question": "Where does the river SECRETword flow?", "mode": "model"}
        stream = talker.open("POST", f"/api/sessions/{session['id']}/ask", question)
        assert stream.status == 200, stream.read()
        flow = events(stream)
        run = ""
        for kind, data in flow:
            run = data.get("run", run)
            if kind == "passages":
                self.ids = {"regenerate": data["answer"]["id"], "edit": data["question"]["id"]}
            if kind == "text":
                break
        follower = self.hosts.clients(self.name, host + 2)[-1]
        followed = follower.open("GET", f"/api/sessions/{session['id']}/runs/{run}/events")
        moments: list[float] = []
        clear = threading.Thread(target=self._clear, args=(clearer, session["id"], moments))
        clear.start()
        ends = []
        for reader in (flow, events(followed)):
            for kind, _ in reader:
                self.last = kind
            ends.append(time.monotonic())
            assert self.last == "cleared"
        clear.join()
        if self.verb != "clear":  # what came in its place is to end, too
            assert clearer.call("POST", f"/api/sessions/{session['id']}/clear")[0] == 200
        self.ended = max(ends) - moments[0]
        status, text = talker.call("GET", f"/api/sessions/{session['id']}/runs/{run}/events")
        self.said_after = [text] if "SECRET" in json.dumps(text) or status not in (200, 404, 410) else []
        for client in (talker, clearer, follower):
            client.close()
        return self

    def _clear(self, clearer: Client, session_id: str, moments: list[float]) -> None:
        if self.verb == "clear":
            status, _ = clearer.call("POST", f"/api/sessions/{session_id}/clear")
            moments.append(time.monotonic())
        else:
            body = {"mode": "model"} | ({"question": "Where does it end?"} if self.verb == "edit" else {})
            path = f"/api/sessions/{session_id}/messages/{self.ids[self.verb]}/{self.verb}"
            response = clearer.open("POST", path, body)
            moments.append(time.monotonic())
            status = response.status
            clearer.close()
        assert status == 200


@pytest.mark.parametrize("verbs", [("clear",), ("regenerate", "edit")], ids=["cleared", "replaced"])
def test_c02_running_answers_stop(hosts: Hosts, verbs: tuple[str, ...], tally: Callable[..., None]) -> None:
    def play(user: int) -> list[Talk]:
        numbers = range(SCALE.answers // USERS)
        return [Talk(hosts, f"user{user}", number, verbs[(number + user) % len(verbs)]).play() for number in numbers]

    with ThreadPoolExecutor(USERS) as pool:
        talks = [talk for batch in pool.map(play, range(USERS)) for talk in batch]
    assert [text for talk in talks for text in talk.said_after] == []
    ends = [talk.ended for talk in talks]
    p99, latest = quantile(ends, 0.99), max(ends)
    assert latest <= ENDED_MAX
    assert p99 <= ENDED_P99 or len(ends) < 100
    wait_until(lambda: hosts.model.talking == 0, seconds=2, what="the model's streams to be cut")
    figures = f"median {quantile(ends, 0.5) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {latest * 1000:.0f} ms"
    how = "cleared" if verbs == ("clear",) else "replaced"
    tally(f"answers {how} in mid-stream, {hosts.place}", len(talks), figures)
