"""The engine on SQLite: what a second one over the same file in this process must not do to the first."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from docchat.db.engine import Database

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
