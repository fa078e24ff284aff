"""Originals inside the database, in parts, for servers that share nothing but PostgreSQL."""

import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import delete, insert, select

from ..db.engine import Database
from ..db.schema import original_part
from ..errors import NotFound
from .file_store import Intake, Stored


class SqlFileStore:
    """Keeps each file as numbered parts of at most one megabyte, so that none has to be in memory whole."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._first_seen: dict[UUID, float] = {}

    def put(self, *, document_id: UUID, stream: BinaryIO, limit: int) -> Stored:
        """Store a stream in one transaction. Raises TooLarge over `limit` bytes, StorageFull."""
        intake = Intake(stream, limit)
        with self._database.write() as connection:
            connection.execute(delete(original_part).where(original_part.c.document_id == document_id))
            for number, piece in enumerate(intake):
                values = {"document_id": document_id, "number": number, "data": piece}
                connection.execute(insert(original_part), values)  # as parameters: statements are cached
        return intake.stored()

    write = put

    def settle(self, document_ids: Sequence[UUID]) -> None:
        """Nothing is left to do: each was committed."""

    def open(self, *, document_id: UUID) -> Iterator[bytes]:
        """The file in pieces of at most PIECE bytes. Raises NotFound, at once."""
        first = self._part(document_id, 0)
        if first is None:
            raise NotFound("The file of this document is missing.")
        return self._parts(document_id, first)

    def delete(self, *, document_id: UUID) -> None:
        """Remove a file; one that is not there is no error."""
        with self._database.write() as connection:
            connection.execute(delete(original_part).where(original_part.c.document_id == document_id))

    def ids(self) -> Iterator[UUID]:
        """The ids of all stored files."""
        with self._database.read() as connection:
            query = select(original_part.c.document_id).where(original_part.c.number == 0)
            found = connection.execute(query).scalars().all()
        yield from found

    def ids_older_than(self, seconds: float) -> Iterator[UUID]:
        """The ids of files that this object was first asked for here so long ago; the table knows no times."""
        now = time.monotonic()
        self._first_seen = {found: self._first_seen.get(found, now) for found in self.ids()}
        yield from [found for found, since in self._first_seen.items() if now - since >= seconds]

    def _parts(self, document_id: UUID, first: bytes) -> Iterator[bytes]:
        part: bytes | None = first
        number = 0
        while part is not None:
            yield part
            number += 1
            part = self._part(document_id, number)

    def _part(self, document_id: UUID, number: int) -> bytes | None:
        query = select(original_part.c.data).where(
            original_part.c.document_id == document_id, original_part.c.number == number
        )
        with self._database.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return None if found is None else bytes(found)
