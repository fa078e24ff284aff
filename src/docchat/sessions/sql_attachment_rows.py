"""Rows of attachments: finding them in their chat, numbering, sealing and counting them, and taking them away."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from ..db.engine import Database
from ..db.schema import SEQ_BITS, attachment, attachment_part, chat_session
from ..errors import NotFound, TooLarge
from ..jobs.queue import cancel
from ..types import Document, DocumentState
from .sealing import Sealer, Slots
from .sql_rows import SessionRow, find_live, id_range, message_id, slots_of

JOB = "attach"
RECEIVING = "receiving"
"""The state of a file that is not whole yet: nobody but a sweep sees it."""
ORIGINAL, PAGES, PASSAGES = "o", "p", "c"
"""Kinds of parts."""

AttachmentRow = Row[Any]
PartOf = tuple[str, int, int, bytes]
"""A part before it is sealed: its kind, its first and last number among those of its kind, what it holds."""


def of_session(session_no: int) -> Select[Any]:
    """The attachments of a session, oldest first."""
    first, last = id_range(session_no)
    return select(attachment).where(attachment.c.no.between(first, last)).order_by(attachment.c.no)


def jobs_of(connection: Connection, session_no: int) -> Sequence[str]:
    """The subjects of the jobs that a session's attachments may be waiting for."""
    low, high = id_range(session_no)
    query = select(attachment.c.id).where(
        attachment.c.no.between(low, high), attachment.c.state.in_((DocumentState.QUEUED, DocumentState.READING))
    )
    return [str(found) for found in connection.execute(query).scalars()]


def find(connection: Connection, row: SessionRow, attachment_id: UUID, *, receiving: bool = False) -> AttachmentRow:
    """The attachment of this session. Raises NotFound."""
    found = connection.execute(of_session(row.no).where(attachment.c.id == attachment_id)).first()
    if found is None or (found.state == RECEIVING) is not receiving:
        raise NotFound
    return found


def find_with_session(
    connection: Connection, attachment_id: UUID
) -> tuple[AttachmentRow, SessionRow] | tuple[None, None]:
    """An attachment and its live session, which stays locked; None for what is gone."""
    found = connection.execute(select(attachment).where(attachment.c.id == attachment_id)).first()
    if found is None:
        return None, None
    query = select(chat_session).where(chat_session.c.no == found.no >> SEQ_BITS, chat_session.c.cleared_at.is_(None))
    row = connection.execute(query.with_for_update()).first()
    return (found, row) if row is not None else (None, None)


def remove(connection: Connection, row: SessionRow, found: AttachmentRow) -> None:
    """Take an attachment away, with its parts and the job that would read it."""
    connection.execute(delete(attachment_part).where(attachment_part.c.attachment_no == found.no))
    connection.execute(delete(attachment).where(attachment.c.no == found.no))
    count(connection, row.no, attachments=-1, passages=-found.passages)
    cancel(connection, kind=JOB, subject=str(found.id))


def new_numbers(connection: Connection, session_no: int, how_many: int) -> int:
    """The first of `how_many` new ids for rows of the session's attachments."""
    changed = update(chat_session).where(chat_session.c.no == session_no)
    taken = changed.values(next_part=chat_session.c.next_part + how_many).returning(chat_session.c.next_part)
    end = cast(int, connection.execute(taken).scalar_one())
    if end >= 1 << SEQ_BITS:
        raise TooLarge("This chat is full. Please start a new one.", code="chat_full")
    return message_id(session_no, end - how_many)


def count(connection: Connection, session_no: int, *, attachments: int = 0, passages: int = 0) -> None:
    """Change what the session's row counts."""
    values = {
        "attachments": chat_session.c.attachments + attachments,
        "attached_passages": chat_session.c.attached_passages + passages,
    }
    connection.execute(update(chat_session).where(chat_session.c.no == session_no).values(values))


def insert_parts(
    connection: Connection, sealer: Sealer, row: SessionRow, slots: Slots, number: int, parts: Sequence[PartOf]
) -> None:
    """Seal and store parts of the attachment with this number."""
    if not parts:
        return
    first = new_numbers(connection, row.no, len(parts))
    sealed = sealer.seal_parts(row.id, slots, [(first + at, part[3]) for at, part in enumerate(parts)])
    rows = [
        {"id": first + at, "attachment_no": number, "kind": kind, "number": low, "last": high, "data": data}
        for at, ((kind, low, high, _), data) in enumerate(zip(parts, sealed, strict=True))
    ]
    connection.execute(insert(attachment_part), rows)


def pieces(database: Database, sealer: Sealer, *, owner: str, session_id: UUID, attachment_id: UUID) -> Iterator[bytes]:
    """The file as it was attached, in pieces, each after a look whether the chat lives. Raises NotFound, Cleared."""
    part = attachment_part.c
    for number in range(1 << SEQ_BITS):
        with database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            found = find(connection, row, attachment_id)
            query = select(part.id, part.data).where(
                part.attachment_no == found.no, part.kind == ORIGINAL, part.number == number
            )
            sealed = connection.execute(query).first()
        if sealed is None:
            return
        yield sealer.open_parts(session_id, slots_of(row), [(sealed.id, sealed.data)])[0]


def seal_facts(sealer: Sealer, row: SessionRow, slots: Slots, number: int, found: Document) -> bytes:
    """What an attachment's own row holds sealed: its name and kind, and why it cannot be read."""
    said = [found.name, found.media_type, found.error, found.error_code]
    return sealer.seal_parts(row.id, slots, [(number, json.dumps(said).encode())])[0]


def open_facts(sealer: Sealer, row: SessionRow, rows: Sequence[AttachmentRow]) -> Sequence[Document]:
    """The attachments in these rows of a session. Raises Cleared."""
    if not rows:
        return ()
    opened = sealer.open_parts(row.id, slots_of(row), [(found.no, found.sealed) for found in rows])
    documents = []
    for found, said in zip(rows, map(json.loads, opened), strict=True):
        name, media_type, error, code = said
        state = DocumentState(found.state) if found.state != RECEIVING else DocumentState.QUEUED
        facts = (found.size, state, found.pages, found.passages, found.created_at)
        documents.append(Document(found.id, row.owner, name, media_type, *facts, error=error, error_code=code))
    return documents
