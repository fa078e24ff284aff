"""`docchat ingest`: killed at any moment it goes on where it was; a terminal sees a bar, a rate and a summary."""

import os
import pty
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from docchat.server.progress import line

from .live import COMMAND, docchat, environment

FILES = 80


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    for number in range(FILES):
        path = folder / f"{number % 7}" / f"{number:03}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# Paper {number}\n\n" + f"It tells of zygomorph{number}quux, and of the harbour. " * 200)
        os.utime(path, (time.time() - 100,) * 2)
    return folder


def count(data_dir: Path, query: str) -> int:
    path = data_dir / "docchat.sqlite3"
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {query}").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # not made yet, or just being written


def originals(data_dir: Path) -> list[Path]:
    return [path for path in (data_dir / "files").rglob("*") if path.is_file()]


def let_leases_end(data_dir: Path) -> None:
    """What fifteen seconds do after a process was killed."""
    with closing(sqlite3.connect(data_dir / "docchat.sqlite3")) as connection:
        connection.execute("UPDATE job SET lease = NULL, lease_until = NULL, run_at = 0")
        connection.commit()


def killed_when(data_dir: Path, folder: Path, query: str, least: int) -> None:
    """Begin to ingest, and kill it once the query counts so many."""
    process = subprocess.Popen(
        [*COMMAND, "ingest", "--delete", str(folder)],
        env=environment(data_dir),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while count(data_dir, query) < least and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    let_leases_end(data_dir)


def test_killed_again_and_again_it_comes_to_the_same(data_dir: Path, folder: Path) -> None:
    killed_when(data_dir, folder, "followed_file", 1)
    killed_when(data_dir, folder, "document WHERE state = 'reading'", 1)
    (folder / "0" / "000.md").rename(folder / "moved.md")
    (folder / "1" / "001.md").unlink()
    (folder / "2" / "002.md").write_text("Now it tells of something else.")
    killed_when(data_dir, folder, "document WHERE state = 'ready'", FILES // 3)
    done = docchat(data_dir, "ingest", "--delete", str(folder))
    assert done.returncode == 0, done.stderr
    paths = {str(path) for path in folder.rglob("*.md")}
    with closing(sqlite3.connect(data_dir / "docchat.sqlite3")) as connection:
        states = connection.execute("SELECT name, state, passages FROM document").fetchall()
        known = {path for (path,) in connection.execute("SELECT path FROM followed_file")}
        lonely = connection.execute(
            "SELECT count(*) FROM followed_file LEFT JOIN document ON document.id = document_id WHERE no IS NULL"
        ).fetchone()
    assert sorted(name for name, _, _ in states) == sorted(Path(path).name for path in paths)
    assert {state for _, state, _ in states} == {"ready"}
    assert all(passages for _, _, passages in states)
    assert (known, lonely) == (paths, (0,))
    for path in originals(data_dir):  # a kill between file and row leaves one, for ten minutes
        os.utime(path, (time.time() - 3600,) * 2)
    healthy = docchat(data_dir, "doctor", "--repair")
    assert healthy.returncode == 0, healthy.stdout
    assert len(originals(data_dir)) == len(paths)


def test_a_terminal_sees_a_bar_and_a_rate(data_dir: Path, folder: Path) -> None:
    (folder / "empty.txt").write_text("")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*COMMAND, "ingest", str(folder)],
            env={**environment(data_dir), "COLUMNS": "100"},
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            shown += piece
        said = process.communicate()[0].decode()
    finally:
        os.close(ours)
    assert process.returncode == 1
    total = FILES + 2
    assert re.search(rf"\r\[#+-*\] \d+ of {total} files, \d+%, \S+ a second, \S+ MB/s, \d+ s left", shown.decode())
    assert "empty.txt: skipped: This file is empty." in shown.decode()
    assert "broken.pdf: failed: " in shown.decode()
    assert re.fullmatch(
        rf"{FILES} read, 1 failed, 1 skipped; [\d.]+ s, [\d.,e+]+ a second, [\d.]+ MB/s\.", said.strip()
    ), said


def test_the_bar_fits_its_line() -> None:
    shown = line(512, 1169, 5.0, "files", "2 failed", size=6_500_000, columns=100)
    assert shown.endswith("] 512 of 1,169 files, 44%, 102 a second, 1.3 MB/s, 6 s left, 2 failed")
    assert len(shown) == 100
    assert line(512, 1169, 5.0, "files", "2 failed", size=6_500_000, columns=30) == "512 of 1,169 files, 44%, 102 a"
    assert line(0, 10, 0.0, "files") == "[" + "-" * 40 + "] 0 of 10 files, 0%"
    assert line(0, 0, 1.0, "files").endswith("0 of 0 files, 100%")
