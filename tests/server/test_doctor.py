"""The doctor finds what is wrong in both directions, repairs what can be repaired, and never sweeps damage."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, insert, select, update

import docchat.server.commands.doctor as doctor
from docchat.config import Settings
from docchat.db.schema import SEQ_BITS, answer_run, chat_session, document, job, message, receipt, store_meta
from docchat.extension import build_services
from docchat.keys.keyring import SlotState
from docchat.keys.slots import HEADER_BYTES, SLOT_BYTES
from docchat.server import sql_checks
from docchat.server.home import MountedHome, close
from docchat.types import Draft, utc_now
from docchat.web.state import Services

from .live import docchat, environment


@pytest.fixture(autouse=True)
def without_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the sandbox and the model out, which test_cli looks at: they take their time."""
    kept = tuple(check for check in doctor.CHECKS if check.__module__ != "docchat.server.doctor.reading")
    monkeypatch.setattr(doctor, "CHECKS", kept)


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Services]:
    if request.param == "postgresql":
        settings = replace(settings, database_url=request.getfixturevalue("postgres_url"))
    yield from _services(settings)


@pytest.fixture
def on_sqlite(settings: Settings) -> Iterator[Services]:
    yield from _services(settings)


def _services(settings: Settings) -> Iterator[Services]:
    usual = os.umask(0o077)  # as the command sets it
    services = build_services(settings)
    for number in range(3):
        session = services.store.create(owner="ann", title=f"Chat {number}")
        services.store.append(owner="ann", session_id=session.id, drafts=[Draft(role="user", text="question")] * 3)
    services.library.add(owner="ann", name="a.txt", stream=BytesIO(b"The river"), media_type="text/plain")
    services.worker.run_due()
    yield services
    close(services)
    os.umask(usual)


def problems(services: Services, *, repair: bool = False) -> list[tuple[str, str]]:
    return [found for found in doctor._look(MountedHome(services), repair=repair) if found[0] != "ok"]


def repaired(services: Services, expected: str) -> None:
    """Something is wrong, one repair puts it right, and then nothing is."""
    found = problems(services)
    assert any(level == "fail" and expected in text for level, text in found), found
    done = problems(services, repair=True)
    assert done
    assert {level for level, _ in done} == {"fixed"}, done
    assert problems(services) == []


def test_a_healthy_installation_is_healthy(services: Services) -> None:
    assert problems(services) == []
    assert problems(services, repair=True) == []


def test_a_clear_that_was_cut_short_is_finished(services: Services) -> None:
    session = services.store.list(owner="ann").items[0]
    with services.database.read() as connection:
        row = connection.execute(select(chat_session).where(chat_session.c.id == session.id)).one()
    services.keyring.destroy(slots=[row.meta_slot, row.history_slot])
    found = problems(services)
    assert ("fail", "1 clears are not finished: a key is destroyed, rows are left") in found
    done = problems(services, repair=True)
    assert ("fixed", "1 clears are not finished: a key is destroyed, rows are left: 1 clears were finished") in done
    services.worker.run_due()
    assert problems(services) == []


def test_a_key_that_outlived_its_chat_is_destroyed(services: Services) -> None:
    """As old keys put back by hand would make it."""
    session = services.store.list(owner="ann").items[0]
    with services.database.write() as connection:
        values = {"cleared_at": utc_now(), "title": None}
        connection.execute(update(chat_session).where(chat_session.c.id == session.id).values(values))
    with services.database.read() as connection:
        row = connection.execute(select(chat_session).where(chat_session.c.id == session.id)).one()
    found = problems(services)
    assert any("1 chats are cleared though a key of theirs is left" in text for _, text in found)
    problems(services, repair=True)
    states = services.keyring.states(slots=[row.meta_slot, row.history_slot])
    assert set(states) == {SlotState.DESTROYED}
    problems(services, repair=True)
    assert problems(services) == []


