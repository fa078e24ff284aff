"""Writes a backup of the content: chats as they lie sealed in the database, documents with their originals. No key."""

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

from ...db.migrate import migrate
from ...db.schema import account, chat_model, receipt, store_meta, usage
from ...errors import NotFound
from ...keys.cleared_log import ClearedLog
from ...web.state import Services
from . import sql_content, sql_shared
from .archive import ArchiveWriter, Spool, creating
from .sql_content import SCHEMA, TABLES

CLEARS = "clears.log"


def back_up_content(services: Services, path: Path) -> dict[str, int]:
    """Write all content to a new archive at `path`; what it holds, counted. Raises StoreError, Conflict."""
    database = services.database
    store_id = migrate(database).store_id
    with creating(path, kind="content", store_id=store_id, schema=SCHEMA) as archive, ExitStack() as stack:
        spools = {table.name: stack.enter_context(Spool(path.parent)) for table in TABLES}
        sql_content.write_plain(database, store_meta, spools["store_meta"])
        sql_content.write_sessions(database, spools)
        sql_shared.write_feedback(database, spools)
        sql_shared.write_attachments(database, spools)
        # Behind the chats: a receipt that a tombstone names is there then.
        sql_content.write_plain(database, receipt, spools["receipt"])
        for plain in (account, chat_model, usage):
            sql_content.write_plain(database, plain, spools[plain.name])
        originals = _documents(services, archive, spools)
        for table in TABLES:
            archive.add_spool(f"tables/{table.name}.jsonl", spools[table.name])
            archive.counts[table.name] = spools[table.name].lines
        archive.counts["originals"] = originals
        # Last, so that it knows of every clear that the rows above do not.
        archive.add_bytes(CLEARS, ClearedLog.of(services.keyring, store_id=store_id).dump())
    return archive.counts


def _documents(services: Services, archive: ArchiveWriter, spools: Mapping[str, Spool]) -> int:
    """Each document with its original; one that is deleted meanwhile is left out. The number of originals."""
    originals = 0
    own = [spools[name] for name in ("document", "document_page", "chunk")]
    collections = sql_shared.Collections(services.database, spools)
    for row in sql_content.documents(services.database):
        if row.collection_no is not None:
            collections.write(row.collection_no)
        marks = [spool.mark() for spool in own]
        sql_content.write_document(services.database, spools, row)
        with Spool(own[0].directory) as original:
            found = _read_original(services, row.id, row.sha256, original)
            if not sql_content.unchanged(services.database, row):
                for spool, mark in zip(own, marks, strict=True):
                    spool.rewind(mark)
            elif found:
                archive.add_spool(f"files/{row.id}", original)
                originals += 1
    collections.write_rest()
    return originals


def _read_original(services: Services, document_id: UUID, sha256: str, spool: Spool) -> bool:
    """Copy an original; False when it is missing or not what was uploaded, which the doctor tells."""
    digest = hashlib.sha256()
    try:
        for piece in services.library.files.open(document_id=document_id):
            digest.update(piece)
            spool.write_bytes(piece)
    except NotFound:
        return False
    return digest.hexdigest() == sha256
