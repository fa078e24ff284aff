"""Clearing: the promise that makes docchat. Keys first, then rows, and never a false success.

The order: 1 look the session up and read its slots; 2 destroy the keys, durably: from here every load, append and
flush in every process fails as cleared, and this never waits for the database's write lock; 3 one transaction takes
the rows away, writes the receipt and puts an empty successor in place; 4 a job reclaims the bytes. A crash between
any two steps ends as cleared: `reconcile` finds what is left and finishes it.
"""

import logging
import os
import threading
import time
from dataclasses import dataclass
from uuid import UUID

from ..errors import ClearUnfinished, NotFound, StorageFull, StoreError
from ..keys.keyring import Keyring, SlotState
from ..types import ChatSession, Receipt
from .sql_graves import Grave, SqlGraves

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
"""How long after a failure the second half of a clear is tried again."""


@dataclass(frozen=True, slots=True)
class Clearance:
    """The outcome of a clear: the empty session to go on with, and the receipt when something was cleared."""

    session: ChatSession
    receipt: Receipt | None


class Clearing:
    """Clears and deletes sessions. Idempotent; safe among threads, processes and hosts."""

    def __init__(self, graves: SqlGraves, keyring: Keyring) -> None:
        self._graves = graves
        self._keyring = keyring
        self._lock = threading.Lock()
        self._pending: dict[UUID, tuple[Grave, str]] = {}
        self._sweeper: tuple[int, threading.Thread] | None = None

    def clear(self, *, owner: str, session_id: UUID) -> Clearance:
        """Clear a session and put an empty one in its place; a repeated call gives the same receipt and successor.

        Raises NotFound for an unknown id and another owner's alike, ClearUnfinished when the keys are destroyed but
        the rows could not be taken away yet.
        """
        grave = self._graves.find(owner=owner, session_id=session_id)
        receipt = self._destroy_and_bury(grave, "clear")
        session = self._graves.current(owner=owner, session_id=session_id)
        return Clearance(session or self._graves.empty(owner=owner), receipt)

    def clear_current(self, *, owner: str, session_id: UUID | None) -> Clearance:
        """Clear what the owner's cookie names, if it is the owner's; the owner gets an empty session in any case.

        An id that is missing, unknown, another's or cleared already harms nothing: a session that took its place
        is not cleared in turn.
        """
        try:
            grave = None if session_id is None else self._graves.find(owner=owner, session_id=session_id)
        except NotFound:
            grave = None
        if grave is None:
            return Clearance(self._graves.empty(owner=owner), None)
        if not grave.slots and not grave.cleared:
            renewed = self._graves.renew(grave)
            if renewed is not None:
                return Clearance(renewed, None)
        receipt = self._destroy_and_bury(grave, "clear")
        session = self._graves.current(owner=owner, session_id=grave.session_id)
        if session is None or session.messages > 0:
            session = self._graves.empty(owner=owner)
        return Clearance(session, receipt)

    def delete(self, *, owner: str, session_id: UUID) -> Receipt:
        """Clear a session for good, without a successor. Raises NotFound, ClearUnfinished."""
        return self._destroy_and_bury(self._graves.find(owner=owner, session_id=session_id), "delete")

    def current(self, *, owner: str, session_id: UUID | None) -> ChatSession | None:
        """The session a cookie's hint stands for: the owner's own or a cleared one's successor. Writes nothing."""
        return None if session_id is None else self._graves.current(owner=owner, session_id=session_id)

    def receipt(self, *, owner: str, receipt_id: UUID) -> Receipt:
        """A receipt of the owner. Raises NotFound."""
        return self._graves.receipt(owner=owner, receipt_id=receipt_id)

    def sweep(self) -> int:
        """Finish the clears that this process could not; the number still left."""
        with self._lock:
            pending = list(self._pending.values())
        for grave, action in pending:
            self._finish(grave, action)
        return len(self._pending)

    def reconcile(self, *, patience: float = 1.0) -> int:
        """Finish every clear that was cut short after a key was destroyed, by whatever process; their number.

        One that another process is just about to finish by itself is given `patience` seconds for it.
        """
        graves = self._graves.unburied()
        if graves:
            time.sleep(patience)
            graves = self._graves.unburied()
        for grave in graves:
            self._keyring.destroy(slots=grave.slots)
            self._graves.bury(grave, action="clear")
            logger.info("clearing: finished the clear of session %s", grave.session_id)
        return len(graves)

    def _destroy_and_bury(self, grave: Grave, action: str) -> Receipt:
        try:
            # Each time, also for a session cleared already: an earlier attempt may have failed between write and sync.
            self._keyring.destroy(slots=grave.slots)
            return self._graves.bury(grave, action=action)
        except StoreError as error:
            grave = self._looked_up_again(grave)
            if grave.cleared or not self._unreadable(grave):
                raise
            self._remember(grave, action)
            raise ClearUnfinished(full=isinstance(error, StorageFull)) from error

    def _looked_up_again(self, grave: Grave) -> Grave:
        # A first write may have given it keys meanwhile, and the failed transaction may have destroyed them.
        try:
            return self._graves.find(owner=grave.owner, session_id=grave.session_id)
        except (StoreError, NotFound):
            return grave

    def _remember(self, grave: Grave, action: str) -> None:
        """Let this process finish the clear, once a second until it is done, whoever runs the background jobs."""
        with self._lock:
            self._pending[grave.session_id] = (grave, action)
            if self._sweeper is None or self._sweeper[0] != os.getpid() or not self._sweeper[1].is_alive():
                sweeper = threading.Thread(target=self._sweep_all, name="docchat-sweep", daemon=True)
                self._sweeper = (os.getpid(), sweeper)
                sweeper.start()

    def _sweep_all(self) -> None:
        while self._pending:
            time.sleep(SWEEP_SECONDS)
            self.sweep()

    def _unreadable(self, grave: Grave) -> bool:
        try:
            return SlotState.DESTROYED in self._keyring.states(slots=grave.slots)
        except StoreError:
            return False

    def _finish(self, grave: Grave, action: str) -> None:
        try:
            self._keyring.destroy(slots=grave.slots)
            self._graves.bury(grave, action=action)
        except StoreError as error:
            logger.warning("clearing: session %s is still to be tidied up: %s", grave.session_id, error.code)
            return
        with self._lock:
            self._pending.pop(grave.session_id, None)
