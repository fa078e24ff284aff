"""Views of chats: list, read, name, search, export, delete, clear."""

import errno
from collections.abc import Iterator, Sequence
from uuid import UUID

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from ..errors import Cleared, InvalidInput
from ..sessions import export as exports
from ..sessions.search import search as search_chats
from ..sessions.sql import Watch
from ..types import Message
from . import auth, forms, receipts, sections, shapes
from .auth import owner, username
from .downloads import attachment
from .state import services

PAGE = 20
MESSAGES = 50
_PIECE_CHARS = 32_768
_FORMATS = {"markdown": ("md", "text/markdown; charset=utf-8"), "json": ("json", "application/json")}


def index() -> ResponseReturnValue:
    """The owner's chats, newest change first, without those that are put away; with `archived` those alone.

    The first page also has the pinned ones, wherever they stand in the list. With `document` the chats about sections
    of it.
    """
    if request.args.get("document"):
        return sections.chats_about(request.args["document"])
    store, user, cursor = services().store, owner(), forms.cursor()
    archived = bool(forms.number("archived", 0, 0, 1))
    page = store.list(owner=user, cursor=cursor, limit=forms.limit(PAGE), archived=archived)
    pinned = () if archived or cursor else store.pinned(owner=user)
    name = username()
    told = {"sessions": [shapes.session(item, name) for item in page.items], "next": page.next}
    return {**told, "pinned": [shapes.session(item, name) for item in pinned]}


def create() -> ResponseReturnValue:
    """A new chat, which becomes the current one."""
    fields = forms.texts(optional=("title",))
    session = services().store.create(owner=owner(), title=fields.get("title", ""))
    auth.remember(session.id)
    return jsonify(shapes.session(session, username())), 201


def read(session_id: UUID) -> ResponseReturnValue:
    """A chat with its newest messages."""
    store = services().store
    session = store.get(owner=owner(), session_id=session_id)
    page = store.messages(owner=owner(), session_id=session_id, limit=MESSAGES)
    draft = store.drafts.get(owner=owner(), session_id=session_id)
    told = {"messages": _messages(session_id, page.items), "older": page.next, "about": sections.about(session)}
    return jsonify({**shapes.session(session, username()), "drafted": bool(draft), "draft": draft, **told})


def messages(session_id: UUID) -> ResponseReturnValue:
    """Older messages of a chat."""
    page = services().store.messages(
        owner=owner(), session_id=session_id, cursor=forms.cursor(), limit=forms.limit(MESSAGES)
    )
    return {"messages": _messages(session_id, page.items), "older": page.next}


def change(session_id: UUID) -> ResponseReturnValue:
    """Give a chat another title, pin it, or put it away."""
    fields = forms.values(optional=("title", "pinned", "archived"))
    if not fields:
        raise InvalidInput("One of the fields 'title', 'pinned' and 'archived' is needed.", code="missing_field")
    title = forms.text("title", fields["title"]) if "title" in fields else None
    marks = {name: forms.truth(name, fields[name]) for name in ("pinned", "archived") if name in fields}
    session = services().store.change(owner=owner(), session_id=session_id, title=title, **marks)
    return jsonify(shapes.session(session, username()))


def keep_draft(session_id: UUID) -> ResponseReturnValue:
    """Keep what stands in the box of a chat; an empty text deletes it."""
    fields = forms.texts(required=("text",))
    services().store.drafts.put(owner=owner(), session_id=session_id, text=fields["text"])
    return {"success": True}


def delete(session_id: UUID) -> Response:
    """Clear a chat for good."""
    forms.texts()
    return receipts.success(services().clearing.delete(owner=owner(), session_id=session_id))


def clear(session_id: UUID) -> Response:
    """Clear the chat of this id; only a cookie that names it moves on to the empty one in its place."""
    forms.texts()
    return receipts.replaced(services().clearing.clear(owner=owner(), session_id=session_id), instead_of=session_id)


def clear_history(session_id: UUID) -> Response:
    """Clear the messages of a chat; the chat itself stays, with its title."""
    forms.texts()
    cleared = services().clearing.clear_history(owner=owner(), session_id=session_id)
    return receipts.success(cleared.receipt)


def clear_memory(session_id: UUID) -> Response:
    """Let a model forget what was said in a chat so far; every message stays."""
    forms.texts()
    cleared = services().clearing.clear_memory(owner=owner(), session_id=session_id)
    return receipts.success(cleared.receipt, memory_from=cleared.session.memory_from)


def clear_current() -> Response:
    """Clear the chat that the cookie names, and make an empty one the current one."""
    forms.texts()
    cleared = services().clearing.clear_current(owner=owner(), session_id=auth.hinted())
    auth.remember(cleared.session.id)
    return receipts.success(cleared.receipt)


def search() -> ResponseReturnValue:
    """Places in the owner's chats that hold all words of a text. A POST, so that the words stay out of logs."""
    fields = forms.texts(required=("text",))
    found = search_chats(services().store, owner=owner(), text=fields["text"])
    name = username()
    return {"hits": [shapes.hit(item, name) for item in found.hits], "complete": found.complete}


def export(session_id: UUID) -> ResponseReturnValue:
    """A chat as a file: `format` is markdown or json."""
    kind = request.args.get("format", "markdown")
    if kind not in _FORMATS:
        raise InvalidInput("The format must be 'markdown' or 'json'.")
    user = owner()
    session = services().store.get(owner=user, session_id=session_id)
    said = exports.all_messages(services().store, owner=user, session_id=session_id)
    write = exports.markdown if kind == "markdown" else exports.json_document
    text = write(session, said, gone=_gone(session_id, said))
    suffix, media_type = _FORMATS[kind]
    # A chat that was never written to has no key to look at, and nothing to hide.
    sealed = bool(said or session.title)
    body: bytes | Iterator[bytes] = text.encode()
    if sealed:
        watch = services().store.watch(owner=user, session_id=session_id)
        if not watch.alive():
            raise Cleared
        body = _while_it_lives(text, watch)
    return attachment(body, name=f"{session.title or 'chat'}.{suffix}", media_type=media_type)


def _messages(session_id: UUID, said: Sequence[Message]) -> list[shapes.MessageJson]:
    gone = _gone(session_id, said)
    return [shapes.message(item, gone) for item in said]


def _gone(session_id: UUID, said: Sequence[Message]) -> frozenset[UUID]:
    """The deleted documents among those that these messages cite."""
    cited = [citation for message in said for citation in message.citations]
    return services().answers.gone(cited, owner=owner(), session_id=session_id)


def _while_it_lives(text: str, watch: Watch) -> Iterator[bytes]:
    """The text in pieces, each after a look whether the chat was cleared meanwhile: then the answer breaks off.

    The headers are sent, so nothing can be said any more; servers take this error for a client that has gone.
    """
    for start in range(0, len(text), _PIECE_CHARS):
        if not watch.alive():
            raise ConnectionResetError(errno.ECONNRESET, "cleared")
        yield text[start : start + _PIECE_CHARS].encode()
