"""`docchat keys`: the master key is changed by a process of its own while this one, a server, goes on."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from docchat.config import Settings
from docchat.errors import Cleared
from docchat.extension import build_services
from docchat.server.home import close
from docchat.server.sql_slots import slot_owners
from docchat.types import Draft
from docchat.web.state import Services

from ..conftest import PostgresServer
from .live import docchat

OWNER = "local"
FIRST, SECOND = f"1:{'ab' * 32}", f"2:{'cd' * 32}"


@pytest.fixture
def running(data_dir: Path) -> Iterator[Services]:
    """The services of a server that runs all the while."""
    services = build_services(Settings(data_dir=data_dir, worker="external", clear_undo_seconds=600))
    yield services
    close(services)


def _chat(services: Services) -> UUID:
    session = services.store.create(owner=OWNER, title="A chat")
    services.store.append(owner=OWNER, session_id=session.id, drafts=[Draft(role="user", text="What?")])
    return session.id


def _keys(data_dir: Path, *arguments: str, status: int = 0, **settings: str) -> str:
    done = docchat(data_dir, "keys", *arguments, DOCCHAT_CLEAR_UNDO_SECONDS="600", **settings)
    assert done.returncode == status, done.stderr
    return done.stdout


def test_chats_live_through_a_change_and_the_old_key_is_gone(running: Services, data_dir: Path) -> None:
    kept, withheld, history = (_chat(running) for _ in range(3))
    receipt = running.clearing.clear(owner=OWNER, session_id=withheld).receipt
    running.clearing.clear_history(owner=OWNER, session_id=history)
    old = (data_dir / "keys" / "master.key").read_text().split()[2]

    assert "6 keys were wrapped under master key 2" in _keys(data_dir, "rotate")
    assert old not in (data_dir / "keys" / "master.key").read_text()
    assert "master key 2 is in use" in _keys(data_dir, "status")
    assert "6 keys are under master key 2" in _keys(data_dir, "status")

    assert running.store.messages(owner=OWNER, session_id=kept).items[0].text == "What?"
    with pytest.raises(Cleared):
        running.store.get(owner=OWNER, session_id=withheld)
    assert receipt is not None
    running.clearing.undo(owner=OWNER, receipt_id=receipt.id)
    assert running.store.messages(owner=OWNER, session_id=withheld).items[0].text == "What?"
    assert running.store.get(owner=OWNER, session_id=_chat(running)).title == "A chat"


def test_a_key_without_a_chat_is_told(running: Services, data_dir: Path) -> None:
    _chat(running)
    (orphan,) = running.keyring.create(session_id=uuid4(), count=1)
    said = _keys(data_dir, "rotate", "--patience", "0", status=1)
    assert "1 keys are still under the old one" in said
    assert "not finished" in _keys(data_dir, "status")
    running.keyring.destroy(slots=(orphan,))
    assert "1 old master keys were overwritten" in _keys(data_dir, "rotate")


def test_with_a_setting_the_newer_key_has_to_be_there(data_dir: Path) -> None:
    services = build_services(Settings(data_dir=data_dir, worker="external", master_key=FIRST))
    chat = _chat(services)
    close(services)
    assert not (data_dir / "keys" / "master.key").exists()
    assert _keys(data_dir, "rotate", status=1, DOCCHAT_MASTER_KEY=FIRST) == ""
    assert "take older numbers out" in _keys(data_dir, "rotate", DOCCHAT_MASTER_KEY=f"{SECOND},{FIRST}")
    services = build_services(Settings(data_dir=data_dir, worker="external", master_key=SECOND))
    assert services.store.get(owner=OWNER, session_id=chat).title == "A chat"
    close(services)


def test_on_postgresql_the_other_hosts_are_waited_for(
    data_dir: Path, postgres_server: PostgresServer, postgres_url: str
) -> None:
    postgres_server.psql("postgres", "ALTER SYSTEM RESET wal_recycle")
    postgres_server.psql("postgres", "SELECT pg_reload_conf()")
    services = build_services(Settings(data_dir=data_dir, worker="external", keyring_url=postgres_url))
    chat = _chat(services)
    assert "It is not used yet" in _keys(data_dir, "rotate", DOCCHAT_KEYRING_URL=postgres_url)
    assert services.store.get(owner=OWNER, session_id=chat)
    assert "A newer master key waits" in _keys(data_dir, "status", DOCCHAT_KEYRING_URL=postgres_url)
    assert "2 keys were wrapped under master key 2" in _keys(data_dir, "rotate", DOCCHAT_KEYRING_URL=postgres_url)
    said = _keys(data_dir, "status", DOCCHAT_KEYRING_URL=postgres_url)
    assert "ok    old versions of destroyed keys are rewritten away" in said
    assert "warn  wal_recycle is on" in said
    assert services.store.get(owner=OWNER, session_id=chat).title == "A chat"
    close(services)


def test_every_slot_is_named_once_with_its_chat(running: Services) -> None:
    chats = {_chat(running) for _ in range(3)}
    named = list(slot_owners(running.database))
    assert {session_id for _, session_id in named} == chats
    assert sorted(slot for slot, _ in named) == list(range(running.keyring.handed_out()))
