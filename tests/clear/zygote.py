"""A process of its own that forks one child for each act, to be killed, starved or failed while it is at it.

`zygote.py < requests`, one JSON object a line; the settings are in the environment. A request names an owner and
either `calls`, HTTP requests to be made one after another, or a `seed` for random work without end. The child opens
what it needs, says `ready PID`, waits for a line, acts, and says the status, headers and body of each answer.
"""

import json
import os
import random
import signal
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask, request

from docchat import DocChat
from docchat.errors import Cleared, DocChatError, NotFound
from docchat.types import Draft
from docchat.web.state import Services

sys.stdin.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def make_app() -> Flask:
    """A host whose user is whoever the request says."""
    app = Flask("host", static_folder=None)
    settings = {key: value for key, value in os.environ.items() if key.startswith("DOCCHAT_")}
    app.config.update(SECRET_KEY="host", **settings)
    DocChat(app, current_user_id=lambda: request.headers.get("X-Owner"))
    return app


def say(text: str) -> None:
    """Say a line, without any buffer."""
    os.write(1, f"{text}\n".encode())


def hear() -> str:
    """Read a line byte by byte: what follows is for somebody else."""
    heard = b""
    while not heard.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            break
        heard += piece
    return heard.decode().strip()


def act(app: Flask, order: dict[str, Any]) -> None:
    """Make the calls of an order."""
    services = DocChat.services(app)
    client = app.test_client()
    headers = {"X-Owner": order["owner"]}
    client.get("/api/sessions?limit=1", headers=headers)
    say(f"ready {os.getpid()}")
    hear()
    for method, path, body in order["calls"]:
        if path == "jobs":
            with suppress(DocChatError):  # as the loop of the worker does
                services.worker.run_due()
            continue
        answer = client.open(path, method=method, json=body, headers=headers)
        say("answer " + json.dumps([answer.status_code, dict(answer.headers), answer.text]))


class Life:
    """Random work of one owner, until somebody ends it."""

    def __init__(self, app: Flask, owner: str, seed: int) -> None:
        self.services: Services = DocChat.services(app)
        self.client = app.test_client()
        self.headers = {"X-Owner": owner}
        self.owner = owner
        self.dice = random.Random(seed)

    def live(self) -> None:
        """Do something, and something else."""
        kinds = [self.talk] * 6 + [self.upload, self.jobs, self.jobs, self.drop_document]
        kinds += [self.clear, self.delete, self.history, self.memory, self.bulk, self.rename, self.section]
        self.one()
        say("working")
        while True:
            try:
                self.dice.choice(kinds)()
            except (Cleared, NotFound):
                pass  # as it should be where a crash has cut a clear short
            except DocChatError as error:
                say(f"error {error.code}")

    def post(self, path: str, body: dict[str, Any] | None = None) -> None:
        """Ask for something by HTTP."""
        answer = self.client.post(path, json=body, headers=self.headers)
        if answer.status_code >= 500:
            say(f"error {answer.status_code} {answer.text}")

    def one(self) -> str | None:
        """Any chat."""
        sessions = self.client.get("/api/sessions", headers=self.headers).get_json()["sessions"]
        return self.dice.choice(sessions)["id"] if sessions else None

    def talk(self) -> None:
        """Write to a chat, often a new one."""
        session = self.one() if self.dice.random() < 0.4 else None
        made = self.services.store.create(owner=self.owner, title="CANARY title").id if session is None else None
        drafts = [Draft("user", "CANARY asks"), Draft("assistant", "CANARY says")] * self.dice.randint(1, 4)
        self.services.store.append(owner=self.owner, session_id=made or UUID(session), drafts=drafts)

    def rename(self) -> None:
        """Give a chat a title."""
        if session := self.one():
            self.client.patch(f"/api/sessions/{session}", json={"title": "CANARY named"}, headers=self.headers)

    def clear(self) -> None:
        """Clear a chat."""
        if session := self.one():
            self.post(f"/api/sessions/{session}/clear")

    def delete(self) -> None:
        """Delete a chat."""
        if session := self.one():
            self.client.delete(f"/api/sessions/{session}", headers=self.headers)

    def history(self) -> None:
        """Clear the history of a chat."""
        if session := self.one():
            self.post(f"/api/sessions/{session}/history/clear")

    def memory(self) -> None:
        """Clear the memory of a chat."""
        if session := self.one():
            self.post(f"/api/sessions/{session}/memory/clear")

    def section(self) -> None:
        """Talk about one of two sections, or clear what was said about it."""
        about = UUID(int=7), self.dice.choice(("p1", "p2"))
        if self.dice.random() < 0.5:
            chat = self.services.section_chats.open(owner=self.owner, about=about)
            self.services.store.append(owner=self.owner, session_id=chat.id, drafts=[Draft("user", "CANARY asks")])
        else:
            self.services.section_chats.clear(owner=self.owner, about=about)

    def bulk(self) -> None:
        """Clear several chats at once."""
        chosen = {session for session in (self.one(), self.one()) if session}
        if chosen:
            self.post("/api/sessions/bulk/clear", {"ids": sorted(chosen)})

    def upload(self) -> None:
        """Put a document into the library."""
        stream = BytesIO(b"CANARY document. The river flows to the sea.\n")
        self.services.library.add(owner=self.owner, name="note.txt", stream=stream, media_type="text/plain")

    def drop_document(self) -> None:
        """Delete a document."""
        documents = self.client.get("/api/documents", headers=self.headers).get_json()["documents"]
        if documents:
            chosen = self.dice.choice(documents)["id"]
            self.client.delete(f"/api/documents/{chosen}", headers=self.headers)

    def jobs(self) -> None:
        """Run background jobs."""
        self.services.worker.run_due()


def main() -> None:
    """Fork a child for each request, and wait for its end."""
    os.umask(0o077)
    app = make_app()
    say("up")
    while line := hear():
        order = json.loads(line)
        child = os.fork()
        if not child:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if "seed" in order:
                say(f"ready {os.getpid()}")
                hear()
                Life(app, order["owner"], order["seed"]).live()
            act(app, order)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        say(f"ended {status}")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
