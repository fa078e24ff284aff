"""A folder into the library, beside the same parsers and the same search engine without a library around them."""

import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser
from multiprocessing import get_context
from pathlib import Path

import pypdfium2

from ...config import Settings
from ...documents.chunk import split
from ...documents.embed import OFF
from ...documents.folder import look
from ...documents.follow import Follower
from ...documents.formats.read import read
from ...documents.sql_followed import Place
from ...errors import Unreadable
from ...types import DocumentState
from ...web.state import Services
from ..home import temporary_services
from .measure import OURS, OWNER, Figure, Key, Recorder

INGEST = "ingest"
BARE = "parsers and FTS5 alone"
FIRST = "a folder, until all of it is searchable"
AGAIN = "the same folder again, unchanged"
MEGABYTES = "MB of the main process"
FILES = "files"
_MOST_ROUNDS = 3
_ASKED_AT_ONCE = 200
_TABLES = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "CREATE TABLE passage (id INTEGER PRIMARY KEY, document INTEGER, body TEXT)",
    "CREATE VIRTUAL TABLE words USING fts5(body, tokenize = 'porter unicode61')",
)


def measure_ingest(
    recorder: Recorder, settings: Settings, data: Path, *, rounds: int, progress: Callable[[str], None]
) -> None:
    """Measure on `docs/` of `data`, or all of `data`; each in processes of its own, in turn, a few times."""
    folder = data / "docs" if (data / "docs").is_dir() else data
    spawn = get_context("spawn")
    most = 0.0
    for number in range(min(rounds, _MOST_ROUNDS)):
        progress(f"ingest: {folder}, round {number + 1}")
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            recorder.add(Key(INGEST, BARE, FIRST), 1000 * pool.submit(_bare, folder).result())
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            first, again, memory, files = pool.submit(_ours, settings, folder).result()
        recorder.add(Key(INGEST, OURS, FIRST), 1000 * first)
        recorder.add(Key(INGEST, OURS, AGAIN), 1000 * again)
        most = max(most, memory)
    recorder.figures.append(Figure(INGEST, OURS, MEGABYTES, round(most, 1)))
    recorder.figures.append(Figure(INGEST, OURS, FILES, files))


def _ours(settings: Settings, folder: Path) -> tuple[float, float, float, int]:
    """Seconds of the first time and of the second, the most memory in MB, and how many files there are."""
    with temporary_services(replace(settings, embedder_name=OFF)) as services:
        services.database.checkpoint()  # opened, as in a server that runs
        start = time.perf_counter()
        follower = _follower(services)
        services.worker.ensure_started()
        report = follower.follow(follower.look([folder]), delete=False, tell=lambda report: services.worker.wake())
        left = set(report.added)
        while left:
            services.worker.wake()
            time.sleep(0.02)
            states = follower.states(list(left)[:_ASKED_AT_ONCE])
            left -= {key for key, held in states.items() if held.state in (DocumentState.READY, DocumentState.FAILED)}
        first = time.perf_counter() - start
        start = time.perf_counter()
        follower = _follower(services)
        follower.follow(follower.look([folder]), delete=False)
        again = time.perf_counter() - start
    return first, again, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(report.added)


def _follower(services: Services) -> Follower:
    return Follower(services.library, Place(OWNER), limit=services.settings.max_upload_bytes)


def _bare(folder: Path) -> float:
    """Seconds: what pypdfium2 and html.parser give, other formats by docchat's readers, then FTS5; in one process."""
    paths = [file.path for file in look([folder], limit=1 << 40).files.values()]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="docchat-") as directory:
        connection = sqlite3.connect(Path(directory, "bare.sqlite3"), isolation_level=None)
        for statement in _TABLES:
            connection.execute(statement)
        for number, path in enumerate(paths):
            rows = [text[passage.start : passage.end] for text in _texts(path) for passage in split(text)]
            connection.execute("BEGIN")
            for body in rows:
                added = connection.execute("INSERT INTO passage (document, body) VALUES (?, ?)", (number, body))
                connection.execute("INSERT INTO words (rowid, body) VALUES (?, ?)", (added.lastrowid, body))
            connection.execute("COMMIT")
        seconds = time.perf_counter() - start
        connection.close()
    return seconds


def _texts(path: Path) -> list[str]:
    data = path.read_bytes()
    if path.suffix.lower() == ".pdf":
        return _pages(data)
    if path.suffix.lower() in (".html", ".htm"):
        parser = _Words()
        parser.feed(data.decode("utf-8", "replace"))
        return ["\n".join(parser.found)]
    try:
        return [part.visible for part in read(data, path.name)]
    except Unreadable:
        return []


def _pages(data: bytes) -> list[str]:
    try:
        with pypdfium2.PdfDocument(data) as document:
            return [page.get_textpage().get_text_range() for page in document]
    except pypdfium2.PdfiumError:
        return []


class _Words(HTMLParser):
    """All text between tags."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)
