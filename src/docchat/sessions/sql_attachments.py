"""Attachments of chats: files that belong to a session, sealed under its meta key and gone with it.

Everything of one but its size, its counts and where its reading stands is ciphertext: name, original, pages, passages.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Integer, Row, bindparam, delete, insert, literal, select, update

from ..db import receipts
from ..db.engine import Database
from ..db.schema import SEQ_BITS, attachment, attachment_part, chat_session
from ..errors import Cleared, Conflict, DocChatError, NotFound, StoreError, TooLarge
from ..jobs.queue import cancel, put
from ..keys.keyring import Keyring
from ..types import Box, Document, DocumentState, PageText, Receipt, new_id, utc_now
from .sealing import Sealer, Slots
from .sql_rows import NEXT_TURN, SessionRow, find_live, id_range, message_id, slots_of
from .sql_writing import Writer

JOB = "attach"
MOST = 50
"""Attachments that one chat may have."""

_RECEIVING = "receiving"  # not whole yet: nobody but a sweep sees it
_ORIGINAL, _PAGES, _PASSAGES = "o", "p", "c"
_PIECES_AT_ONCE = 4
_PAGE_CHARS = 250_000
_LATE = timedelta(hours=1)
_WRITTEN = (
    update(chat_session)
    .where(chat_session.c.no == bindparam("row_no"))
    .values(updated_at=bindparam("at"), turn=NEXT_TURN)
)


@dataclass(frozen=True, slots=True)
class AttachedPassage:
    """A passage of page `page`, with the terms it is found by: of its text, its heading and its table's head."""

    page: int
    start: int
    end: int
    label: str
    text: str
    body: str
    heading: str
    heads: str


