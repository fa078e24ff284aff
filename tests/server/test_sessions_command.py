"""`docchat sessions`: clearing a part of a chat, many chats, and taking it back, as processes on real files."""

from pathlib import Path
from uuid import UUID

import pytest

from docchat.config import Settings
from docchat.extension import build_services
from docchat.server.home import close
from docchat.types import Draft

from .live import docchat


@pytest.fixture
def chats(data_dir: Path) -> list[UUID]:
    """Three chats of two messages."""
    services = build_services(Settings(data_dir=data_dir, worker="external"))
    made = []
    for number in range(3):
        session = services.store.create(owner="local", title=f"Chat {number}")
        drafts = [Draft(role="user", text=f"Question {number}"), Draft(role="assistant", text=f"Answer {number}")]
        services.store.append(owner="local", session_id=session.id, drafts=drafts)
        made.append(session.id)
    close(services)
    return made


def sessions(data_dir: Path, *arguments: str, **settings: str) -> str:
    done = docchat(data_dir, "sessions", *arguments, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_history_or_a_memory_is_cleared(data_dir: Path, chats: list[UUID]) -> None:
    first, second = str(chats[0]), str(chats[1])
    assert "history, done; 2 messages" in sessions(data_dir, "clear", first, "--history")
    assert "Question" not in sessions(data_dir, "show", first)
    assert "Chat 0" in sessions(data_dir, "list")
    said = sessions(data_dir, "clear", second, "--memory")
    assert "memory, done; 2 messages forgotten" in said
    assert "Question 1" in sessions(data_dir, "show", second)
    receipt_id = said.partition("Receipt ")[2].partition(":")[0]
    assert sessions(data_dir, "receipt", receipt_id) in said


def test_many_chats_are_counted_and_cleared(data_dir: Path, chats: list[UUID]) -> None:
    assert sessions(data_dir, "clear-all", "--older-than", "1", "--yes").startswith("0 chats with 0 messages.")
    asked = docchat(data_dir, "sessions", "clear-all", stdin="n\n")
    assert asked.returncode == 1
    assert "3 chats with 6 messages." in asked.stdout
    assert sessions(data_dir, "list").count("Chat") == 3
    said = sessions(data_dir, "clear-all", "--yes")
    assert "bulk, done; 3 sessions, 6 messages, 3 titles" in said
    assert sessions(data_dir, "list") == ""


def test_a_clear_is_undone(data_dir: Path, chats: list[UUID]) -> None:
    said = sessions(data_dir, "clear-all", "--yes", DOCCHAT_CLEAR_UNDO_SECONDS="600")
    assert "bulk, pending until" in said
    assert sessions(data_dir, "list") == ""
    receipt_id = said.partition("Receipt ")[2].partition(":")[0]
    assert "undone" in sessions(data_dir, "undo", receipt_id)
    assert sessions(data_dir, "list").count("Chat") == 3
    again = docchat(data_dir, "sessions", "undo", receipt_id)
    assert (again.returncode, again.stderr.splitlines()[-1]) == (1, "Error: This clear cannot be undone any more.")
