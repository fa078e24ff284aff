"""Views of what the caller has: in numbers, as one archive, and erased with a receipt."""

from dataclasses import asdict

from flask import Response, jsonify, render_template
from flask.typing import ResponseReturnValue

from ..errors import InvalidInput
from ..types import ReceiptState, utc_now
from . import auth, forms, pages, shapes
from .downloads import attachment
from .state import services


def page() -> ResponseReturnValue:
    """The page “My data”."""
    return render_template("docchat/mine.html", **pages.context())


def read() -> ResponseReturnValue:
    """How much the caller has, and the receipt of an erasure that still goes on."""
    people, owner = services().people, auth.owner()
    holds = asdict(people.holdings.of(owner=owner))
    first = holds.pop("first")
    going_on = people.erasing.rows.going_on(owner=owner)
    return {
        "holds": holds,
        "first": None if first is None else first.isoformat(),
        "erasing": None if going_on is None else shapes.receipt(going_on),
        "answers_per_day": services().settings.answers_per_day or None,
    }


def archive() -> Response:
    """Everything the caller has as one zip file, made while it is sent; it breaks off when a chat in it is cleared."""
    body = services().people.archive.stream(owner=auth.owner(), username=auth.username())
    return attachment(body, name=f"docchat {utc_now():%Y-%m-%d}.zip", media_type="application/zip")


def erase() -> Response:
    """Erase everything the caller has; 202 while rows still go in the background. Raises EraseUnfinished."""
    fields = forms.values(optional=("all",))
    # Only the word itself: no request that was meant for something else erases anything.
    if fields.get("all") is not True:
        raise InvalidInput('Say {"all": true} to erase everything that you have.', code="no_scope")
    receipt = services().people.erasing.erase(owner=auth.owner())
    running = receipt.state is ReceiptState.RUNNING
    services().worker.wake()
    response = jsonify({"success": not running, "receipt": shapes.receipt(receipt)})
    response.headers["Docchat-Receipt"] = str(receipt.id)
    response.status_code = 202 if running else 200
    return response
