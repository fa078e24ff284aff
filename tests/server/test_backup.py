"""Backups: what was cleared never comes back, the rest always does, from each engine into each."""

import json
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, Row

from docchat.config import Settings
from docchat.db.schema import SEQ_BITS, metadata
from docchat.documents.scope import Scope
from docchat.errors import (
    Cleared,
    ConfigError,
    Conflict,
    DocChatError,
    InvalidInput,
    KeyDamaged,
    NotFound,
    StoreUnavailable,
)
from docchat.extension import build_services
from docchat.server.accounts import Accounts
from docchat.server.backup import archive as archives
from docchat.server.backup import sql_content
from docchat.server.backup.content import back_up_content
from docchat.server.backup.keys import back_up_keys, remove_old, write_clears
from docchat.server.backup.restore import Report, Request, restore
from docchat.server.commands.backup import restore_command
from docchat.server.home import MountedHome, close
from docchat.sessions import export
from docchat.types import DocumentState, Draft
from docchat.web.state import Services

from ..conftest import PostgresServer
from .live import PASSWORD, docchat, environment, serving

TEXT = "The river is called Wutach. It flows to the Rhine near Waldshut.\n"
TABLE = "town,people\n" + "Waldshut,24000\n" * 400 + "Bonndorf,7000\n"


class Houses:
    """Makes docchats that share nothing, on either engine."""

    def __init__(self, tmp_path: Path, server: PostgresServer) -> None:
        self._tmp_path = tmp_path
        self._server = server
        self._urls: list[str] = []
        self._open: list[Services] = []

    def settings(self, kind: str, name: str) -> Settings:
        """`kind` is sqlite, postgresql, or postgresql+sql for a keyring in a database of its own."""
        settings = Settings(data_dir=self._tmp_path / name, worker="external")
        if kind.startswith("postgresql"):
            settings = replace(settings, database_url=self._database())
        if kind.endswith("+sql"):
            settings = replace(settings, keyring_url=self._database())
        if kind.endswith("+file"):
            settings = replace(settings, keyring_url=f"sqlite:///{self._tmp_path / f'{name}.keyring.sqlite3'}")
        return settings

    def open(self, settings: Settings) -> Services:
        services = build_services(settings, serving=True)
        self._open.append(services)
        return services

    def close(self) -> None:
        for services in self._open:
            close(services)
        self._open = []

    def drop(self) -> None:
        self.close()
        for url in self._urls:
            self._server.drop(url)

    def _database(self) -> str:
        self._urls.append(self._server.create())
        return self._urls[-1]


@pytest.fixture
def houses(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Houses]:
    houses = Houses(tmp_path, postgres_server)
    yield houses
    houses.drop()


@dataclass
class Content:
    """What a library was filled with."""

    short: UUID
    long: UUID
    cleared: UUID
    forgotten: UUID
    document: UUID


def fill(services: Services) -> Content:
    """Chats short and long, a cleared one, one whose history was cleared, and documents with tables."""
    store, clearing = services.store, services.clearing
    ids = [store.create(owner="ann", title=f"Chat {number}").id for number in range(4)]
    for session_id in ids:
        store.append(owner="ann", session_id=session_id, drafts=[Draft(role="user", text="Where does it flow?")] * 3)
    store.append(owner="ann", session_id=ids[1], drafts=[Draft(role="user", text="more")] * 1200)
    clearing.clear(owner="ann", session_id=ids[2])
    clearing.clear_history(owner="ann", session_id=ids[3])
    store.append(owner="ann", session_id=ids[3], drafts=[Draft(role="user", text="After the history")])
    for name, text in (("river.txt", TEXT), ("towns.csv", TABLE)):
        services.library.add(owner="ann", name=name, stream=BytesIO(text.encode()), media_type="text/plain")
    services.worker.run_due()
    document = services.library.list(owner="ann").items[-1].id
    Accounts(services.database, min_length=12).add(name="ann", password=PASSWORD)
    return Content(ids[0], ids[1], ids[2], ids[3], document)


