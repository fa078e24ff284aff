"""Stores of originals: one contract over a directory and a database, with looks below it."""

import errno
import hashlib
import io
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from docchat.db.engine import Database
from docchat.db.migrate import migrate
from docchat.documents.file_store import PIECE, FileStore
from docchat.documents.files import DirectoryFileStore
from docchat.documents.sql_files import SqlFileStore
from docchat.errors import NotFound, StorageFull, StoreError, TooLarge


@pytest.fixture(params=["directory", "database"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileStore]:
    if request.param == "directory":
        yield DirectoryFileStore(tmp_path / "files")
    else:
        database = Database(request.getfixturevalue("postgres_url"))
        migrate(database)
        yield SqlFileStore(database)
        database.close()


def test_what_goes_in_comes_out(store: FileStore) -> None:
    data = os.urandom(PIECE * 2 + 17)
    name = uuid4()
    stored = store.put(document_id=name, stream=io.BytesIO(data), limit=PIECE * 3)
    assert (stored.size, stored.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert stored.start == data[:1024]
    pieces = list(store.open(document_id=name))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= PIECE
    assert list(store.ids()) == [name]
    store.delete(document_id=name)
    store.delete(document_id=name)
    assert list(store.ids()) == []
    with pytest.raises(NotFound):
        store.open(document_id=name)


def test_too_large_leaves_nothing(store: FileStore) -> None:
    with pytest.raises(TooLarge):
        store.put(document_id=uuid4(), stream=io.BytesIO(b"x" * 101), limit=100)
    assert list(store.ids()) == []


def test_a_stream_that_breaks_leaves_nothing(store: FileStore) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > PIECE:
                raise ConnectionResetError
            return super().read(size)

    with pytest.raises((ConnectionResetError, StoreError)):
        store.put(document_id=uuid4(), stream=Broken(bytes(PIECE * 4)), limit=PIECE * 8)
    assert list(store.ids()) == []


def test_many_are_written_and_made_durable_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DirectoryFileStore(tmp_path / "files")
    synced: list[str] = []
    monkeypatch.setattr("docchat.documents.files._sync", lambda path: synced.append(path.name))
    names = [uuid4() for _ in range(5)]
    for name in names:
        store.write(document_id=name, stream=io.BytesIO(name.bytes), limit=16)
    assert (list(store.ids()), synced) == ([], []), "none has its name before it is synced"
    store.settle(names)
    assert set(synced[:5]) == {f"{name}.part" for name in names}, "contents are synced before they get names"
    assert set(synced[5:]) == {"files", *(name.hex[:2] for name in names)}, "and the names after that"
    assert {name: b"".join(store.open(document_id=name)) for name in names} == {name: name.bytes for name in names}


def test_a_sync_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    store = DirectoryFileStore(tmp_path / "files")
    with monkeypatch.context() as patched:
        patched.setattr("docchat.documents.files._sync", broken)
        with pytest.raises(StoreError):
            store.put(document_id=uuid4(), stream=io.BytesIO(b"x"), limit=10)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_directory_is_private_and_holds_no_half_file(tmp_path: Path) -> None:
    store = DirectoryFileStore(tmp_path / "files")
    name = uuid4()
    store.put(document_id=name, stream=io.BytesIO(b"secret"), limit=10)
    paths = list((tmp_path / "files").rglob("*"))
    assert {path.name for path in paths} == {name.hex[:2], str(name)}
    for path in [tmp_path / "files", *paths]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_age_counts_whole_and_half_files(tmp_path: Path) -> None:
    directory = tmp_path / "files"
    store = DirectoryFileStore(directory)
    old, half, young = uuid4(), uuid4(), uuid4()
    for name in (old, half, young):
        store.put(document_id=name, stream=io.BytesIO(b"secret"), limit=10)
    (directory / half.hex[:2] / str(half)).rename(directory / half.hex[:2] / f"{half}.part")
    (directory / old.hex[:2] / "notes").write_text("of somebody else")
    for path in directory.glob("??/*"):
        if young.hex not in path.name.replace("-", ""):
            os.utime(path, (time.time() - 700, time.time() - 700))
    assert set(store.ids_older_than(600)) == {old, half}
    store.delete(document_id=half)
    assert set(store.ids_older_than(600)) == {old}
    assert {old, young} <= set(store.ids_older_than(0))


def test_age_in_a_database_counts_from_the_first_look(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqlFileStore(database)
    name = uuid4()
    store.put(document_id=name, stream=io.BytesIO(b"secret"), limit=10)
    assert list(store.ids_older_than(600)) == []
    later = time.monotonic() + 700
    monkeypatch.setattr("docchat.documents.sql_files.time.monotonic", lambda: later)
    assert list(store.ids_older_than(600)) == [name]
    store.delete(document_id=name)
    assert list(store.ids_older_than(600)) == []


def test_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = DirectoryFileStore(tmp_path / "files")
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(StorageFull):
            store.put(document_id=uuid4(), stream=io.BytesIO(b"x"), limit=10)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
