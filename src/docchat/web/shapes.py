"""The JSON of the interface: one function for each value that travels. Times are ISO 8601 in UTC."""

from collections.abc import Set
from typing import TypedDict
from uuid import UUID

from ..documents.formats.part import concealed
from ..documents.scope import PERSONAL
from ..documents.sections import outline
from ..types import ChatSession, Chunk, Citation, Collection, Document, Feedback, Message, PageText, Receipt, SearchHit

PERSONAL_NAME = "personal"
"""What stands for a person's own library where a collection is named."""

Gone = Set[UUID]
NOTHING: frozenset[UUID] = frozenset()


class CitationJson(TypedDict):
    """What a mark points at; offsets are characters of the page's text; `deleted`: its document is gone."""

    number: int
    document: str
    name: str
    page: int
    label: str
    start: int
    end: int
    quote: str
    attachment: bool
    deleted: bool


class PassageJson(TypedDict):
    """A passage that an answer was given to read; without text when its document was `deleted` since."""

    number: int
    document: str
    name: str
    page: int
    label: str
    start: int
    end: int
    text: str
    attachment: bool
    deleted: bool


class DoubtJson(TypedDict):
    """Characters `start` to `end` of an answer that its sources do not carry: `unsupported`, or a `number`."""

    start: int
    end: int
    kind: str


class FeedbackJson(TypedDict):
    """What the owner thinks of an answer: `up` or `down`, and a comment, which may be empty."""

    rating: str
    comment: str


class MessageJson(TypedDict):
    """A question or an answer; `run` is the id under which a running answer is followed.

    `collections` and `documents` are what a question was asked of; null and none: everything. `understood` is the
    question as it was looked for, empty when it is as it was asked; `nearest` comes with a refusal.
    """

    id: int
    role: str
    text: str
    created_at: str
    citations: list[CitationJson]
    state: str
    mode: str | None
    model: str | None
    refused: bool
    error: str | None
    run: str | None
    collections: list[str] | None
    documents: list[str]
    understood: str
    nearest: list[CitationJson]
    doubts: list[DoubtJson]
    follow_ups: list[str]
    feedback: FeedbackJson | None


class SessionJson(TypedDict):
    """A chat without its messages; `memory_from` is the id of the first message a model is told of.

    `document` and `section` name what it is about, null for a chat about everything. `drafted`: a question is begun.
    """

    id: str
    title: str
    message_count: int
    created_at: str
    updated_at: str
    user: str
    memory_from: int | None
    document: str | None
    section: str | None
    pinned: bool
    archived: bool
    drafted: bool


class ProgressJson(TypedDict):
    """How many pages of a document are read; `of` is None while nobody knows of how many."""

    pages: int
    of: int | None


class DocumentJson(TypedDict):
    """A document of the library; `size` in bytes, `error` for people and `code` for programs when it failed.

    `progress` only while it is being read.
    """

    id: str
    name: str
    media_type: str
    size: int
    state: str
    pages: int
    passages: int
    created_at: str
    error: str | None
    code: str | None
    collection: str | None
    progress: ProgressJson | None


class MemberJson(TypedDict):
    """Somebody who may use a collection."""

    user: str
    name: str
    role: str


class CollectionJson(TypedDict):
    """A collection; `access` is the caller's: reader, writer or owner. `members` only for its owner."""

    id: str
    name: str
    access: str
    documents: int
    passages: int
    created_at: str
    members: list[MemberJson]


class HitJson(TypedDict):
    """A place where a search found its words; `marks` are ranges in `snippet`."""

    session: SessionJson
    message: int | None
    snippet: str
    marks: list[list[int]]


class ReceiptJson(TypedDict):
    """What a clear or a delete removed, counted by kind; `undo_until` only while it can be undone."""

    id: str
    session: str | None
    document: str | None
    action: str
    state: str
    counts: dict[str, int]
    created_at: str
    successor: str | None
    undo_until: str | None


class PageJson(TypedDict):
    """The text of a page; each box is [start, end, left, top, right, bottom] with edges as fractions.

    `hidden` are ranges of the text that nobody sees who opens the file; no answer is made of them. `headings` are
    [start, level] of lines that read as one, told from this page alone.
    """

    number: int
    label: str
    text: str
    boxes: list[list[float]]
    hidden: list[list[int]]
    headings: list[list[int]]
    pages: int
    image: str | None


def citation(value: Citation, gone: Gone = NOTHING) -> CitationJson:
    """A citation as JSON; `gone` are the documents that are deleted."""
    return {
        "number": value.number,
        "document": str(value.document_id),
        "name": value.document_name,
        "page": value.page,
        "label": value.label,
        "start": value.start,
        "end": value.end,
        "quote": value.quote,
        "attachment": value.attached,
        "deleted": value.document_id in gone,
    }


