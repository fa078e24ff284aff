"""Views of a chat's attachments: attach, list, read, unlock and delete. Nothing of a file touches the disk."""

import errno
from collections.abc import Iterator
from io import BytesIO
from typing import IO
from uuid import UUID

from flask import Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.formparser import FormDataParser, default_stream_factory

from ..documents.names import DRAWN, shown_name
from ..errors import Cleared, Conflict, DocChatError, InvalidInput, NotFound
from ..types import Document
from . import downloads, forms, receipts, shapes
from .auth import owner
from .state import EXTENSION, services

_FIELDS = ("files", "file")
_WIDTHS = (50, 3000)


class InMemory(FormDataParser):
    """Reads a form with its files into memory: Werkzeug's own way spools large ones, in the clear, to a file."""

    def __init__(self, stream_factory: object = default_stream_factory, *rest: object, **more: object) -> None:
        super().__init__(_in_memory, *rest, **more)  # type: ignore[arg-type]


def _in_memory(
    total_content_length: int | None,
    content_type: str | None,
    filename: str | None,
    content_length: int | None = None,
) -> IO[bytes]:
    return BytesIO()


def index(session_id: UUID) -> ResponseReturnValue:
    """The attachments of a chat, oldest first."""
    found = services().attachments.rows.list(owner=owner(), session_id=session_id)
    return {"attachments": [shapes.document(item) for item in found]}


def attach(session_id: UUID) -> ResponseReturnValue:
    """Take one or many files into a chat. A file that is refused says why and never stops the others."""
    files = [file for field in _FIELDS for file in request.files.getlist(field) if file.filename]
    if not files:
        raise InvalidInput("There is no file in this request.", code="no_file")
    if services().store.get(owner=owner(), session_id=session_id).document_id is not None:
        raise Conflict("This chat asks one part of a document alone. Attach the file to another.", code="section_chat")
    taken: list[Document] = []
    refused: list[tuple[str, DocChatError]] = []
    for file in files:
        try:
            taken.append(
                services().attachments.add(
                    owner=owner(),
                    session_id=session_id,
                    name=file.filename or "",
                    stream=file.stream,  # type: ignore[arg-type]  # a BytesIO of ours
                    media_type=file.mimetype,
                )
            )
        except DocChatError as error:
            refused.append((shown_name(file.filename or ""), error))
    if not taken:
        raise refused[0][1]
    services().worker.wake()
    errors = [{"name": name, "error": error.message, "code": error.code} for name, error in refused]
    return {"attachments": [shapes.document(item) for item in taken], "errors": errors}, 201


def delete(session_id: UUID, attachment_id: UUID) -> Response:
    """Delete one attachment; its chat stays."""
    forms.texts()
    receipt = services().attachments.delete(owner=owner(), session_id=session_id, attachment_id=attachment_id)
    services().worker.wake()
    return receipts.success(receipt)


def unlock(session_id: UUID, attachment_id: UUID) -> ResponseReturnValue:
    """Read a locked attachment with its password, now: it is not kept for later."""
    fields = forms.texts(required=("password",))
    found = services().attachments.unlock(
        owner=owner(), session_id=session_id, attachment_id=attachment_id, password=fields["password"]
    )
    return jsonify(shapes.document(found))


def page(session_id: UUID, attachment_id: UUID, number: int) -> ResponseReturnValue:
    """The text of a page. Raises Unreadable for a file that no reader could read."""
    found = _attachment(session_id, attachment_id)
    shown = services().attachments.page(
        owner=owner(), session_id=session_id, attachment_id=attachment_id, number=number
    )
    image = None
    if found.media_type in DRAWN:
        endpoint = f"{EXTENSION}.attachment_image"
        image = url_for(endpoint, session_id=session_id, attachment_id=attachment_id, number=number)
    return jsonify(shapes.page(shown, pages=found.pages, image=image))


def page_image(session_id: UUID, attachment_id: UUID, number: int) -> Response:
    """A page of a PDF, or a picture, `width` pixels wide."""
    width = forms.number("width", 1000, *_WIDTHS)
    picture = services().attachments.page_image(
        owner=owner(), session_id=session_id, attachment_id=attachment_id, number=number, width=width
    )
    return Response(picture, mimetype="image/png")


def original(session_id: UUID, attachment_id: UUID) -> Response:
    """As `documents.original`, of an attachment; it breaks off when the chat is cleared meanwhile."""
    found = _attachment(session_id, attachment_id)
    pieces = services().attachments.rows.original(owner=owner(), session_id=session_id, attachment_id=attachment_id)
    body = _while_it_lives(pieces)
    return downloads.original(body, name=found.name, media_type=found.media_type, size=found.size)


def _while_it_lives(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces; it breaks off when chat or attachment go meanwhile: nothing can be said any more by then."""
    try:
        yield from pieces
    except (Cleared, NotFound) as error:
        raise ConnectionResetError(errno.ECONNRESET, "cleared") from error


def _attachment(session_id: UUID, attachment_id: UUID) -> Document:
    return services().attachments.rows.get(owner=owner(), session_id=session_id, attachment_id=attachment_id)
