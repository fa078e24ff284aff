"""Views of receipts: read one, undo a clear while there is time for it; and the header that names one."""

from uuid import UUID

from flask import Response, jsonify
from flask.typing import ResponseReturnValue

from ..sessions.clearing import Clearance
from ..types import Receipt
from . import auth, forms, shapes
from .auth import owner
from .state import services


def read(receipt_id: UUID) -> ResponseReturnValue:
    """What a clear removed, and how far it is."""
    return jsonify(shapes.receipt(services().clearing.receipt(owner=owner(), receipt_id=receipt_id)))


def undo(receipt_id: UUID) -> ResponseReturnValue:
    """Take back a clear whose keys are withheld but not yet destroyed. Raises Conflict when it is too late."""
    forms.texts()
    undone = services().clearing.undo(owner=owner(), receipt_id=receipt_id)
    return {"success": True, "session": None if undone.session_id is None else str(undone.session_id)}


def success(receipt: Receipt | None, **more: int | None) -> Response:
    """The answer of a clear that is done; its header names the receipt when something was cleared."""
    response = jsonify({"success": True, **more})
    if receipt is not None:
        response.headers["Docchat-Receipt"] = str(receipt.id)
    return response


def replaced(cleared: Clearance, *, instead_of: UUID | None = None) -> Response:
    """The answer of a clear that puts an empty chat in place; a cookie that names the old one follows."""
    old = instead_of or (cleared.receipt and cleared.receipt.session_id)
    if old is not None and auth.hinted() == old:
        auth.remember(cleared.session.id)
    response = success(cleared.receipt)
    response.headers["Docchat-Successor"] = str(cleared.session.id)
    return response
