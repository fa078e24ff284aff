"""Export of a chat as Markdown or JSON: all its messages with their sources."""

import json
from collections.abc import Iterable, Set
from dataclasses import asdict
from typing import Any
from uuid import UUID

from ..types import ChatSession, Citation, Message
from .store import SessionStore

_RATINGS = {"up": "good", "down": "bad"}
_NAMES = {"user": "You", "assistant": "docchat"}


def all_messages(store: SessionStore, *, owner: str, session_id: UUID) -> list[Message]:
    """Every message of a chat in the order they were said. Raises NotFound, Cleared."""
    pages: list[tuple[Message, ...]] = []
    cursor: str | None = None
    while True:
        page = store.messages(owner=owner, session_id=session_id, cursor=cursor, limit=500)
        pages.append(page.items)
        cursor = page.next
        if cursor is None:
            return [message for items in reversed(pages) for message in items]


def markdown(session: ChatSession, messages: Iterable[Message], *, gone: Set[UUID] = frozenset()) -> str:
    """The chat as a Markdown document; sources stand as a list below each answer. `gone` are deleted documents."""
    parts = [f"# {_one_line(session.title or 'Chat')}", f"*{session.created_at:%Y-%m-%d %H:%M} UTC*"]
    for message in messages:
        parts.append(f"## {_NAMES[message.role]}, {message.created_at:%Y-%m-%d %H:%M}")
        parts.append(message.text)
        if message.citations:
            parts.append("\n".join(_source(citation, gone) for citation in message.citations))
        if message.feedback is not None:
            comment = f": {_one_line(message.feedback.comment)}" if message.feedback.comment else ""
            parts.append(f"*You found this answer {_RATINGS[message.feedback.rating]}{comment}*")
    return "\n\n".join(parts) + "\n"


def json_document(session: ChatSession, messages: Iterable[Message], *, gone: Set[UUID] = frozenset()) -> str:
    """The chat as one JSON object: id, title, times, the document and section it is about, messages with citations."""
    document: dict[str, Any] = {
        "id": str(session.id),
        "title": session.title,
        "created_at": session.created_at.isoformat(),
        "updated_at": session.updated_at.isoformat(),
        "document": None if session.document_id is None else str(session.document_id),
        "section": session.section,
        "messages": [
            {
                "role": message.role,
                "text": message.text,
                "created_at": message.created_at.isoformat(),
                "state": message.state.value,
                "feedback": None if message.feedback is None else asdict(message.feedback),
                "citations": [
                    {
                        "number": citation.number,
                        "document": str(citation.document_id),
                        "name": citation.document_name,
                        "page": citation.page,
                        "label": citation.label,
                        "start": citation.start,
                        "end": citation.end,
                        "quote": citation.quote,
                        "deleted": citation.document_id in gone,
                    }
                    for citation in message.citations
                ],
            }
            for message in messages
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _source(citation: Citation, gone: Set[UUID]) -> str:
    place = f"page {citation.page}" + (f", {_one_line(citation.label)}" if citation.label else "")
    place += " (source deleted)" if citation.document_id in gone else ""
    return f"- [{citation.number}] {_one_line(citation.document_name)}, {place}: {_one_line(citation.quote)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
