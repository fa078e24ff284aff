"""Answers that are cut off, on four workers: by a clear, by a stop, and because nobody follows them any more."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...config import PREFIX, Settings
from ...errors import DocChatError
from .http import WORKERS, port_of
from .measure import OURS, Figure, Key, Recorder
from .streams import fill, model, sign_in

CANCELS = "cancels"
CLEAR_READER = "clear: until its reader's stream ends"
CLEAR_MODEL = "clear: until the model's stream is cut"
STOP_MODEL = "stop: until the model's stream is cut"
GRACE_SECONDS = 1
LEFT_MODEL = f"its reader leaves, {GRACE_SECONDS} s of grace: until the model's stream is cut"
BACK = "cleared chats that came back"
_ANSWER_SECONDS = 60.0
_TEXTS = 2
_SHARE = 10  # of as many clears one round is a stop, and one a reader that leaves
_TIMEOUT_SECONDS = 30
_CLEARED = (http.client.NOT_FOUND, http.client.GONE)


def measure_cancels(recorder: Recorder, settings: Settings, *, rounds: int, progress: Callable[[str], None]) -> None:
    """Cut `rounds` answers by a clear, and a tenth as many by a stop and by leaving them."""
    with tempfile.TemporaryDirectory(prefix="docchat-") as directory, model(_ANSWER_SECONDS) as model_port:
        password = fill(replace(settings, data_dir=Path(directory), database_url="", keyring_url=""))
        overlay = {
            "DATA_DIR": directory,
            "MODEL_URL": f"http://127.0.0.1:{model_port}/v1",
            "MODEL_NAME": "stub",
            "ANSWER_GRACE_SECONDS": str(GRACE_SECONDS),
        }
        with _server(overlay) as port, ThreadPoolExecutor(1) as pool:
            place = _Place(port, model_port, sign_in(port, password), pool)
            progress(f"cancels: {rounds} clears")
            cleared = [place.clear(recorder) for _ in range(rounds)]
            progress("cancels: stops, and readers that leave")
            for _ in range(max(1, rounds // _SHARE)):
                recorder.add(Key(CANCELS, OURS, STOP_MODEL), place.stop())
                recorder.add(Key(CANCELS, OURS, LEFT_MODEL), place.leave())
            back = sum(place.call("GET", f"/api/sessions/{session}")[0] not in _CLEARED for session in cleared)
    recorder.figures.append(Figure(CANCELS, OURS, BACK, back))


@contextmanager
def _server(overlay: Mapping[str, str]) -> Iterator[int]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    process = subprocess.Popen(  # noqa: S603  (this program itself)
        [sys.executable, "-m", "docchat.server", "serve", "--port", "0", "--workers", str(WORKERS)],
        stdout=subprocess.PIPE,
        text=True,
        env={**kept, **{PREFIX + name: value for name, value in overlay.items()}, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield port_of(process)
    finally:
        process.terminate()
        process.communicate()


class _Place:
    """One signed-in person at a server, each request on a connection of its own, and the model behind it."""

    def __init__(self, port: int, model_port: int, cookie: str, pool: ThreadPoolExecutor) -> None:
        self._port = port
        self._model_port = model_port
        self._cookie = cookie
        self._pool = pool

    def clear(self, recorder: Recorder) -> str:
        """Clear a chat in the middle of its answer: its id. Both times count from the request of the clear."""
        session, _, stream, connection = self._ask()
        begun = time.perf_counter()
        quiet = self._pool.submit(self._quiet)
        status, answer = self.call("POST", f"/api/sessions/{session}/clear")
        if (status, answer) != (http.client.OK, {"success": True}):
            raise DocChatError("A clear has not succeeded: nothing is measured.")
        kinds = [kind for kind, _ in stream]
        ended = time.perf_counter()
        if kinds[-1:] != ["cleared"]:
            raise DocChatError("A cleared answer has not ended as cleared: nothing is measured.")
        recorder.add(Key(CANCELS, OURS, CLEAR_READER), 1000 * (ended - begun))
        recorder.add(Key(CANCELS, OURS, CLEAR_MODEL), 1000 * (quiet.result() - begun))
        connection.close()
        return session

    def stop(self) -> float:
        """Stop an answer: milliseconds until its model is cut."""
        session, run, stream, connection = self._ask()
        begun = time.perf_counter()
        self.call("POST", f"/api/sessions/{session}/runs/{run}/stop")
        cut = self._quiet()
        for _ in stream:
            pass
        connection.close()
        return 1000 * (cut - begun)

    def leave(self) -> float:
        """Leave an answer: milliseconds until its model is cut."""
        *_, connection = self._ask()
        begun = time.perf_counter()
        connection.close()
        return 1000 * (self._quiet() - begun)

    def call(self, method: str, path: str, body: dict[str, str] | None = None) -> tuple[int, Any]:
        """The status of one request, and what was answered."""
        connection, response = self._open(method, path, body or {})
        answer = json.loads(response.read() or b"null")
        connection.close()
        return response.status, answer

    def _ask(self) -> tuple[str, str, Iterator[tuple[str, Any]], http.client.HTTPConnection]:
        """A chat and its run, and the stream of an answer that has begun to talk."""
        _, session = self.call("POST", "/api/sessions")
        asked = {"question": "When does the harbour open?", "mode": "model"}
        connection, response = self._open("POST", f"/api/sessions/{session['id']}/ask", asked)
        stream = _events(response)
        run, texts = "", 0
        for kind, data in stream:
            run = data.get("run", run)
            texts += kind == "text"
            if texts == _TEXTS:
                return session["id"], run, stream, connection
        raise DocChatError("An answer has ended before it was cut: nothing is measured.")

    def _quiet(self) -> float:
        """When the model has nothing left to say."""
        connection = http.client.HTTPConnection("127.0.0.1", self._model_port, timeout=_TIMEOUT_SECONDS)
        connection.request("GET", "/quiet")
        connection.getresponse().read()
        connection.close()
        return time.perf_counter()

    def _open(
        self, method: str, path: str, body: dict[str, str]
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
        headers = {"Content-Type": "application/json", "Cookie": self._cookie}
        connection.request(method, path, json.dumps(body), headers)
        return connection, connection.getresponse()


def _events(response: http.client.HTTPResponse) -> Iterator[tuple[str, Any]]:
    kind = ""
    for line in response:
        if line.startswith(b"event: "):
            kind = line[7:].decode().strip()
        elif line.startswith(b"data: "):
            yield kind, json.loads(line[6:])
