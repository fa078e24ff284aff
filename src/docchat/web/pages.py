"""The HTML pages, and the status they begin with. Pages hold no chat: their scripts fetch it."""

from contextlib import suppress
from typing import TypedDict
from uuid import UUID

from flask import render_template
from flask.typing import ResponseReturnValue

from ..errors import Cleared, KeyDamaged
from . import auth
from .state import services


class Limits(TypedDict):
    """What an upload and a question may be at most, and how long a clear can be undone."""

    upload_bytes: int
    question_chars: int
    undo_seconds: float


def chat() -> ResponseReturnValue:
    """The chat page with the current chat."""
    return _render("chat", _current())


def chat_session(session_id: UUID) -> ResponseReturnValue:
    """The chat page with the chat of this id; a cleared one says so there. Raises NotFound."""
    with suppress(Cleared, KeyDamaged):
        services().store.get(owner=auth.owner(), session_id=session_id)
    return _render("chat", str(session_id))


def documents_page() -> ResponseReturnValue:
    """The library page."""
    return _render("documents", _current())


def status() -> ResponseReturnValue:
    """Who is signed in, how answers are made, what the limits are, which chat is current."""
    answers = services().answers
    return {
        "mode": answers.mode,
        "model": answers.model_name,
        "user": auth.username(),
        "limits": _limits(),
        "current": _current(),
    }


def context() -> dict[str, object]:
    """The variables of a page without a chat."""
    return _context(None)


def _current() -> str | None:
    session = services().clearing.current(owner=auth.owner(), session_id=auth.hinted())
    return None if session is None else str(session.id)


def _limits() -> Limits:
    settings = services().settings
    return {
        "upload_bytes": settings.max_upload_bytes,
        "question_chars": settings.max_question_chars,
        "undo_seconds": settings.clear_undo_seconds,
    }


def _render(page: str, session_id: str | None) -> ResponseReturnValue:
    return render_template(f"docchat/{page}.html", **_context(session_id))


def _context(session_id: str | None) -> dict[str, object]:
    answers = services().answers
    return {
        "session_id": session_id,
        "user": auth.username(),
        "admin": services().user.admin(),
        "limits": _limits(),
        "mode": answers.mode,
        "model": answers.model_name,
        "login_url": auth.login_url(),
    }
