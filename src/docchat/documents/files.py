"""Originals of documents as files of a directory, and the choice of the store that fits the database."""

import contextlib
import errno
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from ..config import Settings
from ..db.engine import Database
from ..errors import NotFound, StorageFull, StoreError
from .file_store import PIECE, FileStore, Intake, Stored
from .sql_files import SqlFileStore

__all__ = ["DirectoryFileStore", "FileStore", "make_files"]

_HALF = ".part"
_SYNCS_AT_ONCE = 8  # a disk syncs eight files as fast as one
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DirectoryFileStore:
    """Originals as files `<two hex digits>/<uuid>` of a directory; directories 0700, files 0600.

    A file gets its name only when it is whole and synced, so a crash leaves no half document.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, *, document_id: UUID, stream: BinaryIO, limit: int) -> Stored:
        """Store a stream, durable before this returns. Raises TooLarge over `limit` bytes, StorageFull."""
        stored = self.write(document_id=document_id, stream=stream, limit=limit)
        try:
            self.settle([document_id])
        except BaseException:
            self.delete(document_id=document_id)
            raise
        return stored

    def write(self, *, document_id: UUID, stream: BinaryIO, limit: int) -> Stored:
        """Write a stream to a file without its name. Raises TooLarge over `limit` bytes, StorageFull."""
        path = self._path(document_id)
        temporary = path.with_suffix(_HALF)
        intake = Intake(stream, limit)
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            try:
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
                with os.fdopen(descriptor, "wb", buffering=0) as file:
                    for piece in intake:
                        _write_all(file.fileno(), piece)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise _translate(error) from error
        return intake.stored()

    def settle(self, document_ids: Sequence[UUID]) -> None:
        """Sync written files, give them their names and sync these. Raises StorageFull, StoreError."""
        paths = [self._path(document_id) for document_id in document_ids]
        try:
            _sync_all([path.with_suffix(_HALF) for path in paths])
            for path in paths:
                path.with_suffix(_HALF).rename(path)
            _sync_all([self._directory, *{path.parent for path in paths}])
        except OSError as error:
            raise _translate(error) from error

    def open(self, *, document_id: UUID) -> Iterator[bytes]:
        """The file in pieces of at most PIECE bytes. Raises NotFound, at once."""
        try:
            file = self._path(document_id).open("rb")
        except FileNotFoundError as error:
            raise NotFound("The file of this document is missing.") from error
        except OSError as error:
            raise _translate(error) from error
        return _pieces(file)

    def delete(self, *, document_id: UUID) -> None:
        """Remove a file; one that is not there is no error."""
        path = self._path(document_id)
        try:
            path.with_suffix(_HALF).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            if path.parent.exists():
                _sync(path.parent)
        except OSError as error:
            raise _translate(error) from error

    def ids(self) -> Iterator[UUID]:
        """The ids of all stored files."""
        for path in self._directory.glob("??/*"):
            if not path.suffix:
                yield UUID(path.name)

    def ids_older_than(self, seconds: float) -> Iterator[UUID]:
        """The ids of files, half ones too, that nothing was written to for so long."""
        latest = time.time() - seconds
        for path in self._directory.glob("??/*"):
            with contextlib.suppress(ValueError, FileNotFoundError):  # no file of ours, or gone meanwhile
                document_id = UUID(path.stem)
                if path.stat().st_mtime <= latest:
                    yield document_id

    def _path(self, document_id: UUID) -> Path:
        return self._directory / document_id.hex[:2] / str(document_id)


def make_files(database: Database, settings: Settings) -> FileStore:
    """The store that fits the database: a directory beside SQLite, the database itself when it is PostgreSQL."""
    if database.is_sqlite:
        return DirectoryFileStore(settings.data_dir / "files")
    return SqlFileStore(database)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _write_all(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_all(paths: Sequence[Path]) -> None:
    if len(paths) <= 2:
        for path in paths:
            _sync(path)
        return
    with ThreadPoolExecutor(_SYNCS_AT_ONCE, thread_name_prefix="docchat-sync") as pool:
        list(pool.map(_sync, paths))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _translate(error: OSError) -> StoreError:
    return StorageFull() if error.errno in _FULL else StoreError("The file could not be stored or read.")
