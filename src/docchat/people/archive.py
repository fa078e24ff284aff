"""Everything a person has as one zip file, made while it is sent: nothing of it is ever on a disk in the clear.

Each chat is opened with its keys when its turn comes, and what was opened is sent in pieces, each after a look whether
the chat still lives: when it is cleared in the middle of its own bytes the stream breaks off. One that is cleared
before its turn is left out.
"""

import errno
import json
import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from ..documents.library import Library
from ..documents.names import shown_name
from ..documents.scope import PERSONAL
from ..documents.sql_collections import Collections
from ..errors import Cleared, DocChatError, NotFound
from ..sessions import export
from ..sessions.sql import SqlSessionStore
from ..sessions.sql_attachments import SqlAttachments
from ..sessions.sql_usage import SqlUsage
from ..types import ChatSession, Citation, Collection, Document
from .sql_holdings import SqlHoldings

logger = logging.getLogger(__name__)


class Gone(Protocol):
    """Tells which documents of these citations are deleted, for an owner and one of the owner's chats."""

    def __call__(self, told: list[Citation], /, *, owner: str, session_id: UUID) -> frozenset[UUID]:
        """Raises StoreError, Cleared."""


_PIECE = 64 * 1024
_DOCUMENTS = 100
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip file knows no earlier one
_UNWANTED = frozenset('/\\"<>:|?*')
_README = """This archive holds everything that you have in docchat.

chats/        each chat twice: as JSON for programs and as Markdown to read, with the sources and your
              ratings of answers; beside it what you typed and did not send, and the files that you attached
documents/    the originals of your own documents, and of those in the collections that you own
about/        collections, documents, followed files, use of models by day, receipts, and what was left out

Documents of collections that others own are not in here.
"""


