"""Clearing over HTTP: `docchat serve` with four workers, one client on a connection that is kept open."""

import http.client
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import update

from ...config import PREFIX, Settings
from ...db.schema import account
from ...errors import DocChatError
from ...extension import build_services
from ...web.state import Services
from ..accounts import Accounts
from ..home import close
from .measure import OURS, OWNER, Key, Recorder, timed
from .stores import TURN

HTTP = "http"
CLEAR = "POST /api/sessions/clear"
WORKERS = 4
CLEARED_LENGTH = 20
_NAME = "bench"
_TIMEOUT_SECONDS = 60
_SPARE = 100
_RETRIED = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)


def measure_http(
    recorder: Recorder, built: Mapping[int, Settings], *, rounds: int, progress: Callable[[str], None]
) -> None:
    """Clear chats of 20 messages in each library in turn; `built` has its settings by the number of stored chats."""
    with ExitStack() as stack:
        clients = {size: stack.enter_context(_serving(settings)) for size, settings in built.items()}
        for client in clients.values():
            client.clear_one()  # each worker's first request opens its connections; a few are not timed
        for number in range(rounds):
            if number % _SPARE == 0:
                progress(f"http: round {number + 1} of {rounds}")
            for size, client in clients.items():
                recorder.add(Key(HTTP, OURS, CLEAR, size), client.clear_one())


@contextmanager
def _serving(settings: Settings) -> Iterator["_Client"]:
    """A signed-in client of a server over the library of `settings`."""
    password = secrets.token_urlsafe(max(16, settings.password_min_length))
    services = build_services(settings)
    try:
        accounts = Accounts(services.database, min_length=settings.password_min_length)
        made = accounts.add(name=_NAME, password=password, admin=True)
        with services.database.write() as connection:
            # The stored chats are to be the account's own.
            connection.execute(update(account).where(account.c.id == made.id).values(id=UUID(OWNER)))
        kept = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
        process = subprocess.Popen(  # noqa: S603  (this program itself)
            [sys.executable, "-m", "docchat.server", "serve", "--port", "0", "--workers", str(WORKERS)],
            stdout=subprocess.PIPE,
            text=True,
            env={**kept, f"{PREFIX}DATA_DIR": str(settings.data_dir), "PYTHONUNBUFFERED": "1"},
        )
        try:
            client = _Client(port_of(process), lambda key: _fill(services, key))
            client.call("POST", "/login", urlencode({"username": _NAME, "password": password}), form=True)
            yield client
            client.close()
        finally:
            process.terminate()
            process.communicate()
    finally:
        close(services)


def port_of(process: "subprocess.Popen[str]") -> int:
    """The port that a server told when it was ready. Raises DocChatError when it ended before."""
    assert process.stdout is not None  # noqa: S101  (it was asked for)
    for line in process.stdout:
        if found := re.search(r"docchat is at http://[\d.]+:(\d+)/", line):
            return int(found[1])
    raise DocChatError("The benchmark's server has not started.")


def _fill(services: Services, session_id: UUID) -> None:
    drafts = [TURN[number % 2] for number in range(CLEARED_LENGTH)]
    services.store.append(owner=OWNER, session_id=session_id, drafts=drafts)


class _Client:
    """One browser: a cookie and a connection. `fill` writes messages into a chat, past HTTP."""

    def __init__(self, port: int, fill: Callable[[UUID], None]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        self._fill = fill
        self._cookie = ""

    def clear_one(self) -> float:
        """Begin a chat, fill it, and clear it: milliseconds of the last request."""
        body = self.call("POST", "/api/sessions", json.dumps({"title": "A chat about the handbook"}))
        self._fill(UUID(json.loads(body)["id"]))
        return timed(self._clear)

    def call(self, method: str, path: str, body: str, *, form: bool = False) -> bytes:
        """Send a request, again when the server has closed the idle connection; the answer's body."""
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        headers = {"Content-Type": kind, **({"Cookie": self._cookie} if self._cookie else {})}
        try:
            answer = self._send(method, path, body, headers)
        except _RETRIED:
            self._connection.close()
            answer = self._send(method, path, body, headers)
        for value in answer.headers.get_all("Set-Cookie") or []:
            self._cookie = value.partition(";")[0]
        data = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            raise DocChatError(f"{method} {path} was answered with {answer.status}: nothing is measured.")
        return data

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _send(self, method: str, path: str, body: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        self._connection.request(method, path, body, headers)
        return self._connection.getresponse()

    def _clear(self) -> None:
        if json.loads(self.call("POST", "/api/sessions/clear", "{}")) != {"success": True}:
            raise DocChatError("A clear over HTTP has not succeeded: nothing is measured.")
