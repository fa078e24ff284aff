"""Many answers that stream at once from one process, with threads and with gevent; a model that only keeps the pace."""

import asyncio
import http.client
import importlib.util
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

from ...config import PREFIX, Settings
from ...errors import DocChatError
from ...extension import build_services
from ..accounts import Accounts
from ..home import close, without_key_advice
from .measure import Figure, Key, Recorder
from .readers import Readers, Seen

STREAMS = "streams"
THREADS, GEVENT = "gthread", "gevent"
PING = "ping"
FIRST = "first text"
SHARE = "percent of the text"
KILOBYTES = "KB a stream"
FAILED = "failed"
_MOST_SECONDS = 30.0
_LEAST_SECONDS = 2.0
_CALM_SECONDS = 10.0
_BEGUN_A_SECOND = 20.0
_NAME = "bench"
_DOCUMENT = b"The harbour opens at 07:15 and closes at dusk. " * 40


def measure_streams(
    recorder: Recorder, settings: Settings, counts: Sequence[int], *, progress: Callable[[str], None]
) -> None:
    """Measure `counts` of streams at once, each on a server of its own."""
    kinds = [THREADS, *([GEVENT] if importlib.util.find_spec("gevent") else [])]
    if len(kinds) == 1:
        recorder.notes.append("streams: gevent is not installed")
    for count in counts:
        for kind in kinds:
            progress(f"streams: {count:,} at once, {kind}")
            _measure(recorder, settings, kind, count)


def _measure(recorder: Recorder, settings: Settings, kind: str, count: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="docchat-") as directory,
        model(_lasting(count)) as model_port,
    ):
        password = fill(replace(settings, data_dir=Path(directory), database_url="", keyring_url=""))
        kept = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
        overlay = {
            "DATA_DIR": directory,
            "MODEL_URL": f"http://127.0.0.1:{model_port}/v1",
            "MODEL_NAME": "stub",
            "MAX_ANSWERS": str(2 * count + 10),
            "MAX_RUNNING_ANSWERS": str(2 * count + 10),
        }
        environ = {**kept, **{PREFIX + name: value for name, value in overlay.items()}, "PYTHONUNBUFFERED": "1"}
        with _server(kind, count, environ) as (port, master):
            seen, kilobytes = _read(port, sign_in(port, password), master, count)
            sent = json.loads(_get(model_port, "/sent"))["sent"]
    recorder.add(Key(STREAMS, kind, PING, count), *seen.pings)
    recorder.add(Key(STREAMS, kind, FIRST, count), *(1000 * seconds for seconds in seen.first))
    share = 100 * seen.characters / sent if sent else 0.0
    for what, value in ((SHARE, share), (KILOBYTES, kilobytes), (FAILED, count - seen.done)):
        recorder.figures.append(Figure(STREAMS, kind, f"{what}, {count}", round(value, 2)))
    recorder.notes += [f"streams, {count:,} at once, {kind}: {text}" for text in dict.fromkeys(seen.failures)][:3]


def _try_model(port: int, cookie: str) -> None:
    """Have the server ask a model once: what it loads for that is not of the streams."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    connection.request("POST", "/api/models/try", json.dumps({"url": "http://127.0.0.1:9/v1", "name": "stub"}), headers)
    connection.getresponse().read()
    connection.close()


def _read(port: int, cookie: str, master: int, count: int) -> tuple[Seen, float]:
    """What was seen, and KB of memory a stream: what the process has more while all of them run."""
    _try_model(port, cookie)
    warm = Readers(port, cookie, count=3, rate=10, mode="quotes")
    asyncio.run(warm.run(calm=0.0, seconds=10.0))  # imports and caches are not of the streams
    before = _resident(master)
    most = 0.0
    readers = Readers(port, cookie, count=count, rate=_BEGUN_A_SECOND)

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, _resident(master))
            await asyncio.sleep(0.5)

    async def run() -> None:
        watching = asyncio.create_task(watch())
        # Those who began last are answered as long after as the first; then all of the text is to be there.
        lasting = _lasting(count)
        await readers.run(calm=min(_CALM_SECONDS, lasting), seconds=lasting + 2)
        watching.cancel()

    asyncio.run(run())
    return readers.seen, (most - before) / count


def _lasting(count: int) -> float:
    """Seconds that an answer takes: for some of them all stream at once."""
    return min(_MOST_SECONDS, max(_LEAST_SECONDS, count / 3)) + count / _BEGUN_A_SECOND


def _resident(master: int) -> float:
    """KB of the server's worker."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    status = Path(f"/proc/{children[0]}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return float(found[1]) if found else 0.0


def fill(settings: Settings) -> str:
    """One document and an account; its password."""
    password = secrets.token_urlsafe(max(16, settings.password_min_length))
    with without_key_advice():
        services = build_services(replace(settings, worker="external"))
    try:
        made = Accounts(services.database, min_length=settings.password_min_length).add(
            name=_NAME, password=password, admin=True
        )
        services.library.add(owner=str(made.id), name="harbour.txt", stream=BytesIO(_DOCUMENT), media_type="text/plain")
        while services.worker.run_due():
            pass
    finally:
        close(services)
    return password


@contextmanager
def model(seconds: float) -> Iterator[int]:
    """The port of a stub model whose answers take so long."""
    process = subprocess.Popen(  # noqa: S603  (this program itself)
        [sys.executable, "-m", "docchat.server.bench.stub", str(seconds)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None  # noqa: S101  (it was asked for)
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def _server(kind: str, count: int, environ: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """The port of a server of one process, and the id of its master."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if kind == THREADS:
        command = ["docchat.server", "serve", "--port", str(port), "--workers", "1", "--threads", str(count + 50)]
    else:
        command = ["gunicorn", "-k", "gevent", "-w", "1", "--worker-connections", str(2 * count + 100), "-b"]
        command += [f"127.0.0.1:{port}", "--log-level", "warning", "docchat.server.app:create_app()"]
    process = subprocess.Popen(  # noqa: S603  (this program itself)
        [sys.executable, "-m", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ
    )
    try:
        _wait_for(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            _get(port, "/healthz")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise DocChatError("The benchmark's server has not started.")


def _get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


def sign_in(port: int, password: str) -> str:
    """Sign in at the server of `port`; the cookies."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    fields = urlencode({"username": _NAME, "password": password})
    connection.request("POST", "/login", fields, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    cookies = answer.headers.get_all("Set-Cookie") or []
    return "; ".join(value.partition(";")[0] for value in cookies)
