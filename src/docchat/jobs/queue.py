"""The queue: a job is a row, put in the transaction of the change that asks for it, claimed under a lease."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..db.engine import Database
from ..db.prepared import Prepared
from ..db.schema import job
from ..types import new_id, utc_now

LEASE = timedelta(seconds=15)
# A clock that jumps back must not leave a job leased, or waiting, for years: what lies further ahead is due now.
_LONGEST_LEASE = timedelta(hours=1)
_LONGEST_DELAY = timedelta(days=1)


_FRESH = {"attempts": 0, "error": None, "failed_at": None, "lease": None, "lease_until": None}
_INSERT: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(job),
    "postgresql": postgresql.insert(job),
}


def _put(added: sqlite.Insert | postgresql.Insert) -> Prepared:
    armed = {"run_at": added.excluded.run_at, **_FRESH}
    named = {name: bindparam(f"new_{name}", type_=job.c[name].type) for name in ("kind", "subject", "run_at")}
    put = added.values({**named, **_FRESH})
    return Prepared(put.on_conflict_do_update(index_elements=[job.c.kind, job.c.subject], set_=armed))


# Built once: it is part of every clear.
_PUT = {dialect: _put(added) for dialect, added in _INSERT.items()}


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job. `subject` is an id, never content; `attempts` counts this one."""

    id: int
    kind: str
    subject: str
    attempts: int
    lease: UUID


def put(connection: Connection, *, kind: str, subject: str, delay: float = 0.0) -> None:
    """Ask for a job in the caller's write transaction. `(kind, subject)` is unique: a second put arms it again.

    `delay` in seconds.
    """
    run_at = utc_now() + timedelta(seconds=delay)
    values = {"new_kind": kind, "new_subject": subject, "new_run_at": run_at}
    _PUT[connection.dialect.name].execute(connection, values)


def arm(database: Database, *, kind: str, delay: float) -> None:
    """Put the job of a periodic kind unless it is there; the first time it runs after `delay` seconds."""
    values = {"kind": kind, "subject": "all", "run_at": utc_now() + timedelta(seconds=delay), "attempts": 0}
    with database.write() as connection:
        connection.execute(_INSERT[connection.dialect.name].values(values).on_conflict_do_nothing())


def cancel(connection: Connection, *, kind: str, subject: str) -> None:
    """Forget a job in the caller's write transaction, claimed or not."""
    connection.execute(delete(job).where(job.c.kind == kind, job.c.subject == subject))


def claim(database: Database, kinds: tuple[str, ...], *, alone: bool = False) -> Job | None:
    """Lease the job that is due longest, None when nothing is due. Takes no write lock when nothing is.

    With `alone`, None also while another job of these kinds is leased, by whatever process.
    """
    query = select(job.c.id).where(_due(), job.c.kind.in_(kinds)).order_by(job.c.run_at, job.c.id).limit(1)
    if alone:
        now = utc_now()
        other = job.alias("other")
        leased = select(other.c.id).where(
            other.c.kind.in_(kinds), other.c.lease_until.between(now, now + _LONGEST_LEASE)
        )
        query = query.where(~leased.exists())
    with database.read() as connection:
        if connection.execute(query).first() is None:
            return None
    with database.write() as connection:
        found = connection.execute(query.with_for_update(skip_locked=True)).scalar_one_or_none()
        if found is None:
            return None
        row = connection.execute(
            update(job)
            .where(job.c.id == found)
            .values(lease=new_id(), lease_until=utc_now() + LEASE, attempts=job.c.attempts + 1)
            .returning(job.c.id, job.c.kind, job.c.subject, job.c.attempts, job.c.lease)
        ).one()
        return Job(*row)


def claim_more(connection: Connection, claimed: Job, *, limit: int) -> list[Job]:
    """Lease up to `limit` more due jobs of the same kind under the same lease, in the caller's write transaction.

    Only such as were never tried: one that fails again and again must not take others with it.
    """
    query = select(job.c.id).where(_due(), job.c.kind == claimed.kind, job.c.attempts == 0)
    query = query.order_by(job.c.run_at, job.c.id).limit(limit).with_for_update(skip_locked=True)
    found = connection.execute(query).scalars().all()
    if not found:
        return []
    rows = connection.execute(
        update(job)
        .where(job.c.id.in_(found))
        .values(lease=claimed.lease, lease_until=utc_now() + LEASE, attempts=job.c.attempts + 1)
        .returning(job.c.id, job.c.kind, job.c.subject, job.c.attempts, job.c.lease)
    )
    return sorted((Job(*row) for row in rows), key=lambda one: one.id)


def finish_some(connection: Connection, claimed: Sequence[Job]) -> None:
    """Take finished jobs under one lease out in the caller's write transaction, but those armed again meanwhile."""
    if claimed:
        ids = [one.id for one in claimed]
        connection.execute(delete(job).where(job.c.id.in_(ids), job.c.lease == claimed[0].lease))


def release(database: Database, claimed: Sequence[Job], *, delay: float = 0.0, counted: bool = False) -> None:
    """Give leased jobs back; their attempts are taken back too unless they are `counted`."""
    if not claimed:
        return
    values = {"run_at": utc_now() + timedelta(seconds=delay), "lease": None, "lease_until": None}
    change = update(job).where(job.c.id.in_([one.id for one in claimed]), job.c.lease == claimed[0].lease)
    if not counted:
        change = change.values(attempts=job.c.attempts - 1)
    with database.write() as connection:
        connection.execute(change.values(values))


def renew_all(database: Database, lease: UUID) -> None:
    """Prolong a lease for all the jobs under it."""
    with database.write() as connection:
        connection.execute(update(job).where(job.c.lease == lease).values(lease_until=utc_now() + LEASE))


def renew(database: Database, claimed: Job) -> None:
    """Prolong the lease of a job that is being worked on."""
    with database.write() as connection:
        connection.execute(update(job).where(_mine(claimed)).values(lease_until=utc_now() + LEASE))


def finish(database: Database, claimed: Job) -> None:
    """Take a finished job out, unless it was armed again meanwhile."""
    with database.write() as connection:
        connection.execute(delete(job).where(_mine(claimed)))


def postpone(database: Database, claimed: Job, *, delay: float, error: str | None, counted: bool = True) -> None:
    """Run the job again after `delay` seconds; an attempt that does not count is taken back."""
    values = {
        "run_at": utc_now() + timedelta(seconds=delay),
        "error": error,
        "lease": None,
        "lease_until": None,
        "attempts": claimed.attempts if counted else claimed.attempts - 1,
    }
    with database.write() as connection:
        connection.execute(update(job).where(_mine(claimed)).values(values))


def give_up(database: Database, claimed: Job, *, error: str) -> None:
    """Keep the job as failed, with a code that says why, until it is armed again."""
    with database.write() as connection:
        connection.execute(
            update(job).where(_mine(claimed)).values(failed_at=utc_now(), error=error, lease=None, lease_until=None)
        )


def _mine(claimed: Job) -> ColumnElement[bool]:
    return and_(job.c.id == claimed.id, job.c.lease == claimed.lease)


def _due() -> ColumnElement[bool]:
    now = utc_now()
    return and_(
        job.c.failed_at.is_(None),
        or_(job.c.run_at <= now, job.c.run_at > now + _LONGEST_DELAY),
        or_(job.c.lease_until.is_(None), job.c.lease_until < now, job.c.lease_until > now + _LONGEST_LEASE),
    )
