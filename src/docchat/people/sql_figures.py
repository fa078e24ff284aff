"""What an operator may see: numbers of everything, by kind, by person and by day. Never a word of what it holds."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    select,
    text,
    type_coerce,
    union,
    update,
)

from ..db.engine import Database
from ..db.schema import EPOCH, attachment, chat_session, chunk, collection, document, job, receipt, usage
from ..types import DocumentState, Page, ReceiptState, utc_now
from .sql_holdings import LIVE

_DAY = timedelta(days=1)
_MICROSECONDS = 86_400_000_000
_WRITTEN = and_(LIVE, chat_session.c.meta_slot.is_not(None))
_THERE = document.c.state != DocumentState.DELETED


@dataclass(frozen=True, slots=True)
class Totals:
    """How much of everything there is now; `people` have a chat or a document, `active` wrote in the last 30 days."""

    people: int
    active: int
    sessions: int
    messages: int
    attachments: int
    documents: int
    failed: int
    waiting: int
    passages: int
    collections: int


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes: of the database with its log, of originals, of attachments (sealed, in the database)."""

    database: int
    originals: int
    attachments: int


@dataclass(frozen=True, slots=True)
class JobKind:
    """The jobs of one kind. `late`: seconds that the oldest due one waits; `errors`: codes of those given up."""

    kind: str
    waiting: int
    running: int
    failed: int
    late: float
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DayOfUse:
    """One day (UTC). `answers` and `tokens` are those of models; `cleared` counts clears of every kind."""

    day: date
    sessions: int
    answers: int
    tokens: int
    documents: int
    cleared: int


@dataclass(frozen=True, slots=True)
class Person:
    """What one owner has, in numbers; `last` is when the newest chat was written to."""

    owner: str
    sessions: int
    messages: int
    documents: int
    bytes: int
    last: datetime | None


