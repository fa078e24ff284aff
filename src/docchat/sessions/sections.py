"""Chats about one section of a document: made once, listed with the document, cleared by the section's name."""

import time
from uuid import UUID

from ..errors import Cleared, KeyDamaged, NotFound
from ..types import ChatSession
from .clearing import Clearance, Clearing
from .sql import SqlSessionStore
from .sql_rows import About
from .sql_sections import SqlSectionChats

_PATIENCE_SECONDS = 1.0
_PAUSE_SECONDS = 0.05


class SectionChats:
    """The chats of many owners that are bound to a section of a document."""

    def __init__(self, rows: SqlSectionChats, store: SqlSessionStore, clearing: Clearing) -> None:
        self._rows = rows
        self._store = store
        self._clearing = clearing

    def open(self, *, owner: str, about: About) -> ChatSession:
        """The owner's chat about a section, made when there is none.

        Raises Cleared when it is just being cleared and its successor does not come.
        """
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            made = self._rows.make(owner=owner, about=about)
            try:
                return self._store.get(owner=owner, session_id=made.id)
            except (Cleared, NotFound):  # cleared, or its clear undone, in this moment
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_SECONDS)

    def places(self, *, owner: str, document_id: UUID) -> dict[str, UUID]:
        """The sections of a document that the owner has a chat about, with its id."""
        return self._rows.places(owner=owner, document_id=document_id)

    def list(self, *, owner: str, document_id: UUID) -> tuple[ChatSession, ...]:
        """The owner's chats about a document, newest change first."""
        found = []
        for session_id in self._rows.ids(owner=owner, document_id=document_id):
            try:
                found.append(self._store.get(owner=owner, session_id=session_id))
            except (Cleared, NotFound, KeyDamaged):
                continue
        return tuple(found)

    def clear(self, *, owner: str, about: About) -> Clearance | None:
        """Clear the owner's chat about a section and put an empty one in its place; None when there is none.

        An empty chat that stands in the place of a cleared one is cleared already: it stays, with the receipt of that
        clear. Raises ClearUnfinished as a clear by id does.
        """
        chat = self._rows.find(owner=owner, about=about)
        if chat is None:
            return None
        empty, receipt = self._rows.cleared_before(owner=owner, about=about, session_id=chat.id)
        if empty:
            return Clearance(chat, receipt)
        return self._clearing.clear(owner=owner, session_id=chat.id)
