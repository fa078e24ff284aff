"""Which other processes hold SQLite's files open, and which of them are in the middle of reading (from /proc)."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_PROC = Path("/proc")
# SQLite marks a reader by a lock on one of these bytes of the -shm file.
_FIRST_READER, _LAST_READER = 123, 127


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a file open. `reading` is true while it is inside a read transaction."""

    pid: int
    command: str
    since: datetime
    reading: bool

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command}, running since {self.since:%Y-%m-%d %H:%M} UTC)"


def sqlite_files(database: Path) -> tuple[Path, ...]:
    """The files of a SQLite database that are there."""
    endings = ("", "-wal", "-shm", "-journal")
    paths = (database.with_name(database.name + ending) for ending in endings)
    return tuple(path for path in paths if path.exists())


def holders(paths: Iterable[Path]) -> tuple[Holder, ...]:
    """The other processes that have one of the files open; those of other users only where we may look."""
    wanted = {path.resolve() for path in paths}
    inodes = {(status.st_dev, status.st_ino) for path in wanted if (status := _status(path)) is not None}
    readers = _readers(path for path in wanted if path.name.endswith("-shm"))
    found = []
    for process in _PROC.iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid() and _holds(process, inodes):
            pid = int(process.name)
            found.append(Holder(pid, _command(process), _since(process), pid in readers))
    return tuple(sorted(found, key=lambda holder: holder.pid))


def _holds(process: Path, inodes: set[tuple[int, int]]) -> bool:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # gone, or another user's
        return False
    statuses = (_status(descriptor) for descriptor in descriptors)
    return any(status is not None and (status.st_dev, status.st_ino) in inodes for status in statuses)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _readers(paths: Iterable[Path]) -> set[int]:
    files = {status.st_ino for path in paths if (status := _status(path)) is not None}
    found = set()
    for line in (_PROC / "locks").read_text(encoding="ascii").splitlines():
        # 1: POSIX  ADVISORY  READ 4711 fe:00:131074 123 127
        words = line.split()
        if len(words) == 8 and words[1] == "POSIX" and int(words[5].rpartition(":")[2]) in files:
            end = _LAST_READER if words[7] == "EOF" else int(words[7])
            if int(words[6]) <= _LAST_READER and end >= _FIRST_READER:
                found.add(int(words[4]))
    return found


def _command(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return "?"
    return Path(words[0].decode(errors="replace")).name or "?"


def _since(process: Path) -> datetime:
    try:
        started = int((process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return datetime.now(UTC)
    ticks = os.sysconf("SC_CLK_TCK")
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return datetime.fromtimestamp(boot + started / ticks, UTC)
