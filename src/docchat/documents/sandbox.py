"""Reading of files in children that can be killed: nothing a file does can hurt or stop the application."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import StoreUnavailable, Unreadable
from ..types import Box
from .formats.part import NO_TEXT, Part, bounded, conceal
from .names import is_pdf
from .zygote import FRAME, LONGEST_REQUEST

_GRACE_SECONDS = 3.0
_BEAT_SECONDS = 2.0
_LARGEST_REPLY = 512 * 1024 * 1024
_LONGEST_NAME = 255
_SHORT_NAME = 32
_LONGEST_PASSWORD = 1024
_TRIES = 3
_LONG_PDF = 256 * 1024  # bytes from which on several read a PDF: opening it takes each of them some milliseconds
DRAWING_SECONDS = 10.0
"""What the picture of one page may take."""
MOST_SCANS = 500
"""Pictures of text that are read in one document; the pages behind them say so."""
NEEDS_OCR = (
    "This file holds pictures of text. Reading text from pictures is off on this server: "
    "its operator can switch it on by installing tesseract."
)
_UNREAD = "This page is a picture. Its text was not read, because"


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

    `seconds` bounds wall clock and CPU time of one file, or of one picture in it, `memory` (bytes) what its reading
    may take. `languages` is which of tesseract's languages read pictures (`eng+deu`), empty for its first four, `off`
    to leave pictures unread. The helper process is started at the first use in each process, ends with it, and is
    started again when it was killed.
    """

    def __init__(self, *, seconds: float, memory: int, languages: str = "") -> None:
        self._seconds = seconds
        self._memory = memory
        self._languages = languages
        self._lock = threading.Lock()
        self._zygote: _Zygote | None = None

    def read(
        self,
        content: Iterable[bytes],
        *,
        name: str,
        password: str | None = None,
        beat: Callable[[], None] | None = None,
        told: Callable[[int, int], None] | None = None,
        readers: int = 1,
    ) -> tuple[Part, ...]:
        """The parts of a file. `beat` is called every two seconds meanwhile; `password` opens a locked file.

        `told` hears of how many parts of how many are read, while pictures are. So many `readers` share a long PDF;
        each of them calls `beat` then.

        Raises Unreadable: what the readers say, or too_complex (over a limit), reader_crashed, or needs_ocr when there
        is nothing but pictures and no tesseract to read them.
        """
        request: dict[str, object] = {"name": name[-_LONGEST_NAME:]}
        if password is not None:
            request["password"] = password[:_LONGEST_PASSWORD]
        with _held(content) as file:
            shared = readers > 1 and _is_long_pdf(file, name)
            asked = {"verb": "read", **request}
            parts = self._read_shares(file, asked, beat, readers) if shared else self._read(file, asked, beat)
            if any(part.scan for part in parts):
                parts = self._recognized(file, request, parts, beat, told or _nobody)
        return parts

    def read_many(
        self, files: Sequence[tuple[str, bytes]], *, beat: Callable[[], None] | None = None
    ) -> list[tuple[Part, ...] | Unreadable]:
        """The same for several small files (name, content), or why each cannot be read.

        One child reads them one after the other, for a child costs more than a small file. Where it ends early, and
        where pictures have to be read, the file gets a child of its own: no file is judged by what another did.
        """
        sizes = [len(content) for _, content in files]
        names = [name[-_SHORT_NAME:] for name, _ in files]
        with _held(content for _, content in files) as file:
            request: dict[str, object] = {"verb": "read_many", "names": names, "sizes": sizes}
            replies = self._ask_many(file, request, len(files), beat)
        found: list[tuple[Part, ...] | Unreadable] = []
        for number, (name, content) in enumerate(files):
            outcome = replies[number] if number < len(replies) else None
            if outcome is None or (isinstance(outcome, tuple) and any(part.scan for part in outcome)):
                try:
                    outcome = self.read([content], name=name, beat=beat)
                except Unreadable as error:
                    outcome = error
            found.append(outcome)
        return found

    def render(self, content: Iterable[bytes], *, number: int, width: int) -> bytes:
        """Page `number` (1-based) of a PDF, or a picture, as a PNG `width` pixels wide. Raises Unreadable like `read`.

        Somebody waits for it with a page open, so it gets less time than a reading.
        """
        seconds = min(self._seconds, DRAWING_SECONDS)
        with _held(content) as file:
            request = {"verb": "render", "number": number, "width": width, "seconds": seconds}
            kind, body = self._ask(file, request, None)
        if kind != b"P":
            raise Unreadable("This page cannot be shown as a picture.", code="reader_crashed")
        return body

    def _read(self, file: int, request: dict[str, object], beat: Callable[[], None] | None) -> tuple[Part, ...]:
        kind, body = self._ask(file, request, beat)
        if kind != b"J":
            raise Unreadable("The reader of this file failed.", code="reader_crashed")
        return load_parts(body)

    def _read_shares(
        self, file: int, request: dict[str, object], beat: Callable[[], None] | None, readers: int
    ) -> tuple[Part, ...]:
        """The pages of a PDF, read by several children at a time."""
        with ThreadPoolExecutor(readers, thread_name_prefix="docchat-share") as pool:
            asked = [{**request, "share": [number, readers]} for number in range(readers)]
            found = [pool.submit(self._read, file, one, beat) for one in asked]
        parts = bounded(part for one in found for part in one.result())
        if not any(part.visible.strip() or part.scan for part in parts):
            raise Unreadable(NO_TEXT, code="no_text")
        return parts

    def _recognized(
        self,
        file: int,
        request: dict[str, object],
        parts: tuple[Part, ...],
        beat: Callable[[], None] | None,
        told: Callable[[int, int], None],
    ) -> tuple[Part, ...]:
        """The parts with the text of their pictures. Each picture is read in a child of its own."""
        tesseract = None if self._languages == "off" else shutil.which("tesseract")
        if tesseract is None and not any(part.visible.strip() for part in parts):
            raise Unreadable(NEEDS_OCR, code="needs_ocr")
        found: list[Part] = []
        scans = 0
        for part in parts:
            told(len(found), len(parts))
            scans += bool(part.scan)
            if not part.scan:
                found.append(part)
            elif tesseract is None:
                found.append(_unread(part, "tesseract is not installed on this server."))
            elif scans > MOST_SCANS:
                found.append(_unread(part, f"only {MOST_SCANS} pictures of a document are read."))
            else:
                asked = {**request, "verb": "ocr", "scan": part.scan, "tesseract": tesseract}
                found.append(self._scan(file, {**asked, "languages": self._languages}, part, beat))
        if not any(part.visible.strip() for part in found):
            raise Unreadable("No text was found in this file, nor in its pictures.", code="no_text")
        return tuple(found)

    def _scan(self, file: int, request: dict[str, object], part: Part, beat: Callable[[], None] | None) -> Part:
        try:
            read = self._read(file, request, beat)
        except Unreadable as error:
            return _unread(part, f"it failed ({error.code}).")  # one bad picture does not take the others with it
        if not read:
            return replace(part, scan=())
        label = f"{part.label} (scan)" if part.label else "Picture"
        return replace(part, label=label, text=read[0].text, boxes=read[0].boxes, scan=())

    def close(self) -> None:
        """End the helper process; the next use starts another."""
        with self._lock:
            zygote, self._zygote = self._zygote, None
        if zygote is not None:
            _dispose(zygote)

    def _ask(self, file: int, request: Mapping[str, object], beat: Callable[[], None] | None) -> tuple[bytes, bytes]:
        message = json.dumps({"seconds": self._seconds, "memory": self._memory, **request}).encode()
        if len(message) > LONGEST_REQUEST:  # a part of an archive may be called anything
            raise Unreadable("A name in this file is too long.", code="too_complex")
        for _ in range(_TRIES):
            zygote = self._current()
            try:
                return self._exchange(zygote, message, file, beat)
            except _ZygoteGone:
                self._forget(zygote)
        raise StoreUnavailable("The readers of documents do not start at the moment.")

    def _exchange(
        self, zygote: _Zygote, message: bytes, file: int, beat: Callable[[], None] | None
    ) -> tuple[bytes, bytes]:
        with _reply(zygote, message, file, self._seconds, beat) as stream:
            return _receive(stream)

    def _ask_many(
        self, file: int, request: dict[str, object], count: int, beat: Callable[[], None] | None
    ) -> list[tuple[Part, ...] | Unreadable]:
        """What a child said of `count` files, or before it ended, file by file."""
        message = json.dumps({**request, "seconds": self._seconds, "memory": self._memory}).encode()
        zygote = self._current()
        found: list[tuple[Part, ...] | Unreadable] = []
        try:
            with _reply(zygote, message, file, self._seconds, beat) as stream:
                while len(found) < count:  # its end is told some time after
                    kind, length = FRAME.unpack(stream.take(FRAME.size))
                    if kind == b"X" or length > _LARGEST_REPLY:
                        return found
                    body = stream.take(length)
                    code, said = json.loads(body) if kind == b"U" else ("", "")
                    found.append(Unreadable(said, code=code) if kind == b"U" else load_parts(body))
                return found
        except _ZygoteGone:
            self._forget(zygote)
            return found

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