def texts(services: Services, session_id: UUID) -> list[str]:
    return [message.text for message in export.all_messages(services.store, owner="ann", session_id=session_id)]


def check(services: Services, content: Content) -> None:
    """Everything that was there is there, and what was gone is gone."""
    assert texts(services, content.short) == ["Where does it flow?"] * 3
    assert services.store.get(owner="ann", session_id=content.short).title == "Chat 0"
    assert texts(services, content.long) == ["Where does it flow?"] * 3 + ["more"] * 1200
    assert texts(services, content.forgotten) == ["After the history"]
    with pytest.raises(Cleared):
        services.store.get(owner="ann", session_id=content.cleared)
    assert b"".join(services.library.original(owner="ann", document_id=content.document)) == TEXT.encode()
    for question in ("Where does the Wutach flow?", "people of Bonndorf", "towns"):
        found = services.library.index.search(scope=Scope("ann"), question=question)
        assert found, question
    assert Accounts(services.database, min_length=12).named(name="ann")
    added = services.store.create(owner="ann", title="New")
    services.store.append(owner="ann", session_id=added.id, drafts=[Draft(role="user", text="new")])
    assert texts(services, added.id) == ["new"]
    new = BytesIO(b"The Danube has its sources at Donaueschingen.\n")
    services.library.add(owner="ann", name="new.txt", stream=new, media_type="text/plain")
    services.worker.run_due()
    assert services.library.list(owner="ann").items[0].state is DocumentState.READY
    assert services.library.index.search(scope=Scope("ann"), question="sources of the Danube")


PAIRS = (
    ("sqlite", "sqlite"),
    ("sqlite", "postgresql"),
    ("postgresql", "sqlite"),
    ("sqlite", "postgresql+sql"),
    ("postgresql+sql", "sqlite"),
    ("postgresql+sql", "postgresql+file"),
)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_everything_moves_from_one_house_to_another(houses: Houses, tmp_path: Path, source: str, target: str) -> None:
    services = houses.open(houses.settings(source, "old"))
    content = fill(services)
    hits = services.library.index.search(scope=Scope("ann"), question="people of Bonndorf")
    back_up_content(services, tmp_path / "content.tar")
    back_up_keys(services, tmp_path / "keys.tar")
    write_clears(services, tmp_path / "clears.log")
    for name in ("content.tar", "keys.tar", "clears.log"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    houses.close()
    new = houses.settings(target, "new")
    report = restore(
        new, Request(content=tmp_path / "content.tar", keys=tmp_path / "keys.tar", clears=tmp_path / "clears.log")
    )
    assert report == Report(counts=report.counts, destroyed_again=0, without_key=0)
    restored = houses.open(new)
    again = restored.library.index.search(scope=Scope("ann"), question="people of Bonndorf")
    assert [(hit.chunk.text, round(hit.score, 6)) for hit in again] == [
        (hit.chunk.text, round(hit.score, 6)) for hit in hits
    ]
    check(restored, content)
    assert restored.audit.disagreements() == []
    assert restored.audit.damaged() == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "postgresql+sql"])
def test_content_that_is_restored_shows_nothing_of_what_was_cleared_since(
    houses: Houses, tmp_path: Path, kind: str
) -> None:
    settings = houses.settings(kind, "house")
    services = houses.open(settings)
    content = fill(services)
    back_up_content(services, tmp_path / "content.tar")
    services.clearing.clear(owner="ann", session_id=content.long)
    services.clearing.clear_history(owner="ann", session_id=content.forgotten)
    houses.close()
    restore(settings, Request(content=tmp_path / "content.tar", replace=True))
    services = houses.open(settings)
    with pytest.raises(Cleared):
        texts(services, content.long)
    assert texts(services, content.forgotten) == []
    assert texts(services, content.short) == ["Where does it flow?"] * 3
    services.worker.run_due()
    assert _messages_of(services, content.long) == 0


