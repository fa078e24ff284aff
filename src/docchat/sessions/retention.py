"""Retention: chats that are too old, or idle for too long, are deleted for good."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..jobs.queue import Job
from ..jobs.worker import Beat
from ..types import utc_now
from .shredder import Shredder
from .sql_graves import SqlGraves

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Retention:
    """Deletes chats made more than `days` ago, or not written to for `idle_days`; 0 switches a rule off."""

    graves: SqlGraves
    shredder: Shredder
    days: float
    idle_days: float

    def sweep(self, job: Job, beat: Beat) -> None:
        """The periodic job: one batch after another, so that memory stays bounded."""
        now = utc_now()
        made, written = _cutoff(now, self.days), _cutoff(now, self.idle_days)
        for graves in self.graves.outdated(made_before=made, written_before=written):
            for grave in graves:
                self.shredder.withhold(grave.slots.all(), final=True)
                self.graves.bury(grave, action="expire", final=True)
            beat()


def _cutoff(now: datetime, days: float) -> datetime | None:
    return now - days * _DAY if days else None
