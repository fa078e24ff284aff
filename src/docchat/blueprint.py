"""The blueprint: every URL of docchat in one table, and the one error handler."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import default_exceptions

from .web import (
    answers,
    attachments,
    bulk,
    collections,
    documents,
    faults,
    guard,
    mine,
    models,
    operate,
    pages,
    receipts,
    sections,
    sessions,
    suggestions,
    widget,
    words,
)
from .web.state import EXTENSION


def clear_session() -> Response:
    """Clear the current chat: `POST /api/sessions/clear` answers `{"success": true}`.

    The chat that the cookie's `chat_session_id` names is unreadable before this returns, in every process and on
    disk; the cookie then names an empty chat. Nothing but the owner's own chat is ever touched.
    """
    return sessions.clear_current()


def clear_text_section_chat(document_id: UUID, section: str) -> Response:
    """Clear the chat about one section of a document: `POST /api/documents/<id>/sections/<section>/chat/clear`.

    It is `clear_session` for that chat alone: unreadable before this returns, in every process and on disk, with an
    empty chat about the same section in its place, and `{"success": true}`.
    """
    return sections.clear(document_id, section)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one URL. The endpoint is its name in `url_for("docchat.<endpoint>")`."""

    method: str
    rule: str
    endpoint: str
    view: Callable[..., ResponseReturnValue]


_SESSION = "/api/sessions/<session_id>"
_RUN = f"{_SESSION}/runs/<run_id>"
_MESSAGE = f"{_SESSION}/messages/<message_id>"
_DOCUMENT = "/api/documents/<document_id>"
_PAGE = f"{_DOCUMENT}/pages/<number>"
_SECTION_CHAT = f"{_DOCUMENT}/sections/<section>/chat"
_COLLECTION = "/api/collections/<collection_id>"
_MEMBER = f"{_COLLECTION}/members/<member>"
_ATTACHMENT = f"{_SESSION}/attachments/<attachment_id>"
_ATTACHED_PAGE = f"{_ATTACHMENT}/pages/<number>"
_MODEL = "/api/models/connected/<model_id>"

