"""Answers of a model by day: counted with the run that they begin, never one too many, forgotten with their owner."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from docchat.errors import LimitReached
from docchat.sessions import sql_usage
from docchat.sessions.sql import SqlSessionStore
from docchat.sessions.sql_usage import SqlUsage
from docchat.types import Draft, MessageState, Mode, new_id

from .conftest import House

NOON = datetime(2030, 5, 17, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def store(house: House, monkeypatch: pytest.MonkeyPatch) -> SqlSessionStore:
    """A store that allows three answers a day, at noon."""
    monkeypatch.setattr(sql_usage, "utc_now", lambda: NOON)
    return SqlSessionStore(house.database, house.keyring, answers_per_day=3)


def _ask(store: SqlSessionStore, session_id: UUID, mode: Mode = "model", owner: str = "ann") -> bool:
    answer = Draft("assistant", "", state=MessageState.RUNNING, mode=mode, run_id=new_id())
    try:
        store.start_run(owner=owner, session_id=session_id, question=Draft("user", "Why?"), answer=answer)
    except LimitReached:
        return False
    return True


def test_requests_at_once_never_get_one_too_many(house: House, store: SqlSessionStore) -> None:
    sessions = [store.create(owner="ann").id for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(lambda session: _ask(store, session), sessions))
    assert sum(begun) == 3
    assert SqlUsage(house.database).of(owner="ann")[0].answers == 3
    counts: Sequence[int] = [store.get(owner="ann", session_id=session).messages for session in sessions]
    assert sorted(counts) == [0] * 5 + [2] * 3
    assert house.audit.orphan_keys() == [], "a refused question must leave no key"


def test_quotes_others_and_the_next_day_are_free(
    house: House, store: SqlSessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = store.create(owner="ann").id
    assert [_ask(store, session) for _ in range(4)] == [True, True, True, False]
    assert _ask(store, session, mode="quotes")
    assert _ask(store, store.create(owner="ben").id, owner="ben")
    with pytest.raises(LimitReached) as caught, house.database.write() as connection:
        sql_usage.count_answer(connection, "ann", 3)
    assert (caught.value.retry_after, caught.value.ends) == (12 * 3600, NOON + timedelta(hours=12))
    monkeypatch.setattr(sql_usage, "utc_now", lambda: NOON + timedelta(hours=12))
    assert _ask(store, session)
    assert [(day.day.day, day.answers) for day in SqlUsage(house.database).of(owner="ann")] == [(18, 1), (17, 3)]


def test_tokens_are_counted_until_the_owner_is_forgotten(house: House, store: SqlSessionStore) -> None:
    usage = SqlUsage(house.database)
    _ask(store, store.create(owner="ann").id)
    usage.add_tokens(owner="ann", at=NOON, tokens=120)
    usage.add_tokens(owner="ann", at=NOON, tokens=30)
    assert usage.of(owner="ann")[0].tokens == 150
    usage.forget(owner="ann")
    usage.add_tokens(owner="ann", at=NOON, tokens=30)  # a late answer does not bring a row back
    assert usage.of(owner="ann") == ()