def _messages_of(services: Services, session_id: UUID) -> int:
    from sqlalchemy import func, select

    from docchat.db.schema import SEQ_BITS, chat_session, message

    with services.database.read() as connection:
        no = connection.execute(select(chat_session.c.no).where(chat_session.c.id == session_id)).scalar_one()
        rows = select(func.count()).select_from(message)
        return int(
            connection.execute(rows.where(message.c.id.between(no << SEQ_BITS, (no + 1) << SEQ_BITS))).scalar_one()
        )


@pytest.mark.parametrize("kind", ["sqlite", "postgresql+sql"])
@pytest.mark.parametrize("where", ["same house", "other house"])
def test_old_keys_and_old_content_bring_nothing_cleared_back(
    houses: Houses, tmp_path: Path, kind: str, where: str
) -> None:
    settings = houses.settings(kind, "house")
    services = houses.open(settings)
    content = fill(services)
    back_up_content(services, tmp_path / "content.tar")
    back_up_keys(services, tmp_path / "keys.tar")
    services.clearing.clear(owner="ann", session_id=content.long)
    services.clearing.clear_history(owner="ann", session_id=content.forgotten)
    write_clears(services, tmp_path / "clears.log")
    houses.close()
    request = Request(content=tmp_path / "content.tar", keys=tmp_path / "keys.tar", replace=True)
    if where == "other house":
        settings = houses.settings(kind, "other")
        with pytest.raises(Conflict, match="Give the log of clears"):
            restore(settings, request)
        request = replace(request, clears=tmp_path / "clears.log")
    report = restore(settings, request)
    assert report.destroyed_again == 3
    services = houses.open(settings)
    with pytest.raises(Cleared):
        texts(services, content.long)
    assert texts(services, content.forgotten) == []
    assert texts(services, content.short) == ["Where does it flow?"] * 3


def test_without_the_log_a_cleared_chat_would_come_back(houses: Houses, tmp_path: Path) -> None:
    """The fault that the log is there against: this is what it looks like."""
    services = houses.open(houses.settings("sqlite", "house"))
    content = fill(services)
    back_up_content(services, tmp_path / "content.tar")
    back_up_keys(services, tmp_path / "keys.tar")
    services.clearing.clear(owner="ann", session_id=content.long)
    houses.close()
    other = houses.settings("sqlite", "other")
    request = Request(content=tmp_path / "content.tar", keys=tmp_path / "keys.tar", accept_lost_clears=True)
    restore(other, request)
    assert len(texts(houses.open(other), content.long)) == 1203


def test_a_log_that_is_older_than_the_content_is_refused(houses: Houses, tmp_path: Path) -> None:
    services = houses.open(houses.settings("sqlite", "house"))
    content = fill(services)
    write_clears(services, tmp_path / "old.log")
    services.clearing.clear(owner="ann", session_id=content.short)
    back_up_content(services, tmp_path / "content.tar")
    back_up_keys(services, tmp_path / "keys.tar")
    houses.close()
    request = Request(content=tmp_path / "content.tar", keys=tmp_path / "keys.tar", clears=tmp_path / "old.log")
    with pytest.raises(Conflict, match="older than the backup"):
        restore(houses.settings("sqlite", "other"), request)


def test_keys_alone_come_back_and_the_library_says_what_was_cleared(houses: Houses, tmp_path: Path) -> None:
    settings = houses.settings("sqlite", "house")
    services = houses.open(settings)
    content = fill(services)
    back_up_keys(services, tmp_path / "keys.tar")
    services.clearing.clear(owner="ann", session_id=content.long)
    services.clearing.clear_history(owner="ann", session_id=content.forgotten)
    houses.close()
    shutil.rmtree(settings.data_dir / "keys")
    with pytest.raises(ConfigError, match="missing"):
        build_services(settings)
    report = restore(settings, Request(keys=tmp_path / "keys.tar"))
    assert report.destroyed_again == 3
    services = houses.open(settings)
    assert texts(services, content.short) == ["Where does it flow?"] * 3
    with pytest.raises(Cleared):
        texts(services, content.long)
    assert texts(services, content.forgotten) == []


