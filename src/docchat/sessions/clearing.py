"""Clearing: the promise that makes docchat. Keys first, then rows, and never a false success.

The order: 1 look the session up and read its slots; 2 destroy the keys, durably: from here every load, append and
flush in every process fails as cleared, and this never waits for the database's write lock; 3 one transaction takes
the rows away, writes the receipt and puts an empty successor in place; 4 a job reclaims the bytes. A crash between
any two steps ends as cleared: `reconcile` finds what is left and finishes it. Where clears can be undone, step 2
suspends the keys, and the end of the window destroys them.
"""

import logging
import os
import threading
import time
from dataclasses import dataclass
from typing import Literal, overload
from uuid import UUID

from ..errors import Cleared, ClearUnfinished, NotFound, StorageFull, StoreError
from ..keys.keyring import CLEARED
from ..types import Action, ChatSession, Receipt
from .shredder import Shredder
from .sql_audit import SqlAudit
from .sql_graves import Burial, Grave, SqlGraves
from .sql_settle import SqlSettle

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

    def __init__(self, graves: SqlGraves, settling: SqlSettle, audit: SqlAudit, shredder: Shredder) -> None:
        self._graves = graves
        self._settling = settling
        self._audit = audit
        self._shredder = shredder
        self._lock = threading.Lock()
        self._pending: dict[UUID, tuple[Grave, Action]] = {}
        self._sweeper: tuple[int, threading.Thread] | None = None

    def clear(self, *, owner: str, session_id: UUID) -> Clearance:
        """Clear a session and put an empty one in its place; a repeated call gives the same receipt and successor.

        Raises NotFound for an unknown id and another owner's alike, ClearUnfinished when the keys are destroyed but
        the rows could not be taken away yet.
        """
        grave = self._graves.find(owner=owner, session_id=session_id)
        burial = self._withhold_and_bury(grave, "clear")
        session = burial.session or self._graves.current(owner=owner, session_id=session_id)
        return Clearance(session or self._graves.empty(owner=owner, about=grave.about), burial.receipt)

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
        if not grave.slots.all() and not grave.cleared:
            renewed = self._graves.renew(grave)
            if renewed is not None:
                return Clearance(renewed, None)
        burial = self._withhold_and_bury(grave, "clear")
        session = burial.session or self._graves.current(owner=owner, session_id=grave.session_id)
        if session is None or session.messages > 0:
            session = self._graves.empty(owner=owner)
        return Clearance(session, burial.receipt)

    def delete(self, *, owner: str, session_id: UUID, final: bool = False) -> Receipt:
        """Clear a session without a successor; with `final` there is no undo. Raises NotFound, ClearUnfinished."""
        grave = self._graves.find(owner=owner, session_id=session_id)
        return self._withhold_and_bury(grave, "delete", final=final).receipt

    def clear_history(self, *, owner: str, session_id: UUID) -> Clearance:
        """Clear the messages of a session and keep it with its title; no receipt when there were none.

        Raises NotFound, Cleared, ClearUnfinished.
        """
        grave = self._graves.find(owner=owner, session_id=session_id)
        receipt = None
        if grave.slots.history is not None and not grave.cleared:
            burial = self._withhold_and_bury(grave, "history")
            receipt = None if burial is None else burial.receipt
        session = self._graves.current(owner=owner, session_id=session_id)
        if session is None or session.id != session_id:
            raise Cleared(successor=None if session is None else session.id)
        return Clearance(session, receipt)

    def clear_memory(self, *, owner: str, session_id: UUID) -> Clearance:
        """Keep the transcript, but tell a model only of what is said from now on. Raises NotFound, Cleared."""
        burial = self._graves.forget(owner=owner, session_id=session_id)
        assert burial.session is not None  # noqa: S101  (forget() always gives it)
        return Clearance(burial.session, burial.receipt)

    def undo(self, *, owner: str, receipt_id: UUID) -> Receipt:
        """Bring back what a clear has withheld. Raises NotFound, Conflict when its time is over."""
        return self._settling.undo(owner=owner, receipt_id=receipt_id)

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
        """Make rows and keys agree again, after a crash or a restored backup; how many sessions it was.

        A session whose key is withheld is cleared, one that is cleared loses its key. What another process is just
        about to finish by itself is given `patience` seconds for it. Damage is left as it is.
        """
        if not self._audit.disagreements():
            return 0
        time.sleep(patience)
        found = self._audit.disagreements()
        for item in found:
            self._shredder.destroy(item.slots)
            if item.action is not None:
                self._bury(item.grave, item.action, final=True)
            logger.info("clearing: finished the clear of session %s", item.grave.session_id)
        return len(found)

    @overload
    def _withhold_and_bury(
        self, grave: Grave, action: Literal["clear", "delete"], *, final: bool = False
    ) -> Burial: ...
    @overload
    def _withhold_and_bury(self, grave: Grave, action: Literal["history"]) -> Burial | None: ...
    def _withhold_and_bury(self, grave: Grave, action: Action, *, final: bool = False) -> Burial | None:
        try:
            self._shredder.withhold(_slots(grave, action), final=final)
            return self._bury(grave, action, final=final)
        except StoreError as error:
            grave = self._looked_up_again(grave)
            if grave.cleared or not self._unreadable(grave, action):
                raise
            self._remember(grave, action)
            raise ClearUnfinished(full=isinstance(error, StorageFull)) from error

    def _bury(self, grave: Grave, action: Action, *, final: bool = False) -> Burial | None:
        if action == "history":
            return self._graves.bury_history(grave, final=final)
        return self._graves.bury(grave, action=action, final=final)

    def _looked_up_again(self, grave: Grave) -> Grave:
        # A first write may have given it keys meanwhile, and the failed transaction may have destroyed them.
        try:
            return self._graves.find(owner=grave.owner, session_id=grave.session_id)
        except (StoreError, NotFound):
            return grave

    def _remember(self, grave: Grave, action: Action) -> None:
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

    def _unreadable(self, grave: Grave, action: Action) -> bool:
        slots = _slots(grave, action)
        try:
            return bool(slots) and self._shredder.keyring.states(slots=slots[:1])[0] in CLEARED
        except StoreError:
            return False

    def _finish(self, grave: Grave, action: Action) -> None:
        try:
            self._shredder.withhold(_slots(grave, action), final=True)
            self._bury(grave, action, final=True)
        except StoreError as error:
            logger.warning("clearing: session %s is still to be tidied up: %s", grave.session_id, error.code)
            return
        except Cleared:
            pass  # the whole session was cleared meanwhile
        with self._lock:
            self._pending.pop(grave.session_id, None)


def _slots(grave: Grave, action: Action) -> tuple[int, ...]:
    """The slots whose keys an action takes away."""
    if action == "history":
        return () if grave.slots.history is None else (grave.slots.history,)
    return grave.slots.all()
