"""Views of a document's sections: list them, open the chat about one, clear it."""

from typing import TypedDict
from uuid import UUID

from flask import Response, jsonify
from flask.typing import ResponseReturnValue

from ..documents.sections import Section
from ..errors import NotFound
from ..sessions.clearing import Clearance
from ..types import ChatSession
from . import forms, receipts, shapes
from .auth import owner, parse_id, username
from .state import services

_MOST_PAGES = 1_000_000


class SectionJson(TypedDict):
    """A section; it ends before character `end` of page `last`. `session` is the caller's chat about it."""

    section: str
    kind: str
    title: str
    page: int
    start: int
    last: int
    end: int
    level: int
    session: str | None


class AboutJson(TypedDict):
    """What a chat is bound to, as it is called now; `deleted`: the caller cannot read it any more."""

    document: str
    name: str
    section: str
    title: str
    page: int | None
    deleted: bool


def index(document_id: UUID) -> ResponseReturnValue:
    """The sections of 100 pages, from `page` on, and the owner's chats about them."""
    places = services().section_chats.places(owner=owner(), document_id=document_id)
    first = forms.number("page", 1, 1, _MOST_PAGES)
    found = services().sections.list(owner=owner(), document_id=document_id, page=first, chosen=tuple(places))
    return {"sections": [_section(one, places.get(one.id)) for one in found.sections], "next": found.next}


def open_chat(document_id: UUID, section: str) -> ResponseReturnValue:
    """The owner's chat about a section, made when there is none. The cookie stays at the chat it names."""
    forms.texts()
    return jsonify(shapes.session(_chat(document_id, section), username()))


def clear(document_id: UUID, section: str) -> Response:
    """Clear the owner's chat about a section, also of a document that is gone; an empty one takes its place."""
    forms.texts()
    cleared = services().section_chats.clear(owner=owner(), about=(document_id, section))
    return receipts.replaced(cleared or Clearance(_chat(document_id, section), None))


def chats_about(document: str) -> ResponseReturnValue:
    """The owner's chats about sections of a document, newest change first."""
    document_id = parse_id(document)
    if document_id is None:
        raise NotFound
    name = username()
    found = services().section_chats.list(owner=owner(), document_id=document_id)
    return {"sessions": [shapes.session(item, name) for item in found], "next": None}


def about(session: ChatSession) -> AboutJson | None:
    """What a chat is bound to; None for a chat about everything."""
    if session.document_id is None or session.section is None:
        return None
    told: AboutJson = {
        "document": str(session.document_id),
        "name": "",
        "section": session.section,
        "title": "",
        "page": None,
        "deleted": True,
    }
    try:
        document = services().library.get(owner=owner(), document_id=session.document_id)
        found = services().sections.find(owner=owner(), document_id=document.id, section_id=session.section)
    except NotFound:
        return told
    return {**told, "name": document.name, "title": found.title, "page": found.page, "deleted": False}


def _chat(document_id: UUID, section: str) -> ChatSession:
    services().sections.find(owner=owner(), document_id=document_id, section_id=section)
    return services().section_chats.open(owner=owner(), about=(document_id, section))


def _section(value: Section, session_id: UUID | None) -> SectionJson:
    return {
        "section": value.id,
        "kind": value.kind,
        "title": value.title,
        "page": value.page,
        "start": value.start,
        "last": value.last,
        "end": value.end,
        "level": value.level,
        "session": None if session_id is None else str(session_id),
    }