def test_keys_that_are_older_than_the_content_are_told(houses: Houses, tmp_path: Path) -> None:
    settings = houses.settings("sqlite", "house")
    services = houses.open(settings)
    fill(services)
    back_up_keys(services, tmp_path / "keys.tar")
    late = services.store.create(owner="ann", title="late").id
    services.store.append(owner="ann", session_id=late, drafts=[Draft(role="user", text="late")])
    back_up_content(services, tmp_path / "content.tar")
    write_clears(services, tmp_path / "clears.log")
    houses.close()
    request = Request(content=tmp_path / "content.tar", keys=tmp_path / "keys.tar", clears=tmp_path / "clears.log")
    with pytest.raises(Conflict, match="Leave out --keys"):
        restore(settings, replace(request, replace=True))
    assert texts(houses.open(settings), late) == ["late"]
    houses.close()
    other = houses.settings("sqlite", "other")
    assert restore(other, request).without_key == 1
    with pytest.raises(KeyDamaged):
        texts(houses.open(other), late)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_keys_that_do_not_fit_are_refused_and_nothing_changes(houses: Houses, tmp_path: Path, kind: str) -> None:
    services = houses.open(houses.settings(kind, "house"))
    content = fill(services)
    back_up_content(services, tmp_path / "content.tar")
    foreign = houses.open(houses.settings("sqlite", "foreign"))
    fill(foreign)
    back_up_keys(foreign, tmp_path / "foreign.tar")
    houses.close()
    empty = houses.settings(kind, "empty")
    with pytest.raises(ConfigError, match="are not here"):
        restore(empty, Request(content=tmp_path / "content.tar"))
    with pytest.raises(ConfigError, match="two stores"):
        restore(empty, Request(content=tmp_path / "content.tar", keys=tmp_path / "foreign.tar"))
    with pytest.raises(InvalidInput, match="backup of content, not of keys"):
        restore(empty, Request(content=tmp_path / "content.tar", keys=tmp_path / "content.tar"))
    with pytest.raises(Conflict, match="a library here already"):
        restore(houses.settings("sqlite", "foreign"), Request(content=tmp_path / "content.tar"))
    with pytest.raises(ConfigError, match="belongs to the store"):
        restore(houses.settings("sqlite", "foreign"), Request(content=tmp_path / "content.tar", replace=True))
    assert not list((tmp_path / "foreign").glob(".*restore*"))
    assert restore(empty, Request(content=tmp_path / "content.tar", without_chats=True)).counts["document"] == 2
    services = houses.open(empty)
    assert services.store.list(owner="ann").items == ()
    with pytest.raises(NotFound):
        texts(services, content.short)
    assert services.library.index.search(scope=Scope("ann"), question="Where does the Wutach flow?")
    services.store.create(owner="ann", title="A key is made")


def test_what_was_made_by_a_first_start_is_no_hindrance(houses: Houses, tmp_path: Path) -> None:
    services = houses.open(houses.settings("sqlite", "house"))
    content = fill(services)
    back_up_content(services, tmp_path / "content.tar")
    back_up_keys(services, tmp_path / "keys.tar")
    write_clears(services, tmp_path / "clears.log")
    houses.close()
    new = houses.settings("sqlite", "new")
    houses.open(new)
    houses.close()
    request = Request(content=tmp_path / "content.tar", keys=tmp_path / "keys.tar", clears=tmp_path / "clears.log")
    restore(new, request)
    check(houses.open(new), content)


