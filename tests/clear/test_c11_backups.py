"""C11: no backup of content or keys brings a cleared chat back; without the right keys there is no start."""

import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from docchat.db.schema import feedback
from docchat.errors import ConfigError
from docchat.sessions.bulk import BulkScope
from docchat.types import ChatSession, Feedback
from docchat.web.state import Services

from ..server.live import docchat
from .ground import ABOUT, Ground, chat, state
from .scale import LONG

MESSAGES = 20
THOUGHT = Feedback("down", "not what the plan says")


def people(services: Services) -> tuple[ChatSession, list[ChatSession]]:
    """A chat that is kept, and some that are going to be cleared, each in another way."""
    gone = [chat(services, owner=f"gone{number}", messages=MESSAGES, about=ABOUT) for number in range(4)]
    kept = chat(services, owner="kept", messages=MESSAGES, about=ABOUT)
    for session in (kept, *gone):
        key = {"owner": session.owner, "session_id": session.id}
        answer = services.store.messages(**key).items[-1]
        services.store.feedback.put(**key, message_id=answer.id, feedback=THOUGHT)
    return kept, gone


def clear_all(services: Services, gone: list[ChatSession]) -> None:
    """Clear by the section, delete, clear the history, clear many."""
    clearing = services.clearing
    services.section_chats.clear(owner=gone[0].owner, about=ABOUT)
    clearing.delete(owner=gone[1].owner, session_id=gone[1].id)
    clearing.clear_history(owner=gone[2].owner, session_id=gone[2].id)
    services.bulk.clear(owner=gone[3].owner, scope=BulkScope(everything=True))
    services.worker.run_due()


def all_gone(services: Services, kept: ChatSession, gone: list[ChatSession]) -> None:
    """Nothing of what was cleared can be read, everything else can."""
    states = [state(services, session) for session in gone]
    assert states == ["none", "none", "title", "none"]
    assert state(services, kept) == "full"
    key = {"owner": kept.owner, "session_id": kept.id}
    assert services.store.messages(**key).items[-1].feedback == THOUGHT
    services.worker.run_due()
    with services.database.read() as connection:
        assert len(connection.execute(select(feedback)).all()) == 1, "opinions go with their answers"
    assert services.section_chats.open(owner=kept.owner, about=ABOUT).id == kept.id
    assert services.section_chats.open(owner=gone[0].owner, about=ABOUT).messages == 0


def copy(source: Path, target: Path) -> None:
    """Copy a SQLite database as its own backup does."""
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("what", ["content", "keys"])
def test_c11_old_files_bring_nothing_back(
    ground: Ground, tmp_path: Path, what: str, tally: Callable[..., None]
) -> None:
    services = ground.worker()
    kept, gone = people(services)
    database, slots = ground.data_dir / "docchat.sqlite3", ground.data_dir / "keys" / "slots.bin"
    copy(database, tmp_path / "content")
    shutil.copy(slots, tmp_path / "keys")
    clear_all(services, gone)
    ground.close()
    if what == "content":
        for path in ground.data_dir.glob("docchat.sqlite3*"):
            path.unlink()
        shutil.copy(tmp_path / "content", database)
    else:
        shutil.copy(tmp_path / "keys", slots)
    after = ground.worker()
    all_gone(after, kept, gone)
    after.worker.run_due()
    assert after.audit.undead() == after.audit.unburied() == 0
    tally(f"old {what} put back as files, {ground.engine}", len(gone) * MESSAGES, "0 messages came back")


