"""Views of many chats at once: count what a clear would take, and clear it."""

from datetime import timedelta
from uuid import UUID

from flask import Response, jsonify
from flask.typing import ResponseReturnValue

from ..errors import InvalidInput
from ..sessions.sql_bulk import MAX_SELECTED, BulkScope
from ..types import ReceiptState, utc_now
from . import auth, forms, shapes
from .auth import owner
from .state import services

MOST_DAYS = 36_500
_FIELDS = ("all", "older_than_days", "ids")


def count() -> ResponseReturnValue:
    """How many chats and messages a clear of this scope would take."""
    found = services().bulk.count(owner=owner(), scope=_scope())
    return {"sessions": found.sessions, "messages": found.messages}


def clear() -> Response:
    """Clear every chat of the scope: 202 while it goes on in the background."""
    receipt = services().bulk.clear(owner=owner(), scope=_scope())
    running = receipt.state is ReceiptState.RUNNING
    if running:
        services().worker.wake()
    response = jsonify({"success": not running, "receipt": shapes.receipt(receipt)})
    response.headers["Docchat-Receipt"] = str(receipt.id)
    response.status_code = 202 if running else 200
    return response


def _scope() -> BulkScope:
    """Which chats the body means, in exactly one of three ways. Raises InvalidInput."""
    fields = forms.values(optional=_FIELDS)
    if len(fields) != 1:
        raise InvalidInput("Say which chats, in one of the fields 'all', 'older_than_days' or 'ids'.", code="no_scope")
    if "all" in fields:
        # Only the word itself: what somebody sent as false or 1 was not meant to be everything.
        if fields["all"] is not True:
            raise InvalidInput("The field 'all' can only be true.", code="wrong_type")
        return BulkScope(everything=True)
    if "ids" in fields:
        return BulkScope(session_ids=_ids(fields["ids"]))
    return BulkScope(before=utc_now() - timedelta(days=_days(fields["older_than_days"])))


def _days(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput("The field 'older_than_days' must be a number.", code="wrong_type")
    if not 0 < value <= MOST_DAYS:
        raise InvalidInput(f"The field 'older_than_days' must be above 0, at most {MOST_DAYS}.", code="bad_age")
    return float(value)


def _ids(value: object) -> tuple[UUID, ...]:
    if not isinstance(value, list):
        raise InvalidInput("The field 'ids' must be a list of ids.", code="wrong_type")
    if not 1 <= len(value) <= MAX_SELECTED:
        raise InvalidInput(f"The field 'ids' must hold 1 to {MAX_SELECTED} ids.", code="bad_ids")
    found = [auth.parse_id(item) for item in value]
    ids = tuple(dict.fromkeys(item for item in found if item is not None))
    if None in found:
        raise InvalidInput("The field 'ids' holds something that is not an id.", code="bad_ids")
    return ids