def test_a_wrong_master_key_is_refused(houses: Houses, tmp_path: Path) -> None:
    master = f"1:{'ab' * 32}"
    settings = replace(houses.settings("sqlite", "house"), master_key=master)
    services = houses.open(settings)
    content = fill(services)
    back_up_content(services, tmp_path / "content.tar")
    back_up_keys(services, tmp_path / "keys.tar")
    write_clears(services, tmp_path / "clears.log")
    houses.close()
    assert bytes.fromhex("ab" * 32) not in (tmp_path / "keys.tar").read_bytes()
    assert b"abababab" not in (tmp_path / "keys.tar").read_bytes()
    request = Request(content=tmp_path / "content.tar", keys=tmp_path / "keys.tar", clears=tmp_path / "clears.log")
    new = houses.settings("sqlite", "new")
    with pytest.raises(ConfigError, match="DOCCHAT_MASTER_KEY"):
        restore(new, request)
    with pytest.raises(ConfigError, match="not the one"):
        restore(replace(new, master_key=f"1:{'cd' * 32}"), request)
    assert not list(new.data_dir.iterdir())
    restore(replace(new, master_key=master), request)
    check(houses.open(replace(new, master_key=master)), content)


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _cut_end(data: bytes) -> bytes:
    return data[:-11000]


def _flip(data: bytes) -> bytes:
    at = data.index(b'"session_no"' if b'"session_no"' in data else b"Wutach")
    return data[:at] + b"X" + data[at + 1 :]


def _flip_manifest(data: bytes) -> bytes:
    at = data.index(b'"counts"') + 30
    return data[:at] + b" " + data[at + 1 :]


def _rename(data: bytes) -> bytes:
    """A member that wants to be written elsewhere, its header's checksum right."""
    target = BytesIO()
    with tarfile.open(fileobj=BytesIO(data)) as source, tarfile.open(fileobj=target, mode="w") as tar:
        for info in source:
            content = source.extractfile(info)
            info.name = info.name.replace("tables/", "../tables/")
            tar.addfile(info, content)
    return target.getvalue()


def _link(data: bytes) -> bytes:
    target = BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        info = tarfile.TarInfo("manifest.json")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    return target.getvalue()


