"""The database: its version, what is left of clears, jobs that were given up, and the originals of documents."""

import time
from collections.abc import Callable, Iterator
from uuid import UUID

from ...db.engine import Database
from ...errors import NotFound
from ...web.state import Services
from .. import sql_checks
from ..home import Home
from ..sql_checks import Leftover
from .finding import Finding, counted

_OLD_SECONDS = 600.0
_UPLOAD_SECONDS = 10.0
_CLEARS = ("reclaim", "settle", "bulk", "erase", "remove_original", "rewrite_keys")
"""The kinds of jobs that finish clears."""


def check_rows(home: Home) -> Iterator[Finding]:
    """The rows, as far as they can belong to nothing."""
    services = home.services
    database = services.database
    yield Finding("ok", f"database {sql_checks.engine_version(database)}")

    def finish() -> str:
        sql_checks.put_again(database, _CLEARS)
        return f"{services.worker.run_due()} jobs were run"

    def end_runs() -> str:
        return f"{services.store.end_dead_runs()} answers were ended"

    for what, number in sql_checks.late_clears(database).items():
        yield counted(number, what, repair=finish)
    yield _leftover(services, "messages", sql_checks.leftover_messages)
    yield _leftover(services, "opinions on answers", sql_checks.leftover_feedback)
    yield _leftover(services, "drafts", sql_checks.leftover_drafts)
    yield _leftover(services, "rows of attachments", sql_checks.leftover_attachments)
    yield counted(sql_checks.lost_attachments(database), "attachments have lost their files: restore a backup")
    yield counted(sql_checks.silent_runs(database), "answers nobody writes any more", repair=end_runs, level="warn")
    for what, number in sql_checks.failed_jobs(database).items():
        is_clear = what.partition(":")[0] in _CLEARS
        text = f"{number} jobs were given up: {what}"
        yield Finding("fail" if is_clear else "warn", text, finish if is_clear else None)


def _leftover(services: Services, what: str, find: Callable[[Database], Iterator[Leftover]]) -> Finding:
    database = services.database
    left = sum(rows.count for rows in find(database))
    if left and sql_checks.has_jobs(database, _CLEARS):
        return Finding("ok", f"{left} {what} of cleared chats are being reclaimed")

    def remove() -> str:
        removed = sum(sql_checks.delete_leftover(database, rows) for rows in list(find(database)))
        database.checkpoint()
        return f"{removed} {what} were deleted"

    return counted(left, f"{what} without a chat", repair=remove)


def check_originals(home: Home) -> Iterator[Finding]:
    """Rows without file and files without row."""
    services = home.services
    library = services.library
    stored = set(library.files.ids())
    known = set(sql_checks.document_ids(services.database))
    missing = sum(not _has_original(services, document_id) for document_id in known - stored)
    yield Finding("ok", f"{len(known)} documents")
    if missing:
        yield Finding("fail", f"{missing} documents have lost their original files: restore them from a backup")
    late, old = _without_document(services, stored - known)
    if old:
        text = f"{len(old)} original files belong to no document (uploads that were cut short)"
        yield Finding("fail", text, lambda: f"{_sweep(services, old)} originals without a document were deleted")
    if late - old:
        yield Finding("ok", f"{len(late - old)} originals are just being uploaded")


def _without_document(services: Services, late: set[UUID]) -> tuple[set[UUID], set[UUID]]:
    """Originals without a document, and those of them that are not just being uploaded: a file comes before its row."""
    if services.database.is_sqlite:
        old = set(services.library.files.ids_older_than(_OLD_SECONDS))  # half files are among them
        late |= old
    else:
        if late:
            time.sleep(_UPLOAD_SECONDS)  # nobody knows how old these are
        old = late
    known = set(sql_checks.document_ids(services.database))
    return late - known, (old & late) - known


def _sweep(services: Services, old: set[UUID]) -> int:
    known = set(sql_checks.document_ids(services.database))
    for document_id in old - known:
        services.library.files.delete(document_id=document_id)
    return len(old - known)


def _has_original(services: Services, document_id: UUID) -> bool:
    """Whether the original is there now, or the document is gone too."""
    try:
        services.library.files.open(document_id=document_id)
    except NotFound:
        return document_id not in set(sql_checks.document_ids(services.database))
    return True
