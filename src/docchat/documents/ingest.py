"""Reading a document in the background: original to pages, passages and index, or to a reason why not."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from ..config import Settings
from ..errors import NotFound, Unreadable
from ..jobs.queue import Job
from ..jobs.worker import MAX_ATTEMPTS, Beat, Handler, Retry
from ..types import PageText
from . import chunk, sql_documents, tables
from .formats.part import Part
from .index import Words
from .library import Library
from .sql_documents import Batch, PassageRow
from .terms import Known

BATCH = 400
"""Passages written in one transaction; the write lock is held for some tens of milliseconds."""
_LONGEST_LABEL = 120
_MOST_KNOWN = 65_536
TIRELESS = frozenset({"remove_document", "remove_original", "optimize_index", "drop_collection"})
"""Kinds that are never given up: what was promised with a deletion."""
_PLAIN_LABELS = ("Page ", "Slide ", "Part ", "Sheet ", "Message")


def handlers(library: Library, settings: Settings) -> Mapping[str, Handler]:
    """The handlers of every kind of job that documents ask for, for a Worker."""

    def remove_original(job: Job, beat: Beat) -> None:
        library.files.delete(document_id=UUID(job.subject))

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
        "drop_collection": library.drop_collection,
    }


class Ingest:
    """The handler of `ingest` jobs; `job.subject` is the document's id. May be run again at any point."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self._library = library

    def __call__(self, job: Job, beat: Beat) -> None:
        """Read the document. What cannot be read is marked as failed for good; other errors are left to the worker."""
        document_id = UUID(job.subject)
        settled = False
        try:
            if job.attempts <= MAX_ATTEMPTS:
                self._read(document_id, beat)
                settled = True
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
            raise Unreadable("The file of this document is missing. Upload it again.", code="file_missing") from error
        parts = library.sandbox.read(content, name=claimed.document.name, beat=beat)
        for batch in batches(parts):
            beat()
            if not sql_documents.store(library.database, library.index, claimed, batch):
                return


def passages_of(number: int, part: Part, known: Known | None = None) -> list[PassageRow]:
    """The passages of a part that is page `number`, each with its words for the index; `known` is as of `terms`."""
    seen = part.visible
    heads_at = tables.header(seen) if part.rows else None
    heads = seen[slice(*heads_at)] if heads_at else ""
    named = "" if part.label.startswith(_PLAIN_LABELS) else part.label
    found = []
    for passage in chunk.split(seen, headings=part.headings, rows=part.rows):
        text = seen[passage.start : passage.end]
        beside = "" if heads_at and passage.start <= heads_at[0] else heads
        found.append(
            PassageRow(
                page=number,
                start=passage.start,
                end=passage.end,
                text=text,
                label=(part.label or passage.heading)[:_LONGEST_LABEL],
                words=Words.of(label=f"{named} {passage.heading}", text=text, heads=beside, known=known),
            )
        )
    return found


def batches(parts: Sequence[Part]) -> Iterator[Batch]:
    """The parts of a document as batches of at most BATCH passages."""
    pages: list[PageText] = []
    passages: list[PassageRow] = []
    done = 0
    known: Known = {}
    for number, part in enumerate(parts, 1):
        if len(known) > _MOST_KNOWN:
            known.clear()
        pages.append(PageText(number, part.label, part.text, part.boxes))
        passages += passages_of(number, part, known)
        while len(passages) > BATCH:
            yield Batch(tuple(pages), tuple(passages[:BATCH]), done, last=False)
            done += BATCH
            pages, passages = [], passages[BATCH:]
    yield Batch(tuple(pages), tuple(passages), done, last=True)
