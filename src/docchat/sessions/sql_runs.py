"""Running answers as rows: that their process lives, that they shall stop, and that somebody follows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select, update

from ..db.engine import Database
from ..db.schema import answer_run, message
from ..types import utc_now
from .sql_rows import find_live

_LOOK = select(answer_run.c.id, answer_run.c.stop, answer_run.c.followed_at).where(
    answer_run.c.id.in_(bindparam("ids", expanding=True))
)
_STAND = select(message.c.id).where(message.c.id.in_(bindparam("ids", expanding=True)))
# A clear that holds a row is about to delete it: nobody waits for the other.
_MINE = select(answer_run.c.id).where(answer_run.c.id.in_(bindparam("ids", expanding=True)))
_BEAT = (
    update(answer_run)
    .where(answer_run.c.id.in_(_MINE.with_for_update(skip_locked=True)))
    .values(beat_at=bindparam("at"))
)
_FOLLOW = (
    update(answer_run)
    .where(answer_run.c.id.in_(_MINE.with_for_update(skip_locked=True)))
    .values(followed_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class RunRow:
    """What stands in the row of a running answer. `stop`: it was asked to end."""

    stop: bool
    followed_at: datetime | None


class RunRows:
    """The rows of running answers that a process asks for, many at once."""

    _database: Database

    def beat_runs(self, *, run_ids: Sequence[UUID]) -> None:
        """Say that these runs still live."""
        with self._database.write() as connection:
            connection.execute(_BEAT, {"ids": run_ids, "at": utc_now()})

    def look_at_runs(self, *, run_ids: Sequence[UUID]) -> Mapping[UUID, RunRow]:
        """The rows of those runs that were not ended, by anybody."""
        with self._database.read() as connection:
            rows = connection.execute(_LOOK, {"ids": run_ids}).all()
        return {row.id: RunRow(bool(row.stop), row.followed_at) for row in rows}

    def standing(self, *, message_ids: Sequence[int]) -> frozenset[int]:
        """Those of these messages that were not deleted."""
        with self._database.read() as connection:
            return frozenset(connection.execute(_STAND, {"ids": message_ids}).scalars())

    def follow_runs(self, *, run_ids: Sequence[UUID]) -> None:
        """Say to the processes that make these answers that somebody follows them here; ended ones are no error."""
        with self._database.write() as connection:
            connection.execute(_FOLLOW, {"ids": run_ids, "at": utc_now()})

    def stop_run(self, *, owner: str, session_id: UUID, run_id: UUID) -> None:
        """Ask the process that makes the answer to stop; one that has ended already is no error."""
        with self._database.write() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            connection.execute(
                update(answer_run).where(answer_run.c.id == run_id, answer_run.c.session_no == row.no).values(stop=1)
            )
