"""Views of models: which there are to choose from, and for administrators what they are, and a trial."""

from dataclasses import asdict, replace
from typing import TypedDict
from uuid import UUID

from flask import render_template
from flask.typing import ResponseReturnValue

from ..answers.models.registry import ConnectedModel, connect
from ..answers.models.sql_models import checked, server_of
from ..answers.models.trial import SECONDS, try_model
from ..errors import InvalidInput, NotAllowed, NotFound
from ..types import utc_now
from . import auth, forms, pages
from .state import services

_FIELDS = ("label", "url", "name", "key", "context_tokens", "enabled")
_NOBODY = UUID(int=0)


class ConnectedJson(TypedDict):
    """A connected model as administrators see it. The key never leaves: `has_key` says whether there is one."""

    id: str
    label: str
    url: str
    name: str
    context_tokens: int
    enabled: bool
    has_key: bool


def index() -> ResponseReturnValue:
    """The models that may be asked, the default first."""
    choices = services().answers.choices()
    return {
        "models": [
            {"id": choice.id, "label": choice.label or "Model", "default": place == 0}
            for place, choice in enumerate(choices)
        ]
    }


def usage() -> ResponseReturnValue:
    """What the caller used of the models, by day, and how many answers a day allows."""
    days = services().usage.of(owner=auth.owner())
    return {
        "answers_per_day": services().settings.answers_per_day or None,
        "days": [{"day": day.day.isoformat(), "answers": day.answers, "tokens": day.tokens} for day in days],
    }


def page() -> ResponseReturnValue:
    """The settings page. Raises NotAllowed."""
    _admin()
    return render_template("docchat/models.html", **pages.context())


def connected() -> ResponseReturnValue:
    """Every connected model, and the one of the settings, which no page changes."""
    _admin()
    settings = services().settings
    first = None
    if settings.model_url:
        first = {
            "url": settings.model_url,
            "name": settings.model_name,
            "context_tokens": settings.model_context_tokens,
            "has_key": bool(settings.model_key),
        }
    return {"settings": first, "models": [_json(model) for model in services().connected.list()]}


def add() -> ResponseReturnValue:
    """Connect a model."""
    _admin()
    fields = _fields()
    new = _changed(ConnectedModel(_NOBODY, "", "", "", 4096, enabled=True, slot=None, created_at=utc_now()), fields)
    made = services().connected.add(
        label=new.label,
        url=new.url,
        name=new.name,
        key=_key(fields) or "",
        context_tokens=new.context_tokens,
        enabled=new.enabled,
    )
    return dict(_json(made)), 201


def change(model_id: UUID) -> ResponseReturnValue:
    """Change what the body names; a key that is not named stays, an empty one is taken away."""
    _admin(model_id)
    fields = _fields()
    rows = services().connected
    return dict(_json(rows.change(_changed(rows.get(model_id=model_id), fields), key=_key(fields))))


def delete(model_id: UUID) -> ResponseReturnValue:
    """Take a model away, its key first."""
    _admin(model_id)
    forms.texts()
    services().connected.delete(model_id=model_id)
    return {"success": True}


def order() -> ResponseReturnValue:
    """Put the models into the order of the body's ids."""
    _admin()
    fields = forms.values(optional=("ids",))
    services().connected.order(forms.ids("ids", fields.get("ids")))
    return {"success": True}


def attempt() -> ResponseReturnValue:
    """Try a model out as the body describes it, whether or not it is stored.

    The stored key of the model `id` is used when none is given and the server is the same.
    """
    _admin()
    fields = forms.values(optional=(*_FIELDS, "id"))
    key = _key(fields)
    rows = services().connected
    row = ConnectedModel(_NOBODY, "Trial", "", "", 4096, enabled=True, slot=None, created_at=utc_now())
    if "id" in fields:
        known = auth.parse_id(fields["id"])
        if known is None:
            raise NotFound
        stored = rows.get(model_id=known)
        row = _changed(stored, fields)
        if key is None and server_of(stored.url) == server_of(checked(row).url):
            key = rows.open_key(stored)
        elif key is None and stored.slot is not None:
            raise InvalidInput("Type the key in again: it belongs to another server.", code="key_again")
    row = checked(_changed(row, fields | {"label": "Trial"}))
    timeout = min(services().settings.model_timeout_seconds, SECONDS)
    model = connect(replace(row, label=""), key=lambda: key or "", timeout=timeout)
    return asdict(try_model(model))


def is_admin() -> bool:
    """Whether the person behind the request may change the models."""
    return services().user.admin()


def _admin(model_id: UUID | None = None) -> None:
    """Raises NotAllowed, and NotFound where one model is named: whether there is such is nobody else's business."""
    if not is_admin():
        raise NotAllowed("Only administrators may change the models.") if model_id is None else NotFound


def _fields() -> dict[str, object]:
    return forms.values(optional=_FIELDS)


def _key(fields: dict[str, object]) -> str | None:
    return None if fields.get("key") is None else forms.text("key", fields["key"]).strip()


def _changed(model: ConnectedModel, fields: dict[str, object]) -> ConnectedModel:
    tokens = fields.get("context_tokens", model.context_tokens)
    if not isinstance(tokens, int) or isinstance(tokens, bool):
        raise InvalidInput("The field 'context_tokens' must be a number.", code="wrong_type")
    enabled = fields.get("enabled", model.enabled)
    if not isinstance(enabled, bool):
        raise InvalidInput("The field 'enabled' must be true or false.", code="wrong_type")
    label, url, name = (forms.text(key, fields.get(key, getattr(model, key))) for key in ("label", "url", "name"))
    return replace(model, label=label, url=url, name=name, context_tokens=tokens, enabled=enabled)


def _json(model: ConnectedModel) -> ConnectedJson:
    return {
        "id": str(model.id),
        "label": model.label,
        "url": model.url,
        "name": model.name,
        "context_tokens": model.context_tokens,
        "enabled": model.enabled,
        "has_key": model.slot is not None,
    }
