"""The files below folders, as far as they can be documents, and why the others cannot."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class File:
    """A file as it lies there; `key` is its absolute path as text."""

    path: Path
    key: str
    size: int
    modified: int


@dataclass(slots=True)
class Seen:
    """One look at the folders. `roots` are those that could be looked at; `blind` the folders below that could not.

    `busy` are files that are still being written, `spared` those that may be back in a moment: neither counts as gone.
    """

    files: dict[str, File] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    roots: list[str] = field(default_factory=list)
    blind: list[str] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)
    spared: set[str] = field(default_factory=set)

    def covers(self, key: str) -> bool:
        """Whether a file of this path would have been seen."""
        below = any(is_below(key, root) for root in self.roots)
        return below and not any(is_below(key, folder) for folder in self.blind)


def look(paths: Iterable[Path], *, limit: int) -> Seen:
    """Walk folders in order, names that begin with a dot left out; a path that is a file is taken as it is."""
    seen = Seen()
    for path in paths:
        path = path.absolute()
        if path.is_dir():
            seen.roots.append(as_key(path))
            _walk(path, seen, limit)
        else:
            _take(path, seen, limit, named=True)
    return seen


def is_below(key: str, folder: str) -> bool:
    """Whether a path stands below a folder, or is it."""
    return key == folder or key.startswith(folder.rstrip("/") + "/")


def as_key(path: Path) -> str:
    """A path as text that every database takes, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _walk(root: Path, seen: Seen, limit: int) -> None:
    def blind(error: OSError) -> None:
        folder = as_key(Path(os.fsdecode(error.filename)))
        seen.blind.append(folder)
        seen.skipped.append((folder, f"the folder cannot be read: {os.strerror(error.errno or 0)}"))

    for folder, folders, names in os.walk(root, onerror=blind):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                _take(Path(folder, name), seen, limit, named=False)


def _take(path: Path, seen: Seen, limit: int, *, named: bool) -> None:
    key = as_key(path)
    try:
        found = path.stat()
    except OSError as error:
        # Between the walk and this look it may have gone; a link may lead nowhere.
        if named or path.is_symlink():
            seen.skipped.append((key, os.strerror(error.errno or 0)))
        return
    if not stat.S_ISREG(found.st_mode):
        seen.skipped.append((key, "no ordinary file"))
    elif found.st_size == 0:
        seen.skipped.append((key, "This file is empty."))
    elif found.st_size > limit:
        seen.skipped.append((key, f"larger than {limit / (1 << 20):.4g} MB"))
    else:
        seen.files[key] = File(path, key, found.st_size, found.st_mtime_ns)
