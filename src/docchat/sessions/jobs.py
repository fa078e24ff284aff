"""The background work that clears ask for, and the walks that keep rows and keys in agreement."""

import time
from collections.abc import Mapping
from uuid import UUID

from ..jobs.queue import Job
from ..jobs.worker import Beat, Handler, Retry
from .bulk import BulkClearing
from .clearing import Clearing
from .retention import Retention
from .sql_settle import SqlSettle

PERIODIC = {"reconcile": 60.0, "retention": 3600.0}
"""Seconds between two runs of a kind."""
TIRELESS = frozenset({"reclaim", "settle", "bulk"})
"""Kinds that are never given up: what was promised with a clear."""
# The walk over all chats may take one part in so many of the time.
_WALK_SHARE = 100.0


def handlers(
    clearing: Clearing, settling: SqlSettle, bulk: BulkClearing, retention: Retention
) -> Mapping[str, Handler]:
    """The handlers of every kind of job that sessions ask for, for a Worker."""

    def settle(job: Job, beat: Beat) -> None:
        settling.settle(receipt_id=UUID(job.subject))

    def reconcile(job: Job, beat: Beat) -> None:
        start = time.monotonic()
        clearing.reconcile()
        took = time.monotonic() - start
        raise Retry("all chats were walked", delay=max(PERIODIC["reconcile"], _WALK_SHARE * took))

    return {
        "reclaim": settling.reclaim,
        "settle": settle,
        "bulk": bulk.finish,
        "retention": retention.sweep,
        "reconcile": reconcile,
    }