def run(ground: Ground, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a docchat command."""
    return docchat(ground.data_dir, *arguments, **ground.environment)


def done(ground: Ground, *arguments: str) -> str:
    """Run a docchat command that has to succeed."""
    ended = run(ground, *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.parametrize("what", ["content", "keys", "both"] if LONG else ["both"])
def test_c11_a_restored_backup_brings_nothing_back(
    ground: Ground, tmp_path: Path, what: str, tally: Callable[..., None]
) -> None:
    services = ground.worker()
    kept, gone = people(services)
    content, keys, clears = (str(tmp_path / name) for name in ("content.tar", "keys.tar", "clears.log"))
    done(ground, "backup", content)
    done(ground, "backup", "--keys", keys)
    clear_all(services, gone)
    done(ground, "backup", "--clears", clears)
    ground.close()
    wanted = {
        "content": [content, "--into", "replace"],
        "keys": ["--keys", keys],
        "both": [content, "--keys", keys, "--clears", clears, "--into", "replace"],
    }
    done(ground, "restore", *wanted[what])
    after = ground.worker()
    all_gone(after, kept, gone)
    tally(f"old {what} restored by the command, {ground.engine}", len(gone) * MESSAGES, "0 messages came back")


def test_c11_old_keys_and_old_content_ask_for_the_log_of_clears(
    ground: Ground, tmp_path: Path, tally: Callable[..., None]
) -> None:
    services = ground.worker()
    kept, gone = people(services)
    content, keys = str(tmp_path / "content.tar"), str(tmp_path / "keys.tar")
    done(ground, "backup", content)
    done(ground, "backup", "--keys", keys)
    clear_all(services, gone)
    ground.close()
    if ground.engine == "sqlite":  # a new machine: nothing of the old one is there but the backups
        shutil.move(ground.data_dir, tmp_path / "lost")
        ground.data_dir.mkdir(mode=0o700)
        (ground.data_dir / "keys").mkdir(mode=0o700)
        shutil.copy(tmp_path / "lost" / "keys" / "master.key", ground.data_dir / "keys" / "master.key")
        refused = run(ground, "restore", content, "--keys", keys)
        assert refused.returncode != 0, refused.stdout
        assert "clears" in refused.stderr
        assert "Traceback" not in refused.stderr
        tally(f"old keys and content without the log of clears refused, {ground.engine}", 1)
    else:  # the databases are there: the log is read out of them
        done(ground, "restore", content, "--keys", keys, "--into", "replace")
        all_gone(ground.worker(), kept, gone)
        tally(f"old keys and content over what is there, {ground.engine}", len(gone) * MESSAGES)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a start that is refused closes nothing
def test_c11_without_the_right_keys_it_does_not_start(
    ground: Ground, tmp_path: Path, tally: Callable[..., None]
) -> None:
    kept, _ = people(ground.worker())
    ground.close()
    keys = ground.data_dir / "keys"
    shutil.copytree(keys, tmp_path / "right")
    foreign = Ground("sqlite", tmp_path / "foreign")
    chat(foreign.worker())
    foreign.close()
    ways: dict[str, Callable[[], object]] = {
        "no master key": (keys / "master.key").unlink,
        "another master key": lambda: (keys / "master.key").write_text(f"1 {secrets.token_hex(32)}\n"),
        "a damaged master key": lambda: (keys / "master.key").write_bytes(b"nonsense"),
        "the master key of another store": lambda: shutil.copy(foreign.data_dir / "keys" / "master.key", keys),
    }
    if ground.engine == "sqlite":
        ways |= {
            "no key file": (keys / "slots.bin").unlink,
            "the key file of another store": lambda: shutil.copy(foreign.data_dir / "keys" / "slots.bin", keys),
            "a key file cut short": lambda: truncate(keys / "slots.bin", 4096),
            "a damaged key file": lambda: (keys / "slots.bin").write_bytes(b"nonsense"),
            "an older key file": lambda: _older(keys / "slots.bin"),
        }
    for what, spoil in ways.items():
        spoil()
        with pytest.raises(ConfigError) as error:
            ground.worker()
        assert len(error.value.message) > 40, what
        assert "Traceback" not in error.value.message
        shutil.rmtree(keys)
        shutil.copytree(tmp_path / "right", keys)
    assert state(ground.worker(), kept) == "full"
    tally(f"starts without the right keys refused, {ground.engine}", len(ways))


def truncate(path: Path, size: int) -> None:
    """Cut a file short."""
    with path.open("r+b") as file:
        file.truncate(size)


def _older(path: Path) -> None:
    """A key file that knows of fewer keys: the number of those handed out stands after magic and store."""
    with path.open("r+b") as file:
        file.seek(24)
        file.write((2).to_bytes(8, "little"))