def test_keys_without_a_chat_are_swept_when_they_are_ten_minutes_old(
    on_sqlite: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = on_sqlite.keyring.create(session_id=uuid4(), count=2)
    assert problems(on_sqlite) == []
    assert problems(on_sqlite, repair=True) == []
    assert set(on_sqlite.keyring.states(slots=slots)) == {SlotState.LIVE}
    later = utc_now() + timedelta(minutes=15)
    monkeypatch.setattr("docchat.server.doctor.keys.utc_now", lambda: later)
    monkeypatch.setattr("docchat.sessions.sql_audit.utc_now", lambda: later)
    repaired(on_sqlite, "2 keys belong to no chat")
    assert set(on_sqlite.keyring.states(slots=slots)) == {SlotState.DESTROYED}
    assert len(on_sqlite.store.list(owner="ann").items) == 3
    assert on_sqlite.store.list(owner="ann").items[0].title == "Chat 2"


def test_damage_is_told_and_never_swept(on_sqlite: Services) -> None:
    data_dir = on_sqlite.settings.data_dir
    original = next(path for path in (data_dir / "files").rglob("*") if path.is_file())
    kept = original.read_bytes()
    original.unlink()
    with (data_dir / "keys" / "slots.bin").open("r+b") as file:
        file.seek(HEADER_BYTES)
        file.write(bytes(SLOT_BYTES))  # a hole
        file.seek(HEADER_BYTES + 2 * SLOT_BYTES + 40)
        file.write(b"\xff\xff")  # a key that does not unwrap
    for repair in (False, True, False):
        assert problems(on_sqlite, repair=repair) == [
            ("fail", "2 chats have lost their keys or hold damaged ones: restore the keys from their backup"),
            ("fail", "1 documents have lost their original files: restore them from a backup"),
        ]
    assert len(on_sqlite.store.list(owner="ann").items) == 3
    with on_sqlite.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(message)).scalar_one() == 9
    original.write_bytes(kept)


def test_messages_without_a_chat_are_deleted_and_others_are_not(services: Services) -> None:
    with services.database.write() as connection:
        for no in (1, 2, 999):
            connection.execute(insert(message).values(id=(no << SEQ_BITS) + 500, body=b"x"))
        connection.execute(update(chat_session).where(chat_session.c.no == 2).values(cleared_at=utc_now()))
    with services.database.read() as connection:
        slots = connection.execute(
            select(chat_session.c.meta_slot, chat_session.c.history_slot).where(chat_session.c.no == 2)
        ).one()
    services.keyring.destroy(slots=list(slots))
    repaired(services, "5 messages without a chat")
    with services.database.read() as connection:
        left = connection.execute(select(message.c.id).order_by(message.c.id)).scalars().all()
    assert [number >> SEQ_BITS for number in left] == [1] * 4 + [3] * 3


def test_what_an_undo_needs_is_no_leftover(settings: Settings) -> None:
    for services in _services(replace(settings, clear_undo_seconds=600)):
        first, second, _ = services.store.list(owner="ann").items
        services.clearing.clear(owner="ann", session_id=first.id)
        clearance = services.clearing.clear_history(owner="ann", session_id=second.id)
        assert clearance.receipt is not None
        assert list(sql_checks.leftover_messages(services.database)) == []
        assert problems(services, repair=True) == []
        services.clearing.undo(owner="ann", receipt_id=clearance.receipt.id)
        assert len(services.store.messages(owner="ann", session_id=second.id).items) == 3


def test_a_clear_past_its_undo_window_and_a_lost_job_are_taken_up_again(settings: Settings) -> None:
    for services in _services(replace(settings, clear_undo_seconds=600)):
        services.clearing.clear(owner="ann", session_id=services.store.list(owner="ann").items[0].id)
        with services.database.write() as connection:
            connection.execute(update(receipt).values(undo_until=utc_now() - timedelta(minutes=5)))
            connection.execute(job.delete())
        repaired(services, "1 clears are past the end of their undo window")
        with services.database.read() as connection:
            assert connection.execute(select(receipt.c.state)).scalars().all() == ["done"]
            assert connection.execute(select(func.count()).select_from(message)).scalar_one() == 6


def test_jobs_of_clears_that_were_given_up_run_again(services: Services) -> None:
    services.clearing.clear(owner="ann", session_id=services.store.list(owner="ann").items[0].id)
    with services.database.write() as connection:
        connection.execute(update(job).where(job.c.kind == "reclaim").values(failed_at=utc_now(), error="broken"))
    repaired(services, "1 jobs were given up: reclaim: broken")


def test_files_without_a_document_are_swept_when_they_are_old(on_sqlite: Services) -> None:
    folder = on_sqlite.settings.data_dir / "files" / "ab"
    folder.mkdir(mode=0o700, exist_ok=True)
    stray = folder / f"ab{str(uuid4())[2:]}"
    stray.write_bytes(b"half an upload")
    assert problems(on_sqlite, repair=True) == []
    assert stray.exists()
    long_ago = time.time() - 3600
    os.utime(stray, (long_ago, long_ago))
    repaired(on_sqlite, "1 original files belong to no document")
    assert not stray.exists()
    with on_sqlite.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(document)).scalar_one() == 1


def test_an_answer_whose_process_died_is_ended(services: Services) -> None:
    session = services.store.list(owner="ann").items[0]
    question, answer = Draft(role="user", text="q"), Draft(role="assistant", text="", state="running", run_id=uuid4())  # type: ignore[arg-type]
    services.store.start_run(owner="ann", session_id=session.id, question=question, answer=answer)
    with services.database.write() as connection:
        connection.execute(update(answer_run).values(beat_at=utc_now() - timedelta(hours=1)))
    assert ("warn", "1 answers nobody writes any more") in problems(services)
    assert problems(services, repair=True) == [("fixed", "1 answers nobody writes any more: 1 answers were ended")]


