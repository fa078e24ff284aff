"""Search in one's own chats: titles and messages are opened one after another and looked through in memory."""

import unicodedata
from typing import NamedTuple
from uuid import UUID

from ..errors import Cleared, InvalidInput, KeyDamaged, NotFound
from ..types import ChatSession, SearchHit
from .store import SessionStore

MAX_SEARCHED_MESSAGES = 20_000
_AROUND = 60


class Found(NamedTuple):
    """The hits, and whether every chat was looked through for them."""

    hits: tuple[SearchHit, ...]
    complete: bool


def search(store: SessionStore, *, owner: str, text: str, limit: int = 20) -> Found:
    """Hits for all words of `text` in the newest chats first, one hit a message, at most `limit`.

    No index is kept, since its words would outlive the chat; the newest 20,000 messages are looked through.
    """
    words = [_fold(word) for word in text.split()]
    if not words:
        raise InvalidInput("Please enter something to search for.", code="empty_search")
    hits: list[SearchHit] = []
    searched = 0
    cursor: str | None = None
    while len(hits) < limit and searched < MAX_SEARCHED_MESSAGES:
        page = store.list(owner=owner, cursor=cursor, limit=50)
        for session in page.items:
            found, looked_at = _search_session(store, owner, session, words)
            hits += found
            searched += looked_at
            if len(hits) >= limit or searched >= MAX_SEARCHED_MESSAGES:
                break
        cursor = page.next
        if cursor is None:
            break
    complete = cursor is None and searched < MAX_SEARCHED_MESSAGES and len(hits) < limit
    # A long search may see a chat cleared under its hands: what is handed out is looked at once more.
    living = {session_id: _lives(store, owner, session_id) for session_id in {hit.session.id for hit in hits}}
    return Found(tuple(hit for hit in hits if living[hit.session.id])[:limit], complete)


def _lives(store: SessionStore, owner: str, session_id: UUID) -> bool:
    try:
        store.get(owner=owner, session_id=session_id)
    except (Cleared, NotFound, KeyDamaged):
        return False
    return True


def _search_session(
    store: SessionStore, owner: str, session: ChatSession, words: list[str]
) -> tuple[list[SearchHit], int]:
    hits = [hit for hit in (_hit(session, None, session.title, words),) if hit]
    looked_at = 0
    try:
        cursor: str | None = None
        while True:
            page = store.messages(owner=owner, session_id=session.id, cursor=cursor, limit=200)
            looked_at += len(page.items)
            found = (_hit(session, message.id, message.text, words) for message in reversed(page.items))
            hits += [hit for hit in found if hit]
            cursor = page.next
            if cursor is None or looked_at >= MAX_SEARCHED_MESSAGES:
                return hits, looked_at
    except (Cleared, NotFound, KeyDamaged):
        return [], looked_at


def _hit(session: ChatSession, message_id: int | None, text: str, words: list[str]) -> SearchHit | None:
    folded = _fold(text)
    places = [folded.find(word) for word in words]
    if -1 in places or not text:
        return None
    start = max(0, min(places) - _AROUND)
    end = min(len(text), min(places) + 2 * _AROUND)
    snippet = text[start:end]
    visible = folded[start:end]
    marks = sorted((at, at + len(word)) for word in set(words) for at in [visible.find(word)] if at >= 0)
    return SearchHit(session, message_id, snippet, tuple(marks))


def _fold(text: str) -> str:
    """Lower case and without accents, but of the same length, so that places in it are places in the text."""
    return text.lower() if text.isascii() else "".join(_fold_character(character) for character in text)


def _fold_character(character: str) -> str:
    if character.isascii():
        return character.lower()
    base = unicodedata.normalize("NFKD", character)[0].lower()
    return base if len(base) == 1 else character
