"""Which of the passages an answer rests on are still there: what was deleted, or is not shared with the asker any
more, is cited no more.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from ..errors import StoreUnavailable
from ..types import Chunk, Citation
from .attachments import Attachments
from .retrieve import Pages

_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Sources:
    """The library and the attachments of one chat, asked at the moment when something is told of them."""

    library: Pages
    attachments: Attachments | None
    owner: str
    session_id: UUID
    patience: float = 0.0
    """Seconds to wait for a database that does not answer."""

    def gone(self, told: Iterable[Chunk | Citation]) -> frozenset[UUID]:
        """Those documents and attachments that are deleted, or not the owner's any more. Raises StoreError, Cleared."""
        asked = list(told)
        until = time.monotonic() + self.patience
        while True:
            try:
                return self._gone(asked)
            except StoreUnavailable:
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_SECONDS)

    def has(self, told: Chunk | Citation) -> bool:
        """Whether the source of this one is still there."""
        return not self.gone([told])

    def _gone(self, told: Iterable[Chunk | Citation]) -> frozenset[UUID]:
        documents: set[UUID] = set()
        attached: set[UUID] = set()
        for one in told:
            (attached if one.attached else documents).add(one.document_id)
        missing = frozenset[UUID]()
        if documents:
            missing = self.library.missing(owner=self.owner, document_ids=list(documents))
        if attached and self.attachments is not None:
            there = self.attachments.rows.list(owner=self.owner, session_id=self.session_id)
            missing |= attached.difference(found.id for found in there)
        return missing
