"""Views for the operator: numbers of everything, never a word of what it holds. For administrators only."""

import shutil
from collections.abc import Callable
from dataclasses import asdict
from time import perf_counter

from flask import render_template
from flask.typing import ResponseReturnValue

from ..errors import NotAllowed, StoreError
from . import forms, pages
from .state import services

MOST_DAYS = 366
_DAYS = 30
_PEOPLE = 50


def page() -> ResponseReturnValue:
    """The operator's page. Raises NotAllowed."""
    _admin()
    return render_template("docchat/operate.html", **pages.context())


def overview() -> ResponseReturnValue:
    """Health, storage, jobs, models and retention as they are now."""
    _admin()
    parts = services()
    settings, figures = parts.settings, parts.people.figures
    disk = shutil.disk_usage(settings.data_dir)
    return {
        "totals": asdict(figures.totals()),
        "storage": {**asdict(figures.storage()), "free": disk.free, "disk": disk.total},
        "jobs": [{**asdict(one), "errors": list(one.errors)} for one in figures.jobs()],
        "clears": figures.clears(),
        "health": {
            "database": "SQLite" if parts.database.is_sqlite else "PostgreSQL",
            "database_ms": _took(lambda: figures.clears()),
            "keys_ms": _took(lambda: parts.keyring.states(slots=(0,))),
            "worker": settings.worker,
        },
        "retention": {
            "days": settings.retention_days,
            "idle_days": settings.retention_idle_days,
            "undo_seconds": settings.clear_undo_seconds,
            "answers_per_day": settings.answers_per_day,
        },
        "models": [
            *([{"label": settings.model_name or "", "enabled": True, "settings": True}] if settings.model_url else []),
            *({"label": one.label, "enabled": one.enabled, "settings": False} for one in parts.connected.list()),
        ],
    }


def use() -> ResponseReturnValue:
    """What was used on each of the last `days` (30), oldest first."""
    _admin()
    count = forms.number("days", _DAYS, 1, MOST_DAYS)
    days = services().people.figures.days(count)
    return {"days": [{**asdict(one), "day": one.day.isoformat()} for one in days]}


def people() -> ResponseReturnValue:
    """Who has something here, by id, with numbers."""
    _admin()
    found = services().people.figures.people(cursor=forms.cursor(), limit=forms.limit(_PEOPLE))
    listed = [{**asdict(one), "last": None if one.last is None else one.last.isoformat()} for one in found.items]
    return {"people": listed, "next": found.next}


def retry() -> ResponseReturnValue:
    """Let jobs that were given up be tried again."""
    _admin()
    forms.texts()
    count = services().people.figures.retry_failed()
    services().worker.wake()
    return {"success": True, "jobs": count}


def _admin() -> None:
    if not services().user.admin():
        raise NotAllowed("Only administrators may see this.")


def _took(look: Callable[[], object]) -> float | None:
    """How many milliseconds something takes to answer; None when it does not."""
    begun = perf_counter()
    try:
        look()
    except StoreError:
        return None
    return round((perf_counter() - begun) * 1000, 2)
