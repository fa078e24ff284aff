"""Attachments while they are read: what the reader gets of them, and where it puts their pages and passages."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection, delete, update

from ..db.engine import Database
from ..db.schema import attachment, attachment_part
from ..errors import StoreError
from ..keys.keyring import Keyring
from ..types import Document, DocumentState, PageText
from . import sql_attachment_rows as rows
from .attachment_parts import AttachedPassage, Reading, dump_pages, dump_passages, grouped
from .sealing import Sealer
from .sql_attachment_rows import ORIGINAL, PAGES, PASSAGES, AttachmentRow, PartOf
from .sql_rows import find_live, slots_of

_PASSAGES_AT_ONCE = 400


class AttachmentReading:
    """What the background job does to attachments. It is told their ids, and may be run again at any point."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._sealer = Sealer(keyring)

    def begin(self, *, attachment_id: UUID) -> Reading | None:
        """Mark an attachment as being read and drop what an earlier try left; None when it is gone, ready or failed."""
        with self._database.write() as connection:
            found, row = rows.find_with_session(connection, attachment_id)
            if found is None or row is None or found.state not in (DocumentState.QUEUED, DocumentState.READING):
                return None
            _drop_read(connection, row.no, found)
            changed = {"state": DocumentState.READING, "pages": 0, "passages": 0}
            connection.execute(update(attachment).where(attachment.c.no == found.no).values(changed))
        return Reading(found.no, row.owner, row.id, rows.open_facts(self._sealer, row, [found])[0])

    def content(self, reading: Reading) -> Iterator[bytes]:
        """The original of an attachment that is being read. Raises NotFound, Cleared."""
        ids = {"session_id": reading.session_id, "attachment_id": reading.document.id}
        return rows.pieces(self._database, self._sealer, owner=reading.owner, **ids)

    def store(
        self, reading: Reading, pages: Sequence[PageText], passages: Sequence[AttachedPassage], *, last: bool
    ) -> None:
        """Add pages and passages in one transaction; with the last ones the attachment is ready.

        Raises NotFound when it was deleted, Cleared when its chat was.
        """
        with self._database.write() as connection:
            row = find_live(connection, owner=reading.owner, session_id=reading.session_id, lock=True)
            found = rows.find(connection, row, reading.document.id)
            if found.state != DocumentState.READING:
                raise StoreError("This attachment is being read twice.")
            parts = _parts(pages, passages, found.passages)
            rows.insert_parts(connection, self._sealer, row, slots_of(row), found.no, parts)
            values = {
                "pages": found.pages + len(pages),
                "passages": found.passages + len(passages),
                "state": DocumentState.READY if last else DocumentState.READING,
            }
            connection.execute(update(attachment).where(attachment.c.no == found.no).values(values))
            rows.count(connection, row.no, passages=len(passages))
            self._sealer.check(slots_of(row))

    def store_late(
        self,
        *,
        owner: str,
        session_id: UUID,
        attachment_id: UUID,
        pages: Sequence[PageText],
        passages: Sequence[AttachedPassage],
        wanted: Callable[[Document], bool],
    ) -> None:
        """Make a failed attachment ready that could be read after all, in one transaction, if it is `wanted` still.

        Raises NotFound when it was deleted, Cleared when its chat was.
        """
        with self._database.write() as connection:
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            found = rows.find(connection, row, attachment_id)
            known = rows.open_facts(self._sealer, row, [found])[0]
            if found.state != DocumentState.FAILED or not wanted(known):
                return
            slots = slots_of(row)
            rows.insert_parts(connection, self._sealer, row, slots, found.no, _parts(pages, passages, 0))
            readable = replace(known, error=None, error_code=None)
            values = {
                "pages": len(pages),
                "passages": len(passages),
                "state": DocumentState.READY,
                "sealed": rows.seal_facts(self._sealer, row, slots, found.no, readable),
            }
            connection.execute(update(attachment).where(attachment.c.no == found.no).values(values))
            rows.count(connection, row.no, passages=len(passages))
            self._sealer.check(slots)

    def fail(self, *, attachment_id: UUID, message: str, code: str) -> None:
        """Mark an attachment as unreadable, with a message for people. One that is ready or gone stays as it is."""
        with self._database.write() as connection:
            found, row = rows.find_with_session(connection, attachment_id)
            if found is None or row is None or found.state == DocumentState.READY:
                return
            _drop_read(connection, row.no, found)
            known = rows.open_facts(self._sealer, row, [found])[0]
            failed = replace(known, error=message, error_code=code)
            sealed = rows.seal_facts(self._sealer, row, slots_of(row), found.no, failed)
            values = {"state": DocumentState.FAILED, "sealed": sealed, "pages": 0, "passages": 0}
            connection.execute(update(attachment).where(attachment.c.no == found.no).values(values))
            self._sealer.check(slots_of(row))


def _drop_read(connection: Connection, session_no: int, found: AttachmentRow) -> None:
    part = attachment_part.c
    connection.execute(delete(attachment_part).where(part.attachment_no == found.no, part.kind != ORIGINAL))
    rows.count(connection, session_no, passages=-found.passages)


def _parts(pages: Sequence[PageText], passages: Sequence[AttachedPassage], done: int) -> list[PartOf]:
    """What is stored of pages and passages when `done` passages are stored already."""
    parts: list[PartOf] = [(PAGES, group[0].number, group[-1].number, dump_pages(group)) for group in grouped(pages)]
    for start in range(0, len(passages), _PASSAGES_AT_ONCE):
        some = passages[start : start + _PASSAGES_AT_ONCE]
        first = done + start + 1
        parts.append((PASSAGES, first, first + len(some) - 1, dump_passages(some)))
    return parts
