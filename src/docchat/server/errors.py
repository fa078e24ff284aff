"""Errors outside the chat's own URLs: a page for people, JSON for programs."""

from flask import Response, render_template, request
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
    message = response.get_json()["error"]
    page = render_template(
        "docchat/error.html", status=response.status_code, message=message, request_id=faults.request_id()
    )
    response.set_data(page)
    response.mimetype = "text/html"
    return response
