"""Clearing many chats at once: counted before, one receipt after, and finished through a kill.

The receipt says what is meant and is stored first, with a job that goes on when this process does not. Then each batch
is withheld and buried like a single chat, keys first.
"""

import logging
import time
from dataclasses import dataclass
from uuid import UUID

from ..errors import StoreError
from ..jobs.queue import Job
from ..jobs.worker import Beat
from ..types import Receipt, ReceiptState
from .shredder import Shredder
from .sql_bulk import BulkCount, BulkScope, SqlBulk

logger = logging.getLogger(__name__)

BUDGET_SECONDS = 0.7
"""How long a request works on its chats itself before it leaves the rest to the background."""


@dataclass(frozen=True, slots=True)
class BulkClearing:
    """Clears the chats of a scope."""

    rows: SqlBulk
    shredder: Shredder

    def count(self, *, owner: str, scope: BulkScope) -> BulkCount:
        """How many chats and messages a clear of this scope would take now."""
        return self.rows.count(owner=owner, scope=scope)

    def clear(
        self, *, owner: str, scope: BulkScope, final: bool = False, budget_seconds: float | None = None
    ) -> Receipt:
        """Clear all chats of the scope; with `final` there is no undo.

        The receipt's state is RUNNING when `budget_seconds` (a request's share unless given) were not enough, or the
        storage failed on the way: the background does the rest.
        """
        undo_seconds = 0.0 if final else self.shredder.undo_seconds
        receipt_id = self.rows.begin(owner=owner, scope=scope, undo_seconds=undo_seconds)
        budget = BUDGET_SECONDS if budget_seconds is None else budget_seconds
        try:
            return self._go_on(receipt_id, until=time.monotonic() + budget)
        except StoreError as error:
            logger.warning("clearing: receipt %s goes on in the background: %s", receipt_id, error.code)
            return self.rows.receipt(receipt_id=receipt_id)

    def finish(self, claimed: Job, beat: Beat) -> None:
        """The job that finishes what a request did not."""
        while self._go_on(UUID(claimed.subject), until=time.monotonic() + BUDGET_SECONDS).state is ReceiptState.RUNNING:
            beat()

    def _go_on(self, receipt_id: UUID, *, until: float) -> Receipt:
        while True:
            batch = self.rows.next_batch(receipt_id=receipt_id)
            if not batch.nos:
                return self.rows.end(receipt_id=receipt_id)
            self.shredder.withhold(batch.slots, final=batch.final)
            self.rows.bury(batch, self.shredder)
            if time.monotonic() > until:
                return self.rows.receipt(receipt_id=receipt_id)
