"""Reading a locked document with its password, which is used for that one reading and kept nowhere."""

from uuid import UUID

from sqlalchemy import update

from ..db.engine import Database
from ..db.schema import document
from ..errors import Conflict
from ..types import Document, DocumentState
from . import sql_access, sql_documents
from .cutting import batches
from .file_store import FileStore
from .formats.part import Part
from .index import Index
from .sandbox import Sandbox
from .sql_documents import COLUMNS, from_row

LOCKED = "locked"


def unlock(
    database: Database,
    index: Index,
    files: FileStore,
    sandbox: Sandbox,
    *,
    owner: str,
    document_id: UUID,
    password: str,
) -> Document:
    """Read a document that waits for its password; one that is ready stays as it is.

    Raises NotFound, NotAllowed, Conflict with code not_locked, and Unreadable: the document waits on, after a wrong
    password (locked) as after any other failure.
    """
    with database.write() as connection:
        found = from_row(sql_access.load(connection, owner, document_id, COLUMNS, change=True))
    if found.state is DocumentState.READY:
        return found
    if not waits(found):
        raise Conflict("This document does not wait for a password.", code="not_locked")
    parts = sandbox.read(files.open(document_id=document_id), name=found.name, password=password)
    return _stored(database, index, owner, document_id, parts)


def waits(found: Document) -> bool:
    """Whether a document or an attachment could not be read because it is locked."""
    return found.state is DocumentState.FAILED and found.error_code == LOCKED


def _stored(database: Database, index: Index, owner: str, document_id: UUID, parts: tuple[Part, ...]) -> Document:
    """The document with its content, written in one transaction: whoever stops in the middle leaves it waiting."""
    cut = list(batches(parts))
    with database.write() as connection:
        if waits(from_row(sql_access.load(connection, owner, document_id, COLUMNS, change=True))):
            queued = update(document).where(document.c.id == document_id).values(state=DocumentState.QUEUED)
            connection.execute(queued)
            (claimed,) = sql_documents.begin_some(connection, index, [document_id])
            for batch in cut:
                sql_documents.store_some(connection, index, [(claimed, batch)])
        return from_row(sql_access.load(connection, owner, document_id, COLUMNS))
