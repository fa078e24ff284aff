"""Files in the data directory that are none of docchat's own: copies of a chat or of its keys may stand in them."""

import re
from collections.abc import Iterator
from pathlib import Path

from .wanted import Wanted

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OURS = re.compile(rf"secret\.key|keys/(master\.key|slots\.bin)|files/[0-9a-f]{{2}}/{_UUID}(\.part)?")
_SQLITE_ENDINGS = ("", "-wal", "-shm", "-journal")


def strays(wanted: Wanted) -> Iterator[tuple[Path, str]]:
    """Every file that docchat does not know, and every one named after what is gone."""
    directory = Path(wanted.data_dir)
    named = [name for name in (wanted.database, wanted.keyring) if name]
    databases = {Path(name + ending) for name in named for ending in _SQLITE_ENDINGS}
    gone = {*wanted.documents, *(chat.id for chat in wanted.chats)}
    names = {name.replace("-", "") for name in gone}
    for path in sorted(directory.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        if any(name in path.name.replace("-", "") for name in names):
            yield path, "a file that is named after it"
        elif path not in databases and not _OURS.fullmatch(path.relative_to(directory).as_posix()):
            yield path, "not a file of docchat's: look whether it is a copy, and remove it"


def count(directory: Path) -> int:
    """How many files there are."""
    return sum(path.is_file() for path in directory.rglob("*"))
