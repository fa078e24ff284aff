"""Views of answers: ask, ask anew, follow a running answer, stop it, rate it."""

from functools import partial
from itertools import pairwise
from typing import Literal, cast
from uuid import UUID

from flask import Response
from flask.typing import ResponseReturnValue

from ..answers.run import Run
from ..documents.scope import PERSONAL, Scope
from ..errors import InvalidInput, NotFound
from ..types import Feedback, Message, Mode
from . import auth, forms, shapes, sse
from .auth import owner
from .state import services

_MADE = ("mode", "model")
_SCOPE = ("collections", "documents")


def ask(session_id: UUID) -> Response:
    """Store the question, start its answer outside the request, and relay the answer's events."""
    fields = forms.values(optional=("question", *_MADE, *_SCOPE))
    question = _question_text(fields)
    scope = _scope(fields)
    services().library.check(scope)
    bound = services().store.get(owner=owner(), session_id=session_id).document_id is not None
    run = services().answers.start(
        owner=owner(),
        session_id=session_id,
        question=question,
        mode=_mode(fields),
        model=_model(fields),
        collections=scope.collections,
        documents=scope.documents,
    )
    if not bound:  # a small chat beside a document is nobody's current one
        auth.remember(session_id)
    return _stream(session_id, run)


def regenerate(session_id: UUID, message_id: int) -> Response:
    """Answer a question anew, in place of an answer and all that follows it; relay the events."""
    fields = forms.values(optional=_MADE)
    run = services().answers.regenerate(
        owner=owner(), session_id=session_id, message_id=message_id, mode=_mode(fields), model=_model(fields)
    )
    return _stream(session_id, run)


def edit(session_id: UUID, message_id: int) -> Response:
    """Ask something else, in place of a question and all that follows it; relay the events."""
    fields = forms.values(optional=("question", *_MADE, *_SCOPE))
    question = _question_text(fields)
    scope = None
    if any(name in fields for name in _SCOPE):
        scope = _scope(fields)
        services().library.check(scope)
    run = services().answers.edit(
        owner=owner(),
        session_id=session_id,
        message_id=message_id,
        question=question,
        mode=_mode(fields),
        model=_model(fields),
        scope=scope,
    )
    return _stream(session_id, run)


def rate(session_id: UUID, message_id: int) -> ResponseReturnValue:
    """Store what the caller thinks of an answer."""
    fields = forms.texts(required=("rating",), optional=("comment",))
    rating = fields["rating"]
    if rating not in ("up", "down"):
        raise InvalidInput("The rating must be 'up' or 'down'.", code="unknown_rating")
    thought = Feedback(cast(Literal["up", "down"], rating), fields.get("comment", "").strip())
    services().store.feedback.put(owner=owner(), session_id=session_id, message_id=message_id, feedback=thought)
    return {"success": True}


def unrate(session_id: UUID, message_id: int) -> ResponseReturnValue:
    """Take back what the caller thought of an answer."""
    forms.texts()
    services().store.feedback.remove(owner=owner(), session_id=session_id, message_id=message_id)
    return {"success": True}


def events(session_id: UUID, run_id: UUID) -> Response:
    """Follow a running answer, from where Last-Event-ID says."""
    offset = sse.last_offset(run_id)
    question = None if offset else _question(session_id, run_id)
    found = services().answers.follow(owner=owner(), session_id=session_id, run_id=run_id, offset=offset)
    return sse.stream(found, run_id=run_id, question=question, deleted=_deleted(session_id))


def stop(session_id: UUID, run_id: UUID) -> ResponseReturnValue:
    """End a running answer with what it has said so far."""
    forms.texts()
    if _question(session_id, run_id) is None:
        raise NotFound
    services().answers.stop(owner=owner(), session_id=session_id, run_id=run_id)
    return {"success": True}


def _stream(session_id: UUID, run: Run) -> Response:
    events = services().answers.follow(owner=owner(), session_id=session_id, run_id=run.id)
    return sse.stream(events, run_id=run.id, question=run.question, deleted=_deleted(session_id))


def _question_text(fields: dict[str, object]) -> str:
    if "question" not in fields:
        raise InvalidInput("The field 'question' is missing.", code="missing_field")
    return forms.text("question", fields["question"])


def _mode(fields: dict[str, object]) -> Mode | None:
    mode = forms.text("mode", fields["mode"]) if "mode" in fields else None
    if mode not in (None, "quotes", "model"):
        raise InvalidInput("The mode must be 'quotes' or 'model'.", code="unknown_mode")
    return cast(Mode | None, mode)


def _model(fields: dict[str, object]) -> str | None:
    return forms.text("model", fields["model"]) if fields.get("model") is not None else None


def _scope(fields: dict[str, object]) -> Scope:
    """What is asked: everything the owner may read, or the collections and documents that the body names."""
    collections = documents = None
    if fields.get("collections") is not None:
        collections = forms.ids("collections", fields["collections"], words={shapes.PERSONAL_NAME: PERSONAL})
    if fields.get("documents"):
        documents = forms.ids("documents", fields["documents"])
    return Scope(owner(), collections, documents or ())


def _deleted(session_id: UUID) -> sse.Deleted:
    """As a stream asks for it after the request is gone."""
    return partial(services().answers.gone, owner=owner(), session_id=session_id)


def _question(session_id: UUID, run_id: UUID) -> Message | None:
    """What this run answers; None when none of the chat's last messages comes from it."""
    messages = services().store.messages(owner=owner(), session_id=session_id).items
    pairs = pairwise(messages)
    return next((asked for asked, answer in pairs if answer.run_id == run_id), None)
