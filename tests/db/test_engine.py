"""The engine on SQLite: a second one over the same file, and writers that wait for one another."""

import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy import text

from docchat.db.engine import Database
from docchat.errors import StoreUnavailable

_OTHER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("INSERT INTO t VALUES (2)")
connection.commit()
connection.close()  # the last one to close deletes the log: it must see that we are still there
"""


def test_a_second_engine_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "one.sqlite3"
    first = Database(f"sqlite:///{path}")
    with first.write() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))
    second = Database(f"sqlite:///{path}")
    with second.read() as connection:
        connection.execute(text("SELECT count(*) FROM t"))
    second.close()
    subprocess.run([sys.executable, "-c", _OTHER, str(path)], check=True)
    assert (tmp_path / "one.sqlite3-wal").exists()
    with first.read() as connection:
        assert connection.execute(text("SELECT sum(n) FROM t")).scalar_one() == 3
    first.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_writer_has_its_turn_beside_one_without_pause(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'one.sqlite3'}", timeout=2.0)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    over = threading.Event()
    waits: list[float] = []

    def hog() -> None:
        while not over.is_set():
            with database.write() as connection:
                connection.execute(text("INSERT INTO t VALUES (0)"))
                time.sleep(0.002)

    def write(number: int) -> None:
        for _ in range(5):
            begun = time.monotonic()
            with database.write() as connection:
                connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})
            waits.append(time.monotonic() - begun)

    hogging = threading.Thread(target=hog)
    hogging.start()
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(write, range(1, 21)))
    over.set()
    hogging.join()
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM t WHERE n > 0")).scalar_one() == 100
    # In turn nobody waits much longer than the others; without, most of the hog's neighbours wait in vain.
    assert max(waits) < 5 * median(waits)
    database.close()


def test_writers_that_wait_for_another_process_give_up_in_time(tmp_path: Path) -> None:
    path = tmp_path / "one.sqlite3"
    database = Database(f"sqlite:///{path}", timeout=0.6)
    with database.write() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")

    def write(delay: float) -> float:
        time.sleep(delay)
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable), database.write():
            pass
        return time.monotonic() - begun

    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(write, (0.0, 0.1, 0.3, 0.5))) < 1.1, "the waits must not add up"
    other.rollback()
    other.close()
    with database.write() as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
        assert connection.connection.cursor().execute("PRAGMA busy_timeout").fetchone() == (600,)
    database.close()