def test_permissions_are_closed(on_sqlite: Services) -> None:
    data_dir = on_sqlite.settings.data_dir
    (data_dir / "keys" / "master.key").chmod(0o644)
    (data_dir / "files").chmod(0o755)
    found = problems(on_sqlite)
    assert [level for level, _ in found] == ["fail", "fail"]
    assert any(f"chmod 600 {data_dir}/keys/master.key" in text for _, text in found)
    repaired(on_sqlite, "can be read by others")
    assert (data_dir / "keys" / "master.key").stat().st_mode & 0o777 == 0o600
    assert (data_dir / "files").stat().st_mode & 0o777 == 0o700


def test_what_a_killed_restore_left_is_removed_and_strangers_are_told(on_sqlite: Services) -> None:
    data_dir = on_sqlite.settings.data_dir
    staging = data_dir / ".keys.restore-0011223344556677" / "keys"
    staging.mkdir(parents=True, mode=0o700)
    staging.parent.chmod(0o700)
    (staging / "slots.bin").write_bytes(b"keys")
    (data_dir / "copy.tar").write_bytes(b"mine")
    stranger = (
        "warn",
        f"{data_dir}/copy.tar is none of docchat's files: if it is a copy, cleared chats may stand in it",
    )
    assert problems(on_sqlite, repair=True) == [stranger]
    long_ago = time.time() - 3600
    os.utime(staging.parent, (long_ago, long_ago))
    assert [level for level, _ in problems(on_sqlite)] == ["fail", "warn"]
    fixed = problems(on_sqlite, repair=True)
    assert fixed[0][0] == "fixed"
    assert fixed[0][1].endswith("overwritten and removed")
    assert not staging.parent.exists()
    assert (data_dir / "copy.tar").exists()


def test_a_foreign_reader_is_named(on_sqlite: Services) -> None:
    path = on_sqlite.settings.data_dir / "docchat.sqlite3"
    program = (
        "import sqlite3,sys; c=sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN');"
        "c.execute('SELECT 1 FROM message').fetchone(); print('reading', flush=True); sys.stdin.read(); c.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(on_sqlite.settings.data_dir),
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        on_sqlite.clearing.clear(owner="ann", session_id=on_sqlite.store.list(owner="ann").items[0].id)
        found = problems(on_sqlite)
        assert len(found) == 1
        assert found[0][0] == "fail"
        assert "cannot be emptied" in found[0][1]
        assert f"read by process {reader.pid} (python" in found[0][1]
        assert reader.stdin is not None
        reader.stdin.close()
    assert problems(on_sqlite) == []


def test_keys_that_were_not_backed_up_for_a_week_are_told(on_sqlite: Services) -> None:
    with on_sqlite.database.write() as connection:
        connection.execute(update(chat_session).values(created_at=utc_now() - timedelta(days=30)))
    assert "never backed up" in problems(on_sqlite)[0][1]
    close(on_sqlite)
    data_dir = on_sqlite.settings.data_dir
    assert docchat(data_dir, "backup", "--keys", str(data_dir.parent)).returncode == 0
    assert problems(on_sqlite) == []
    with on_sqlite.database.write() as connection:
        old = (utc_now() - timedelta(days=9)).isoformat()
        connection.execute(update(store_meta).where(store_meta.c.key == "keys_backed_up_at").values(value=old))
    assert problems(on_sqlite) == [("warn", "the last backup of the keys is 9 days old")]


def test_the_command_repairs_and_its_exit_code_tells(on_sqlite: Services) -> None:
    data_dir = on_sqlite.settings.data_dir
    close(on_sqlite)
    (data_dir / "secret.key").write_bytes(b"x" * 32)
    (data_dir / "secret.key").chmod(0o666)
    assert docchat(data_dir, "doctor").returncode == 1
    done = docchat(data_dir, "doctor", "--repair", "--json")
    assert done.returncode == 0, done.stdout
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["level"] for line in told if line["level"] != "ok"] == ["fixed"]
    assert docchat(data_dir, "doctor").returncode == 0


def test_a_busy_installation_is_healthy(on_sqlite: Services) -> None:
    """Clears and uploads that go on are no fault."""
    made: list[UUID] = []
    for _ in range(30):
        session = on_sqlite.store.create(owner="ann", title="busy")
        on_sqlite.store.append(owner="ann", session_id=session.id, drafts=[Draft(role="user", text="x")] * 100)
        on_sqlite.clearing.clear(owner="ann", session_id=session.id)
        made.append(session.id)
    assert problems(on_sqlite) == []
    assert problems(on_sqlite, repair=True) == []
