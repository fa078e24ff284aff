"""Jobs: put in the caller's transaction, claimed once, retried, and finished through a crash."""

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from docchat.db.engine import Database
from docchat.db.schema import job
from docchat.jobs import queue
from docchat.jobs.queue import Job
from docchat.jobs.worker import MAX_ATTEMPTS, Beat, Retry, Worker
from docchat.types import utc_now


def _put(database: Database, subject: str = "1", *, delay: float = 0.0) -> None:
    with database.write() as connection:
        queue.put(connection, kind="work", subject=subject, delay=delay)


def _rows(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(job)).scalar_one()


def test_a_job_runs_once_and_is_gone(database: Database) -> None:
    ran: list[str] = []
    worker = Worker(database, {"work": lambda job, beat: ran.append(job.subject)})
    _put(database, "a")
    _put(database, "b")
    assert worker.run_due() == 2
    assert sorted(ran) == ["a", "b"]
    assert _rows(database) == 0


def test_a_rolled_back_transaction_asks_for_nothing(database: Database) -> None:
    def put_and_fail() -> None:
        with database.write() as connection:
            queue.put(connection, kind="work", subject="1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        put_and_fail()
    assert _rows(database) == 0


def test_putting_twice_is_one_job(database: Database) -> None:
    _put(database)
    _put(database)
    assert _rows(database) == 1


def test_a_delayed_job_waits(database: Database) -> None:
    _put(database, delay=60)
    assert queue.claim(database, ("work",)) is None


def test_two_workers_never_claim_the_same_job(database: Database) -> None:
    for number in range(20):
        _put(database, str(number))
    claimed: list[int] = []

    def claim() -> None:
        while (found := queue.claim(database, ("work",))) is not None:
            claimed.append(found.id)

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 20


def test_a_job_armed_again_while_it_runs_is_kept(database: Database) -> None:
    worker = Worker(database, {"work": lambda job, beat: _put(database, job.subject) if job.attempts == 1 else None})
    _put(database)
    claimed = queue.claim(database, ("work",))
    assert claimed is not None
    _put(database)
    queue.finish(database, claimed)
    assert _rows(database) == 1
    worker.stop()


def test_the_job_of_a_dead_process_is_claimed_again(database: Database) -> None:
    _put(database)
    assert queue.claim(database, ("work",)) is not None
    assert queue.claim(database, ("work",)) is None
    with database.write() as connection:
        connection.execute(update(job).values(lease_until=utc_now() - timedelta(seconds=1)))
    again = queue.claim(database, ("work",))
    assert again is not None
    assert again.attempts == 2


@pytest.mark.parametrize("years", [-10, 10])
def test_a_clock_that_jumps_stops_no_job(database: Database, years: int) -> None:
    """A lease or a time written before the jump must not hold a job back for years."""
    _put(database)
    jumped = utc_now() + timedelta(days=365 * years)
    with database.write() as connection:
        connection.execute(update(job).values(run_at=jumped, lease_until=jumped))
    assert queue.claim(database, ("work",)) is not None


@pytest.mark.parametrize("tireless", [False, True])
def test_a_failing_job_is_given_up_after_some_attempts_unless_it_was_promised(
    database: Database, caplog: pytest.LogCaptureFixture, tireless: bool
) -> None:
    def fail(job: Job, beat: Beat) -> None:
        raise ValueError("secret words")

    worker = Worker(database, {"work": fail}, tireless=frozenset({"work"} if tireless else ()))
    _put(database)
    for _ in range(MAX_ATTEMPTS):
        assert worker.run_due() == 1
        with database.write() as connection:
            connection.execute(update(job).values(run_at=utc_now()))
    assert worker.run_due() == (1 if tireless else 0)
    with database.read() as connection:
        row = connection.execute(select(job)).one()
    assert (row.failed_at is None) is tireless
    assert row.error == "internal"
    assert "secret words" not in caplog.text


def test_a_retry_does_not_count(database: Database) -> None:
    def later(job: Job, beat: Beat) -> None:
        raise Retry("not yet", delay=0.0)

    worker = Worker(database, {"work": later})
    _put(database)
    claimed = queue.claim(database, ("work",))
    assert claimed is not None
    queue.postpone(database, claimed, delay=0.0, error="not yet", counted=False)
    again = queue.claim(database, ("work",))
    assert again is not None
    assert again.attempts == 1
    worker.stop()


def test_the_thread_runs_jobs(database: Database) -> None:
    ran = threading.Event()
    worker = Worker(database, {"work": lambda job, beat: ran.set()})
    worker.ensure_started()
    _put(database)
    worker.wake()
    assert ran.wait(5)
    worker.stop()


def test_a_slow_job_holds_no_quick_one_up(database: Database) -> None:
    free, quick = threading.Event(), threading.Event()
    worker = Worker(
        database,
        {"work": lambda job, beat: quick.set(), "read": lambda job, beat: free.wait(20) or None},
        slow=frozenset({"read"}),
    )
    with database.write() as connection:
        for number in range(3):
            queue.put(connection, kind="read", subject=str(number))
    worker.ensure_started()
    _put(database)
    assert quick.wait(5)
    free.set()
    worker.stop()


def test_periodic_work_goes_on_in_one_process_and_through_failures(database: Database) -> None:
    runs: list[str] = []

    def work(job: Job, beat: Beat) -> None:
        runs.append(job.subject)
        if len(runs) % 2:
            raise ValueError("fails now and then")

    workers = [Worker(database, {"tidy": work}, periodic={"tidy": 0.05}) for _ in range(3)]
    for worker in workers:
        worker.ensure_started()
    deadline = time.monotonic() + 20
    while len(runs) < 12 and time.monotonic() < deadline:
        time.sleep(0.05)
    for worker in workers:
        worker.stop()
    assert len(runs) >= 12
    assert set(runs) == {"all"}
    with database.read() as connection:
        row = connection.execute(select(job)).one()
    assert row.failed_at is None
