"""Attachments of chats: files that belong to a session, sealed under its meta key and gone with it.

Everything of one but its size, its counts and where its reading stands is ciphertext: name, original, pages, passages.
"""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import select

from ..db import receipts
from ..db.engine import Database
from ..db.schema import attachment, attachment_part
from ..errors import NotFound
from ..jobs.queue import put
from ..keys.keyring import Keyring
from ..types import Document, DocumentState, PageText, Receipt, new_id, utc_now
from . import sql_attachment_rows as rows
from .attachment_parts import Attached, AttachedPassage, load_pages, load_passages
from .sealing import Sealer
from .sql_attachment_rows import PAGES, PASSAGES, RECEIVING
from .sql_rows import find_live, slots_of


class SqlAttachments:
    """Keeps attachments. An unknown id and another owner's are the same NotFound; a cleared session raises Cleared."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._sealer = Sealer(keyring)

    def list(self, *, owner: str, session_id: UUID) -> tuple[Document, ...]:
        """The attachments of a chat, oldest first."""
        with self._database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            found = connection.execute(rows.of_session(row.no).where(attachment.c.state != RECEIVING)).all()
        return tuple(rows.open_facts(self._sealer, row, found))

    def get(self, *, owner: str, session_id: UUID, attachment_id: UUID) -> Document:
        """One attachment. Raises NotFound, Cleared."""
        with self._database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            found = rows.find(connection, row, attachment_id)
        return rows.open_facts(self._sealer, row, [found])[0]

    def delete(self, *, owner: str, session_id: UUID, attachment_id: UUID) -> Receipt:
        """Delete one attachment from its chat. Raises NotFound, Cleared."""
        with self._database.write() as connection:
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            found = rows.find(connection, row, attachment_id)
            rows.remove(connection, row, found)
            put(connection, kind="reclaim", subject="documents")
            counts = {"attachments": 1, "pages": found.pages, "passages": found.passages}
            written = Receipt(new_id(), session_id, "attachment", counts, utc_now(), document_id=attachment_id)
            receipts.write(connection, written, owner=owner)
        return written

    def page(self, *, owner: str, session_id: UUID, attachment_id: UUID, number: int) -> PageText:
        """Page `number` (1-based) of an attachment that is ready. Raises NotFound, Cleared."""
        part = attachment_part.c
        with self._database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            found = rows.find(connection, row, attachment_id)
            query = select(part.id, part.data).where(
                part.attachment_no == found.no, part.kind == PAGES, part.number <= number, part.last >= number
            )
            sealed = connection.execute(query).first()
        if sealed is None or found.state != DocumentState.READY:
            raise NotFound
        opened = self._sealer.open_parts(session_id, slots_of(row), [(sealed.id, sealed.data)])[0]
        return next(page for page in load_pages(opened) if page.number == number)

    def original(self, *, owner: str, session_id: UUID, attachment_id: UUID) -> Iterator[bytes]:
        """The file as it was attached, in pieces, each after a look whether the chat lives. Raises NotFound."""
        self.get(owner=owner, session_id=session_id, attachment_id=attachment_id)
        ids = {"session_id": session_id, "attachment_id": attachment_id}
        return rows.pieces(self._database, self._sealer, owner=owner, **ids)

    def opened(self, *, owner: str, session_id: UUID) -> tuple[Attached, ...]:
        """All attachments of a chat that are ready, with all their passages in the clear. Raises NotFound, Cleared."""
        part = attachment_part.c
        with self._database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            if not row.attachments:
                return ()
            ready = rows.of_session(row.no).where(attachment.c.state == DocumentState.READY)
            found = connection.execute(ready).all()
            numbers = [one.no for one in found]
            query = select(part.id, part.attachment_no, part.data).where(
                part.attachment_no.in_(numbers), part.kind == PASSAGES
            )
            sealed = connection.execute(query.order_by(part.attachment_no, part.number)).all()
        batches = self._sealer.open_parts(row.id, slots_of(row), [(one.id, one.data) for one in sealed])
        passages: dict[int, list[AttachedPassage]] = {number: [] for number in numbers}
        for one, opened in zip(sealed, batches, strict=True):
            passages[one.attachment_no] += load_passages(opened)
        documents = rows.open_facts(self._sealer, row, found)
        return tuple(Attached(one, tuple(passages[no])) for no, one in zip(numbers, documents, strict=True))