class _Sink:
    """What a ZipFile writes to: the bytes wait until they are taken. Without `seek`, so that it looks back at none."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        """Take some bytes."""
        self._bytes += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self, least: int = 1) -> Generator[bytes]:
        """What was written, in pieces, when it is at least so much."""
        if len(self._bytes) < least:
            return
        data, self._bytes = bytes(self._bytes), bytearray()
        for start in range(0, len(data), _PIECE):
            yield data[start : start + _PIECE]


@dataclass(frozen=True, slots=True)
class Archive:
    """Makes the archive of one person."""

    holdings: SqlHoldings
    store: SqlSessionStore
    attachments: SqlAttachments
    library: Library
    collections: Collections
    usage: SqlUsage
    gone: Gone

    def stream(self, *, owner: str, username: str) -> Iterator[bytes]:
        """The bytes of the archive. Raises ConnectionResetError when a chat is cleared while it is being sent."""
        sink = _Sink()
        left_out: list[dict[str, str]] = []
        with ZipFile(sink, "w") as archive:  # type: ignore[call-overload]  # write and flush are all it needs here
            archive.writestr(_info("README.txt", None), _README)
            for session_id in self.holdings.chats(owner=owner):
                try:
                    yield from self._chat(archive, sink, owner, session_id)
                except (Cleared, NotFound):
                    continue  # cleared before its turn
                except DocChatError as error:
                    left_out.append({"chat": str(session_id), "why": error.code})
            yield from self._documents(archive, sink, owner, left_out)
            about = self._about(owner, username) | {"left_out": left_out}
            for name, value in about.items():
                archive.writestr(_info(f"about/{name}.json", None), _json(value))
        yield from sink.take()

    def _chat(self, archive: ZipFile, sink: _Sink, owner: str, session_id: UUID) -> Iterator[bytes]:
        session = self.store.get(owner=owner, session_id=session_id)
        watch = self.store.watch(owner=owner, session_id=session_id)
        said = export.all_messages(self.store, owner=owner, session_id=session_id)
        gone = self.gone(
            [citation for message in said for citation in message.citations], owner=owner, session_id=session_id
        )
        draft = self.store.drafts.get(owner=owner, session_id=session_id)
        files = self.attachments.list(owner=owner, session_id=session_id)
        _check(watch.alive)
        # From here on something of the chat is among what waits to be sent.
        name = f"chats/{_name(session)}"
        archive.writestr(_info(f"{name}.json", session.updated_at), export.json_document(session, said, gone=gone))
        archive.writestr(_info(f"{name}.md", session.updated_at), export.markdown(session, said, gone=gone))
        if draft:
            archive.writestr(_info(f"{name} not sent.txt", session.updated_at), draft)
        yield from _while_alive(sink.take(), watch.alive)
        for number, file in enumerate(files, 1):
            info = _info(f"{name}/{number} {_plain(file.name)}", file.created_at, stored=file.size)
            pieces = self.attachments.original(owner=owner, session_id=session_id, attachment_id=file.id)
            yield from _while_alive(_written(archive, sink, info, pieces), watch.alive)

    def _documents(self, archive: ZipFile, sink: _Sink, owner: str, left_out: list[dict[str, str]]) -> Iterator[bytes]:
        for place, folder in self._places(owner):
            for document in self._listed(owner, place):
                name = f"documents/{folder}{_numbered(document)}"
                try:
                    pieces = self.library.original(owner=owner, document_id=document.id)
                except DocChatError as error:
                    left_out.append({"document": str(document.id), "name": document.name, "why": error.code})
                    continue
                info = _info(name, document.created_at, stored=document.size)
                yield from _written(archive, sink, info, pieces)

    def _about(self, owner: str, username: str) -> dict[str, Any]:
        joined = self.collections.list(owner=owner)
        days = self.usage.of(owner=owner)
        return {
            "person": {"id": owner, "name": username},
            "collections": [_collection(one) for one in joined],
            "documents": [_document(one) for place, _ in self._places(owner) for one in self._listed(owner, place)],
            "followed_files": self.holdings.followed(owner=owner),
            "use": [{"day": day.day.isoformat(), "answers": day.answers, "tokens": day.tokens} for day in days],
            "receipts": [asdict(one) for one in self.holdings.receipts(owner=owner)],
        }

    def _places(self, owner: str) -> Iterator[tuple[UUID, str]]:
        """The own library and the own collections, and the folders that they become."""
        yield PERSONAL, ""
        for one in self.collections.list(owner=owner):
            if one.access == "owner":
                yield one.id, f"{_plain(one.name)} {str(one.id)[:8]}/"

    def _listed(self, owner: str, place: UUID) -> Iterator[Document]:
        cursor: str | None = None
        while True:
            page = self.library.list(owner=owner, cursor=cursor, limit=_DOCUMENTS, collection=place)
            yield from page.items
            cursor = page.next
            if cursor is None:
                return


def _written(archive: ZipFile, sink: _Sink, info: ZipInfo, pieces: Iterable[bytes]) -> Generator[bytes]:
    with archive.open(info, "w") as entry:
        for piece in pieces:
            entry.write(piece)
            yield from sink.take(_PIECE)
    yield from sink.take()


def _while_alive(pieces: Generator[bytes], alive: Callable[[], bool]) -> Iterator[bytes]:
    try:
        for piece in pieces:
            _check(alive)
            yield piece
    except (Cleared, NotFound) as error:
        raise ConnectionResetError(errno.ECONNRESET, "cleared") from error
    finally:
        pieces.close()  # now: the zip file cannot end while one of its entries is open


def _check(alive: Callable[[], bool]) -> None:
    if not alive():
        raise Cleared


def _info(name: str, at: datetime | None, *, stored: int | None = None) -> ZipInfo:
    """An entry; `stored` is the size of one that is not pressed: originals mostly are already."""
    moment = at.timetuple()[:6] if at is not None and at.year >= _EPOCH[0] else _EPOCH
    info = ZipInfo(name, moment)
    info.compress_type = ZIP_DEFLATED if stored is None else ZIP_STORED
    info.file_size = stored or 0
    info.external_attr = 0o600 << 16
    return info


def _name(session: ChatSession) -> str:
    return f"{session.created_at:%Y-%m-%d} {_plain(session.title or 'Chat')} {str(session.id)[:8]}"


def _numbered(document: Document) -> str:
    """A document's own name with the beginning of its id: several may have the same."""
    stem, dot, suffix = _plain(document.name).rpartition(".")
    mark = str(document.id)[:8]
    return f"{stem} {mark}.{suffix}" if dot and stem else f"{suffix} {mark}"


def _plain(name: str) -> str:
    """A name that every file system takes, and that leads out of no folder."""
    kept = "".join(" " if letter in _UNWANTED else letter for letter in shown_name(name.replace("/", " ")))
    return " ".join(kept.split()).strip(". ")[:80].rstrip() or "unnamed"


def _collection(one: Collection) -> dict[str, Any]:
    members = [{"user": member.user_id, "name": member.name, "role": member.role} for member in one.members]
    return {"id": str(one.id), "name": one.name, "access": one.access, "members": members}


def _document(one: Document) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "name": one.name,
        "media_type": one.media_type,
        "size": one.size,
        "state": one.state.value,
        "pages": one.pages,
        "collection": None if one.collection is None else str(one.collection),
        "created_at": one.created_at.isoformat(),
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"
