"""Reading of files in children that can be killed: nothing a file does can hurt or stop the application."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import StoreUnavailable, Unreadable
from ..types import Box
from .formats.part import Part
from .zygote import FRAME

_GRACE_SECONDS = 3.0
_BEAT_SECONDS = 2.0
_LARGEST_REPLY = 512 * 1024 * 1024
_LONGEST_NAME = 255
_TRIES = 3


class _ZygoteGone(Exception):
    """The zygote ended before the file was read; not the file's fault."""


@dataclass(slots=True)
class _Zygote:
    pid: int  # of the process that started it
    process: subprocess.Popen[bytes]
    control: socket.socket
    at_exit: "weakref.finalize[[_Zygote], Sandbox] | None" = None


class Sandbox:
    """Reads files and draws pages in child processes with limits of time and memory. Safe to share by threads.

    `seconds` bounds wall clock and CPU time of one file, `memory` (bytes) what its reading may take. The helper
    process is started at the first use in each process, ends with it, and is started again when it was killed.
    """

    def __init__(self, *, seconds: float, memory: int) -> None:
        self._seconds = seconds
        self._memory = memory
        self._lock = threading.Lock()
        self._zygote: _Zygote | None = None

    def read(self, content: Iterable[bytes], *, name: str, beat: Callable[[], None] | None = None) -> tuple[Part, ...]:
        """The parts of a file. `beat` is called every two seconds meanwhile.

        Raises Unreadable: what the readers say, or too_complex (over a limit), or reader_crashed.
        """
        kind, body = self._ask(content, {"verb": "read", "name": name[-_LONGEST_NAME:]}, beat)
        if kind != b"J":
            raise Unreadable("The reader of this file failed.", code="reader_crashed")
        return load_parts(body)

    def render(self, content: Iterable[bytes], *, number: int, width: int) -> bytes:
        """Page `number` (1-based) of a PDF as a PNG, `width` pixels wide. Raises Unreadable as `read` does."""
        kind, body = self._ask(content, {"verb": "render", "number": number, "width": width}, None)
        if kind != b"P":
            raise Unreadable("This page cannot be shown as a picture.", code="reader_crashed")
        return body

    def close(self) -> None:
        """End the helper process; the next use starts another."""
        with self._lock:
            zygote, self._zygote = self._zygote, None
        if zygote is not None:
            _dispose(zygote)

    def _ask(
        self, content: Iterable[bytes], request: dict[str, object], beat: Callable[[], None] | None
    ) -> tuple[bytes, bytes]:
        file = os.memfd_create("document", os.MFD_CLOEXEC)
        try:
            for piece in content:
                os.write(file, piece)
            message = json.dumps({**request, "seconds": self._seconds, "memory": self._memory}).encode()
            for _ in range(_TRIES):
                zygote = self._current()
                try:
                    return self._exchange(zygote, message, file, beat)
                except _ZygoteGone:
                    self._forget(zygote)
        finally:
            os.close(file)
        raise StoreUnavailable("The readers of documents do not start at the moment.")

    def _exchange(
        self, zygote: _Zygote, message: bytes, file: int, beat: Callable[[], None] | None
    ) -> tuple[bytes, bytes]:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                try:
                    socket.send_fds(zygote.control, [message], [file, theirs.fileno()])
                except OSError as error:
                    raise _ZygoteGone from error
            return _receive(_Stream(ours, time.monotonic() + self._seconds + _GRACE_SECONDS, beat))

    def _current(self) -> _Zygote:
        with self._lock:
            zygote = self._zygote
            if zygote is None or zygote.pid != os.getpid() or zygote.process.poll() is not None:
                if zygote is not None:
                    _dispose(zygote)
                zygote = self._zygote = _start()
                zygote.at_exit = weakref.finalize(self, _dispose, zygote)
            return zygote

    def _forget(self, zygote: _Zygote) -> None:
        """Have the next use start another zygote. Whatever the old one still reads is asked again."""
        with self._lock:
            if self._zygote is zygote:
                self._zygote = None
                _dispose(zygote)


def load_parts(body: bytes) -> tuple[Part, ...]:
    """Parts from the JSON of a reply."""
    return tuple(
        Part(
            label=label,
            text=text,
            headings=tuple((start, end) for start, end in headings),
            rows=rows,
            boxes=tuple(Box(int(start), int(end), *edges) for start, end, *edges in boxes),
        )
        for label, text, headings, rows, boxes in json.loads(body)
    )


def _start() -> _Zygote:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(  # noqa: S603  (our own file, no input of anybody's)
            [sys.executable, "-P", str(Path(__file__).with_name("zygote.py"))],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            # Nothing of the application's settings and secrets; one thread and few arenas a child.
            env={
                "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "PYTHONDONTWRITEBYTECODE": "1",
                "LC_ALL": "C.UTF-8",
                "MALLOC_ARENA_MAX": "2",
                "RAYON_NUM_THREADS": "1",
                "TOKIO_WORKER_THREADS": "1",
                "OMP_THREAD_LIMIT": "1",
            },
        )
    return _Zygote(os.getpid(), process, ours)


def _dispose(zygote: _Zygote) -> None:
    if zygote.at_exit is not None:
        zygote.at_exit.detach()
        zygote.at_exit = None
    zygote.control.close()
    if zygote.pid == os.getpid():
        zygote.process.kill()  # its children have it as their parent-death signal
        zygote.process.wait()
    else:
        zygote.process.returncode = 0  # another process's child: neither ours to end nor to wait for


def _receive(stream: "_Stream") -> tuple[bytes, bytes]:
    """The reply's frame. Raises Unreadable, or _ZygoteGone when the reply ends without a whole frame."""
    kind, length = FRAME.unpack(stream.take(FRAME.size))
    if length > _LARGEST_REPLY:
        raise Unreadable("This file gives more text than one document may have.", code="too_complex")
    body = stream.take(length)
    if kind == b"X":
        raise _unreadable(body.decode())
    if kind == b"U":
        code, message = json.loads(body)
        raise Unreadable(message, code=code)
    return kind, body


def _unreadable(ending: str) -> Unreadable:
    if ending == "limit":
        return Unreadable(
            "Reading this file took too much time or memory. Please split or simplify it.", code="too_complex"
        )
    return Unreadable("This file made its reader fail. It may be damaged.", code="reader_crashed")


class _Stream:
    """Bytes of a reply, with a deadline, and a beat while waiting."""

    def __init__(self, source: socket.socket, deadline: float, beat: Callable[[], None] | None) -> None:
        self._source = source
        self._deadline = deadline
        self._beat = beat
        self._next_beat = time.monotonic() + _BEAT_SECONDS
        source.settimeout(_BEAT_SECONDS / 4)

    def take(self, count: int) -> bytes:
        """Exactly `count` bytes. Raises _ZygoteGone at the end of the stream or after the deadline."""
        found = bytearray()
        while len(found) < count:
            self._tick()
            try:
                piece = self._source.recv(min(1 << 20, count - len(found)))
            except TimeoutError:
                continue
            except OSError as error:
                raise _ZygoteGone from error
            if not piece:
                raise _ZygoteGone
            found += piece
        return bytes(found)

    def _tick(self) -> None:
        now = time.monotonic()
        if now > self._deadline:
            raise _ZygoteGone
        if self._beat is not None and now >= self._next_beat:
            self._next_beat = now + _BEAT_SECONDS
            self._beat()
