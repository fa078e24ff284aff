"""The benchmark: the times of one process in milliseconds, beside the disk's own limit measured in the same run."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..answers.evaluate import read_questions
from ..types import Document, DocumentState, Draft
from ..web.state import Services

OWNER = "bench"
_DISK_WRITES = 200
_APPENDS = 200
_CLEARS = 50
_MESSAGES_CLEARED = 20
_SLOT_BYTES = 64


@dataclass(frozen=True, slots=True)
class Row:
    """Times of one kind, in milliseconds."""

    name: str
    times: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle time."""
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        """The time that 95 in 100 stay below."""
        return sorted(self.times)[min(len(self.times) - 1, int(len(self.times) * 0.95))]


@dataclass(frozen=True, slots=True)
class Result:
    """All rows of a run."""

    rows: tuple[Row, ...]

    def table(self) -> str:
        """For people."""
        width = max(len(row.name) for row in self.rows)
        lines = [f"{'':{width}}  {'n':>4}  {'median ms':>10}  {'p95 ms':>10}"]
        lines += [f"{row.name:{width}}  {len(row.times):4}  {row.median:10.2f}  {row.p95:10.2f}" for row in self.rows]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            row.name: {"n": len(row.times), "median_ms": round(row.median, 3), "p95_ms": round(row.p95, 3)}
            for row in self.rows
        }


def run_bench(services: Services, data: Path) -> Result:
    """Measure on `docs/` and `questions.jsonl` of `data`, in the library of `services`. Raises InvalidInput."""
    questions = [question.text for question in read_questions(data)]
    paths = sorted(path for path in (data / "docs").iterdir() if path.is_file())
    disk = Row("disk: 64 bytes in place + fdatasync", _disk_writes(services.settings.data_dir))
    uploads = Row("document: upload to searchable", tuple(_upload(services, path) for path in paths))
    first, complete = _ask_all(services, questions)
    return Result((disk, uploads, first, complete, _appends(services), _clears(services)))


def _times(count: int, work: Callable[[], object]) -> tuple[float, ...]:
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return tuple(times)


def _disk_writes(directory: Path) -> tuple[float, ...]:
    path = directory / "disk"
    try:
        with path.open("wb", buffering=0) as file:
            descriptor = file.fileno()
            file.write(bytes(4096))
            os.fsync(descriptor)

            def write() -> None:
                os.pwrite(descriptor, os.urandom(_SLOT_BYTES), 0)
                os.fdatasync(descriptor)

            return _times(_DISK_WRITES, write)
    finally:
        path.unlink(missing_ok=True)


def _upload(services: Services, path: Path) -> float:
    start = time.perf_counter()
    with path.open("rb") as stream:
        document: Document = services.library.add(
            owner=OWNER, name=path.name, stream=stream, media_type="application/octet-stream"
        )
    while document.state not in (DocumentState.READY, DocumentState.FAILED):
        if not services.worker.run_due():
            time.sleep(0.002)
        document = services.library.get(owner=OWNER, document_id=document.id)
    return (time.perf_counter() - start) * 1000


def _ask_all(services: Services, questions: list[str]) -> tuple[Row, Row]:
    first, complete = [], []
    for question in questions:
        session = services.store.create(owner=OWNER)
        start = time.perf_counter()
        run = services.answers.start(owner=OWNER, session_id=session.id, question=question, mode="quotes")
        events = services.answers.follow(owner=OWNER, session_id=session.id, run_id=run.id)
        seen = False
        for event in events:
            if event is not None and not seen:
                seen = True
                first.append((time.perf_counter() - start) * 1000)
        complete.append((time.perf_counter() - start) * 1000)
    return Row("answer: first event", tuple(first)), Row("answer: complete", tuple(complete))


def _appends(services: Services) -> Row:
    session = services.store.create(owner=OWNER)
    drafts = (Draft(role="user", text="A question. " * 10), Draft(role="assistant", text="An answer. " * 60))
    times = _times(_APPENDS, lambda: services.store.append(owner=OWNER, session_id=session.id, drafts=drafts))
    return Row("chat: append question and answer", times)


def _clears(services: Services) -> Row:
    sessions = []
    for _ in range(_CLEARS):
        session = services.store.create(owner=OWNER)
        drafts = [Draft(role="user", text=f"Message {number}. " * 20) for number in range(_MESSAGES_CLEARED)]
        services.store.append(owner=OWNER, session_id=session.id, drafts=drafts)
        sessions.append(session.id)
    left = iter(sessions)
    times = _times(_CLEARS, lambda: services.clearing.clear(owner=OWNER, session_id=next(left)))
    return Row(f"chat: clear of {_MESSAGES_CLEARED} messages", times)
