"""The core types, frozen values that travel between the rooms; and the one place where time and ids are made."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, Literal, TypeVar
from uuid import UUID, uuid4

T = TypeVar("T")
Access = Literal["reader", "writer", "owner"]
"""What somebody may do with a collection: read it, also upload and delete in it, also rule it."""
Role = Literal["user", "assistant"]
Mode = Literal["quotes", "model"]
"""How an answer was made: sentences quoted from the documents, or written by a model."""


def utc_now() -> datetime:
    """The current time, timezone-aware UTC."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A new random id (uuid4)."""
    return uuid4()


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next` is the opaque cursor of the following page, None at the end."""

    items: tuple[T, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class ChatSession:
    """A conversation of one owner. An empty `title` means that none was given yet.

    A chat about a part of a document names the document and the `section` of it.
    """

    id: UUID
    owner: str
    title: str
    messages: int
    created_at: datetime
    updated_at: datetime
    memory_from: int | None = None
    """Id of the first message a model is told of; None: all of them."""
    document_id: UUID | None = None
    section: str | None = None
    pinned: bool = False
    archived: bool = False
    drafted: bool = False
    """Whether a question is begun in it, as far as a list tells."""


@dataclass(frozen=True, slots=True)
class Citation:
    """What a mark [number] in an answer points at.

    `start` and `end` are character offsets in the text of page `page` (1-based) of the document; `attached`: that is an
    attachment of the chat.
    """

    number: int
    document_id: UUID
    document_name: str
    page: int
    label: str
    start: int
    end: int
    quote: str
    attached: bool = False


class MessageState(StrEnum):
    """Where an answer stands; a question is always DONE."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Doubt:
    """The characters [start, end) of an answer that its sources do not carry.

    `unsupported`: a statement that no passage holds. `number`: a number that stands in no cited passage.
    """

    start: int
    end: int
    kind: Literal["unsupported", "number"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be stored; the store adds id and time.

    `collections` and `documents` are what a question was asked of, as in a search's Scope. Of an answer: `understood`
    is the question as it was looked for, when that differs; `nearest` what comes closest when the documents do not say;
    `doubts` what in it does not hold; `follow_ups` are questions that may come next; `memory` is what
    a model made of the turns up to the message `memory_to`, which it is no longer told of word for word.
    """

    role: Role
    text: str
    citations: tuple[Citation, ...] = ()
    state: MessageState = MessageState.DONE
    mode: Mode | None = None
    model: str | None = None
    refused: bool = False
    error: str | None = None
    run_id: UUID | None = None
    collections: tuple[UUID, ...] | None = None
    documents: tuple[UUID, ...] = ()
    understood: str = ""
    nearest: tuple[Citation, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    follow_ups: tuple[str, ...] = ()
    memory: str = ""
    memory_to: int = 0


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody thinks of an answer, with a comment or without."""

    rating: Literal["up", "down"]
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Draft):
    """A stored message of a session; `id` grows within the session and is never reused."""

    id: int
    created_at: datetime
    feedback: Feedback | None = None


class ReceiptState(StrEnum):
    """How far a clear has come: its keys are destroyed when DONE, withheld from everyone while PENDING."""

    RUNNING = "running"
    PENDING = "pending"
    DONE = "done"
    UNDONE = "undone"


Action = Literal[
    "clear", "delete", "history", "memory", "bulk", "expire", "document", "collection", "attachment", "erase"
]
"""What a receipt is for: a chat cleared or deleted, its history or memory cleared, many chats, one past its
retention, a document, a collection or a chat's attachment deleted, everything of a person erased."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a clear or a delete removed, counted by kind, without content.

    `session_id` is None when it is for many chats or for documents; `document_id` is the document's, collection's or
    attachment's; `undo_until` only while it is PENDING.
    """

    id: UUID
    session_id: UUID | None
    action: Action
    counts: dict[str, int]
    created_at: datetime
    successor: UUID | None = None
    document_id: UUID | None = None
    state: ReceiptState = ReceiptState.DONE
    undo_until: datetime | None = None


class DocumentState(StrEnum):
    """Where a document stands on its way into the index."""

    QUEUED = "queued"
    READING = "reading"
    READY = "ready"
    FAILED = "failed"
    DELETED = "deleted"
    """Nobody's any more; its rows are being taken away. Never seen outside of the database."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the reading of a document is: `pages` of so many, None while nobody knows of how many."""

    pages: int
    of: int | None


@dataclass(frozen=True, slots=True)
class Document:
    """A file that `owner` uploaded into the own library, or into `collection`; or an attachment of a chat.

    `size` is in bytes; `error` is a message for people; `progress` only while it is being read.
    """

    id: UUID
    owner: str
    name: str
    media_type: str
    size: int
    state: DocumentState
    pages: int
    passages: int
    created_at: datetime
    error: str | None = None
    error_code: str | None = None
    collection: UUID | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who may use another's collection; `name` is for people, `user_id` the host's stable id."""

    user_id: str
    name: str
    role: Access


@dataclass(frozen=True, slots=True)
class Collection:
    """A shared library, as one person sees it: `access` is that person's, `members` is empty for all but the owner."""

    id: UUID
    name: str
    access: Access
    documents: int
    passages: int
    created_at: datetime
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """Where the characters [start, end) of a page's text stand: fractions of width and height, origin top left."""

    start: int
    end: int
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PageText:
    """The text of a page, sheet, slide or whole flowing document; `number` is 1-based."""

    number: int
    label: str
    text: str
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: the characters [start, end) of page `page` of a document, or of an attachment of the chat."""

    id: int
    document_id: UUID
    document_name: str
    page: int
    label: str
    start: int
    end: int
    text: str
    attached: bool = False


@dataclass(frozen=True, slots=True)
class ScoredChunk:
    """A chunk that a search found; a higher score is better, comparable within one search only."""

    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class AnswerEvent:
    """One step of an answer as it is streamed. `offset` counts the characters of text sent so far."""

    kind: Literal["passages", "text", "citation", "done", "error", "cleared"]
    offset: int
    text: str = ""
    passages: tuple[Chunk, ...] = ()
    citation: Citation | None = None
    message: Message | None = None
    error: str = ""
    code: str = ""
    successor: UUID | None = None
    mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A place in the own chats where a search found its words; `start` and `end` mark them in `snippet`."""

    session: ChatSession
    message_id: int | None
    snippet: str
    marks: tuple[tuple[int, int], ...] = field(default=())
