"""Errors as answers: a message for people, a code for programs, the request's id; nothing of the inside."""

import errno
import logging

from flask import Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response as WerkzeugResponse

from ..errors import Cleared, DocChatError, LimitReached, Overloaded, StorageFull, trail
from ..types import new_id
from .words import told

logger = logging.getLogger(__name__)

REQUEST_ID = "docchat.request_id"
"""Key of the request's id in its WSGI environment."""
PAGES = frozenset(
    f"docchat.{name}" for name in ("chat", "chat_session", "documents_page", "models_page", "mine_page", "operate_page")
)
"""Endpoints that answer with HTML."""

_HTTP = {
    400: ("bad_request", "The request could not be understood."),
    401: ("not_signed_in", "Please sign in."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing here."),
    405: ("method_not_allowed", "This cannot be done here."),
    413: ("too_large", "This is too large."),
}


def answer(error: Exception) -> WerkzeugResponse:
    """The response for any exception; what nobody expected is logged and answered with 500.

    The log gets ids and places in the code, never the exception's text: it may quote a chat, a path or SQL.
    """
    if isinstance(error, HTTPException):
        return _http(error)
    known = _known(error)
    if known.status >= 500:
        logger.error("request %s: %s in %s at %s", request_id(), known.code, request.endpoint, trail(error))
    response = _response(known.status, known.code, known.message, _more(known))
    if isinstance(known, LimitReached | Overloaded):
        response.headers["Retry-After"] = str(known.retry_after)
    return response


def error_page(status: int, message: str) -> Response:
    """An error as a page for people."""
    page = render_template("docchat/error.html", status=status, message=message, request_id=request_id())
    return Response(page, status, mimetype="text/html")


def request_id() -> str:
    """The id under which this request is logged; made at the first look where no hook of ours came first."""
    return str(request.environ.setdefault(REQUEST_ID, new_id().hex))


def _http(error: HTTPException) -> WerkzeugResponse:
    if error.response is not None:
        return error.response  # type: ignore[return-value]  # werkzeug types it as the sans-io base class
    status = error.code or 500
    if status < 400:
        return error.get_response()
    code, message = _HTTP.get(status, ("bad_request" if status < 500 else "internal", ""))
    response = _response(status, code, message or "The request could not be answered.", {})
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(error.valid_methods)
    return response


def _known(error: Exception) -> DocChatError:
    if isinstance(error, DocChatError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull()  # uploads are spooled to a temporary file while they are received
    return DocChatError()


def _more(error: DocChatError) -> dict[str, str | None]:
    if isinstance(error, Cleared):
        return {"successor": None if error.successor is None else str(error.successor)}
    if isinstance(error, LimitReached):
        return {"ends": error.ends.isoformat()}
    return {}


def _response(status: int, code: str, message: str, more: dict[str, str | None]) -> Response:
    message = told(message)
    if request.endpoint in PAGES:
        return error_page(status, message)
    response = jsonify({"error": message, "code": code, "request_id": request_id()} | more)
    response.status_code = status
    return response