@pytest.mark.parametrize(
    "damage", [_cut, _cut_end, _flip, _flip_manifest, _rename, _link, lambda data: b"", lambda data: b"x" * 5000]
)
def test_a_damaged_backup_is_refused_before_anything_changes(
    houses: Houses, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    settings = houses.settings("sqlite", "house")
    services = houses.open(settings)
    content = fill(services)
    back_up_content(services, tmp_path / "content.tar")
    houses.close()
    damaged = tmp_path / "damaged.tar"
    data = (tmp_path / "content.tar").read_bytes()
    damaged.write_bytes(damage(data))
    with pytest.raises(InvalidInput, match="Nothing was changed"):
        restore(settings, Request(content=damaged, replace=True))
    check(houses.open(settings), content)


def test_a_name_that_is_none_of_ours_is_refused_even_with_the_right_sum(tmp_path: Path) -> None:
    path = tmp_path / "content.tar"
    for name in ("../escape", "/etc/passwd", "tables/../../x.jsonl", "files/x", "keys/../x"):
        with archives.creating(path, kind="content", store_id=uuid4()) as archive:
            archive.add_bytes(name, b"x")
        with pytest.raises(InvalidInput, match="Nothing was changed"), archives.opened(path, "content"):
            pass
        path.unlink()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql+sql"])
def test_a_restore_that_fails_half_way_leaves_what_was_there(
    houses: Houses, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = houses.settings(kind, "house")
    services = houses.open(settings)
    content = fill(services)
    back_up_content(services, tmp_path / "content.tar")
    back_up_keys(services, tmp_path / "keys.tar")
    services.library.delete(owner="ann", document_id=services.library.list(owner="ann").items[0].id)
    services.worker.run_due()
    houses.close()
    stored = sorted(path for path in settings.data_dir.rglob("*") if path.is_file())

    def fail(*_: object) -> None:
        raise DocChatError("the disk broke")

    for place in ("Loader.finish", "Loader._find"):
        with monkeypatch.context() as patch:
            patch.setattr(f"docchat.server.backup.sql_load.{place}", fail)
            with pytest.raises(DocChatError, match="the disk broke"):
                restore(settings, Request(content=tmp_path / "content.tar", keys=tmp_path / "keys.tar", replace=True))
    assert sorted(path for path in settings.data_dir.rglob("*") if path.is_file()) == stored
    services = houses.open(settings)
    assert texts(services, content.short) == ["Where does it flow?"] * 3
    assert len(services.library.list(owner="ann").items) == 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_server_that_uses_the_data_is_detected(houses: Houses, tmp_path: Path, kind: str) -> None:
    settings = houses.settings(kind, "house")
    services = houses.open(settings)
    fill(services)
    back_up_content(services, tmp_path / "content.tar")
    houses.close()
    with serving(settings.data_dir, DOCCHAT_DATABASE_URL=settings.database_url):
        done = docchat(
            settings.data_dir,
            "restore",
            str(tmp_path / "content.tar"),
            "--into",
            "replace",
            DOCCHAT_DATABASE_URL=settings.database_url,
        )
    assert done.returncode == 1
    assert "Stop every docchat that uses this data first" in done.stderr


def test_a_reader_that_is_not_a_docchat_is_detected_too(houses: Houses, tmp_path: Path) -> None:
    settings = houses.settings("sqlite", "house")
    services = houses.open(settings)
    fill(services)
    back_up_content(services, tmp_path / "content.tar")
    houses.close()
    program = (
        "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM message').fetchone();"
        "print(1, flush=True); sys.stdin.read(); c.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(settings.data_dir / "docchat.sqlite3")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(settings.data_dir),
    ) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        with pytest.raises(Conflict, match=f"process {reader.pid} "):
            restore(settings, Request(content=tmp_path / "content.tar", replace=True))
        assert reader.stdin is not None
        reader.stdin.close()


def test_no_backup_of_content_holds_a_key_or_plaintext_of_a_chat(houses: Houses, tmp_path: Path) -> None:
    services = houses.open(houses.settings("sqlite", "house"))
    fill(services)
    back_up_content(services, tmp_path / "content.tar")
    back_up_keys(services, tmp_path / "keys.tar")
    write_clears(services, tmp_path / "clears.log")
    slots = (tmp_path / "house" / "keys" / "slots.bin").read_bytes()
    wrapped = [slots[at + 16 : at + 64] for at in range(4096, len(slots), 64) if slots[at] == 1]
    assert len(wrapped) == 6
    content = (tmp_path / "content.tar").read_bytes()
    assert b"Where does it flow" not in content
    assert not any(key in content or key.hex().encode() in content for key in wrapped)
    keys = (tmp_path / "keys.tar").read_bytes()
    assert all(key in keys for key in wrapped)
    assert b"Wutach" not in keys
    clears = (tmp_path / "clears.log").read_bytes()
    assert not any(key in clears for key in wrapped)
    assert len(clears) < 300


def test_every_table_is_backed_up_or_left_out_on_purpose() -> None:
    named = {table.name for table in (*sql_content.TABLES, *sql_content.LEFT_OUT)}
    assert named == set(metadata.tables)


def test_a_backup_while_others_write_and_clear_is_consistent(houses: Houses, tmp_path: Path) -> None:
    services = houses.open(houses.settings("sqlite", "house"))
    content = fill(services)
    stop = threading.Event()
    kept: list[UUID] = []

    def work() -> None:
        while not stop.is_set():
            with suppress(StoreUnavailable):  # two who write without pause may keep a third waiting for too long
                write()

    def write() -> None:
        made = services.store.create(owner="ann", title="busy").id
        services.store.append(owner="ann", session_id=made, drafts=[Draft(role="user", text="pair")] * 2)
        services.store.append(owner="ann", session_id=content.long, drafts=[Draft(role="user", text="pair")] * 2)
        if len(kept) % 2:
            services.clearing.clear(owner="ann", session_id=made)
        kept.append(made)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        for number in range(5):
            back_up_content(services, tmp_path / f"content{number}.tar")
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    back_up_keys(services, tmp_path / "keys.tar")
    write_clears(services, tmp_path / "clears.log")
    houses.close()
    for number in range(5):
        new = houses.settings("sqlite", f"new{number}")
        request = Request(
            content=tmp_path / f"content{number}.tar", keys=tmp_path / "keys.tar", clears=tmp_path / "clears.log"
        )
        report = restore(new, request)
        assert report.without_key == 0
        restored = houses.open(new)
        for session in _all(restored):
            found = texts(restored, session)
            assert len(found) == restored.store.get(owner="ann", session_id=session).messages
            assert session == content.forgotten or len(found) % 2 == 0 or session in (content.short, content.long)


def _all(services: Services) -> list[UUID]:
    found, cursor = [], None
    while True:
        page = services.store.list(owner="ann", cursor=cursor, limit=200)
        found += [session.id for session in page.items]
        cursor = page.next
        if cursor is None:
            return found


def test_no_read_of_a_backup_holds_the_log_for_long(houses: Houses, tmp_path: Path) -> None:
    """What is cleared during a backup is reclaimed during it: no transaction is open all the time."""
    services = houses.open(houses.settings("sqlite", "house"))
    fill(services)
    emptied = []
    write = archives.Spool.write

    def slow(spool: archives.Spool, values: object) -> None:
        if spool.lines % 100 == 0:
            services.store.create(owner="bob")  # so that there is something in the log
            emptied.append(services.database.checkpoint())
        write(spool, values)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archives.Spool, "write", slow)
        back_up_content(services, tmp_path / "content.tar")
    assert len(emptied) > 10
    assert all(emptied)


def test_what_was_under_way_is_taken_up_again(houses: Houses, tmp_path: Path) -> None:
    settings = replace(houses.settings("sqlite", "house"), clear_undo_seconds=600)
    services = houses.open(settings)
    content = fill(services)
    services.library.add(owner="ann", name="late.txt", stream=BytesIO(b"The Alb is a river."), media_type="text/plain")
    clearance = services.clearing.clear(owner="ann", session_id=content.short)
    assert clearance.receipt is not None
    services.store.create(owner="eve", title="to be erased")
    erasing = services.people.erasing.rows.begin(owner="eve")
    back_up_content(services, tmp_path / "content.tar")
    assert content.short not in _chats_with_messages(tmp_path / "content.tar")
    assert content.long in _chats_with_messages(tmp_path / "content.tar")
    houses.close()
    restore(settings, Request(content=tmp_path / "content.tar", replace=True))
    services = houses.open(settings)
    services.worker.run_due()
    assert services.library.index.search(scope=Scope("ann"), question="the Alb")
    with pytest.raises(Conflict):
        services.clearing.undo(owner="ann", receipt_id=clearance.receipt.id)
    with pytest.raises(Cleared):
        texts(services, content.short)
    assert services.people.erasing.rows.receipt(erasing).state == "done"
    assert not services.store.list(owner="eve").items


def _chats_with_messages(path: Path) -> set[UUID]:
    """The chats of which messages, or a sealed title, stand in a backup."""
    with archives.opened(path, "content") as archive:
        lines = {name: stream.read().splitlines() for name, stream in archive.members() if name.endswith(".jsonl")}
    rows = [json.loads(line) for line in lines["tables/chat_session.jsonl"]]
    said = {json.loads(line)["id"] >> SEQ_BITS for line in lines["tables/message.jsonl"]}
    return {UUID(row["id"]) for row in rows if row["no"] in said or (row.get("cleared_at") and "title" in row)}


@pytest.mark.parametrize("action", ["clear", "clear_history"])
def test_a_long_chat_that_is_cleared_while_it_is_read_is_left_out(
    houses: Houses, tmp_path: Path, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = houses.open(houses.settings("sqlite", "house"))
    content = fill(services)
    read = sql_content._messages
    pages = []

    def reading(connection: Connection, first: int, last: int) -> Sequence[Row[Any]]:
        found = read(connection, first, last)
        pages.append(len(found))
        if len(pages) == 3:  # in the middle of the long one
            getattr(services.clearing, action)(owner="ann", session_id=content.long)
        return found

    monkeypatch.setattr(sql_content, "_messages", reading)
    back_up_content(services, tmp_path / "content.tar")
    assert len(pages) > 3
    assert _chats_with_messages(tmp_path / "content.tar") == {content.short, content.forgotten}


def test_old_key_backups_are_overwritten_and_removed(
    houses: Houses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = houses.open(houses.settings("sqlite", "house"))
    fill(services)
    other = houses.open(houses.settings("sqlite", "other"))
    folder = tmp_path / "backups"
    folder.mkdir()
    back_up_keys(services, folder / "docchat-keys-1.tar")
    back_up_keys(other, folder / "docchat-keys-other.tar")
    back_up_content(services, folder / "content.tar")
    (folder / "docchat-keys-broken.tar").write_bytes(b"x")
    (folder / "notes.txt").write_text("mine")
    kept = (folder / "docchat-keys-1.tar").open("rb")
    store_id = archives_store(folder / "docchat-keys-1.tar")
    back_up_keys(services, folder / "docchat-keys-2.tar")
    assert remove_old(folder / "docchat-keys-2.tar", store_id=store_id, days=1) == (
        0,
        [folder / "docchat-keys-broken.tar"],
    )
    assert remove_old(folder / "docchat-keys-2.tar", store_id=store_id, days=1e-9)[0] == 1
    with kept:
        assert not any(kept.read())
    assert sorted(path.name for path in folder.iterdir()) == [
        "content.tar",
        "docchat-keys-2.tar",
        "docchat-keys-broken.tar",
        "docchat-keys-other.tar",
        "notes.txt",
    ]


def archives_store(path: Path) -> UUID:
    with archives.opened(path, "keys") as archive:
        return archive.manifest.store_id


def test_a_mounted_app_is_restored_by_its_own_command(houses: Houses, tmp_path: Path) -> None:
    settings = houses.settings("postgresql", "house")
    services = houses.open(settings)
    content = fill(services)
    back_up_content(services, tmp_path / "content.tar")
    done = CliRunner().invoke(
        restore_command, [str(tmp_path / "content.tar"), "--into", "replace"], obj=MountedHome(services)
    )
    assert done.exit_code == 0, done.output
    check(houses.open(settings), content)


def test_the_commands(houses: Houses, tmp_path: Path) -> None:
    settings = houses.settings("sqlite", "house")
    content = fill(houses.open(settings))
    houses.close()
    folder = tmp_path / "backups"
    folder.mkdir()
    done = docchat(settings.data_dir, "backup", str(folder / "content.tar"))
    assert done.returncode == 0, done.stderr
    assert "5 chats" in done.stdout
    again = docchat(settings.data_dir, "backup", str(folder / "content.tar"))
    assert again.returncode == 1
    assert "exists already" in again.stderr
    assert docchat(settings.data_dir, "backup", "--keys", str(folder), "--keep", "7").returncode == 0
    assert docchat(settings.data_dir, "backup", "--clears", str(folder / "clears.log")).returncode == 0
    assert docchat(settings.data_dir, "backup", "--clears", str(folder / "clears.log")).returncode == 0
    assert docchat(settings.data_dir, "backup", str(folder / "x.tar"), "--keep", "7").returncode == 2
    keys = next(folder.glob("docchat-keys-*.tar"))
    new = houses.settings("sqlite", "new")
    assert docchat(new.data_dir, "restore").returncode == 2
    refused = docchat(new.data_dir, "restore", str(folder / "content.tar"), "--keys", str(keys))
    assert refused.returncode == 1
    assert "--accept-lost-clears" in refused.stderr
    restored = docchat(
        new.data_dir,
        "restore",
        str(folder / "content.tar"),
        "--keys",
        str(keys),
        "--clears",
        str(folder / "clears.log"),
    )
    assert restored.returncode == 0, restored.stderr
    assert "Restored 5 chats" in restored.stdout
    for path in new.data_dir.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    check(houses.open(new), content)
    houses.close()
    assert docchat(new.data_dir, "restore", str(folder / "nothing.tar")).returncode == 2
    verified = docchat(new.data_dir, "verify-clear", str(content.cleared), "--json")
    assert json.loads(verified.stdout)["proven"], verified.stdout
    assert docchat(new.data_dir, "verify-clear", str(uuid4())).returncode == 2
