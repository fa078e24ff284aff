"""Views of the library: upload, list, read a page and see it, retry, unlock, delete."""

from typing import BinaryIO, cast
from uuid import UUID

from flask import Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from ..documents.names import DRAWN, shown_name
from ..documents.scope import PERSONAL
from ..errors import DocChatError, InvalidInput, NotFound, Unreadable
from ..types import Document, DocumentState
from . import collections, downloads, forms, receipts, shapes
from .auth import owner
from .state import EXTENSION, services

PAGE = 50
THUMBNAIL = 240
"""Pixels that a thumbnail is wide."""
_FIELDS = ("files", "file")
_WIDTHS = (50, 3000)
_STATES = tuple(state.value for state in DocumentState if state is not DocumentState.DELETED)
_MOST_PAGES = 1_000_000
_NO_THUMBNAIL = "no_thumbnail"


def index() -> ResponseReturnValue:
    """The documents that the owner may read, newest first.

    `collection` is one collection's id, or `personal`; `state` leaves out those in other states.
    """
    within, state = collections.named(request.args.get("collection")), request.args.get("state") or None
    if state is not None and state not in _STATES:
        raise InvalidInput(f"The state must be one of {', '.join(_STATES)}.", code="unknown_state")
    page = services().library.list(
        owner=owner(),
        cursor=forms.cursor(),
        limit=forms.limit(PAGE),
        collection=within,
        state=None if state is None else DocumentState(state),
    )
    return {"documents": [shapes.document(item) for item in page.items], "next": page.next}


def search() -> ResponseReturnValue:
    """The newest documents with a name like this. In the body, so that no log of addresses holds it."""
    name = forms.texts(required=("name",))["name"]
    return {"documents": [shapes.document(item) for item in services().library.named(owner=owner(), name=name)]}


def upload() -> ResponseReturnValue:
    """Take one or many files, into the form's `collection` if it names one.

    A file that is refused says why and never stops the others. As JSON: the `url` of a file to fetch.
    """
    if request.is_json:
        return _fetch()
    # A browser sends an empty file field without a name when nobody chose a file.
    files = [file for field in _FIELDS for file in request.files.getlist(field) if file.filename]
    if not files:
        raise InvalidInput("There is no file in this request.", code="no_file")
    within = collections.named(request.form.get("collection"))
    if within is not None and within != PERSONAL:
        services().collections.check_writer(owner=owner(), collection_id=within)
    taken: list[Document] = []
    refused: list[tuple[str, DocChatError]] = []
    for file in files:
        try:
            taken.append(_add(file, None if within == PERSONAL else within))
        except DocChatError as error:
            refused.append((shown_name(file.filename or ""), error))
    if not taken:
        raise refused[0][1]
    services().worker.wake()
    errors = [{"name": name, "error": error.message, "code": error.code} for name, error in refused]
    return {"documents": [shapes.document(item) for item in taken], "errors": errors}, 201


def read(document_id: UUID) -> ResponseReturnValue:
    """One document and how far its reading is."""
    return jsonify(shapes.document(_document(document_id)))


def delete(document_id: UUID) -> Response:
    """Take a document out of the library, with its passages and its original."""
    forms.texts()
    receipt = services().library.delete(owner=owner(), document_id=document_id)
    services().worker.wake()
    return receipts.success(receipt)


def retry(document_id: UUID) -> ResponseReturnValue:
    """Read a failed document again."""
    forms.texts()
    document = services().library.retry(owner=owner(), document_id=document_id)
    services().worker.wake()
    return jsonify(shapes.document(document))


def unlock(document_id: UUID) -> ResponseReturnValue:
    """Read a locked document with its password, now: it is not kept for later."""
    fields = forms.texts(required=("password",))
    document = services().library.unlock(owner=owner(), document_id=document_id, password=fields["password"])
    return jsonify(shapes.document(document))


def page(document_id: UUID, number: int) -> ResponseReturnValue:
    """The text of a page. Raises Unreadable for a document that no reader could read."""
    document = _document(document_id)
    if document.state is DocumentState.FAILED:
        raise Unreadable(document.error or "This document could not be read.", code=document.error_code)
    found = services().library.page(owner=owner(), document_id=document_id, number=number)
    image = None
    if document.media_type in DRAWN:
        image = url_for(f"{EXTENSION}.page_image", document_id=document_id, number=number)
    return jsonify(shapes.page(found, pages=document.pages, image=image))


def page_image(document_id: UUID, number: int) -> Response:
    """A page of a PDF, or a picture, `width` pixels wide."""
    width = forms.number("width", 1000, *_WIDTHS)
    picture = services().library.page_image(owner=owner(), document_id=document_id, number=number, width=width)
    return Response(picture, mimetype="image/png")


def thumbnail(document_id: UUID) -> Response:
    """A page of a PDF, or a picture, small; `page` is 1 unless it says otherwise.

    It is drawn when it is asked for and kept by nobody but the browser, which asks each time whether it may still show
    it: so nothing of it is left here when the document is deleted. Raises NotFound with code no_thumbnail.
    """
    found = _document(document_id)
    number = forms.number("page", 1, 1, _MOST_PAGES)
    tag = f"{found.id.hex}-{number}"
    response = Response(mimetype="image/png")
    response.set_etag(tag)
    if request.if_none_match.contains(tag):
        response.status_code = 304
        return response
    if found.media_type not in DRAWN:
        raise NotFound("Files of this kind have no thumbnails.", code=_NO_THUMBNAIL)
    library = services().library
    try:
        picture = library.page_image(owner=owner(), document_id=document_id, number=number, width=THUMBNAIL)
    except Unreadable as error:
        raise NotFound("This page cannot be shown as a picture.", code=_NO_THUMBNAIL) from error
    response.data = picture
    return response


def progress() -> ResponseReturnValue:
    """How many documents of the own library, of a `collection` or of all that may be read are in which state."""
    within = collections.named(request.args.get("collection"))
    counts = services().library.counts(owner=owner(), collection=within)
    return {state: counts.get(DocumentState(state), 0) for state in _STATES}


def original(document_id: UUID) -> Response:
    """The file as it was uploaded, to save; with `?show=1` to look at, when it is a picture or a PDF."""
    document = _document(document_id)
    body = services().library.original(owner=owner(), document_id=document_id)
    return downloads.original(body, name=document.name, media_type=document.media_type, size=document.size)


def _fetch() -> ResponseReturnValue:
    """Take a file from the web, when the operator allows its host."""
    fields = forms.texts(required=("url",), optional=("collection",))
    within = collections.named(fields.get("collection"))
    library, place = services().library, None if within == PERSONAL else within
    document = library.fetch(owner=owner(), url=fields["url"], collection=place)
    services().worker.wake()
    return {"documents": [shapes.document(document)], "errors": []}, 201


def _add(file: FileStorage, within: UUID | None) -> Document:
    library, name, stream = services().library, file.filename or "", cast(BinaryIO, file.stream)
    return library.add(owner=owner(), name=name, stream=stream, media_type=file.mimetype, collection=within)


def _document(document_id: UUID) -> Document:
    return services().library.get(owner=owner(), document_id=document_id)
