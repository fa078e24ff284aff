"""Real processes for the tests: a docchat that serves, a model server that is slow, and a browser-like client."""

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from .forked import FORKER

PASSWORD = "correct horse battery"
COMMAND = (sys.executable, "-m", "docchat.server")


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """The environment of a docchat process that shares nothing with this machine's own settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DOCCHAT_")}
    return {**kept, "DOCCHAT_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1", **settings}


def docchat(data_dir: Path, *arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a process of its own."""
    env = environment(data_dir, **settings)
    code, said, wrong = FORKER.run(list(arguments), stdin=stdin, env=env, timeout=120)
    return subprocess.CompletedProcess(["docchat", *arguments], code, said, wrong)


def wait_until(condition: Callable[[], object], *, seconds: float = 10.0, what: str) -> None:
    """Wait until `condition()` is true; fail the test when it does not become so in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s in vain for {what}")
        time.sleep(0.01)


def encodings(text: str) -> list[bytes]:
    """The bytes that `text` may be stored as."""
    return [text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"), text.encode().hex().encode()]


@contextmanager
def scanning(patterns: list[bytes], *folders: Path) -> Iterator[dict[str, Any]]:
    """Reads all files of the folders for as long as the block lasts; what was found is in the dict afterwards."""
    result: dict[str, Any] = {}
    process = _scanner(0, folders)
    try:
        assert process.stdin is not None
        process.stdin.write("".join(f"{pattern.hex()}\n" for pattern in patterns) + "\n")
        process.stdin.flush()
        yield result
        output, _ = process.communicate(timeout=60)
        result.update(json.loads(output))
    finally:
        process.kill()
        process.wait()


def scan(patterns: list[bytes], *folders: Path) -> list[str]:
    """Where the patterns stand in the files of the folders, read once."""
    process = _scanner(0.001, folders)
    output, _ = process.communicate("".join(f"{pattern.hex()}\n" for pattern in patterns) + "\n", timeout=60)
    found: list[str] = json.loads(output)["found"]
    return found


def _scanner(seconds: float, folders: tuple[Path, ...]) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(__file__).with_name("scan.py")), str(seconds), *map(str, folders)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@dataclass
class Server:
    """A running `docchat serve`."""

    process: subprocess.Popen[str]
    host: str
    port: int
    lines: list[str]
    clients: "list[Client]" = field(default_factory=list)

    @property
    def workers(self) -> set[int]:
        """Process ids of the workers."""
        return {child.pid for child in psutil.Process(self.process.pid).children() if _listens(child.pid, self.port)}


@contextmanager
def serving(data_dir: Path, *options: str, before: tuple[str, ...] = (), **settings: str) -> Iterator[Server]:
    """`docchat serve` at a free port; stopped, and its output checked for surprises, at the end.

    `before` are words before the command, for example to run it in a network namespace.
    """
    process = subprocess.Popen(
        [*before, *COMMAND, "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(data_dir, **settings),
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line)
            if found := re.search(r"docchat is at https?://([\d.]+):(\d+)/", line):
                break
        else:
            pytest.fail("the server did not start:\n" + "".join(lines))
        reader = threading.Thread(target=lines.extend, args=(process.stdout,))
        reader.start()
        server = Server(process, found[1], int(found[2]), lines)
        expected = int(options[options.index("--workers") + 1]) if "--workers" in options else 2
        wait_until(lambda: len(server.workers) == expected, what="the workers")
        yield server
        for client in server.clients:
            client.close()
        process.terminate()
        process.wait(15)
        reader.join(15)
    finally:
        if process.poll() not in (None, 0):
            print(f"the server ended with {process.returncode}")
        process.kill()
        process.wait()
        print("".join(lines))
        process.stdout.close()
    assert "Traceback" not in "".join(lines), "".join(lines)


@dataclass
class Client:
    """One browser: a cookie and one connection, made anew when the server closed it."""

    server: Server
    cookie: str = ""
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=30)
        self.server.clients.append(self)

    def open(
        self, method: str, path: str, body: Any = None, *, form: str | None = None, **headers: str
    ) -> http.client.HTTPResponse:
        """Send a request; the response, its body not yet read."""
        sent = dict(headers)
        data = None
        if self.cookie:
            sent["Cookie"] = self.cookie
        if body is not None:
            data, sent["Content-Type"] = json.dumps(body), "application/json"
        if form is not None:
            data, sent["Content-Type"] = form, "application/x-www-form-urlencoded"
        for attempt in (1, 2):
            try:
                self.connection.request(method, path, data, sent)
                response = self.connection.getresponse()
                break
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.connection.close()
                if attempt == 2:
                    raise
        for value in response.headers.get_all("Set-Cookie") or []:
            self.cookie = value.partition(";")[0]
        return response

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Send a request; status and body, JSON as a value."""
        response = self.open(method, path, body, **more)
        data = response.read()
        if response.headers.get_content_type() == "application/json":
            return response.status, json.loads(data)
        return response.status, data.decode()

    def sign_in(self, name: str) -> "Client":
        """Sign in with the password of the tests."""
        status, _ = self.call("POST", "/login", form=f"username={name}&password={PASSWORD.replace(' ', '+')}")
        assert status == 303
        return self

    def close(self) -> None:
        """Hang up."""
        self.connection.close()

    @property
    def worker(self) -> int | None:
        """Process id of the worker at the other end of this connection, None when it is not connected."""
        if self.connection.sock is None:
            return None
        mine = self.connection.sock.getsockname()[1]
        return next((pid for pid in self.server.workers if mine in {peer for _, peer in _sockets(pid)}), None)


