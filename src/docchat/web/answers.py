"""Views of answers: ask, follow a running answer, stop it."""

from typing import cast
from uuid import UUID

from flask import Response
from flask.typing import ResponseReturnValue

from ..errors import InvalidInput
from ..types import Mode
from . import auth, forms, sse
from .auth import owner
from .state import services


def ask(session_id: UUID) -> Response:
    """Store the question, start its answer outside the request, and relay the answer's events."""
    fields = forms.texts(required=("question",), optional=("mode",))
    mode = fields.get("mode")
    if mode not in (None, "quotes", "model"):
        raise InvalidInput("The mode must be 'quotes' or 'model'.", code="unknown_mode")
    answers = services().answers
    run = answers.start(owner=owner(), session_id=session_id, question=fields["question"], mode=cast(Mode | None, mode))
    auth.remember(session_id)
    events = answers.follow(owner=owner(), session_id=session_id, run_id=run.id)
    return sse.stream(events, run_id=run.id, question=run.question)


def events(session_id: UUID, run_id: UUID) -> Response:
    """Follow a running answer, from where Last-Event-ID says."""
    offset = sse.last_offset(run_id)
    found = services().answers.follow(owner=owner(), session_id=session_id, run_id=run_id, offset=offset)
    return sse.stream(found, run_id=run_id)


def stop(session_id: UUID, run_id: UUID) -> ResponseReturnValue:
    """End a running answer with what it has said so far."""
    forms.texts()
    services().answers.stop(owner=owner(), session_id=session_id, run_id=run_id)
    return {"success": True}