@dataclass(frozen=True, slots=True)
class Attached:
    """An attachment that is ready, with its passages in order."""

    document: Document
    passages: tuple[AttachedPassage, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """An attachment that is being read: its row's number, and whose it is."""

    no: int
    owner: str
    session_id: UUID
    document: Document


class SqlAttachments:
    """Keeps attachments. An unknown id and another owner's are the same NotFound; a cleared session raises Cleared."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._sealer = Sealer(keyring)
        self._writer = Writer(database, self._sealer)

    def add(self, *, owner: str, session_id: UUID, name: str, media_type: str, pieces: Iterable[bytes]) -> Document:
        """Take a file into a chat, piece by piece, each sealed before it is stored; it is read in the background.

        Raises Conflict when the chat has too many; what `pieces` raises ends it, and nothing is kept then.
        """
        found = Document(new_id(), owner, name, media_type, 0, DocumentState.QUEUED, 0, 0, utc_now())
        number = None
        coming = iter(pieces)
        try:
            group = list(islice(coming, _PIECES_AT_ONCE))
            done = 0
            while True:
                following = list(islice(coming, _PIECES_AT_ONCE))
                found = replace(found, size=found.size + sum(map(len, group)))
                number = self._receive(session_id, found, number, group, done, last=not following)
                done += len(group)
                if not following:
                    return found
                group = following
        except BaseException:
            if number is not None:
                with suppress(DocChatError):
                    self.delete(owner=owner, session_id=session_id, attachment_id=found.id, receiving=True)
            raise

    def list(self, *, owner: str, session_id: UUID) -> tuple[Document, ...]:
        """The attachments of a chat, oldest first."""
        with self._database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            rows = connection.execute(_of(row.no).where(attachment.c.state != _RECEIVING)).all()
        return tuple(self._documents(row, rows))

    def get(self, *, owner: str, session_id: UUID, attachment_id: UUID) -> Document:
        """One attachment. Raises NotFound, Cleared."""
        with self._database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            found = _find(connection, row, attachment_id)
        return self._documents(row, [found])[0]

    def delete(self, *, owner: str, session_id: UUID, attachment_id: UUID, receiving: bool = False) -> Receipt:
        """Delete one attachment from its chat. Raises NotFound, Cleared."""
        with self._database.write() as connection:
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            found = _find(connection, row, attachment_id, receiving=receiving)
            connection.execute(delete(attachment_part).where(attachment_part.c.attachment_no == found.no))
            connection.execute(delete(attachment).where(attachment.c.no == found.no))
            _count(connection, row.no, attachments=-1, passages=-found.passages)
            cancel(connection, kind=JOB, subject=str(attachment_id))
            put(connection, kind="reclaim", subject="documents")
            counts = {"attachments": 1, "pages": found.pages, "passages": found.passages}
            written = Receipt(new_id(), session_id, "attachment", counts, utc_now(), document_id=attachment_id)
            if not receiving:
                receipts.write(connection, written, owner=owner)
        return written

    def page(self, *, owner: str, session_id: UUID, attachment_id: UUID, number: int) -> PageText:
        """Page `number` (1-based) of an attachment that is ready. Raises NotFound, Cleared."""
        part = attachment_part.c
        with self._database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            found = _find(connection, row, attachment_id)
            query = select(part.id, part.data).where(
                part.attachment_no == found.no, part.kind == _PAGES, part.number <= number, part.last >= number
            )
            sealed = connection.execute(query).first()
        if sealed is None or found.state != DocumentState.READY:
            raise NotFound
        opened = self._sealer.open_parts(session_id, slots_of(row), [(sealed.id, sealed.data)])[0]
        return next(page for page in _pages(opened) if page.number == number)

    def original(self, *, owner: str, session_id: UUID, attachment_id: UUID) -> Iterator[bytes]:
        """The file as it was attached, in pieces, each after a look whether the chat lives. Raises NotFound."""
        self.get(owner=owner, session_id=session_id, attachment_id=attachment_id)
        return self._original(owner, session_id, attachment_id)

    def opened(self, *, owner: str, session_id: UUID) -> tuple[Attached, ...]:
        """All attachments of a chat that are ready, with all their passages in the clear. Raises NotFound, Cleared."""
        part = attachment_part.c
        with self._database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            if not row.attachments:
                return ()
            rows = connection.execute(_of(row.no).where(attachment.c.state == DocumentState.READY)).all()
            numbers = [found.no for found in rows]
            query = select(part.id, part.attachment_no, part.data).where(
                part.attachment_no.in_(numbers), part.kind == _PASSAGES
            )
            sealed = connection.execute(query.order_by(part.attachment_no, part.number)).all()
        batches = self._sealer.open_parts(row.id, slots_of(row), [(one.id, one.data) for one in sealed])
        passages: dict[int, list[AttachedPassage]] = {number: [] for number in numbers}
        for one, opened in zip(sealed, batches, strict=True):
            passages[one.attachment_no] += [AttachedPassage(*fields) for fields in json.loads(opened)]
        documents = self._documents(row, rows)
        return tuple(Attached(one, tuple(passages[no])) for no, one in zip(numbers, documents, strict=True))

    def begin(self, *, attachment_id: UUID) -> Reading | None:
        """Mark an attachment as being read and drop what an earlier try left; None when it is gone, ready or failed."""
        with self._database.write() as connection:
            found, row = _with_session(connection, attachment_id)
            if found is None or row is None or found.state not in (DocumentState.QUEUED, DocumentState.READING):
                return None
            _drop_read(connection, row.no, found)
            changed = {"state": DocumentState.READING, "pages": 0, "passages": 0}
            connection.execute(update(attachment).where(attachment.c.no == found.no).values(changed))
        return Reading(found.no, row.owner, row.id, self._documents(row, [found])[0])

    def content(self, reading: Reading) -> Iterator[bytes]:
        """The original of an attachment that is being read."""
        return self._original(reading.owner, reading.session_id, reading.document.id)

    def store(
        self, reading: Reading, pages: Sequence[PageText], passages: Sequence[AttachedPassage], *, last: bool
    ) -> None:
        """Add pages and passages in one transaction; with the last ones the attachment is ready.

        Raises NotFound when it was deleted, Cleared when its chat was.
        """
        with self._database.write() as connection:
            row = find_live(connection, owner=reading.owner, session_id=reading.session_id, lock=True)
            found = _find(connection, row, reading.document.id)
            if found.state != DocumentState.READING:
                raise StoreError("This attachment is being read twice.")
            parts = [(_PAGES, group[0].number, group[-1].number, _dump(group)) for group in _grouped(pages)]
            if passages:
                end = found.passages + len(passages)
                parts.append((_PASSAGES, found.passages + 1, end, _dump_passages(passages)))
            self._insert(connection, row, slots_of(row), found.no, parts)
            values = {
                "pages": found.pages + len(pages),
                "passages": found.passages + len(passages),
                "state": DocumentState.READY if last else DocumentState.READING,
            }
            connection.execute(update(attachment).where(attachment.c.no == found.no).values(values))
            _count(connection, row.no, passages=len(passages))
            self._sealer.check(slots_of(row))

    def fail(self, *, attachment_id: UUID, message: str, code: str) -> None:
        """Mark an attachment as unreadable, with a message for people. One that is ready or gone stays as it is."""
        with self._database.write() as connection:
            found, row = _with_session(connection, attachment_id)
            if found is None or row is None or found.state == DocumentState.READY:
                return
            _drop_read(connection, row.no, found)
            known = self._documents(row, [found])[0]
            sealed = self._sealed(row, slots_of(row), found.no, replace(known, error=message, error_code=code))
            values = {"state": DocumentState.FAILED, "sealed": sealed, "pages": 0, "passages": 0}
            connection.execute(update(attachment).where(attachment.c.no == found.no).values(values))
            self._sealer.check(slots_of(row))

    def sweep(self) -> int:
        """Delete what crashes left of files that were never whole; how many there were."""
        query = (
            select(attachment.c.id, chat_session.c.owner, chat_session.c.id.label("session_id"))
            .join(chat_session, chat_session.c.no == attachment.c.no.op(">>")(literal(SEQ_BITS, Integer)))
            .where(attachment.c.state == _RECEIVING, attachment.c.created_at < utc_now() - _LATE)
        )
        with self._database.read() as connection:
            found = connection.execute(query).all()
        for one in found:
            with suppress(NotFound, Cleared):
                self.delete(owner=one.owner, session_id=one.session_id, attachment_id=one.id, receiving=True)
        return len(found)

    def _receive(
        self, session_id: UUID, found: Document, number: int | None, group: Sequence[bytes], done: int, *, last: bool
    ) -> int:
        """Store some pieces of a file, with its row before the first and its job after the last; the row's number."""
        with self._writer.writing() as (connection, made):
            row = find_live(connection, owner=found.owner, session_id=session_id, lock=True)
            slots = self._writer.slots(connection, row, made)
            state = DocumentState.QUEUED if last else _RECEIVING
            if number is None:
                if row.attachments >= MOST:
                    raise Conflict(f"A chat has at most {MOST} attachments.", code="too_many_attachments")
                number = _numbers(connection, row.no, 1)
                values = {"no": number, "id": found.id, "state": state, "size": found.size}
                sealed = self._sealed(row, slots, number, found)
                connection.execute(insert(attachment).values(**values, sealed=sealed, created_at=found.created_at))
                _count(connection, row.no, attachments=1)
            changed = {"state": state, "size": found.size}
            connection.execute(update(attachment).where(attachment.c.no == number).values(changed))
            parts = [(_ORIGINAL, at, at, piece) for at, piece in enumerate(group, done)]
            self._insert(connection, row, slots, number, parts)
            if last:
                put(connection, kind=JOB, subject=str(found.id))
                connection.execute(_WRITTEN, {"row_no": row.no, "of_owner": row.owner, "at": utc_now()})
            # A clear destroys the keys without waiting for this transaction: look once more before it commits.
            self._sealer.check(slots)
            return number

    def _insert(
        self,
        connection: Connection,
        row: SessionRow,
        slots: Slots,
        number: int,
        parts: Sequence[tuple[str, int, int, bytes]],
    ) -> None:
        if not parts:
            return
        first = _numbers(connection, row.no, len(parts))
        sealed = self._sealer.seal_parts(row.id, slots, [(first + at, part[3]) for at, part in enumerate(parts)])
        rows = [
            {"id": first + at, "attachment_no": number, "kind": kind, "number": low, "last": high, "data": data}
            for at, ((kind, low, high, _), data) in enumerate(zip(parts, sealed, strict=True))
        ]
        connection.execute(insert(attachment_part), rows)

    def _original(self, owner: str, session_id: UUID, attachment_id: UUID) -> Iterator[bytes]:
        part = attachment_part.c
        for number in range(1 << SEQ_BITS):
            with self._database.read() as connection:
                row = find_live(connection, owner=owner, session_id=session_id)
                found = _find(connection, row, attachment_id)
                query = select(part.id, part.data).where(
                    part.attachment_no == found.no, part.kind == _ORIGINAL, part.number == number
                )
                sealed = connection.execute(query).first()
            if sealed is None:
                return
            yield self._sealer.open_parts(session_id, slots_of(row), [(sealed.id, sealed.data)])[0]

    def _sealed(self, row: SessionRow, slots: Slots, number: int, found: Document) -> bytes:
        said = [found.name, found.media_type, found.error, found.error_code]
        return self._sealer.seal_parts(row.id, slots, [(number, json.dumps(said).encode())])[0]

    def _documents(self, row: SessionRow, rows: Sequence[Row[Any]]) -> Sequence[Document]:
        if not rows:
            return ()
        opened = self._sealer.open_parts(row.id, slots_of(row), [(found.no, found.sealed) for found in rows])
        documents = []
        for found, said in zip(rows, map(json.loads, opened), strict=True):
            name, media_type, error, code = said
            state = DocumentState(found.state) if found.state != _RECEIVING else DocumentState.QUEUED
            facts = (found.size, state, found.pages, found.passages, found.created_at)
            documents.append(Document(found.id, row.owner, name, media_type, *facts, error=error, error_code=code))
        return documents


def jobs_of(connection: Connection, session_no: int) -> Sequence[str]:
    """The subjects of the jobs that a session's attachments may be waiting for."""
    low, high = id_range(session_no)
    query = select(attachment.c.id).where(
        attachment.c.no.between(low, high), attachment.c.state.in_((DocumentState.QUEUED, DocumentState.READING))
    )
    return [str(found) for found in connection.execute(query).scalars()]


def _of(session_no: int) -> Any:
    first, last = id_range(session_no)
    return select(attachment).where(attachment.c.no.between(first, last)).order_by(attachment.c.no)


def _find(connection: Connection, row: SessionRow, attachment_id: UUID, *, receiving: bool = False) -> Row[Any]:
    """The attachment of this session. Raises NotFound."""
    first, last = id_range(row.no)
    query = select(attachment).where(attachment.c.id == attachment_id, attachment.c.no.between(first, last))
    found = connection.execute(query).first()
    if found is None or (found.state == _RECEIVING) is not receiving:
        raise NotFound
    return found


def _with_session(connection: Connection, attachment_id: UUID) -> tuple[Row[Any] | None, SessionRow | None]:
    """An attachment and its live session, which stays locked; None for what is gone."""
    found = connection.execute(select(attachment).where(attachment.c.id == attachment_id)).first()
    if found is None:
        return None, None
    query = select(chat_session).where(chat_session.c.no == found.no >> SEQ_BITS, chat_session.c.cleared_at.is_(None))
    return found, connection.execute(query.with_for_update()).first()


def _drop_read(connection: Connection, session_no: int, found: Row[Any]) -> None:
    part = attachment_part.c
    connection.execute(delete(attachment_part).where(part.attachment_no == found.no, part.kind != _ORIGINAL))
    _count(connection, session_no, passages=-found.passages)


def _numbers(connection: Connection, session_no: int, count: int) -> int:
    """The first of `count` new ids for rows of the session's attachments."""
    changed = update(chat_session).where(chat_session.c.no == session_no)
    taken = changed.values(next_part=chat_session.c.next_part + count).returning(chat_session.c.next_part)
    end = cast(int, connection.execute(taken).scalar_one())
    if end >= 1 << SEQ_BITS:
        raise TooLarge("This chat is full. Please start a new one.", code="chat_full")
    return message_id(session_no, end - count)


def _count(connection: Connection, session_no: int, *, attachments: int = 0, passages: int = 0) -> None:
    values = {
        "attachments": chat_session.c.attachments + attachments,
        "attached_passages": chat_session.c.attached_passages + passages,
    }
    connection.execute(update(chat_session).where(chat_session.c.no == session_no).values(values))


def _grouped(pages: Sequence[PageText]) -> Iterator[list[PageText]]:
    """Pages in groups that are small enough to open for one of them."""
    group: list[PageText] = []
    for page in pages:
        if group and sum(len(one.text) for one in group) + len(page.text) > _PAGE_CHARS:
            yield group
            group = []
        group.append(page)
    if group:
        yield group


def _dump(pages: Sequence[PageText]) -> bytes:
    boxes = [[[b.start, b.end, b.left, b.top, b.right, b.bottom] for b in page.boxes] for page in pages]
    rows = [(page.number, page.label, page.text, box) for page, box in zip(pages, boxes, strict=True)]
    return json.dumps(rows, ensure_ascii=False).encode("utf-8", "replace")


def _pages(opened: bytes) -> Iterator[PageText]:
    for number, label, text, boxes in json.loads(opened):
        yield PageText(number, label, text, tuple(Box(*box) for box in boxes))


def _dump_passages(passages: Sequence[AttachedPassage]) -> bytes:
    rows = [(p.page, p.start, p.end, p.label, p.text, p.body, p.heading, p.heads) for p in passages]
    return json.dumps(rows, ensure_ascii=False).encode("utf-8", "replace")
