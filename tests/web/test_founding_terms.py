"""The page that maps the founding document to code and test: nothing is left out, and every test it names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "founding-terms.md").read_text(encoding="utf-8")
TERMS = (
    "route handler",
    "blueprint",
    "@login_required",
    "get_current_username",
    "chat_session_id",
    "chat_sessions",
    "SESSIONS_DIR",
    "session file",
    "uuid4",
    "created_at",
    "updated_at",
    "`user`",
    "{'success': True}",
    "{'error': ...}",
    "logger.error",
    "cookies",
    "thread safety",
    "async deletion",
    "orphaned session files",
    "client side",
    "fetch",
    "test client",
    "api_clear_chat_session",
    "api_clear_history",
    "api_clear_memory",
    "clear_text_section_chat",
    "clear_session_v1",
)


@pytest.mark.parametrize("term", TERMS)
def test_the_page_has_every_noun_and_practice(term: str) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and term in line]
    assert rows
    assert any("`tests/" in row for row in rows)


def test_every_test_it_names_exists() -> None:
    named = re.findall(r"`(tests/[^`]+)`", PAGE)
    assert len(named) > 40
    for name in named:
        path, _, function = name.partition("::")
        assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), name
