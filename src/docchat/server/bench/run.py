"""A run of the benchmark: which parts, at which sizes, in which order."""

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ...config import Settings
from ..home import temporary_services
from . import limits
from .answers import measure_answers
from .bars import OPEN_CHATS
from .cancels import measure_cancels
from .chats import measure_chats
from .documents import measure_documents
from .founding import FoundingStore
from .http import measure_http
from .ingest import measure_ingest
from .limits import Limits
from .measure import LOAD_AFTER, LOAD_BEFORE, MACHINE, PROCESSORS, Figure, Recorder, Result
from .memory import measure_memory
from .peers import available
from .postgres import postgres
from .stored import libraries, measure_stored
from .stores import DocChatStore, Store
from .streams import measure_streams
from .unreadable import measure_unreadable

PARTS = ("documents", "ingest", "answers", "streams", "cancels", "chats", "unreadable", "open", "stored", "http")
_NO_DISK_MS = 0.01
_CUT_A_ROUND = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure. `data`: folder with documents and questions, None: that part is left out."""

    data: Path | None = None
    lengths: tuple[int, ...] = (10, 100, 1000, 10_000)
    sessions: tuple[int, ...] = (1000, 100_000, 1_000_000)
    rounds: int = 12
    requests: int = 300
    chunks: int = 100_000
    streams: tuple[int, ...] = (100, 500, 1000)
    parts: tuple[str, ...] = PARTS
    postgres_url: str | None = None


QUICK = Plan(lengths=(10, 100, 1000), sessions=(1000, 10_000), rounds=3, requests=60, chunks=2000, streams=(20,))
"""A run of a minute or two, for a look; its bars at larger sizes are not measured."""


def run_bench(settings: Settings, plan: Plan, *, progress: Callable[[str], None]) -> Result:
    """Measure in throw-away libraries on SQLite, with `settings` else. Raises DocChatError."""
    recorder = Recorder()
    recorder.figures.append(Figure(MACHINE, MACHINE, PROCESSORS, os.cpu_count() or 1))
    recorder.figures.append(Figure(MACHINE, MACHINE, LOAD_BEFORE, round(os.getloadavg()[0], 2)))
    if "documents" in plan.parts and plan.data is not None:
        progress("documents and answers")
        with temporary_services(settings) as services:
            measure_documents(recorder, services, plan.data)
    if "ingest" in plan.parts and plan.data is not None:
        measure_ingest(recorder, settings, plan.data, rounds=plan.rounds, progress=progress)
    _measure_answers(recorder, settings, plan, progress)
    names = _compare(recorder, settings, plan, progress) if "chats" in plan.parts else None
    if "unreadable" in plan.parts:
        with (
            temporary_services(settings) as services,
            tempfile.TemporaryDirectory(prefix="docchat-") as directory,
        ):
            measure_unreadable(
                recorder, services, Path(directory), lengths=plan.lengths, rounds=plan.rounds, progress=progress
            )
    if "open" in plan.parts:
        measure_memory(recorder, settings, names or _names(recorder), chats=OPEN_CHATS, progress=progress)
    if "stored" in plan.parts or "http" in plan.parts:
        with libraries(settings, plan.sessions, progress=progress) as built:
            if "stored" in plan.parts:
                measure_stored(recorder, built, rounds=plan.rounds * 3, progress=progress)
            if "http" in plan.parts:
                ends = {size: built[size] for size in {min(built), max(built)}}
                measure_http(recorder, ends, rounds=plan.requests, progress=progress)
    recorder.figures.append(Figure(MACHINE, MACHINE, LOAD_AFTER, round(os.getloadavg()[0], 2)))
    result = recorder.result()
    slot = result.median(limits.LIMITS, limits.RAW_SLOT, limits.WRITE)
    if slot is not None and slot < _NO_DISK_MS:
        recorder.notes.append("the disk: temporary files are kept in memory here; set TMPDIR to a directory on a disk")
        result = recorder.result()
    return result


def _measure_answers(recorder: Recorder, settings: Settings, plan: Plan, progress: Callable[[str], None]) -> None:
    if "answers" in plan.parts:
        measure_answers(recorder, settings, chunks=plan.chunks, rounds=plan.rounds, progress=progress)
    if "streams" in plan.parts:
        measure_streams(recorder, settings, plan.streams, progress=progress)
    if "cancels" in plan.parts:
        measure_cancels(recorder, settings, rounds=plan.rounds * _CUT_A_ROUND, progress=progress)


def _compare(recorder: Recorder, settings: Settings, plan: Plan, progress: Callable[[str], None]) -> list[str]:
    """The chats part; the names of all stores in it."""
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="docchat-")))
        services = stack.enter_context(temporary_services(settings))
        founding = base / "founding"
        founding.mkdir()
        peers, missing = available(base)
        stores: list[Store] = [DocChatStore(services), FoundingStore(founding), *peers]
        for store in stores:
            stack.callback(store.close)
        recorder.notes += missing
        url = stack.enter_context(postgres(plan.postgres_url))
        if url is None:
            recorder.notes.append(f"{limits.POSTGRES_COMMIT}: no PostgreSQL at hand (--postgres names one)")
        raw = Limits(base, url)
        stack.callback(raw.close)
        measure_chats(recorder, stores, raw, lengths=plan.lengths, rounds=plan.rounds, progress=progress)
        return [store.name for store in stores]


def _names(recorder: Recorder) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="docchat-") as directory:
        peers, missing = available(Path(directory))
        for store in peers:
            store.close()
        recorder.notes += missing
        return [DocChatStore.name, FoundingStore.name, *(store.name for store in peers)]