class SqlFigures:
    """Counts for the operator."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def totals(self) -> Totals:
        """How much there is."""
        owners = union(
            select(chat_session.c.owner).where(_WRITTEN),
            select(document.c.owner).where(_THERE),
        ).subquery()
        active = select(func.count(chat_session.c.owner.distinct())).where(
            LIVE, chat_session.c.updated_at > utc_now() - 30 * _DAY
        )
        with self._database.read() as connection:
            sessions, messages, attachments, attached = connection.execute(
                select(
                    func.count(),
                    _sum(chat_session.c.messages),
                    _sum(chat_session.c.attachments),
                    _sum(chat_session.c.attached_passages),
                ).where(_WRITTEN)
            ).one()
            by_state = select(document.c.state, func.count()).where(_THERE).group_by(document.c.state)
            states = {row[0]: int(row[1]) for row in connection.execute(by_state)}
            return Totals(
                people=_one(connection, select(func.count()).select_from(owners)),
                active=_one(connection, active),
                sessions=sessions,
                messages=int(messages),
                attachments=int(attachments),
                documents=sum(states.values()),
                failed=states.get(DocumentState.FAILED, 0),
                waiting=states.get(DocumentState.QUEUED, 0) + states.get(DocumentState.READING, 0),
                passages=_one(connection, select(func.count()).select_from(chunk)) + int(attached),
                collections=_one(
                    connection, select(func.count()).select_from(collection).where(collection.c.deleted_at.is_(None))
                ),
            )

    def storage(self) -> Storage:
        """How many bytes it takes."""
        with self._database.read() as connection:
            return Storage(
                database=_database_bytes(connection, str(self._database.url.database)),
                originals=_one(connection, select(_sum(document.c.size)).where(_THERE)),
                attachments=_one(connection, select(_sum(attachment.c.size))),
            )

    def jobs(self) -> Sequence[JobKind]:
        """The background's work, by kind."""
        now = utc_now()
        running = job.c.lease_until > now, job.c.lease_until < now + timedelta(hours=1)
        given_up = job.c.failed_at.is_not(None)
        idle = job.c.failed_at.is_(None), job.c.lease.is_(None)
        query = select(
            job.c.kind,
            func.count().filter(*idle),
            func.count().filter(job.c.failed_at.is_(None), *running),
            func.count().filter(given_up),
            func.min(job.c.run_at).filter(*idle, job.c.run_at <= now),
        )
        codes = select(job.c.kind, job.c.error).where(given_up).distinct().order_by(job.c.error)
        with self._database.read() as connection:
            rows = connection.execute(query.group_by(job.c.kind).order_by(job.c.kind)).all()
            errors: dict[str, list[str]] = {}
            for kind, code in connection.execute(codes):
                errors.setdefault(kind, []).append(code or "")
        return [
            JobKind(
                kind,
                waiting,
                busy,
                failed,
                0.0 if oldest is None else (now - oldest).total_seconds(),
                tuple(errors.get(kind, ())),
            )
            for kind, waiting, busy, failed, oldest in rows
        ]

    def retry_failed(self) -> int:
        """Let jobs that were given up be tried again; how many they were."""
        fresh = {"failed_at": None, "attempts": 0, "error": None, "lease": None, "lease_until": None}
        again = update(job).where(job.c.failed_at.is_not(None)).values(run_at=utc_now(), **fresh)
        with self._database.write() as connection:
            return connection.execute(again).rowcount

    def clears(self) -> dict[str, int]:
        """How many clears still go on, and how many could be undone."""
        open_ = ReceiptState.RUNNING, ReceiptState.PENDING
        query = select(receipt.c.state, func.count()).where(receipt.c.state.in_(open_)).group_by(receipt.c.state)
        with self._database.read() as connection:
            found = {row[0]: int(row[1]) for row in connection.execute(query)}
        return {state.value: found.get(state.value, 0) for state in open_}

    def days(self, count: int) -> Sequence[DayOfUse]:
        """The last `count` days, oldest first, today included."""
        today = (utc_now() - EPOCH) // _DAY
        first = today - count + 1
        since = EPOCH + first * _DAY
        used = select(usage.c.day, _sum(usage.c.answers), _sum(usage.c.tokens)).where(usage.c.day >= first)
        with self._database.read() as connection:
            begun = _by_day(connection, chat_session.c.created_at, since, chat_session.c.next_seq > 0)
            added = _by_day(connection, document.c.created_at, since, _THERE)
            cleared = _by_day(connection, receipt.c.created_at, since)
            of_models = {row[0]: row for row in connection.execute(used.group_by(usage.c.day))}
        return [
            DayOfUse(
                (EPOCH + day * _DAY).date(),
                begun.get(day, 0),
                int(of_models[day][1]) if day in of_models else 0,
                int(of_models[day][2]) if day in of_models else 0,
                added.get(day, 0),
                cleared.get(day, 0),
            )
            for day in range(first, today + 1)
        ]

    def people(self, *, cursor: str | None = None, limit: int = 50) -> Page[Person]:
        """Who has something here, by owner id, a page at a time."""
        some = []
        for owner, condition in ((chat_session.c.owner, _WRITTEN), (document.c.owner, _THERE)):
            query = select(owner.label("owner")).where(condition, owner > (cursor or "")).distinct()
            some.append(select(query.order_by(owner).limit(limit + 1).subquery()))
        owners = union(*some).subquery()
        with self._database.read() as connection:
            ids = connection.execute(select(owners.c.owner).order_by(owners.c.owner).limit(limit + 1)).scalars().all()
        following = ids[limit - 1] if len(ids) > limit else None
        return Page(self.persons(ids[:limit]), following)

    def persons(self, owners: Sequence[str]) -> tuple[Person, ...]:
        """What each of these owners has, in their order."""
        chats = (
            select(
                chat_session.c.owner,
                func.count().filter(chat_session.c.meta_slot.is_not(None)),
                _sum(chat_session.c.messages),
                func.max(chat_session.c.updated_at).filter(chat_session.c.meta_slot.is_not(None)),
            )
            .where(chat_session.c.owner.in_(owners), LIVE)
            .group_by(chat_session.c.owner)
        )
        files = (
            select(document.c.owner, func.count(), _sum(document.c.size))
            .where(document.c.owner.in_(owners), _THERE)
            .group_by(document.c.owner)
        )
        with self._database.read() as connection:
            said = {row[0]: row for row in connection.execute(chats)}
            kept = {row[0]: row for row in connection.execute(files)}
        nothing = ("", 0, 0, None)
        return tuple(
            Person(
                owner,
                said.get(owner, nothing)[1],
                int(said.get(owner, nothing)[2]),
                kept.get(owner, nothing)[1],
                int(kept.get(owner, nothing)[2]),
                said.get(owner, nothing)[3],
            )
            for owner in owners
        )


def _by_day(
    connection: Connection, at: ColumnElement[Any], since: datetime, *conditions: ColumnElement[bool]
) -> dict[int, int]:
    day = (type_coerce(at, BigInteger) // _MICROSECONDS).label("day")
    query = select(day, func.count()).where(at >= since, *conditions).group_by(day)
    return {int(number): count for number, count in connection.execute(query)}


def _database_bytes(connection: Connection, path: str) -> int:
    if connection.dialect.name == "postgresql":
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    return sum(os.path.getsize(name) for name in (path, f"{path}-wal") if os.path.exists(name))


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0)


def _one(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())
