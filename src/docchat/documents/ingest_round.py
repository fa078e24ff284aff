"""A turn at the queue of documents: several are read at a time and stored in few transactions.

Reading goes on in children while passages are cut, and words made, here; so both of two cores are busy, and a small
document costs a fraction of the transactions that it would cost alone.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from uuid import UUID

from ..db.engine import Database
from ..errors import NotFound, Unreadable
from ..jobs import queue
from ..jobs.queue import Job
from ..jobs.worker import Beat
from . import crowd, sql_documents
from .cutting import batches
from .formats.part import Part
from .library import Library
from .sql_documents import Batch, Claimed
from .terms import Known

READERS = max(1, min(4, os.cpu_count() or 1))
"""Children that read at a time."""
_AHEAD = 96
_TOGETHER = 32
_TOGETHER_BYTES = 1024 * 1024
_STORED_PASSAGES = 400
_TURN_SECONDS = 5.0
_BEAT_SECONDS = 4.0
_WAIT_SECONDS = 2.0
_TOLD_SECONDS = 2.0

Outcome = tuple[Part, ...] | Unreadable
MISSING = "The file of this document is missing. Upload it again."


class _Stopped(Exception):
    """The round has ended: whatever is still being read is not wanted."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A document of the round, with the job that asks for it."""

    job: Job
    claimed: Claimed


@dataclass(frozen=True, slots=True)
class _Cut:
    """A document that was read: its passages when they fit in one batch, or why it cannot be read."""

    item: _Item
    outcome: Batch | Unreadable


class Told:
    """Writes down how far the reading of a long document is, every few seconds, for those who wait for it."""

    def __init__(self, database: Database, claimed: Claimed) -> None:
        self._database = database
        self._claimed = claimed
        self._at = time.monotonic()

    def __call__(self, pages: int, of: int) -> None:
        """So many pages are read."""
        if time.monotonic() - self._at >= _TOLD_SECONDS:
            self._at = time.monotonic()
            sql_documents.note_progress(self._database, self._claimed, pages=pages, of=of)


