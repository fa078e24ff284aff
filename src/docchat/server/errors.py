"""Errors outside the chat's own URLs: a page for people, JSON for programs."""

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from ..web import faults


def answer(error: Exception) -> WerkzeugResponse:
    """The response for any exception of the standalone application."""
    response = faults.answer(error)
    response.headers.setdefault("Docchat-Request-Id", faults.request_id())
    if not isinstance(response, Response) or not response.is_json:
        return response
    best = request.accept_mimetypes.best_match(["application/json", "text/html"])
    if best != "text/html":
        return response
    page = faults.error_page(response.status_code, response.get_json()["error"])
    page.headers["Docchat-Request-Id"] = faults.request_id()
    return page