@contextmanager
def _reply(
    zygote: _Zygote, message: bytes, file: int, seconds: float, beat: Callable[[], None] | None
) -> Iterator["_Stream"]:
    """Ask the zygote; what its child answers, as a stream. Raises _ZygoteGone."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            try:
                socket.send_fds(zygote.control, [message], [file, theirs.fileno()])
            except OSError as error:
                raise _ZygoteGone from error
        yield _Stream(ours, time.monotonic() + seconds + _GRACE_SECONDS, beat)


@contextmanager
def _held(content: Iterable[bytes]) -> Iterator[int]:
    """The content as a file that only descriptors name."""
    file = os.memfd_create("document", os.MFD_CLOEXEC)
    try:
        for piece in content:
            os.write(file, piece)
        yield file
    finally:
        os.close(file)


def _is_long_pdf(file: int, name: str) -> bool:
    return os.fstat(file).st_size >= _LONG_PDF and is_pdf(os.pread(file, 1024, 0), name)


def _nobody(done: int, of: int) -> None:
    """Hears of progress that nobody asked for."""


def _unread(part: Part, reason: str) -> Part:
    """The part with a notice for the person who opens its page, where it has no text of its own."""
    return conceal(replace(part, scan=()), () if part.visible else (f"{_UNREAD} {reason}",), mark="Note")


def load_parts(body: bytes) -> tuple[Part, ...]:
    """Parts from the JSON of a reply."""
    return tuple(
        Part(
            label=label,
            text=text,
            headings=tuple((start, end) for start, end in headings),
            rows=rows,
            boxes=tuple(Box(int(start), int(end), *edges) for start, end, *edges in boxes),
            hidden=tuple((start, end) for start, end in hidden),
            scan=tuple(scan),
        )
        for label, text, headings, rows, boxes, hidden, scan in json.loads(body)
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
