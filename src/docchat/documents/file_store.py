"""The FileStore protocol, and the measuring of a file on its way into any store."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol
from uuid import UUID

from ..errors import TooLarge

PIECE = 1024 * 1024
"""Bytes that are in memory at a time while a file is stored or read."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store knows of a file it took: size in bytes, SHA-256 in hexadecimal, and its first bytes."""

    size: int
    sha256: str
    start: bytes


class FileStore(Protocol):
    """Keeps originals by document id. Names given by clients never reach it."""

    def write(self, *, document_id: UUID, stream: BinaryIO, limit: int) -> Stored:
        """Take a stream in; it is there, and durable, after `settle`. Raises as `put` does."""

    def settle(self, document_ids: Sequence[UUID]) -> None:
        """Make written files durable, all together. Raises StorageFull, StoreError; some may be there then."""

    def put(self, *, document_id: UUID, stream: BinaryIO, limit: int) -> Stored:
        """Store a stream, durable before this returns. Raises TooLarge over `limit` bytes, StorageFull."""

    def open(self, *, document_id: UUID) -> Iterator[bytes]:
        """The file in pieces of at most PIECE bytes. Raises NotFound, at once."""

    def delete(self, *, document_id: UUID) -> None:
        """Remove a file; one that is not there is no error."""

    def ids(self) -> Iterator[UUID]:
        """The ids of all stored files."""

    def ids_older_than(self, seconds: float) -> Iterator[UUID]:
        """The ids of files, half ones too, that nothing was written to for so long.

        A store that cannot tell when it was given a file counts from when it was first asked for it here.
        """


class Intake:
    """Passes the pieces of a stream on while it measures them. Raises TooLarge over `limit` bytes."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._digest = hashlib.sha256()
        self._size = 0
        self._start = b""

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._stream.read(PIECE):
            self._size += len(piece)
            if self._size > self._limit:
                megabytes = self._limit / (1024 * 1024)
                raise TooLarge(f"This file is too large. The largest may have {megabytes:.4g} MB.")
            self._digest.update(piece)
            self._start = self._start or piece[:1024]
            yield piece

    def stored(self) -> Stored:
        """What went through."""
        return Stored(self._size, self._digest.hexdigest(), self._start)
