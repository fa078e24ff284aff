"""A library follows folders: nothing is read twice, what moved stays, what changed is replaced, what is gone goes."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from docchat.documents import follow
from docchat.documents.follow import Follower, Report
from docchat.documents.scope import Scope
from docchat.documents.sql_collections import Collections
from docchat.documents.sql_followed import Place, hashed
from docchat.documents.terms import terms
from docchat.errors import StoreUnavailable
from docchat.types import DocumentState

from .conftest import House

LIMIT = 1 << 20


@dataclass
class Desk:
    """A folder, the house it goes to, and how often files were opened and documents read."""

    folder: Path
    house: House
    opened: list[str]
    read: list[str]

    def write(self, name: str, content: str, *, age: float = 100.0) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        os.utime(path, (time.time() - age,) * 2)
        return path

    def follow(self, *, delete: bool = False, again: bool = True, retry: bool = False, wait: bool = True) -> Report:
        self.opened.clear()
        self.read.clear()
        follower = Follower(self.house.library, Place("ada"), limit=LIMIT, again=again, retry=retry)
        report = follower.follow(follower.look([self.folder]), delete=delete)
        if wait:
            self.house.worker.run_due()
            follower.replace()
            self.house.worker.run_due()
        return report

    def names(self) -> list[str]:
        return sorted(item.name for item in self.house.library.list(owner="ada").items)

    def hits(self, question: str) -> set[str]:
        return {hit.chunk.document_name for hit in self.house.index.search(scope=Scope("ada"), question=question)}


@pytest.fixture
def desk(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    folder = tmp_path / "papers"
    folder.mkdir()
    desk = Desk(folder, house, [], [])
    enter, read, many = follow._Opened.__enter__, house.library.sandbox.read, house.library.sandbox.read_many

    def opening(self: follow._Opened) -> object:
        desk.opened.append(self._file.path.name)
        return enter(self)

    def reading(content: object, *, name: str, **rest: object) -> object:
        desk.read.append(name)
        return read(content, name=name, **rest)  # type: ignore[arg-type]

    def reading_many(files: list[tuple[str, bytes]], **rest: object) -> object:
        desk.read.extend(name for name, _ in files)
        return many(files, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(follow._Opened, "__enter__", opening)
    monkeypatch.setattr(house.library.sandbox, "read", reading)
    monkeypatch.setattr(house.library.sandbox, "read_many", reading_many)
    desk.write("river.txt", "The river is called Wutach.")
    desk.write("more/bread.md", "# Bread\n\nThe dough rests for 18 hours.")
    return desk


def test_the_second_time_no_file_is_opened(desk: Desk) -> None:
    first = desk.follow()
    assert sorted(first.added.values()) == sorted(map(str, (desk.folder / "more/bread.md", desk.folder / "river.txt")))
    assert sorted(desk.read) == ["bread.md", "river.txt"]
    second = desk.follow(delete=True)
    assert (len(second.unchanged), second.changed) == (2, False)
    assert (desk.opened, desk.read) == ([], [])


def test_a_file_just_written_is_looked_into_once_more_but_not_read_again(desk: Desk) -> None:
    desk.write("new.txt", "Just now.", age=0.0)
    desk.follow()
    desk.write("new.txt", "Just now.", age=50.0)
    assert len(desk.follow().unchanged) == 3
    assert (desk.opened, desk.read) == (["new.txt"], [])
    assert len(desk.follow().unchanged) == 3
    assert desk.opened == []


def test_a_change_within_the_same_moment_is_seen(desk: Desk) -> None:
    now = time.time()
    for content in ("first ", "second"):
        desk.write("new.txt", content)
        os.utime(desk.folder / "new.txt", (now, now))
        desk.follow()
    assert desk.hits("first") == set()
    assert desk.hits("second") == {"new.txt"}


def test_a_changed_file_replaces_its_document_when_it_is_ready(desk: Desk) -> None:
    desk.follow()
    desk.write("river.txt", "The river is called Rhine.", age=50.0)
    report = desk.follow(wait=False)
    assert [Path(path).name for path in report.added.values()] == ["river.txt"]
    assert desk.hits("Wutach") == {"river.txt"}
    desk.house.worker.run_due()
    assert desk.follow().unchanged
    assert desk.hits("Wutach") == set()
    assert desk.hits("Rhine") == {"river.txt"}
    assert desk.names() == ["bread.md", "river.txt"]


def test_a_change_that_cannot_be_read_leaves_the_last_good_document(desk: Desk) -> None:
    desk.follow()
    (desk.folder / "river.txt").write_bytes(b"\x7fELF" + bytes(100))
    report = desk.follow()
    assert len(report.added) == 1
    assert desk.hits("Wutach") == {"river.txt"}
    again = desk.follow()
    assert [Path(path).name for path, _ in again.failed] == ["river.txt"]
    assert desk.read == []
    desk.follow(retry=True)
    assert desk.read == ["river.txt"]
    desk.write("river.txt", "The river is called Rhine.", age=50.0)
    desk.follow()
    assert desk.names() == ["bread.md", "river.txt"]
    assert desk.hits("Wutach") == set()
    assert desk.house.count("document") == 2


def test_a_moved_file_keeps_its_document_and_takes_its_new_name(desk: Desk) -> None:
    desk.follow()
    before = {item.name: item.id for item in desk.house.library.list(owner="ada").items}
    (desk.folder / "rivers").mkdir()
    (desk.folder / "river.txt").rename(desk.folder / "rivers" / "danube.txt")
    (desk.folder / "more").rename(desk.folder / "less")
    report = desk.follow(delete=True)
    assert len(report.moved) == 2
    assert (report.removed, desk.read) == ([], [])
    after = {item.name: item.id for item in desk.house.library.list(owner="ada").items}
    assert after == {"danube.txt": before["river.txt"], "bread.md": before["bread.md"]}
    with desk.house.database.read() as connection:
        titles = connection.execute(text("SELECT title FROM chunk_words ORDER BY title")).scalars().all()
    assert titles == [" ".join(terms(name)) for name in ("bread.md", "danube.txt")]
    assert desk.hits("river.txt Wutach") == {"danube.txt"}
    assert desk.follow(delete=True).changed is False


def test_what_is_gone_goes_only_when_asked(desk: Desk) -> None:
    desk.follow()
    (desk.folder / "river.txt").unlink()
    assert desk.follow().removed == []
    assert desk.names() == ["bread.md", "river.txt"]
    assert [Path(path).name for path in desk.follow(delete=True).removed] == ["river.txt"]
    assert desk.names() == ["bread.md"]
    assert desk.house.count("followed_file") == 1
    desk.write("river.txt", "The river is called Wutach.")
    assert len(desk.follow(again=False).added) == 1


def test_a_copy_is_not_read_and_its_original_may_go(desk: Desk) -> None:
    desk.write("copy.txt", "The river is called Wutach.")
    desk.write("a/twin.txt", "The river is called Wutach.")
    desk.follow()
    assert len(desk.names()) == 2
    (desk.folder / "a/twin.txt").unlink()
    (desk.folder / "copy.txt").unlink()
    desk.follow(delete=True)
    assert desk.hits("Wutach")
    (desk.folder / "river.txt").unlink()
    desk.follow(delete=True)
    assert desk.names() == ["bread.md"]


def test_what_was_uploaded_by_hand_is_not_read_and_does_not_go(desk: Desk) -> None:
    uploaded = desk.house.add("mine.txt", b"The river is called Wutach.")
    desk.follow()
    assert desk.read == ["bread.md"]
    (desk.folder / "river.txt").unlink()
    desk.follow(delete=True)
    assert desk.house.library.get(owner="ada", document_id=uploaded.id) == uploaded
    desk.write("river.txt", "The river is called Wutach.")
    desk.follow()
    desk.write("river.txt", "Changed.", age=10.0)
    desk.follow()
    assert desk.names() == ["bread.md", "mine.txt", "river.txt"]


def test_what_was_deleted_by_hand_stays_away_until_it_changes(desk: Desk) -> None:
    desk.follow()
    path = desk.folder / "river.txt"
    for item in desk.house.library.list(owner="ada").items:
        if item.name == "river.txt":
            desk.house.library.delete(owner="ada", document_id=item.id)
    report = desk.follow(again=False)
    assert report.skipped == [(str(path), "deleted from the library")]
    with desk.house.database.read() as connection:
        rows = connection.execute(text("SELECT path, sha256, document_id FROM followed_file ORDER BY path")).all()
    assert [row.path for row in rows] == [str(desk.folder / "more/bread.md"), hashed(str(path))]
    assert (rows[1].sha256, rows[1].document_id) == ("", None)
    desk.write("river.txt", "Changed.", age=10.0)
    assert len(desk.follow(again=False).added) == 1
    assert desk.house.count("followed_file") == 2
    for item in desk.house.library.list(owner="ada").items:
        desk.house.library.delete(owner="ada", document_id=item.id)
    assert len(desk.follow(again=True).added) == 2


def test_killed_between_file_and_row_it_begins_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object, **rest: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr("docchat.documents.sql_intake.put", away)
        with pytest.raises(StoreUnavailable):
            desk.follow()
    assert desk.house.count("document") == desk.house.count("followed_file") == 0
    assert desk.house.files() == set()
    assert len(desk.follow().added) == 2
    assert len(desk.names()) == 2


def test_killed_before_it_was_read_it_is_waited_for(desk: Desk) -> None:
    first = desk.follow(wait=False)
    second = desk.follow()
    assert second.added == first.added
    assert sorted(desk.read) == ["bread.md", "river.txt"]


def test_killed_while_deleting_it_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.follow()
    (desk.folder / "river.txt").unlink()

    def away(*args: object, **rest: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(desk.house.library, "delete", away)
        with pytest.raises(StoreUnavailable):
            desk.follow(delete=True)
    desk.write("river.txt", "The river is called Wutach.")
    assert desk.follow(delete=True).removed == []
    assert desk.read == []
    (desk.folder / "river.txt").unlink()
    desk.follow(delete=True)
    assert desk.names() == ["bread.md"]


def test_who_may_only_read_by_now_hears_that_nothing_was_deleted(house: House, tmp_path: Path) -> None:
    collections, folder = Collections(house.database), tmp_path / "papers"
    folder.mkdir()
    team = collections.create(owner="owner", name="Team").id
    collections.put_member(owner="owner", collection_id=team, user_id="ada", role="writer")
    for name in ("one.txt", "two.txt"):
        (folder / name).write_text(f"The {name} of the harbour is old.")
    follower = Follower(house.library, Place("ada", team), limit=LIMIT)
    follower.follow(follower.look([folder]), delete=True)
    house.worker.run_due()
    collections.put_member(owner="owner", collection_id=team, user_id="ada", role="reader")
    for name in ("one.txt", "two.txt"):
        (folder / name).unlink()
    report = follower.follow(follower.look([folder]), delete=True)
    assert not report.removed
    assert [reason for _, reason in report.failed] == ["You may read this collection, but not change it."] * 2
    assert len(house.library.list(owner="owner", collection=team).items) == 2
    collections.put_member(owner="owner", collection_id=team, user_id="ada", role="writer")
    assert len(follower.follow(follower.look([folder]), delete=True).removed) == 2, "it is tried again"
    assert not house.library.list(owner="owner", collection=team).items


def test_what_cannot_be_looked_at_is_not_gone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.follow()
    os.mkfifo(desk.folder / "pipe.txt")
    desk.write("empty.txt", "")
    desk.write("large.txt", "x" * (LIMIT + 1))
    desk.write(".hidden.txt", "hidden")
    (desk.folder / "nowhere.txt").symlink_to(desk.folder / "missing")
    report = desk.follow()
    assert {Path(path).name: reason for path, reason in report.skipped} == {
        "pipe.txt": "no ordinary file",
        "empty.txt": "This file is empty.",
        "large.txt": "larger than 1 MB",
        "nowhere.txt": "No such file or directory",
    }
    scandir = os.scandir

    def shut(path: str) -> object:
        if str(path).endswith("more"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", shut)
        report = desk.follow(delete=True)
    assert report.removed == []
    assert any(path.endswith("more") for path, _ in report.skipped)
    desk.folder.rename(desk.folder.with_name("elsewhere"))
    assert desk.follow(delete=True).removed == []
    assert desk.names() == ["bread.md", "river.txt"]


def test_names_of_any_bytes(desk: Desk) -> None:
    path = os.fsencode(desk.folder) + b"/caf\xe9 \xff.txt"
    with open(path, "wb") as file:
        file.write(b"Coffee is served at four.")
    report = desk.follow()
    assert len(report.added) == 3
    assert len(desk.follow().unchanged) == 3
    assert desk.hits("coffee")


def test_many_files_go_in_few_transactions(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        word = "abcdefghij"[number // 10] * 3 + "klmnopqrst"[number % 10] * 3
        desk.write(f"n/{number}.html", f"<h1>Page {number}</h1><p>About the number {number} and {word}.</p>")
    writes: list[int] = []
    write = desk.house.database.write

    def counted() -> object:
        writes.append(1)
        return write()

    with monkeypatch.context() as patched:
        patched.setattr(desk.house.database, "write", counted)
        report = desk.follow()
    assert len(report.added) == 102
    # PostgreSQL keeps the originals too, one in a transaction.
    assert len(writes) < (40 if desk.house.database.is_sqlite else 142)
    assert all(item.state is DocumentState.READY for item in desk.house.library.list(owner="ada", limit=200).items)
    assert desk.hits("hhhrrr") == {"77.html"}
    assert sorted(desk.read).count("77.html") == 1


def test_one_bad_file_stops_none_of_its_neighbours(make_house: Callable[..., House], tmp_path: Path) -> None:
    house = make_house(parse_seconds=3.0)
    folder = tmp_path / "papers"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:02}.txt").write_text(f"Text {number} about word{number}.")
    (folder / "10.html").write_bytes(b"\x7fELF" + bytes(30))
    (folder / "11.html").write_bytes(b"<p>" * 60_000)
    follower = Follower(house.library, Place("ada"), limit=LIMIT)
    report = follower.follow(follower.look([folder]), delete=False)
    house.worker.run_due()
    states = {held.name: held.state for held in follower.states(list(report.added)).values()}
    assert [states[f"{number:02}.txt"] for number in range(20)] == [DocumentState.READY] * 20
    assert states["10.html"] is DocumentState.FAILED