ROUTES: tuple[Route, ...] = (
    Route("GET", "/", "chat", pages.chat),
    Route("GET", "/c/<session_id>", "chat_session", pages.chat_session),
    Route("GET", "/documents", "documents_page", pages.documents_page),
    Route("GET", "/models", "models_page", models.page),
    Route("GET", "/mine", "mine_page", mine.page),
    Route("GET", "/operate", "operate_page", operate.page),
    Route("GET", "/api/status", "status", pages.status),
    Route("GET", "/api/models", "models", models.index),
    Route("GET", "/api/models/connected", "connected_models", models.connected),
    Route("POST", "/api/models/connected", "connect_model", models.add),
    Route("POST", "/api/models/connected/order", "order_models", models.order),
    Route("POST", "/api/models/try", "try_model", models.attempt),
    Route("PATCH", _MODEL, "change_model", models.change),
    Route("DELETE", _MODEL, "delete_model", models.delete),
    Route("GET", "/api/usage", "usage", models.usage),
    Route("GET", "/api/mine", "mine", mine.read),
    Route("GET", "/api/mine/archive", "archive", mine.archive),
    Route("POST", "/api/mine/erase", "erase_mine", mine.erase),
    Route("GET", "/api/operate", "operate", operate.overview),
    Route("GET", "/api/operate/use", "use_by_day", operate.use),
    Route("GET", "/api/operate/people", "people", operate.people),
    Route("POST", "/api/operate/jobs/retry", "retry_jobs", operate.retry),
    Route("GET", "/api/sessions", "sessions", sessions.index),
    Route("POST", "/api/sessions", "create_session", sessions.create),
    Route("POST", "/api/sessions/clear", "clear_session", clear_session),
    Route("POST", "/api/sessions/search", "search_sessions", sessions.search),
    Route("POST", "/api/sessions/bulk/count", "count_sessions", bulk.count),
    Route("POST", "/api/sessions/bulk/clear", "clear_sessions", bulk.clear),
    Route("GET", _SESSION, "session", sessions.read),
    Route("PATCH", _SESSION, "rename_session", sessions.change),
    Route("PUT", f"{_SESSION}/draft", "keep_draft", sessions.keep_draft),
    Route("DELETE", _SESSION, "delete_session", sessions.delete),
    Route("GET", f"{_SESSION}/messages", "session_messages", sessions.messages),
    Route("POST", f"{_SESSION}/clear", "clear_session_by_id", sessions.clear),
    Route("POST", f"{_SESSION}/history/clear", "clear_history", sessions.clear_history),
    Route("POST", f"{_SESSION}/memory/clear", "clear_memory", sessions.clear_memory),
    Route("GET", f"{_SESSION}/export", "export_session", sessions.export),
    Route("POST", f"{_SESSION}/ask", "ask", answers.ask),
    Route("GET", f"{_RUN}/events", "run_events", answers.events),
    Route("POST", f"{_RUN}/stop", "stop_run", answers.stop),
    Route("POST", f"{_MESSAGE}/regenerate", "regenerate", answers.regenerate),
    Route("POST", f"{_MESSAGE}/edit", "edit_question", answers.edit),
    Route("PUT", f"{_MESSAGE}/feedback", "rate_answer", answers.rate),
    Route("DELETE", f"{_MESSAGE}/feedback", "unrate_answer", answers.unrate),
    Route("GET", f"{_SESSION}/attachments", "attachments", attachments.index),
    Route("POST", f"{_SESSION}/attachments", "attach", attachments.attach),
    Route("DELETE", _ATTACHMENT, "delete_attachment", attachments.delete),
    Route("POST", f"{_ATTACHMENT}/password", "unlock_attachment", attachments.unlock),
    Route("GET", _ATTACHED_PAGE, "attachment_page", attachments.page),
    Route("GET", f"{_ATTACHED_PAGE}/image", "attachment_image", attachments.page_image),
    Route("GET", f"{_ATTACHMENT}/original", "attachment_original", attachments.original),
    Route("GET", "/api/suggestions", "suggestions", suggestions.index),
    Route("GET", "/api/receipts/<receipt_id>", "receipt", receipts.read),
    Route("POST", "/api/receipts/<receipt_id>/undo", "undo", receipts.undo),
    Route("GET", "/api/collections", "collections", collections.index),
    Route("POST", "/api/collections", "create_collection", collections.create),
    Route("GET", _COLLECTION, "collection", collections.read),
    Route("PATCH", _COLLECTION, "rename_collection", collections.rename),
    Route("DELETE", _COLLECTION, "delete_collection", collections.delete),
    Route("PUT", _MEMBER, "put_member", collections.put_member),
    Route("DELETE", _MEMBER, "remove_member", collections.remove_member),
    Route("GET", "/api/documents", "documents", documents.index),
    Route("POST", "/api/documents", "upload", documents.upload),
    Route("POST", "/api/documents/search", "search_documents", documents.search),
    Route("GET", "/api/documents/progress", "documents_progress", documents.progress),
    Route("GET", _DOCUMENT, "document", documents.read),
    Route("DELETE", _DOCUMENT, "delete_document", documents.delete),
    Route("POST", f"{_DOCUMENT}/retry", "retry_document", documents.retry),
    Route("POST", f"{_DOCUMENT}/password", "unlock_document", documents.unlock),
    Route("GET", _PAGE, "page", documents.page),
    Route("GET", f"{_PAGE}/image", "page_image", documents.page_image),
    Route("GET", f"{_DOCUMENT}/thumbnail", "thumbnail", documents.thumbnail),
    Route("GET", f"{_DOCUMENT}/original", "original", documents.original),
    Route("GET", f"{_DOCUMENT}/sections", "sections", sections.index),
    Route("POST", _SECTION_CHAT, "section_chat", sections.open_chat),
    Route("POST", f"{_SECTION_CHAT}/clear", "clear_text_section_chat", clear_text_section_chat),
)

_API = "/api/"
VERSION = "v1"
"""Name of the stable first version of the API."""
ALIASES: tuple[Route, ...] = tuple(
    Route(route.method, f"{_API}{VERSION}/{route.rule.removeprefix(_API)}", f"{VERSION}_{route.endpoint}", route.view)
    for route in ROUTES
    if route.rule.startswith(_API)
)
"""A second name for every route of the API, over the same views."""


def make_blueprint() -> Blueprint:
    """A new blueprint, for one application. `DocChat.init_app` mounts it and hangs the guard on the application."""
    blueprint = Blueprint(
        EXTENSION,
        "docchat.web",
        template_folder="templates",
        static_folder="static",
        # Not /static: mounted at the root that path is the host's, often served by its web server.
        static_url_path="/docchat-static",
    )
    for route in ROUTES + ALIASES:
        blueprint.add_url_rule(route.rule, route.endpoint, route.view, methods=[route.method])
    blueprint.add_app_template_global(widget.docchat_widget)
    blueprint.context_processor(words.context)
    blueprint.before_app_request(guard.lost)
    blueprint.before_request(guard.before)
    # By number as well: else a handler that the host has for 404 or 413 would come before ours.
    for code in default_exceptions:
        blueprint.register_error_handler(code, faults.answer)
    blueprint.register_error_handler(Exception, faults.answer)
    return blueprint
