"""Taking many files into a library at once: stored side by side, their rows written in one transaction."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import Connection, insert

from ..db.engine import Database
from ..db.schema import document
from ..errors import DocChatError, InvalidInput
from ..jobs.queue import put
from ..types import DocumentState, new_id, utc_now
from . import sql_access
from .file_store import FileStore, Stored
from .names import media_type as find_media_type
from .names import shown_name

_AT_ONCE = 8
"""Files that are written at a time; while text is read and cut beside it, one would wait for its turn all the time."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to take in. `open` gives its content, once."""

    name: str
    media_type: str
    open: Callable[[], contextlib.AbstractContextManager[BinaryIO]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an upload: a queued document, by its id, with the SHA-256 of its content; or an error."""

    document_id: UUID
    sha256: str = ""
    error: DocChatError | OSError | None = None


Beside = Callable[[Connection, Sequence[Taken]], None]


class Intake:
    """Takes files in for `owner`, into the own library or a collection."""

    def __init__(self, database: Database, files: FileStore, *, limit: int) -> None:
        self._database = database
        self._files = files
        self._limit = limit

    def take(
        self, *, owner: str, uploads: Sequence[Upload], collection: UUID | None = None, beside: Beside | None = None
    ) -> list[Taken]:
        """Store the files and queue them for reading; one that is refused never stops the others.

        `beside` may write in the same transaction. Raises NotFound and NotAllowed for a collection, StoreError.
        """
        stored = self._written(uploads)
        kept: list[UUID] = []
        try:
            self._files.settle([key for key, found, error in stored if found is not None and error is None])
            taken = [Taken(key, "" if found is None else found.sha256, error) for key, found, error in stored]
            with self._database.write() as connection:
                no = None if collection is None else sql_access.hold(connection, owner, collection).no
                rows = [
                    _row(owner, no, upload, key, found)
                    for upload, (key, found, error) in zip(uploads, stored, strict=True)
                    if found is not None and error is None
                ]
                if rows:
                    connection.execute(insert(document), rows)
                for row in rows:
                    put(connection, kind="ingest", subject=str(row["id"]))
                if beside is not None:
                    beside(connection, taken)
            kept = [one.document_id for one in taken if one.error is None]
            return taken
        finally:
            for key, found, _ in stored:
                if found is not None and key not in kept:
                    self._files.delete(document_id=key)

    def _written(self, uploads: Sequence[Upload]) -> "list[tuple[UUID, Stored | None, DocChatError | OSError | None]]":
        if len(uploads) == 1:
            return [self._write(uploads[0])]
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="docchat-store") as pool:
            return list(pool.map(self._write, uploads))

    def _write(self, upload: Upload) -> tuple[UUID, Stored | None, DocChatError | OSError | None]:
        key = new_id()
        try:
            with upload.open() as stream:
                stored = self._files.write(document_id=key, stream=stream, limit=self._limit)
        except (DocChatError, OSError) as error:
            return key, None, error
        if stored.size == 0:
            return key, stored, InvalidInput("This file is empty.", code="empty_file")
        return key, stored, None


def _row(owner: str, collection_no: int | None, upload: Upload, key: UUID, stored: Stored) -> dict[str, object]:
    name = shown_name(upload.name)
    return {
        "id": key,
        "owner": owner,
        "collection_no": collection_no,
        "name": name,
        "media_type": find_media_type(name, upload.media_type, stored.start),
        "size": stored.size,
        "sha256": stored.sha256,
        "state": DocumentState.QUEUED,
        "created_at": utc_now(),
    }


@contextlib.contextmanager
def given(stream: BinaryIO) -> Iterator[BinaryIO]:
    """A stream that somebody else closes, for an Upload."""
    yield stream
