"""Attachments of chats: taken in, read by the sandbox from memory, and opened for each question."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO
from uuid import UUID

from ..config import Settings
from ..documents.file_store import Intake
from ..documents.formats.part import Part
from ..documents.ingest import batches
from ..documents.names import DRAWN, shown_name
from ..documents.names import media_type as find_media_type
from ..documents.sandbox import Sandbox
from ..documents.unlock import waits
from ..errors import Cleared, Conflict, InvalidInput, NotFound, Unreadable
from ..jobs.queue import Job
from ..jobs.worker import MAX_ATTEMPTS, Beat
from ..sessions.attachment_parts import AttachedPassage
from ..sessions.sql_attachment_intake import AttachmentIntake
from ..sessions.sql_attachment_reading import AttachmentReading
from ..sessions.sql_attachments import SqlAttachments
from ..types import Document, DocumentState, PageText, Receipt

_START = 1024


class Attachments:
    """The attachments of many chats. What of them is stored is sealed; what is open is in memory only."""

    def __init__(
        self,
        rows: SqlAttachments,
        intake: AttachmentIntake,
        reading: AttachmentReading,
        sandbox: Sandbox,
        settings: Settings,
    ) -> None:
        self.rows = rows
        self.intake = intake
        self._reading = reading
        self._sandbox = sandbox
        self._limit = settings.max_upload_bytes

    def add(self, *, owner: str, session_id: UUID, name: str, stream: BinaryIO, media_type: str) -> Document:
        """Take a file into a chat; it is read in the background. `stream` can be read from its start again.

        Raises InvalidInput with code empty_file, TooLarge, Conflict, NotFound, Cleared; nothing is kept then.
        """
        start = stream.read(_START)
        if not start:
            raise InvalidInput("This file is empty.", code="empty_file")
        stream.seek(0)
        name = shown_name(name)
        kind = find_media_type(name, media_type, start)
        pieces = iter(Intake(stream, self._limit))
        return self.intake.add(owner=owner, session_id=session_id, name=name, media_type=kind, pieces=pieces)

    def page(self, *, owner: str, session_id: UUID, attachment_id: UUID, number: int) -> PageText:
        """Page `number` (1-based). Raises NotFound, Cleared, and Unreadable for a file that no reader could read."""
        found = self.rows.get(owner=owner, session_id=session_id, attachment_id=attachment_id)
        if found.error is not None:
            raise Unreadable(found.error, code=found.error_code)
        return self.rows.page(owner=owner, session_id=session_id, attachment_id=attachment_id, number=number)

    def page_image(self, *, owner: str, session_id: UUID, attachment_id: UUID, number: int, width: int) -> bytes:
        """Page `number` of a PDF or picture as a PNG, `width` pixels wide. Raises NotFound, Cleared, Unreadable."""
        found = self.rows.get(owner=owner, session_id=session_id, attachment_id=attachment_id)
        if found.media_type not in DRAWN or not 1 <= number <= found.pages:
            raise NotFound
        content = self.rows.original(owner=owner, session_id=session_id, attachment_id=attachment_id)
        picture = self._sandbox.render(content, number=number, width=width)
        self.rows.get(owner=owner, session_id=session_id, attachment_id=attachment_id)  # cleared meanwhile?
        return picture

    def unlock(self, *, owner: str, session_id: UUID, attachment_id: UUID, password: str) -> Document:
        """Read an attachment that waits for its password, which is used for that and kept nowhere; a ready one stays.

        Raises NotFound, Cleared, Conflict with code not_locked, and Unreadable: it waits on, after a wrong password
        (locked) as after any other failure.
        """
        found = self.rows.get(owner=owner, session_id=session_id, attachment_id=attachment_id)
        if found.state is DocumentState.READY:
            return found
        if not waits(found):
            raise Conflict("This file does not wait for a password.", code="not_locked")
        content = self.rows.original(owner=owner, session_id=session_id, attachment_id=attachment_id)
        read = list(_batches(self._sandbox.read(content, name=found.name, password=password)))
        self._reading.store_late(
            owner=owner,
            session_id=session_id,
            attachment_id=attachment_id,
            pages=[page for pages, _, _ in read for page in pages],
            passages=[passage for _, passages, _ in read for passage in passages],
            wanted=waits,
        )
        return self.rows.get(owner=owner, session_id=session_id, attachment_id=attachment_id)

    def delete(self, *, owner: str, session_id: UUID, attachment_id: UUID) -> Receipt:
        """Delete one attachment from its chat. Raises NotFound, Cleared."""
        return self.rows.delete(owner=owner, session_id=session_id, attachment_id=attachment_id)

    def read(self, job: Job, beat: Beat) -> None:
        """The handler of `attach` jobs; `job.subject` is the attachment's id. May be run again at any point."""
        attachment_id = UUID(job.subject)
        settled = False
        try:
            if job.attempts <= MAX_ATTEMPTS:
                self._read(attachment_id, beat)
                settled = True
        except (Cleared, NotFound):
            settled = True  # it went while it was read
        except Unreadable as error:
            self._reading.fail(attachment_id=attachment_id, message=error.message, code=error.code)
            settled = True
        finally:
            if not settled and job.attempts >= MAX_ATTEMPTS:
                message = "Reading this file failed several times."
                self._reading.fail(attachment_id=attachment_id, message=message, code="reader_failed")

    def _read(self, attachment_id: UUID, beat: Beat) -> None:
        reading = self._reading.begin(attachment_id=attachment_id)
        if reading is None:
            return
        parts = self._sandbox.read(self._reading.content(reading), name=reading.document.name, beat=beat)
        for pages, passages, last in _batches(parts):
            beat()
            self._reading.store(reading, pages, passages, last=last)


def _batches(parts: Sequence[Part]) -> Iterator[tuple[Sequence[PageText], Sequence[AttachedPassage], bool]]:
    for batch in batches(parts):
        passages = [
            AttachedPassage(p.page, p.start, p.end, p.label, p.text, p.words.body, p.words.label, p.words.heads)
            for p in batch.passages
        ]
        yield batch.pages, passages, batch.last
