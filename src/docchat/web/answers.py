"""Views of answers: ask, follow a running answer, stop it."""

from functools import partial
from itertools import pairwise
from typing import cast
from uuid import UUID

from flask import Response
from flask.typing import ResponseReturnValue

from ..documents.scope import PERSONAL, Scope
from ..errors import InvalidInput, NotFound
from ..types import Message, Mode
from . import auth, forms, shapes, sse
from .auth import owner
from .state import services


def ask(session_id: UUID) -> Response:
    """Store the question, start its answer outside the request, and relay the answer's events."""
    fields = forms.values(optional=("question", "mode", "model", "collections", "documents"))
    if "question" not in fields:
        raise InvalidInput("The field 'question' is missing.", code="missing_field")
    question = forms.text("question", fields["question"])
    mode = forms.text("mode", fields["mode"]) if "mode" in fields else None
    if mode not in (None, "quotes", "model"):
        raise InvalidInput("The mode must be 'quotes' or 'model'.", code="unknown_mode")
    scope = _scope(fields)
    services().library.check(scope)
    answers = services().answers
    bound = services().store.get(owner=owner(), session_id=session_id).document_id is not None
    run = answers.start(
        owner=owner(),
        session_id=session_id,
        question=question,
        mode=cast(Mode | None, mode),
        model=forms.text("model", fields["model"]) if fields.get("model") is not None else None,
        collections=scope.collections,
        documents=scope.documents,
    )
    if not bound:  # a small chat beside a document is nobody's current one
        auth.remember(session_id)
    events = answers.follow(owner=owner(), session_id=session_id, run_id=run.id)
    return sse.stream(events, run_id=run.id, question=run.question, deleted=_deleted(session_id))


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