class Round:
    """One turn. It ends when nothing is due, or after some seconds, so that the worker can be stopped."""

    def __init__(self, library: Library, job: Job, beat: Beat) -> None:
        self._library = library
        self._first = job
        self._beat = beat
        self._open: dict[int, Job] = {job.id: job}
        self._waiting: list[_Item] = []
        self._reading: dict[Future[list[Outcome]], list[_Item]] = {}
        self._cut: list[_Cut] = []
        self._known: Known = {}  # goes with the round, some seconds after the words were read
        self._beat_at = time.monotonic()
        self._stopped = False

    def run(self) -> None:
        """Read the first job's document and those that are due beside it."""
        until = time.monotonic() + _TURN_SECONDS
        with ThreadPoolExecutor(READERS, thread_name_prefix="docchat-read") as pool:
            try:
                more = self._take(first=True)
                while self._waiting or self._reading or self._cut:
                    if more and self._held() <= _AHEAD // 2 and time.monotonic() < until:
                        more = self._take(first=False)
                    self._start(pool)
                    self._settle(self._finished())
                    self._keep_leases()
            finally:
                self._stopped = True
                pool.shutdown(wait=False, cancel_futures=True)
                others = [job for job in self._open.values() if job.id != self._first.id]
                queue.release(self._library.database, others, delay=1.0, counted=True)

    def _held(self) -> int:
        return len(self._waiting) + sum(map(len, self._reading.values())) + len(self._cut)

    def _take(self, *, first: bool) -> bool:
        """Claim more jobs and mark their documents as being read; whether there may be more to claim."""
        library, limit = self._library, _AHEAD - self._held()
        with library.database.write() as connection:
            jobs = queue.claim_more(connection, self._first, limit=limit)
            claimed = [self._first, *jobs] if first else jobs
            found = sql_documents.begin_some(connection, library.index, [UUID(job.subject) for job in claimed])
            known = {one.document.id: one for one in found}
            queue.finish_some(connection, [job for job in claimed if UUID(job.subject) not in known])
        for job in claimed:
            if UUID(job.subject) in known:
                self._open[job.id] = job
                self._waiting.append(_Item(job, known[UUID(job.subject)]))
            else:
                self._open.pop(job.id, None)
        return len(jobs) == limit

    def _start(self, pool: ThreadPoolExecutor) -> None:
        """Hand documents to readers: at most one group waits for each, so that little is held in memory."""
        while self._waiting and len(self._reading) < READERS + 1:
            group = self._group()
            # A long file that is alone is read by all of them; else there are enough files to go round.
            readers = 1 if self._waiting or self._reading else READERS
            self._reading[pool.submit(self._read, group, readers)] = group

    def _group(self) -> list[_Item]:
        """The next documents: one, or several small ones."""
        group: list[_Item] = []
        size = 0
        while self._waiting and len(group) < _TOGETHER:
            document = self._waiting[0].claimed.document
            size += document.size
            if group and size > _TOGETHER_BYTES:
                break
            group.append(self._waiting.pop(0))
            if document.size > crowd.LARGEST:
                break
        return group

    def _read(self, group: list[_Item], readers: int = 1) -> list[Outcome]:
        """In a reader's thread."""
        contents = [self._content(item) for item in group]
        names = [item.claimed.document.name for item in group]
        outcomes: dict[int, Outcome] = {}
        shared: list[int] = []
        for number, content in enumerate(contents):
            if isinstance(content, Unreadable):
                outcomes[number] = content
            elif len(group) > 1 and crowd.may_share(names[number], content):
                shared.append(number)
            else:
                outcomes[number] = self._read_one(group[number].claimed, content, readers)
        files = [(names[number], bytes(content)) for number in shared if isinstance(content := contents[number], bytes)]
        if files:
            outcomes.update(zip(shared, self._library.sandbox.read_many(files, beat=self._go_on), strict=True))
        return [outcomes[number] for number in range(len(group))]

    def _read_one(self, claimed: Claimed, content: bytes, readers: int) -> Outcome:
        told, name = Told(self._library.database, claimed), claimed.document.name
        try:
            return self._library.sandbox.read([content], name=name, beat=self._go_on, told=told, readers=readers)
        except Unreadable as error:
            return error

    def _content(self, item: _Item) -> bytes | Unreadable:
        self._go_on()
        try:
            return b"".join(self._library.files.open(document_id=item.claimed.document.id))
        except NotFound:
            return Unreadable(MISSING, code="file_missing")

    def _go_on(self) -> None:
        if self._stopped:
            raise _Stopped

    def _finished(self) -> list[tuple[list[_Item], list[Outcome]]]:
        """The groups that were read, once there is one or nothing more to wait for."""
        if not self._reading:
            return []
        # With something to store, only what is ready already.
        timeout = 0.0 if self._cut else _WAIT_SECONDS
        done, _ = wait(self._reading, timeout=timeout, return_when=FIRST_COMPLETED)
        return [(self._reading.pop(future), future.result()) for future in done]

    def _settle(self, groups: list[tuple[list[_Item], list[Outcome]]]) -> None:
        """Cut what was read; store when enough has come together, or nothing else is to do."""
        for items, outcomes in groups:
            for item, outcome in zip(items, outcomes, strict=True):
                self._cut_one(item, outcome)
        enough = sum(len(cut.outcome.passages) for cut in self._cut if isinstance(cut.outcome, Batch))
        if self._cut and (enough >= _STORED_PASSAGES or not groups):
            self._store(self._cut)
            self._cut = []

    def _cut_one(self, item: _Item, outcome: Outcome) -> None:
        if isinstance(outcome, Unreadable):
            self._cut.append(_Cut(item, outcome))
            return
        for batch in batches(outcome, self._known):
            self._keep_leases()
            if batch.last and batch.done == 0:
                self._cut.append(_Cut(item, batch))
            elif not self._store_part(item, batch):
                return

    def _store(self, cut: Sequence[_Cut]) -> None:
        """All of them in one transaction, and the end of their jobs."""
        library = self._library
        with library.database.write() as connection:
            whole = [(one.item.claimed, one.outcome) for one in cut if isinstance(one.outcome, Batch)]
            if whole:
                sql_documents.store_some(connection, library.index, whole)
            for one in cut:
                if isinstance(one.outcome, Unreadable):
                    reason, document_id = one.outcome, one.item.claimed.document.id
                    sql_documents.fail_in(
                        connection, library.index, document_id, message=reason.message, code=reason.code
                    )
            queue.finish_some(connection, [one.item.job for one in cut])
        for one in cut:
            self._open.pop(one.item.job.id, None)

    def _store_part(self, item: _Item, batch: Batch) -> bool:
        """A batch of a long document; False when it was deleted meanwhile."""
        library = self._library
        with library.database.write() as connection:
            there = bool(sql_documents.store_some(connection, library.index, [(item.claimed, batch)]))
            if batch.last or not there:
                queue.finish_some(connection, [item.job])
        if batch.last or not there:
            self._open.pop(item.job.id, None)
        return there

    def _keep_leases(self) -> None:
        if time.monotonic() - self._beat_at < _BEAT_SECONDS:
            return
        self._beat_at = time.monotonic()
        self._beat()
        queue.renew_all(self._library.database, self._first.lease)
