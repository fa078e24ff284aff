"""Reading a document in the background: original to pages, passages and index, or to a reason why not."""

from collections.abc import Mapping
from uuid import UUID

from ..config import Settings
from ..errors import NotFound, Unreadable
from ..jobs.queue import Job
from ..jobs.worker import MAX_ATTEMPTS, Beat, Handler, Retry
from . import sql_documents, sql_rewrite
from .cutting import batches
from .ingest_round import MISSING, Round, Told
from .library import Library

__all__ = ["TIRELESS", "Ingest", "batches", "handlers"]

TIRELESS = frozenset({"remove_document", "remove_original", "optimize_index", "drop_collection", sql_rewrite.KIND})
"""Kinds that are never given up: what was promised with a deletion."""


def handlers(library: Library, settings: Settings) -> Mapping[str, Handler]:
    """The handlers of every kind of job that documents ask for, for a Worker."""

    def remove_original(job: Job, beat: Beat) -> None:
        library.files.delete(document_id=UUID(job.subject))
        with library.database.write() as connection:
            sql_rewrite.ask(connection, [sql_rewrite.ORIGINALS])

    def rewrite_table(job: Job, beat: Beat) -> None:
        sql_rewrite.handler(library.database, job, beat)

    def optimize_index(job: Job, beat: Beat) -> None:
        library.index.optimize(beat)
        # What it dropped stands in the main file until the log is moved there.
        if not library.database.checkpoint():
            raise Retry("a reader holds the write-ahead log")

    return {
        "ingest": Ingest(library, settings),
        "remove_original": remove_original,
        "optimize_index": optimize_index,
        "remove_document": library.remove,
        sql_rewrite.KIND: rewrite_table,
        "drop_collection": library.drop_collection,
    }


class Ingest:
    """The handler of `ingest` jobs; `job.subject` is the document's id. May be run again at any point.

    A first try is a turn for all that is due; after a failure each document is read alone.
    """

    def __init__(self, library: Library, settings: Settings) -> None:
        self._library = library

    def __call__(self, job: Job, beat: Beat) -> None:
        """Read the document. What cannot be read is marked as failed for good; other errors are left to the worker."""
        document_id = UUID(job.subject)
        settled = False
        try:
            if job.attempts == 1:
                Round(self._library, job, beat).run()
            elif job.attempts <= MAX_ATTEMPTS:
                self._read(document_id, beat)
            settled = job.attempts <= MAX_ATTEMPTS
        except Unreadable as error:
            self._fail(document_id, error.message, error.code)
            settled = True
        finally:
            # The last try, or one whose process died each time: the document must not stay in "reading".
            if not settled and job.attempts >= MAX_ATTEMPTS:
                self._fail(document_id, "Reading this file failed several times.", "reader_failed")

    def _fail(self, document_id: UUID, message: str, code: str) -> None:
        library = self._library
        sql_documents.fail(library.database, library.index, document_id, message=message, code=code)

    def _read(self, document_id: UUID, beat: Beat) -> None:
        library = self._library
        claimed = sql_documents.begin(library.database, library.index, document_id)
        if claimed is None:
            return
        try:
            content = library.files.open(document_id=document_id)
        except NotFound as error:
            raise Unreadable(MISSING, code="file_missing") from error
        told = Told(library.database, claimed)
        parts = library.sandbox.read(content, name=claimed.document.name, beat=beat, told=told)
        for batch in batches(parts):
            beat()
            if not sql_documents.store(library.database, library.index, claimed, batch):
                return
