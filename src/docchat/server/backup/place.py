"""Who may restore: one process, alone, and into a library that is empty unless it is to be replaced."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ...config import Settings
from ...db.engine import Database
from ...errors import ConfigError, Conflict
from ..holders import holders, sqlite_files
from . import sql_place
from .archive import told

_IN_USE = "Stop every docchat that uses this data first: "


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """The only process at this data: no server runs, and none starts meanwhile. Raises Conflict."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with told(settings.data_dir):
        descriptor = os.open(settings.data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(descriptor)
        database = Database(settings.effective_database_url, timeout=settings.store_timeout_seconds)
        if database.is_sqlite:
            files = (*sqlite_files(sql_place.path_of(database)), settings.data_dir / "keys" / "slots.bin")
            users = [str(holder) for holder in holders(files)]
        else:
            users = sql_place.other_connections(database)
        if users:
            raise Conflict(_IN_USE + ", ".join(users) + ".", code="in_use")
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise ConfigError("The data directory cannot be locked.") from error
        raise Conflict(_IN_USE + "one is just starting.", code="in_use") from error
