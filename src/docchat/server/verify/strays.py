"""Files in the data directory that are none of docchat's own: copies of a chat or of its keys may stand in them."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from .wanted import Wanted

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OURS = re.compile(rf"secret\.key|keys/(master\.key|slots\.bin)|files/[0-9a-f]{{2}}/{_UUID}(\.part)?")
_SQLITE_ENDINGS = ("", "-wal", "-shm", "-journal")


def strays(wanted: Wanted) -> Iterator[tuple[Path, str]]:
    """Every file that docchat does not know, and every one named after what is gone."""
    directory = Path(wanted.data_dir)
    gone = {*wanted.documents, *(chat.id for chat in wanted.chats)}
    names = {name.replace("-", "") for name in gone}
    for path in files(directory):
        if any(name in path.name.replace("-", "") for name in names):
            yield path, "a file that is named after it"
    for path in unknown(directory, (wanted.database, wanted.keyring)):
        yield path, "not a file of docchat's: look whether it is a copy, and remove it"


def unknown(directory: Path, databases: Iterable[str]) -> Iterator[Path]:
    """Every file that is none of docchat's; `databases` are the paths of SQLite files, empty for none."""
    known = {Path(name + ending) for name in databases if name for ending in _SQLITE_ENDINGS}
    for path in files(directory):
        if path not in known and not _OURS.fullmatch(path.relative_to(directory).as_posix()):
            yield path


def files(directory: Path) -> Iterator[Path]:
    """Everything below a directory that is no directory itself."""
    return (path for path in sorted(directory.rglob("*")) if path.is_symlink() or not path.is_dir())


def count(directory: Path) -> int:
    """How many files there are."""
    return sum(1 for _ in files(directory))
