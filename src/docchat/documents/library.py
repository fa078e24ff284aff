"""The library: documents of people and of collections, kept, listed, shown, read again and deleted."""

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from ..config import Settings
from ..db import receipts
from ..db.engine import Database
from ..db.schema import collection as collection_table
from ..db.schema import document, document_page
from ..errors import InvalidInput, NotFound, StoreError
from ..jobs.queue import Job, put
from ..jobs.worker import Beat, Retry
from ..types import Document, DocumentState, Page, PageText, Receipt, new_id, utc_now
from . import boxes, sql_access, sql_removal
from .fetch import AllowList, Fetcher
from .file_store import FileStore
from .index import Index
from .names import DRAWN, shown_name
from .sandbox import Sandbox
from .scope import PERSONAL, Scope
from .sql_documents import COLUMNS, from_row
from .sql_intake import Intake, Taken, Upload, given
from .unlock import unlock

logger = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 200
_MOST_WORDS = 10
_SWEPT_AT_ONCE = 500
_TURN_SECONDS = 1.0
_LARGEST = (1 << 63) - 1  # of the databases' integers


class Library:
    """The documents of many people and collections. `owner` is who asks: what that person may do is asked of
    `sql_access` alone. A document or collection of others and an unknown one raise the same NotFound.
    """

    def __init__(self, database: Database, files: FileStore, index: Index, settings: Settings) -> None:
        self.database = database
        self.files = files
        self.index = index
        self.sandbox = Sandbox(
            seconds=settings.parse_seconds, memory=settings.parse_memory_bytes, languages=settings.ocr_languages
        )
        self._fetcher = Fetcher(AllowList(settings.fetch_allow), limit=settings.max_upload_bytes)
        self.intake = Intake(database, files, limit=settings.max_upload_bytes)

    def add(
        self, *, owner: str, name: str, stream: BinaryIO, media_type: str, collection: UUID | None = None
    ) -> Document:
        """Take a file into the own library or a collection; it is read in the background.

        Raises InvalidInput with code empty_file, TooLarge, StorageFull, NotFound and NotAllowed for a collection;
        nothing is kept then.
        """
        if collection is not None:  # before the file is taken; asked once more when it is
            with self.database.read() as connection:
                sql_access.shelf(connection, owner, collection, need="writer")
        upload = Upload(name, media_type, lambda: given(stream))
        added: list[Document] = []

        def load(connection: Connection, taken: Sequence[Taken]) -> None:
            for one in taken:
                if one.error is not None:
                    raise one.error
                added.append(from_row(sql_access.load(connection, owner, one.document_id, COLUMNS)))

        self.intake.take(owner=owner, uploads=[upload], collection=collection, beside=load)
        return added[0]

    def fetch(self, *, owner: str, url: str, collection: UUID | None = None) -> Document:
        """Take a file from the web in, as `add` does.

        Raises InvalidInput (fetch_off, url_not_allowed, fetch_failed), Overloaded, and what `add` raises.
        """
        if collection is not None:
            with self.database.read() as connection:
                sql_access.shelf(connection, owner, collection, need="writer")
        found = self._fetcher.fetch(url)
        return self.add(
            owner=owner, name=found.name, stream=found.stream(), media_type=found.media_type, collection=collection
        )

    def get(self, *, owner: str, document_id: UUID) -> Document:
        """One document. Raises NotFound."""
        with self.database.read() as connection:
            return from_row(sql_access.load(connection, owner, document_id, COLUMNS))

    def list(
        self,
        *,
        owner: str,
        cursor: str | None = None,
        limit: int = 50,
        collection: UUID | None = PERSONAL,
        state: DocumentState | None = None,
    ) -> Page[Document]:
        """The documents of the own library (PERSONAL), of a collection, or all that `owner` may read (None).

        Newest first; with `state` only those in that state. Raises InvalidInput for a cursor that is none, NotFound
        for a collection of others.
        """
        limit = max(1, min(limit, _MOST))
        query = (
            select(*COLUMNS, document.c.no)
            .order_by(document.c.created_at.desc(), document.c.no.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            instant, number = _from_cursor(cursor)
            at, no = document.c.created_at, document.c.no
            query = query.where(or_(at < instant, and_(at == instant, no < number)))
        if state is not None:
            query = query.where(document.c.state == state)
        with self.database.read() as connection:
            rows = connection.execute(query.where(sql_access.readable(connection, owner, collection))).all()
        found = tuple(from_row(row._mapping) for row in rows[:limit])
        following = None
        if len(rows) > limit:
            following = f"{(found[-1].created_at - _EPOCH) // timedelta(microseconds=1):x}-{rows[limit - 1].no:x}"
        return Page(found, following)

    def named(self, *, owner: str, name: str, limit: int = 20) -> tuple[Document, ...]:
        """The newest documents that `owner` may read whose names hold each word of `name`, in any case."""
        query = select(*COLUMNS).order_by(document.c.created_at.desc(), document.c.no.desc())
        for word in name.split()[:_MOST_WORDS]:
            # SQLite knows the case of ASCII letters only.
            forms = {word, word.lower(), word.upper(), word.capitalize()}
            query = query.where(or_(*(document.c.name.icontains(form, autoescape=True) for form in sorted(forms))))
        with self.database.read() as connection:
            rows = connection.execute(query.where(sql_access.readable(connection, owner)).limit(limit)).all()
        return tuple(from_row(row._mapping) for row in rows)

    def counts(self, *, owner: str, collection: UUID | None = None) -> dict[DocumentState, int]:
        """How many documents of these are in each state; None: all that `owner` may read. Raises NotFound."""
        query = select(document.c.state, func.count()).group_by(document.c.state)
        with self.database.read() as connection:
            rows = connection.execute(query.where(sql_access.readable(connection, owner, collection))).all()
        return {DocumentState(state): count for state, count in rows}

    def delete(self, *, owner: str, document_id: UUID) -> Receipt:
        """Delete a document with its passages, its words in the index and its original. Raises NotFound, NotAllowed."""
        with self.database.write() as connection:
            row = sql_access.load(connection, owner, document_id, document.c, change=True)
            buried = sql_removal.bury(connection, self.index, row)
            written = Receipt(new_id(), None, "document", buried.counts, utc_now(), document_id=document_id)
            receipts.write(connection, written, owner=owner, scope=buried.scope)
            put(connection, kind="reclaim", subject="documents")
        try:
            self.files.delete(document_id=document_id)
        except StoreError as error:  # the job that was put above repeats it
            logger.warning("document %s: its original is not removed yet: %s", document_id, error.code)
        return written

    def retry(self, *, owner: str, document_id: UUID) -> Document:
        """Read a document again that failed or whose reading was given up; a ready one stays.

        Raises NotFound, NotAllowed.
        """
        with self.database.write() as connection:
            found = sql_access.load(connection, owner, document_id, COLUMNS, change=True)
            if found["state"] != DocumentState.READY:
                values = {"state": DocumentState.QUEUED, "error": None, "error_code": None}
                connection.execute(update(document).where(document.c.id == document_id).values(values))
                put(connection, kind="ingest", subject=str(document_id))
            return from_row(sql_access.load(connection, owner, document_id, COLUMNS))

    def unlock(self, *, owner: str, document_id: UUID, password: str) -> Document:
        """Read a document that waits for its password; see `unlock.unlock` for what it raises."""
        return unlock(
            self.database, self.index, self.files, self.sandbox, owner=owner, document_id=document_id, password=password
        )

    def rename(self, *, document_id: UUID, name: str) -> None:
        """Give a document the name that its file has now; it is found by that from here on."""
        with self.database.write() as connection:
            query = select(document.c.no).where(document.c.id == document_id, document.c.state != DocumentState.DELETED)
            no = connection.execute(query.with_for_update()).scalar_one_or_none()
            if no is not None:
                name = shown_name(name)
                connection.execute(update(document).where(document.c.no == no).values(name=name))
                self.index.rename(connection, document_no=no, name=name)

    def page(self, *, owner: str, document_id: UUID, number: int) -> PageText:
        """Page `number` (1-based) of a document that is ready. Raises NotFound."""
        query = (
            select(document_page.c.number, document_page.c.label, document_page.c.text, document_page.c.boxes)
            .join(document, document.c.no == document_page.c.document_no)
            .where(
                document.c.id == document_id,
                document.c.state == DocumentState.READY,
                document_page.c.number == number,
            )
        )
        with self.database.read() as connection:
            row = connection.execute(query.where(sql_access.readable(connection, owner))).first()
        if row is None:
            raise NotFound
        return PageText(row.number, row.label, row.text, boxes.unpack(row.boxes))

    def original(self, *, owner: str, document_id: UUID) -> Iterator[bytes]:
        """The file as it was uploaded, in pieces. Raises NotFound, at once."""
        self.get(owner=owner, document_id=document_id)
        return self.files.open(document_id=document_id)

    def page_image(self, *, owner: str, document_id: UUID, number: int, width: int) -> bytes:
        """Page `number` of a PDF or picture as a PNG, `width` pixels wide. Raises NotFound, Unreadable.

        The first page also of one that is not read yet, or could not be.
        """
        found = self.get(owner=owner, document_id=document_id)
        if found.media_type not in DRAWN or not 1 <= number <= max(1, found.pages):
            raise NotFound
        content = self.files.open(document_id=document_id)
        picture = self.sandbox.render(content, number=number, width=width)
        self.get(owner=owner, document_id=document_id)  # deleted, or not shared any more, meanwhile?
        return picture

    def check(self, scope: Scope) -> None:
        """Raise NotFound unless each collection and document of `scope` is its owner's to read."""
        with self.database.read() as connection:
            for collection_id in scope.collections or ():
                sql_access.readable(connection, scope.owner, collection_id)
            for document_id in scope.documents:
                sql_access.load(connection, scope.owner, document_id, ())

    def drop_collection(self, job: Job, beat: Beat) -> None:
        """The job after a collection was deleted."""
        self.empty_collection(UUID(job.subject), beat)

    def empty_collection(self, collection_id: UUID, beat: Beat) -> None:
        """Take the documents of a deleted collection away, one in a transaction, then its row."""
        gone = collection_table.c.id == collection_id, collection_table.c.deleted_at.is_not(None)
        query = (
            select(document)
            .join(collection_table, collection_table.c.no == document.c.collection_no)
            .where(*gone)
            .order_by(document.c.no)
            .limit(1)
        )
        while True:
            with self.database.write() as connection:
                row = connection.execute(query.with_for_update(of=document)).first()
                if row is None:
                    connection.execute(delete(collection_table).where(*gone))
                    put(connection, kind="reclaim", subject="documents")
                    return
                sql_removal.bury(connection, self.index, row._mapping)
            self.files.delete(document_id=row.id)
            beat()

    def remove(self, job: Job, beat: Beat) -> None:
        """The job after a long document was deleted: its rows go, a second at a time so that others have a turn."""
        until = time.monotonic() + _TURN_SECONDS
        while sql_removal.remove_some(self.database, self.index, UUID(job.subject)):
            if time.monotonic() > until:
                raise Retry("others have a turn", delay=0.0)

    def finish_removals(self) -> int:
        """Take away what is left of deleted documents, without waiting for the jobs; how many there were."""
        found = sql_removal.unfinished(self.database)
        for document_id in found:
            while sql_removal.remove_some(self.database, self.index, document_id):
                pass
        return len(found)

    def missing(self, *, owner: str, document_ids: Sequence[UUID]) -> frozenset[UUID]:
        """Those of `document_ids` that are deleted, or not the owner's to read any more."""
        return sql_removal.missing(self.database, owner, document_ids)

    def sweep_orphans(self, older_than_seconds: float = 600.0) -> int:
        """Delete originals without a document, which a crash between file and row leaves; how many they were.

        Younger ones stay: their rows may be on the way. Call it every hour or so, on the same Library.
        """
        swept = 0
        ids = list(dict.fromkeys(self.files.ids_older_than(older_than_seconds)))
        for start in range(0, len(ids), _SWEPT_AT_ONCE):
            some = ids[start : start + _SWEPT_AT_ONCE]
            with self.database.read() as connection:
                known = set(connection.execute(select(document.c.id).where(document.c.id.in_(some))).scalars())
            for document_id in some:
                if document_id not in known:
                    self.files.delete(document_id=document_id)
                    swept += 1
        if swept:
            logger.info("%d originals without a document were deleted", swept)
        return swept

    def close(self) -> None:
        """End the helper process of this process; the next use starts another."""
        self.sandbox.close()


def _from_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        instant, number = (int(piece, 16) for piece in cursor.split("-"))
        if number > _LARGEST:
            raise InvalidInput("This cursor is none of ours.", code="bad_cursor")
        return _EPOCH + timedelta(microseconds=instant), number
    except (ValueError, OverflowError) as error:
        raise InvalidInput("This cursor is none of ours.", code="bad_cursor") from error