def one_client_per_worker(server: Server, name: str) -> dict[int, Client]:
    """Signed-in clients whose kept-open connections end in different workers, all of them."""
    found: dict[int, Client] = {}
    cookie = Client(server).sign_in(name).cookie
    deadline = time.monotonic() + 30
    while set(found) != server.workers:
        assert time.monotonic() < deadline, "some worker took no connection"
        clients = [Client(server, cookie) for _ in range(8)]
        for client in clients:
            client.call("GET", "/healthz")
        for client in clients:
            worker = client.worker
            if worker is None or worker in found:
                client.close()
            else:
                found[worker] = client
    return found


def events(response: http.client.HTTPResponse) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of a stream as they come; heartbeats are left out."""
    kind = ""
    for raw in response:
        line = raw.decode().rstrip("\n")
        if line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            yield kind, json.loads(line[6:])


class SlowModel(ThreadingHTTPServer):
    """A real HTTP server with the OpenAI chat API, which repeats the question's word every 20 ms and never ends."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), _SlowAnswer)
        self.talking = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """What DOCCHAT_MODEL_URL is set to."""
        return f"http://{self.server_address[0]}:{self.server_port}/v1"


class _SlowAnswer(BaseHTTPRequestHandler):
    server: SlowModel

    def do_GET(self) -> None:
        self._head("application/json")
        self.wfile.write(json.dumps({"object": "list", "data": [{"id": "slow", "object": "model"}]}).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        words = re.findall(r"SECRET\w+", json.dumps(body))
        word = words[-1] if words else "word"
        self._head("text/event-stream")
        with self.server.lock:
            self.server.talking += 1
        try:
            for _ in range(3000):
                piece = {"choices": [{"index": 0, "delta": {"content": f"{word} says more. "}}]}
                self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
                time.sleep(0.02)
        except OSError:
            pass  # the reader hung up: what a cancelled answer looks like from here
        finally:
            with self.server.lock:
                self.server.talking -= 1

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _head(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()


@contextmanager
def slow_model(host: str = "127.0.0.1") -> Iterator[SlowModel]:
    """A running SlowModel."""
    model = SlowModel(host)
    thread = threading.Thread(target=model.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield model
    finally:
        model.shutdown()
        model.server_close()
        thread.join()


def _listens(pid: int, port: int) -> bool:
    try:
        return (port, 0) in _sockets(pid)
    except OSError:
        return False


def _sockets(pid: int) -> set[tuple[int, int]]:
    """Local and remote port of each of its TCP sockets; the process may be in another network namespace."""
    names = (os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink())
    mine = {name.removeprefix("socket:[").removesuffix("]") for name in names if name.startswith("socket:")}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    ports = [(row[1].partition(":")[2], row[2].partition(":")[2]) for row in rows if row[9] in mine]
    return {(int(local, 16), int(remote, 16)) for local, remote in ports}
