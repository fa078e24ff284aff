"""The form of a backup: a tar of members with a manifest at its end, which says whether all of it is there unchanged.

An archive gets its name only when it is whole and synced. Nothing is ever unpacked by the names in it: a member with a
name that is not one of ours makes the archive a damaged one.
"""

import errno
import hashlib
import json
import os
import re
import secrets
import struct
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, cast
from uuid import UUID

from ...errors import Conflict, InvalidInput, StorageFull, StoreUnavailable
from ...keys.cipher import sync_directory
from ...types import utc_now

Kind = Literal["content", "keys"]

FORMAT = 1
_MANIFEST = "manifest.json"
_NAME = re.compile(
    r"tables/[a-z_]{1,63}\.jsonl|files/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|clears\.log|keys/[a-z.]{1,31}"
)
_LONGEST_MANIFEST = 1 << 20
_BLOCK = 1 << 20
_BAD = (tarfile.TarError, ValueError, KeyError, TypeError, EOFError, OverflowError, struct.error)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself. `schema` is the version of the tables, 0 for keys."""

    kind: Kind
    store_id: UUID
    made_at: datetime
    schema: int
    counts: Mapping[str, int]


class ArchiveWriter:
    """Adds members one after another."""

    def __init__(self, file: BinaryIO, kind: Kind, store_id: UUID, schema: int) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  (see finish)
        self._sum = hashlib.sha256()
        self._made_at = utc_now()
        self._head = {"format": FORMAT, "kind": kind, "store_id": str(store_id), "schema": schema}
        self.counts: dict[str, int] = {}

    def add(self, name: str, stream: IO[bytes], size: int) -> None:
        """Add a member of exactly `size` bytes."""
        reading = _Summing(stream)
        self._put(name, reading, size)
        self._sum.update(_line(name, size, reading.digest.hexdigest()))

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add a small member."""
        self.add(name, BytesIO(data), len(data))

    def add_spool(self, name: str, spool: "Spool") -> None:
        """Add what was written to a spool."""
        size = spool.mark().offset
        self.add(name, spool.whole(), size)

    def finish(self) -> None:
        """Write the manifest and the end of the archive."""
        manifest = {**self._head, "made_at": self._made_at.isoformat(), "counts": self.counts}
        manifest["sha256"] = _seal(self._sum, manifest)
        data = json.dumps(manifest, indent=2).encode()
        self._put(_MANIFEST, BytesIO(data), len(data))
        self._tar.close()

    def _put(self, name: str, stream: Any, size: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, int(self._made_at.timestamp())
        self._tar.addfile(info, stream)
        self._tar.members = []  # type: ignore[attr-defined]  # it would keep an object for each member


class Archive:
    """An archive whose every byte was checked when it was opened."""

    def __init__(self, file: BinaryIO, kind: Kind) -> None:
        self._file = file
        self.manifest = self._check(kind)

    def members(self) -> Iterator[tuple[str, IO[bytes]]]:
        """Name and content of each member, in the order they were added, without the manifest."""
        for info, stream in self._walk():
            if info.name != _MANIFEST:
                yield info.name, stream

    def read(self, name: str) -> bytes | None:
        """The content of a small member; None when there is no such member."""
        return next((stream.read() for found, stream in self.members() if found == name), None)

    def _check(self, kind: Kind) -> Manifest:
        total = hashlib.sha256()
        manifest: dict[str, Any] | None = None
        for info, stream in self._walk():
            if manifest is not None or not (info.name == _MANIFEST or _NAME.fullmatch(info.name)):
                raise ValueError(info.name)
            if info.name == _MANIFEST:
                manifest = json.loads(stream.read(_LONGEST_MANIFEST))
                continue
            digest = hashlib.sha256()
            while block := stream.read(_BLOCK):
                digest.update(block)
            total.update(_line(info.name, info.size, digest.hexdigest()))
        if manifest is None or manifest.pop("sha256") != _seal(total, manifest):
            raise ValueError("manifest")
        if manifest["format"] > FORMAT:
            raise InvalidInput("This backup was made by a newer docchat. Install that version or newer.")
        if manifest["kind"] != kind:
            raise InvalidInput(f"This is a backup of {manifest['kind']}, not of {kind}.", code="other_backup")
        made_at = datetime.fromisoformat(manifest["made_at"])
        return Manifest(kind, UUID(manifest["store_id"]), made_at, manifest["schema"], manifest["counts"])

    def _walk(self) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
        self._file.seek(0)
        with tarfile.open(fileobj=self._file, mode="r:") as tar:
            while (info := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]
                stream = tar.extractfile(info) if info.type == tarfile.REGTYPE else None
                if stream is None:
                    raise ValueError(info.name)
                yield info, stream


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a spool."""

    offset: int
    lines: int


class Spool:
    """A member whose length is not known yet, on disk without a name, and a way to take the last of it back."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lines = 0
        self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=directory))  # noqa: SIM115  (see __exit__)

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, values: Mapping[str, Any]) -> None:
        """Add a line of JSON."""
        self.write_bytes(json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
        self.lines += 1

    def write_bytes(self, data: bytes) -> None:
        """Add bytes."""
        self._file.write(data)

    def mark(self) -> Mark:
        """Where the next line goes."""
        return Mark(self._file.tell(), self.lines)

    def rewind(self, mark: Mark) -> None:
        """Forget what was written after `mark`."""
        self._file.seek(mark.offset)
        self._file.truncate()
        self.lines = mark.lines

    def whole(self) -> BinaryIO:
        """All of it, to be read."""
        self._file.seek(0)
        return self._file


@contextmanager
def creating(path: Path, *, kind: Kind, store_id: UUID, schema: int = 0) -> Iterator[ArchiveWriter]:
    """A new archive at `path`, whole when the block ends and not there at all when it raises.

    Raises Conflict when something is there already, StorageFull, StoreUnavailable.
    """
    if path.exists():
        raise Conflict(f"{path} exists already; a backup is never written over another.", code="exists")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with told(path):
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                writer = ArchiveWriter(file, kind, store_id, schema)
                yield writer
                writer.finish()
                file.flush()
                os.fsync(descriptor)
            os.link(draft, path)  # unlike a rename, a link never replaces a file
        finally:
            draft.unlink(missing_ok=True)
        sync_directory(path.parent)


@contextmanager
def opened(path: Path, kind: Kind) -> Iterator[Archive]:
    """An archive to read, checked from its first to its last byte before anything else. Raises InvalidInput."""
    with told(path), path.open("rb") as file:
        try:
            archive = Archive(file, kind)
        except _BAD as error:
            raise InvalidInput(
                f"{path} is no backup of docchat's, or it is damaged or cut short. Nothing was changed.",
                code="bad_backup",
            ) from error
        yield archive


@contextmanager
def told(path: Path) -> Iterator[None]:
    """An OSError leaves as an error for people that names the file."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"The disk of {path} is full.") from error
        raise StoreUnavailable(f"{path}: {os.strerror(error.errno or 0)}.") from error


class _Summing:
    """A stream that is summed while it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.digest.update(data)
        return data


def _line(name: str, size: int, digest: str) -> bytes:
    return f"{digest} {size} {name}\n".encode()


def _seal(members: "hashlib._Hash", manifest: Mapping[str, Any]) -> str:
    total = members.copy()
    total.update(json.dumps(manifest, sort_keys=True).encode())
    return total.hexdigest()
