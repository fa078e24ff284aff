"""How many answers of a model somebody asked for on a day, and the tokens they took: counted, and limited, as rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..db.engine import Database
from ..db.schema import EPOCH, usage
from ..errors import LimitReached
from ..types import utc_now

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Day:
    """What somebody used on one day (UTC). `tokens` are those that the models' servers told of."""

    day: date
    answers: int
    tokens: int


def count_answer(connection: Connection, owner: str, limit: int) -> None:
    """Count one more answer of today, in the caller's transaction. Raises LimitReached above `limit` (0: none).

    Two requests at once wait for one another at the row, so that not one answer too many begins.
    """
    now = utc_now()
    day = (now - EPOCH) // _DAY
    counted = connection.execute(_count(connection), {"owner": owner, "day": day, "answers": 1}).scalar_one()
    if limit and counted > limit:
        raise LimitReached(limit, ends=EPOCH + (day + 1) * _DAY, now=now)


def _count(connection: Connection) -> Any:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return (
        dialect.insert(usage)
        .on_conflict_do_update(index_elements=[usage.c.owner, usage.c.day], set_={"answers": usage.c.answers + 1})
        .returning(usage.c.answers)
    )


class SqlUsage:
    """What owners used of the models."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_tokens(self, *, owner: str, at: datetime, tokens: int) -> None:
        """Count tokens of an answer that began at `at`. Nothing is counted for somebody who was erased meanwhile."""
        where = usage.c.owner == owner, usage.c.day == (at - EPOCH) // _DAY
        with self._database.write() as connection:
            connection.execute(update(usage).where(*where).values(tokens=usage.c.tokens + tokens))

    def of(self, *, owner: str) -> Sequence[Day]:
        """What somebody used, newest day first."""
        query = select(usage).where(usage.c.owner == owner).order_by(usage.c.day.desc())
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return tuple(Day((EPOCH + row.day * _DAY).date(), row.answers, row.tokens) for row in rows)

    def forget(self, *, owner: str) -> None:
        """Delete what is counted of somebody."""
        with self._database.write() as connection:
            connection.execute(delete(usage).where(usage.c.owner == owner))
