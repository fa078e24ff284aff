"""The process that reads files: imports the readers once, then forks a child with hard limits for each file.

It runs as a program of its own (`python zygote.py`), not as part of the application: it never imports the web or
database rooms, holds none of the application's memory, environment or descriptors, and ends with its parent.

Requests come as datagrams on descriptor 0, each with two descriptors: the file (a memfd) and a socket for the reply.
A reply is frames of one kind byte, eight length bytes and the body: `J` parts as JSON, `P` a picture, `U` an Unreadable
as JSON; or, from this process, `X` with how a child ended that sent none of these.
"""

import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
import types
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    # Stand in for the package, so that its __init__ (and with it Flask and SQLAlchemy) is never imported here.
    _package = types.ModuleType("docchat")
    _package.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["docchat"] = _package

from docchat.documents import thumbnail
from docchat.documents.formats import ocr, read, read_share
from docchat.documents.formats.part import Part
from docchat.errors import Unreadable

FRAME = struct.Struct(">cQ")
LONGEST_REQUEST = 16384
_IDLE_SECONDS = 300.0
_MOST_FILES = 64
_PR_SET_PDEATHSIG = 1
_PAGE = resource.getpagesize()


@dataclass(slots=True)
class _Child:
    pid: int
    deadline: float
    memory: int
    reply: socket.socket
    overdue: bool = False


def send_frame(reply: socket.socket, kind: bytes, body: bytes) -> None:
    """Send one frame of a reply."""
    reply.sendall(FRAME.pack(kind, len(body)) + body)


def dump_parts(parts: tuple[Part, ...]) -> bytes:
    """Parts as JSON."""
    return json.dumps(
        [
            [
                *(p.label, p.text, p.headings, p.rows),
                *([(b.start, b.end, b.left, b.top, b.right, b.bottom) for b in p.boxes], p.hidden, p.scan),
            ]
            for p in parts
        ]
    ).encode("utf-8", "replace")


def serve(control: socket.socket) -> None:
    """Take requests until the parent is gone or nothing was asked for five minutes."""
    children: dict[int, _Child] = {}
    parent = os.getppid()
    last = time.monotonic()
    while True:
        _watch(children)
        if children:
            last = time.monotonic()
        if os.getppid() != parent or time.monotonic() - last > _IDLE_SECONDS:
            break
        ready, _, _ = select.select([control, *(c.reply for c in children.values())], [], [], 0.05 if children else 1.0)
        for child in [c for c in children.values() if c.reply in ready]:
            _kill(child)  # the client says nothing after its request: it has gone away
        if control in ready:
            message, descriptors, _, _ = socket.recv_fds(control, LONGEST_REQUEST, 2)
            if not message:
                break
            last = time.monotonic()
            child = _start(json.loads(message), descriptors, control)
            children[child.pid] = child
    for child in children.values():
        _kill(child)


def _start(request: dict[str, object], descriptors: list[int], control: socket.socket) -> _Child:
    file, reply_descriptor = descriptors
    reply = socket.socket(fileno=reply_descriptor)
    pid = os.fork()
    if pid == 0:
        control.close()
        _run(request, file, reply)
    os.close(file)
    return _Child(pid, time.monotonic() + float(str(request["seconds"])), int(str(request["memory"])), reply)


def _watch(children: dict[int, _Child]) -> None:
    """Kill children whose time is up, and report those that ended."""
    for pid, child in list(children.items()):
        if time.monotonic() > child.deadline:
            child.overdue = True
            _kill(child)
        done, status, used = os.wait4(pid, os.WNOHANG)
        if not done:
            continue
        del children[pid]
        starved = used.ru_maxrss * 1024 > child.memory * 0.6
        ended = "limit" if child.overdue or (starved and status) else _ending(status)
        try:
            child.reply.settimeout(1.0)
            send_frame(child.reply, b"X", ended.encode())
        except OSError:
            pass  # the client has gone away
        child.reply.close()


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return "limit" if os.WTERMSIG(status) == signal.SIGXCPU else "crash"
    return {0: "done", 3: "limit"}.get(os.WEXITSTATUS(status), "crash")


def _kill(child: _Child) -> None:
    with suppress(ProcessLookupError):
        os.kill(child.pid, signal.SIGKILL)


def _run(request: dict[str, object], file: int, reply: socket.socket) -> None:
    """The child: limit itself, read, reply, end. Never returns."""
    code = 1
    try:
        _limit(seconds=float(str(request["seconds"])), memory=int(str(request["memory"])))
        data = os.pread(file, os.fstat(file).st_size, 0)
        os.close(file)
        try:
            if request["verb"] == "read_many":
                _answer_many(request, data, reply)
            else:
                send_frame(reply, *_answer(request, data))
        except Unreadable as error:
            send_frame(reply, b"U", json.dumps([error.code, error.message]).encode())
        code = 0
    except MemoryError:
        code = 3
    except RecursionError:
        code = 3
    finally:
        os._exit(code)


def _answer(request: dict[str, object], data: bytes) -> tuple[bytes, bytes]:
    """Kind and body of the reply."""
    password = str(request["password"]) if "password" in request else None
    if request["verb"] == "render":
        number, width = int(str(request["number"])), int(str(request["width"]))
        return b"P", thumbnail.draw(data, number=number, width=width)
    if request["verb"] == "ocr":
        engine = ocr.Engine(str(request["tesseract"]), str(request["languages"]), float(str(request["seconds"])))
        place = request["scan"] if isinstance(request["scan"], list) else []
        return b"J", dump_parts((ocr.read(data, [str(step) for step in place], password=password, engine=engine),))
    share = request.get("share")
    if isinstance(share, list):
        return b"J", dump_parts(read_share(data, password=password, share=(int(share[0]), int(share[1]))))
    return b"J", dump_parts(read(data, str(request["name"]), password=password))


def _answer_many(request: dict[str, object], data: bytes, reply: socket.socket) -> None:
    """A reply for each of several files that stand one behind the other in `data`."""
    names, sizes = request["names"], request["sizes"]
    start = 0
    for name, size in zip(names, sizes, strict=True) if isinstance(names, list) and isinstance(sizes, list) else ():
        try:
            kind, body = b"J", dump_parts(read(data[start : start + size], str(name)))
        except Unreadable as error:
            kind, body = b"U", json.dumps([error.code, error.message]).encode()
        send_frame(reply, kind, body)
        start += size


def _limit(*, seconds: float, memory: int) -> None:
    """CPU time and address space, which memory in use never exceeds; no files written, no core, few descriptors."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * _PAGE
    cpu = max(1, int(seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    space = max(memory, used + memory // 2)  # the readers themselves take some 150 MB of it
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MOST_FILES, _MOST_FILES))


def main() -> None:
    """Serve on descriptor 0."""
    gc.collect()
    gc.freeze()
    gc.disable()  # a child lives for one file; looking for garbage in its lists of characters costs a fifth of its time
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, whose end ends this process
    with socket.socket(fileno=0) as control:
        serve(control)


if __name__ == "__main__":
    main()