def passage(number: int, value: Chunk, gone: Gone = NOTHING) -> PassageJson:
    """Passage `number` (from 1) of an answer as JSON."""
    return {
        "number": number,
        "document": str(value.document_id),
        "name": value.document_name,
        "page": value.page,
        "label": value.label,
        "start": value.start,
        "end": value.end,
        "text": "" if value.document_id in gone else value.text,
        "attachment": value.attached,
        "deleted": value.document_id in gone,
    }


def _feedback(value: Feedback | None) -> FeedbackJson | None:
    return None if value is None else {"rating": value.rating, "comment": value.comment}


def message(value: Message, gone: Gone = NOTHING) -> MessageJson:
    """A message as JSON."""
    return {
        "id": value.id,
        "role": value.role,
        "text": value.text,
        "created_at": value.created_at.isoformat(),
        "citations": [citation(item, gone) for item in value.citations],
        "state": value.state.value,
        "mode": value.mode,
        "model": value.model,
        "refused": value.refused,
        "error": value.error,
        "run": _id(value.run_id),
        "collections": None if value.collections is None else [collection_id(item) for item in value.collections],
        "documents": [str(item) for item in value.documents],
        "understood": value.understood,
        "nearest": [citation(item, gone) for item in value.nearest],
        "doubts": [{"start": item.start, "end": item.end, "kind": item.kind} for item in value.doubts],
        "follow_ups": list(value.follow_ups),
        "feedback": _feedback(value.feedback),
    }


def session(value: ChatSession, user: str) -> SessionJson:
    """A chat as JSON; `user` is the owner's name for people."""
    return {
        "id": str(value.id),
        "title": value.title,
        "message_count": value.messages,
        "created_at": value.created_at.isoformat(),
        "updated_at": value.updated_at.isoformat(),
        "user": user,
        "memory_from": value.memory_from,
        "document": _id(value.document_id),
        "section": value.section,
        "pinned": value.pinned,
        "archived": value.archived,
        "drafted": value.drafted,
    }


def hit(value: SearchHit, user: str) -> HitJson:
    """A search hit as JSON."""
    return {
        "session": session(value.session, user),
        "message": value.message_id,
        "snippet": value.snippet,
        "marks": [[start, end] for start, end in value.marks],
    }


def receipt(value: Receipt) -> ReceiptJson:
    """A receipt as JSON."""
    return {
        "id": str(value.id),
        "session": _id(value.session_id),
        "document": _id(value.document_id),
        "action": value.action,
        "state": value.state.value,
        "counts": dict(value.counts),
        "created_at": value.created_at.isoformat(),
        "successor": _id(value.successor),
        "undo_until": None if value.undo_until is None else value.undo_until.isoformat(),
    }


def document(value: Document) -> DocumentJson:
    """A document as JSON."""
    return {
        "id": str(value.id),
        "name": value.name,
        "media_type": value.media_type,
        "size": value.size,
        "state": value.state.value,
        "pages": value.pages,
        "passages": value.passages,
        "created_at": value.created_at.isoformat(),
        "error": value.error,
        "code": value.error_code,
        "collection": _id(value.collection),
        "progress": None if value.progress is None else {"pages": value.progress.pages, "of": value.progress.of},
    }


def collection(value: Collection) -> CollectionJson:
    """A collection as JSON."""
    return {
        "id": str(value.id),
        "name": value.name,
        "access": value.access,
        "documents": value.documents,
        "passages": value.passages,
        "created_at": value.created_at.isoformat(),
        "members": [{"user": one.user_id, "name": one.name, "role": one.role} for one in value.members],
    }


def collection_id(value: UUID) -> str:
    """A collection's id; "personal" stands for the own library."""
    return PERSONAL_NAME if value == PERSONAL else str(value)


def page(value: PageText, *, pages: int, image: str | None) -> PageJson:
    """A page as JSON; `image` is the URL of its picture."""
    sections = outline([value], {}, first=value.number, last=value.number)
    return {
        "number": value.number,
        "label": value.label,
        "text": value.text,
        "boxes": [[box.start, box.end, box.left, box.top, box.right, box.bottom] for box in value.boxes],
        "hidden": [[start, end] for start, end in concealed(value.text)],
        "headings": [[one.start, one.level] for one in sections if one.kind == "heading"],
        "pages": pages,
        "image": image,
    }


def _id(value: UUID | None) -> str | None:
    return None if value is None else str(value)
