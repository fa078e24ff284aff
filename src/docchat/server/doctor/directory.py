"""The data directory: can it be used, who may read it, and does it hold files that nobody knows."""

import os
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ..home import Home
from ..verify.sql_layout import sqlite_path
from ..verify.strays import unknown
from .finding import Finding

_LOW_SPACE_BYTES = 1 << 30
_MOST_NAMED = 5
_OLD_SECONDS = 600
_LEFTOVERS = (".*.restore-*", "keys/*.new", ".docchat-*.tar.*")


def check(home: Home) -> Iterator[Finding]:
    """Directory, permissions, space, and what is none of ours."""
    directory = home.settings.data_dir
    home.services  # noqa: B018  (makes what is missing, and says what cannot be made)
    yield Finding("ok", f"data directory {directory}")
    yield from _permissions(directory)
    free = shutil.disk_usage(directory).free
    yield Finding("ok" if free >= _LOW_SPACE_BYTES else "warn", f"{free / (1 << 30):.1f} GiB free on its disk")
    leftovers = [path for pattern in _LEFTOVERS for path in sorted(directory.glob(pattern))]
    yield from _left(leftovers)
    yield from _strangers(home, leftovers)


def _permissions(directory: Path) -> Iterator[Finding]:
    found: list[tuple[Path, int, int]] = []
    for path in (directory, *sorted(directory.rglob("*"))):
        most = 0o700 if path.is_dir() else 0o600
        mode = path.lstat().st_mode & 0o777
        if not path.is_symlink() and mode & ~most:
            found.append((path, mode, most))
    for path, mode, most in found[:_MOST_NAMED]:
        text = f"{path} can be read by others (mode {mode:o}): chmod {most:o} {path}"
        yield Finding("fail", text, partial(_close, [(path, most)]))
    rest = [(path, most) for path, _, most in found[_MOST_NAMED:]]
    if rest:
        yield Finding("fail", f"{len(rest)} more files and folders can be read by others", partial(_close, rest))


def _close(paths: list[tuple[Path, int]]) -> str:
    for path, most in paths:
        path.chmod(most)
    return f"{paths[0][0] if len(paths) == 1 else len(paths)}: for the owner alone now"


def _left(leftovers: list[Path]) -> Iterator[Finding]:
    """Copies of content or keys that a backup, a start or a restore has left when it was killed."""
    late = time.time() - _OLD_SECONDS
    for path in leftovers:
        if path.lstat().st_mtime < late:
            yield Finding("fail", f"{path} was left by a process that was killed", partial(_remove, path))


def _remove(path: Path) -> str:
    for file in (path, *path.rglob("*")):
        if file.is_file() and not file.is_symlink():
            with file.open("r+b") as stream:
                stream.write(bytes(os.fstat(stream.fileno()).st_size))
                os.fsync(stream.fileno())
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    return f"{path}: overwritten and removed"


def _strangers(home: Home, leftovers: list[Path]) -> Iterator[Finding]:
    databases = (sqlite_path(home.services.database.url), sqlite_path(home.settings.keyring_url))
    found = [
        path
        for path in unknown(home.settings.data_dir, databases)
        if not any(path.is_relative_to(leftover) for leftover in leftovers)
    ]
    for path in found[:_MOST_NAMED]:
        yield Finding("warn", f"{path} is none of docchat's files: if it is a copy, cleared chats may stand in it")
    if len(found) > _MOST_NAMED:
        yield Finding("warn", f"{len(found) - _MOST_NAMED} more files there are none of docchat's")
