"""Erasing everything a person has: keys first, then out of reach, then the rows; one receipt, through a kill.

Before the answer all keys of the person's chats are destroyed, however many they are, and no document can be found or
read any more. What takes longer, the rows themselves, is left to the background when a request's time is over.
"""

import logging
import time
from dataclasses import dataclass
from uuid import UUID

from ..documents import sql_removal
from ..documents.library import Library
from ..errors import EraseUnfinished, StorageFull, StoreError
from ..jobs.queue import Job
from ..jobs.worker import Beat
from ..sessions.bulk import BUDGET_SECONDS, BulkClearing
from ..sessions.sql_settle import SqlSettle
from ..types import Receipt, ReceiptState, new_id
from .sql_erasing import SqlErasing

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Erasing:
    """Erases what one person has. The account, receipts (ids and numbers) and tombstones of chats stay."""

    rows: SqlErasing
    bulk: BulkClearing
    settling: SqlSettle
    library: Library

    def erase(self, *, owner: str, budget_seconds: float = BUDGET_SECONDS) -> Receipt:
        """Erase everything that `owner` has at this moment; there is no undo, also for clears of before.

        The receipt's state is RUNNING when `budget_seconds` were not enough: everything is unreadable and out of reach,
        and the background takes the rows away. Raises EraseUnfinished when that much could not be done: the background
        repeats it until it is.
        """
        receipt_id = self.rows.begin(owner=owner)
        try:
            self._withhold(receipt_id)
        except StoreError as error:
            logger.warning("erasing: receipt %s is to be repeated: %s", receipt_id, error.code)
            raise EraseUnfinished(full=isinstance(error, StorageFull)) from error
        try:
            return self._go_on(receipt_id, _rest, until=time.monotonic() + budget_seconds)
        except StoreError as error:
            logger.warning("erasing: receipt %s goes on in the background: %s", receipt_id, error.code)
            return self.rows.receipt(receipt_id)

    def finish(self, claimed: Job, beat: Beat) -> None:
        """The job that finishes what a request did not; later, when its day is over, it forgets that day's use."""
        receipt_id = UUID(claimed.subject)
        if self.rows.receipt(receipt_id).state is not ReceiptState.RUNNING:
            self.rows.forget_use(receipt_id)
            return
        self._withhold(receipt_id, beat)
        while self._go_on(receipt_id, beat, until=time.monotonic() + BUDGET_SECONDS).state is ReceiptState.RUNNING:
            beat()

    def _withhold(self, receipt_id: UUID, beat: Beat | None = None) -> None:
        """Make everything unreadable or out of reach: keys first, in the order of how much it tells."""
        pause = beat or _rest
        for slots in self.rows.slots(receipt_id):
            self.bulk.shredder.destroy(slots)
            pause()
        self.rows.leave(receipt_id)
        while self.rows.withdraw(receipt_id):
            pause()

    def _go_on(self, receipt_id: UUID, beat: Beat, *, until: float) -> Receipt:
        """Take rows away until all are gone or the time is over; at least one step."""
        self._settle(receipt_id, beat)
        while (batch := self.bulk.rows.next_batch(receipt_id=receipt_id)).nos:
            self.bulk.shredder.withhold(batch.slots, final=True)
            self.bulk.rows.bury(batch, self.bulk.shredder)
            if time.monotonic() > until:
                return self.rows.receipt(receipt_id)
        # A document whose rows are gone has lost its original before.
        left = set(sql_removal.unfinished(self.library.database))
        for document_id in self.rows.withdrawn(receipt_id):
            if document_id not in left:
                continue
            self.library.files.delete(document_id=document_id)
            while sql_removal.remove_some(self.library.database, self.library.index, document_id):
                if time.monotonic() > until:
                    return self.rows.receipt(receipt_id)
        return self.rows.end(receipt_id)

    def _settle(self, receipt_id: UUID, beat: Beat) -> None:
        """End the clears of before that could be undone, or were still going on."""
        for earlier in self.rows.undoable(receipt_id):
            if earlier.state is ReceiptState.RUNNING:
                self.bulk.finish(Job(0, "bulk", str(earlier.id), 1, new_id()), beat)
            self.settling.settle(receipt_id=earlier.id)
            self.rows.cancel(kind="settle", subject=earlier.id)


def _rest() -> None:
    """A request has no lease to renew."""
