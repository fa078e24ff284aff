"""The view of questions to begin with."""

from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue

from ..documents.scope import PERSONAL, Scope
from . import forms, shapes
from .auth import owner
from .state import services


def index() -> ResponseReturnValue:
    """At most four questions that the documents answer; the query narrows down which, as in a question."""
    scope = Scope(owner(), _ids("collections"), _ids("documents") or ())
    services().library.check(scope)
    return {"questions": list(services().answers.suggestions(scope, services().library))}


def _ids(name: str) -> tuple[UUID, ...] | None:
    """The ids of a query's parameter, parted by commas; None without it."""
    value = request.args.get(name)
    return forms.ids(name, value.split(","), words={shapes.PERSONAL_NAME: PERSONAL}) if value else None
