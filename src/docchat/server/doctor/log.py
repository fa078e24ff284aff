"""SQLite's files in other hands: who has them open, and who keeps the write-ahead log from being emptied."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from ..holders import holders, sqlite_files
from ..home import Home
from ..verify.sql_layout import sqlite_path
from .finding import Finding

_TRIES = 2
_PAUSE_SECONDS = 0.5  # each try itself waits as long as a request would


def check(home: Home) -> Iterator[Finding]:
    """Foreign readers. A transaction of our own lasts less than a second."""
    services = home.services
    name = sqlite_path(services.database.url)
    if not name:
        return
    path = Path(name)
    others = holders(sqlite_files(path))
    if others:
        yield Finding("ok", "the database is also open in " + ", ".join(str(holder) for holder in others))
    for _ in range(_TRIES):
        if services.database.checkpoint():
            yield Finding("ok", "its write-ahead log can be emptied")
            return
        time.sleep(_PAUSE_SECONDS)
    log = path.with_name(path.name + "-wal").stat()
    readers = ", ".join(str(holder) for holder in holders(sqlite_files(path)) if holder.reading)
    yield Finding(
        "fail",
        f"the write-ahead log ({log.st_size / (1 << 20):.1f} MiB, last written {_moment(log.st_mtime)}) cannot be "
        f"emptied, so what is cleared stays in it, unreadable: it is being read by {readers or 'another process'}",
    )


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
