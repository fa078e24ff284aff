"""A clear is proven by looking, and every kind of thing that could be left is found."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from docchat.config import Settings
from docchat.extension import build_services
from docchat.keys.slots import SlotKeyring
from docchat.server.home import close
from docchat.server.verify.proof import prove
from docchat.types import Draft
from docchat.web.state import Services

from ..conftest import PostgresServer
from .live import docchat, environment

SLOT_BYTES, HEADER_BYTES = 64, 4096
PLACES = ("sqlite", "postgresql", "postgresql with a keyring of its own")


@dataclass
class House:
    """A docchat with one owner, two chats, and what is needed to run commands on it."""

    settings: Settings
    services: Services
    kept: UUID
    gone: UUID

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        close(self.services)
        return docchat(
            self.settings.data_dir,
            *arguments,
            DOCCHAT_DATABASE_URL=self.settings.database_url,
            DOCCHAT_KEYRING_URL=self.settings.keyring_url,
        )

    def left(self, wanted: UUID) -> str:
        """What the proof says is left."""
        proof = prove(self.services, wanted)
        return "\n".join(f"{finding.where}: {finding.what}" for finding in proof.findings)


@pytest.fixture(params=PLACES)
def house(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[House]:
    if request.param != "sqlite":
        settings = replace(settings, database_url=request.getfixturevalue("postgres_url"))
    if request.param == PLACES[2]:
        settings = replace(settings, keyring_url=f"sqlite:///{tmp_path / 'keyring.sqlite3'}")
    yield from _house(settings)


@pytest.fixture
def on_sqlite(settings: Settings) -> Iterator[House]:
    yield from _house(settings)


def _house(settings: Settings) -> Iterator[House]:
    services = build_services(settings)
    kept, gone = (_chat(services, 5) for _ in range(2))
    yield House(settings, services, kept, gone)
    close(services)


def _chat(services: Services, messages: int, *, text: str = "A question about the river. " * 20) -> UUID:
    session = services.store.create(owner="ann", title="The river")
    drafts = [Draft(role="user", text=text) for _ in range(messages)]
    services.store.append(owner="ann", session_id=session.id, drafts=drafts)
    return session.id


def _clear(services: Services, session_id: UUID) -> UUID:
    clearance = services.clearing.clear(owner="ann", session_id=session_id)
    assert clearance.receipt is not None
    return clearance.receipt.id


def _execute(path: Path, statement: str, *values: object) -> None:
    """In a process of its own, as SQLite wants it."""
    program = (
        "import sqlite3,sys,json; c=sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2], json.loads(sys.argv[3]));"
    )
    command = [sys.executable, "-c", program + "c.commit(); c.close()", str(path), statement, json.dumps(values)]
    subprocess.run(command, check=True)


def test_a_clear_is_proven_by_the_id_of_the_chat_and_of_the_receipt(house: House) -> None:
    receipt = _clear(house.services, house.gone)
    assert "a job of it is still to be done (reclaim)" in house.left(house.gone)
    house.services.worker.run_due()
    assert house.left(house.gone) == ""
    assert house.left(receipt) == ""
    assert house.left(house.kept) == "state: this chat was not cleared"


def test_the_command_says_so_in_words_in_json_and_by_its_exit_code(house: House) -> None:
    receipt = _clear(house.services, house.gone)
    house.services.worker.run_due()
    proven = house.command("verify-clear", str(receipt))
    assert proven.returncode == 0, proven.stdout + proven.stderr
    assert proven.stdout.endswith("Gone: nothing of it is left.\n")
    left = house.command("verify-clear", str(house.kept), "--json")
    assert left.returncode == 1
    told = json.loads(left.stdout)
    assert told["proven"] is False
    assert told["findings"] == [{"where": "state", "what": "this chat was not cleared"}]
    unknown = house.command("verify-clear", str(uuid4()))
    assert unknown.returncode == 2
    assert "no chat and no receipt" in unknown.stderr
    assert house.command("verify-clear", "nonsense").returncode == 2


def test_a_long_chat_is_gone_when_the_job_has_run(house: House) -> None:
    long = _chat(house.services, 300, text="word " * 1200)
    receipt = _clear(house.services, long)
    assert "table message, column id: a message of this chat" in house.left(receipt)
    house.services.worker.run_due()
    assert house.left(receipt) == ""


def test_other_chats_and_new_messages_do_not_disturb_the_proof(house: House) -> None:
    receipt = _clear(house.services, house.gone)
    house.services.worker.run_due()
    for _ in range(20):
        other = _chat(house.services, 30)
        house.services.clearing.delete(owner="ann", session_id=other)
        house.services.worker.run_due()
        _chat(house.services, 10)
    assert house.left(receipt) == ""


def test_a_history_is_proven_gone_and_the_chat_lives_on(house: House) -> None:
    clearance = house.services.clearing.clear_history(owner="ann", session_id=house.gone)
    assert clearance.receipt is not None
    house.services.worker.run_due()
    house.services.store.append(owner="ann", session_id=house.gone, drafts=[Draft(role="user", text="And then?")])
    assert house.left(clearance.receipt.id) == ""
    assert house.left(house.gone) == "state: this chat was not cleared"


def test_a_memory_clear_proves_nothing_gone(house: House) -> None:
    clearance = house.services.clearing.clear_memory(owner="ann", session_id=house.gone)
    assert clearance.receipt is not None
    assert "the messages stay" in house.left(clearance.receipt.id)


def test_a_clear_that_can_be_undone_is_not_gone_yet(settings: Settings) -> None:
    for house in _house(replace(settings, clear_undo_seconds=600)):
        receipt = _clear(house.services, house.gone)
        assert "can still be undone, until 20" in house.left(receipt)
        assert "can still be undone, until 20" in house.left(house.gone)
        house.services.clearing.undo(owner="ann", receipt_id=receipt)
        assert house.left(receipt) == "state: this clear was undone"
        assert house.left(house.gone) == "state: this chat was not cleared"


def test_the_receipt_of_many_chats_stands_for_all_of_them(house: House) -> None:
    from docchat.sessions.bulk import BulkScope

    receipt = house.services.bulk.clear(owner="ann", scope=BulkScope(everything=True))
    house.services.worker.run_due()
    assert house.left(receipt.id) == ""
    assert house.left(house.gone) == ""


def test_a_leftover_row_is_found_in_whatever_table(on_sqlite: House) -> None:
    services, path = on_sqlite.services, on_sqlite.settings.data_dir / "docchat.sqlite3"
    receipt = _clear(services, on_sqlite.gone)
    services.worker.run_due()
    _execute(path, "INSERT INTO message (id, body) VALUES (?, x'00')", (2 << 24) + 3)
    assert "table message, column id: a message of this chat" in on_sqlite.left(receipt)
    _execute(path, "DELETE FROM message WHERE id = ?", (2 << 24) + 3)
    assert on_sqlite.left(receipt) == ""
    _execute(path, "CREATE TABLE share (token TEXT PRIMARY KEY, about TEXT)")
    _execute(path, "INSERT INTO share VALUES ('t', ?)", f"/chat/{on_sqlite.gone}/all")
    assert "table share, column about: the chat's id" in on_sqlite.left(receipt)
    _execute(path, "UPDATE share SET about = ''")
    _execute(path, "UPDATE chat_session SET title = x'0102' WHERE no = 2")
    assert "something sealed is left" in on_sqlite.left(receipt)


def test_a_key_that_is_there_is_found(house: House) -> None:
    services = house.services
    old = _old_record(services, house.gone)
    receipt = _clear(services, house.gone)
    services.worker.run_due()
    old()
    assert "the key is not destroyed" in house.left(receipt)


def _old_record(services: Services, session_id: UUID) -> "Callable[[], None]":
    """Puts the keys back as they are now."""
    keyring = services.keyring
    if isinstance(keyring, SlotKeyring):
        content = keyring.path.read_bytes()
        return lambda: _overwrite(keyring.path, content)
    path = Path(services.settings.keyring_url.removeprefix("sqlite:///"))
    _execute(path, "CREATE TABLE old AS SELECT * FROM session_key")
    restore = "UPDATE session_key SET state = 1, wrapped = (SELECT wrapped FROM old WHERE old.slot = session_key.slot)"
    return lambda: _execute(path, restore)


def _overwrite(path: Path, content: bytes) -> None:
    with path.open("r+b") as file:
        file.write(content)


def test_one_byte_of_a_key_is_enough(on_sqlite: House) -> None:
    receipt = _clear(on_sqlite.services, on_sqlite.gone)
    on_sqlite.services.worker.run_due()
    slots = on_sqlite.settings.data_dir / "keys" / "slots.bin"
    with slots.open("r+b") as file:
        file.seek(HEADER_BYTES + SLOT_BYTES * 2 + 40)
        file.write(b"\x01")
    assert "slots.bin, slot 2: the key is not destroyed" in on_sqlite.left(receipt)


def test_a_log_that_cannot_be_emptied_is_told_with_who_holds_it(on_sqlite: House) -> None:
    data_dir = on_sqlite.settings.data_dir
    program = (
        "import sqlite3,sys; c=sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN');"
        "c.execute('SELECT count(*) FROM message').fetchone(); print('reading', flush=True); sys.stdin.read()"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", program, str(data_dir / "docchat.sqlite3")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(data_dir),
    )
    try:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        receipt = _clear(on_sqlite.services, on_sqlite.gone)
        on_sqlite.services.worker.run_due()
        left = on_sqlite.left(receipt)
        assert "docchat.sqlite3-wal, byte" in left
        assert "a sealed message of this chat" in left
        assert f"docchat.sqlite3-wal: it is being read by process {reader.pid} (python" in left
    finally:
        reader.communicate("")
    on_sqlite.services.worker.run_due()
    _execute(data_dir / "docchat.sqlite3", "UPDATE job SET run_at = 0")
    on_sqlite.services.worker.run_due()
    assert on_sqlite.left(receipt) == ""


def test_bytes_on_a_free_page_are_found(on_sqlite: House) -> None:
    services, path = on_sqlite.services, on_sqlite.settings.data_dir / "docchat.sqlite3"
    long = _chat(services, 100, text="word " * 1500)
    receipt = _clear(services, long)
    services.worker.run_due()
    assert on_sqlite.left(receipt) == ""
    close(services)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone()[0] > 10
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    with path.open("r+b") as file:
        header = file.read(100)
        trunk = int.from_bytes(header[32:36], "big")
        file.seek((trunk - 1) * size + 8)
        leaf = int.from_bytes(file.read(4), "big")
        file.seek((leaf - 1) * size + 700)
        file.write(b"\x07")
    assert f"free page {leaf}: a page that is not used still holds bytes" in on_sqlite.left(receipt)


def test_without_secure_delete_the_proof_fails(on_sqlite: House) -> None:
    path = on_sqlite.settings.data_dir / "docchat.sqlite3"
    long = _chat(on_sqlite.services, 40, text="word " * 1500)
    receipt = _clear(on_sqlite.services, long)
    on_sqlite.services.worker.run_due()
    program = (
        "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('PRAGMA secure_delete=OFF');"
        "c.execute('CREATE TABLE t (x)'); c.executemany('INSERT INTO t VALUES (?)', [('secret ' * 2000,)] * 20);"
        "c.commit(); c.execute('DROP TABLE t'); c.commit(); c.close()"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    assert "a page that is not used still holds bytes" in on_sqlite.left(receipt)


def test_a_file_that_is_none_of_ours_is_found(house: House) -> None:
    receipt = _clear(house.services, house.gone)
    house.services.worker.run_due()
    stray = house.settings.data_dir / "keys" / "slots.bin.bak"
    stray.write_bytes(b"copy")
    assert f"{stray}: not a file of docchat's" in house.left(receipt)
    stray.unlink()
    named = house.settings.data_dir / "files" / "00" / str(house.gone)
    named.parent.mkdir(parents=True)
    named.write_bytes(b"")
    assert f"{named}: a file that is named after it" in house.left(receipt)


def test_a_deleted_document_is_proven_gone(house: House) -> None:
    from io import BytesIO

    services = house.services
    text = BytesIO(b"The river is called Wutach. It flows to the Rhine near Waldshut.\n")
    added = services.library.add(owner="ann", name="river.txt", stream=text, media_type="text/plain")
    services.worker.run_due()
    receipt = services.library.delete(owner="ann", document_id=added.id)
    services.worker.run_due()
    assert house.left(receipt.id) == ""
    if not house.settings.database_url:
        stray = house.settings.data_dir / "files" / str(added.id)[:2] / str(added.id)
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.write_bytes(b"The river")
        assert "a file that is named after it" in house.left(receipt.id)


def test_what_a_servers_files_keep_of_destroyed_keys_is_told(
    settings: Settings, postgres_url: str, postgres_server: PostgresServer
) -> None:
    keyring_url = postgres_server.create()
    for house in _house(replace(settings, database_url=postgres_url, keyring_url=keyring_url)):
        receipt = _clear(house.services, house.gone)
        house.services.worker.run_due()
        assert "old versions of destroyed keys may be in" in house.left(receipt)
        assert house.services.keyring.rewrite()
        assert house.left(receipt) == ""
    postgres_server.drop(keyring_url)


def test_nothing_can_be_looked_at_without_a_database(data_dir: Path) -> None:
    done = docchat(data_dir, "verify-clear", str(uuid4()), DOCCHAT_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
