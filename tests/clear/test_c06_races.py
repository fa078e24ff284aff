"""C6: repeated, double-clicked or raced by eight, a clear is one clear; a cookie never touches what is another's."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from uuid import UUID, uuid4

from .hosts import Hosts, Writer
from .scale import SCALE

RACERS = 8
KINDS = ("by id", "by cookie", "delete", "by id, no messages", "by section")
ROUNDS = max(1, SCALE.races // 50)


class Click:
    """One of eight who do the same at once."""

    def __init__(self, hosts: Hosts, number: int, barrier: threading.Barrier) -> None:
        self.host = number % len(hosts.servers)
        self.hosts, self.barrier = hosts, barrier
        self.client = hosts.client(self.host, "user0")

    def do(self, session_id: UUID, kind: str, document: UUID) -> tuple[int, str, str | None, str | None]:
        """Click; status, body, receipt and successor."""
        path, method = f"/api/sessions/{session_id}/clear", "POST"
        if kind == "delete":
            path, method = f"/api/sessions/{session_id}", "DELETE"
        if kind == "by section":
            path = f"/api/documents/{document}/sections/p1/chat/clear"
        if kind == "by cookie":
            path = "/api/sessions/clear"
            self.client.cookie = self.hosts.hinted(self.host, self.client.cookie, str(session_id))
        self.barrier.wait()
        response = self.client.open(method, path)
        body = response.read().decode().strip().replace(" ", "")
        successor = response.headers["Docchat-Successor"]
        if kind == "by cookie":
            successor = self.client.call("GET", "/api/status")[1]["current"]
        return response.status, body, response.headers["Docchat-Receipt"], successor


def test_c06_a_race_of_eight_is_one_clear(hosts: Hosts, tally: Callable[..., None]) -> None:
    barrier = threading.Barrier(RACERS)
    clicks = [Click(hosts, number, barrier) for number in range(RACERS)]
    with Writer(hosts) as writer, ThreadPoolExecutor(RACERS) as pool:
        for race in range(SCALE.races):
            kind = KINDS[race % len(KINDS)]
            document = uuid4()
            about = (document, "p1") if kind == "by section" else None
            session_id = writer.chat("user0", "SECRETrace", messages=0 if "no messages" in kind else 2, about=about)
            answers = list(pool.map(Click.do, clicks, repeat(session_id), repeat(kind), repeat(document)))
            assert {answer[:2] for answer in answers} == {(200, '{"success":true}')}, answers
            assert len({answer[2] for answer in answers}) == 1, answers
            successors = {answer[3] for answer in answers}
            assert len(successors) == 1, answers
            assert (successors == {None}) is (kind == "delete")
            with writer.services.database.read() as connection:
                query = "SELECT successor FROM chat_session WHERE successor IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
                assert connection.exec_driver_sql(query).all() == []
    tally(f"races of eight, {hosts.place}", SCALE.races, "never 500, one receipt and one successor each")


def test_c06_a_cookie_touches_nothing_of_others(hosts: Hosts, tally: Callable[..., None]) -> None:
    tried = 0
    with Writer(hosts) as writer:
        for number in range(ROUNDS):
            kept = {name: writer.chat(name, "SECRETkept") for name in ("user1", "user2")}
            host = number % len(hosts.servers)
            client = hosts.client(host, "user2")
            old = writer.chat("user2", "SECRETold")
            assert client.call("POST", f"/api/sessions/{old}/clear")[0] == 200
            hints = (None, "", "1", 7, "not-an-id", str(uuid4()), str(kept["user1"]), str(old), str(old).upper())
            for hint in hints:
                client.cookie = hosts.hinted(host, client.cookie, hint)
                assert client.call("POST", "/api/sessions/clear") == (200, {"success": True}), hint
                _, status = client.call("GET", "/api/status")
                assert status["current"] not in (None, hint, *map(str, kept.values()))
                _, session = client.call("GET", f"/api/sessions/{status['current']}")
                assert session["messages"] == []
                assert session["created_at"] == session["updated_at"]
                tried += 1
            for wanted in (uuid4(), kept["user1"]):
                for method, path in (("POST", f"/api/sessions/{wanted}/clear"), ("DELETE", f"/api/sessions/{wanted}")):
                    assert client.call(method, path)[0] == 404
                    tried += 1
            for name, session_id in kept.items():
                owner = hosts.owners[name]
                assert len(writer.services.store.messages(owner=owner, session_id=session_id).items) == 6
                writer.services.clearing.delete(owner=owner, session_id=session_id)
    tally(f"cookies and ids that are not one's own, {hosts.place}", tried, "nothing of anybody's touched")
