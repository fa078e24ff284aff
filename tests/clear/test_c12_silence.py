"""C12: logs and answers to errors never hold content, paths, SQL or the names of classes."""

import builtins
import inspect
import re
from collections.abc import Callable
from uuid import uuid4

import sqlalchemy.exc

from docchat import errors

from .ground import ABOUT, SECTION_CHAT, Ground, chat
from .hosts import Hosts, Writer
from .scale import SCALE, spread
from .tracing import Call, zygote

CANARY = "CANARYcontent"
CLASSES = sorted(
    {name for name, _ in inspect.getmembers(errors, inspect.isclass) if name not in ("Cleared", "Conflict")}
    | {name for name, kind in vars(builtins).items() if inspect.isclass(kind) and issubclass(kind, BaseException)}
    | {name for name, kind in vars(sqlalchemy.exc).items() if inspect.isclass(kind) and issubclass(kind, Exception)}
)
INSIDE = {
    "content": re.compile(CANARY),
    "a path": re.compile(
        r"(?<![\w:/.])/(?:tmp|root|home|usr|var|work|srv|etc)/\S+|site-packages|\.py\b|\.sqlite3|slots\.bin"
    ),
    "SQL": re.compile(r"\b(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|BEGIN IMMEDIATE|PRAGMA|WHERE)\b"),
    "a class": re.compile(r"\b(" + "|".join(CLASSES) + r"|psycopg|sqlite3\.|Traceback)\b"),
}
FAULTS = (
    "pwrite64:error=EIO",
    "pwrite64:error=ENOSPC",
    "fdatasync:error=EIO",
    "openat:error=EACCES",
    "recvfrom:error=ECONNRESET",
)


def inside(text: str) -> list[str]:
    """What of the inside stands in a text, and where."""
    return [
        f"{what}: …{text[max(0, m.start() - 60) : m.end() + 40]}…"
        for what, wanted in INSIDE.items()
        if (m := wanted.search(text))
    ]


def _matrix(session_id: object) -> list[Call]:
    base = f"/api/sessions/{session_id}"
    return [
        ("GET", base, None),
        ("GET", f"{base}/messages?cursor={CANARY}", None),
        ("GET", f"{base}/export?format={CANARY}", None),
        ("PATCH", base, {"title": f"{CANARY} new"}),
        ("PATCH", base, {"title": CANARY * 100}),
        ("PATCH", base, {CANARY: 1}),
        ("POST", "/api/sessions/search", {"text": CANARY}),
        ("POST", f"{base}/ask", {"question": CANARY, "mode": CANARY}),
        ("POST", f"{base}/ask", {"question": CANARY * 2000}),
        ("POST", "/api/sessions/bulk/clear", {"ids": [CANARY]}),
        ("GET", f"/api/receipts/{CANARY}", None),
        ("GET", f"/api/{CANARY}", None),
        ("POST", f"{base}/history/clear", None),
        ("POST", f"{SECTION_CHAT}/clear", None),
        ("POST", f"/api/documents/{CANARY}/sections/{CANARY}/chat/clear", None),
        ("POST", f"{base}/clear", None),
        ("DELETE", base, None),
    ]


def test_c12_faults_tell_nothing_of_the_inside(ground: Ground, tally: Callable[..., None]) -> None:
    observer = ground.worker()
    tried = 0
    with zygote(ground) as process:
        for fault in FAULTS:
            name = fault.partition(":")[0]
            probe = chat(observer, owner=f"probe{tried}", word=CANARY, about=ABOUT)
            count = process.traced(probe.owner, *_matrix(probe.id)).points()[name]
            numbers = spread(count)[:: max(1, count // (20 * SCALE.rounds))]
            for number in numbers:
                session = chat(observer, owner=f"owner{tried}", word=CANARY, about=ABOUT)
                matrix = _matrix(session.id)
                outcome = process.traced(session.owner, *matrix, ("", "jobs", None), inject=f"{fault}:when={number}+")
                for (method, path, _), (status, headers, body) in zip(matrix, outcome.answers, strict=True):
                    if status >= 400:
                        found = inside(body.replace(path, "")) + inside(str({**headers, "Location": ""}))
                        assert found == [], f"{fault} {number}: {method} {path}: {status} {body}"
                tried += len(matrix)
        assert inside(process.log) == []
    tally(f"requests with faults under them, {ground.engine}", tried, "0 hits in bodies and logs")


def test_c12_running_hosts_log_nothing_of_the_inside(hosts: Hosts, tally: Callable[..., None]) -> None:
    client = hosts.client(0, "user2")
    bodies = 0
    with Writer(hosts) as writer:
        for _ in range(SCALE.rounds):
            session_id = writer.chat("user2", CANARY, about=ABOUT)
            for wanted in (session_id, uuid4()):
                for method, path, body in _matrix(wanted):
                    response = client.open(method, path, body)
                    text = response.read().decode()
                    if response.status >= 400:
                        assert inside(text.replace(path, "")) == [], f"{method} {path}"
                    bodies += 1
    noise = re.compile(r"^(docchat is at|\s*$|Warning: [\d.]+ can be reached)")
    lines = [line for line in hosts.lines if not noise.match(line)]
    hits = [found for line in lines for found in inside(line)]
    assert hits == []
    tally(f"answers, and {len(lines)} lines of log, {hosts.place}", bodies, "0 hits")
