"""All tables, and the list of those whose rows belong to a session and go with it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    text,
)

metadata = MetaData()

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# SQLite makes a rowid (and never a bigger b-tree) only of the exact type INTEGER.
_Number = BigInteger().with_variant(Integer(), "sqlite")


class Instant(TypeDecorator[datetime]):
    """A point in time, stored as whole microseconds since 1970 UTC: the same on every engine, and sortable."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Aware datetime to microseconds."""
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Microseconds to aware datetime."""
        return None if value is None else EPOCH + value * MICROSECOND


store_meta = Table(
    "store_meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# A cleared session stays as a tombstone: id, owner, slots (so that a repeated clear destroys them again),
# successor and receipt; nothing of its content. Messages below `first_seq` went with the history, those below
# `memory_seq` are kept but not told to a model. `turn` counts the changes of an owner's sessions: the newest has the
# highest, whatever the clock says. `attachments` and `attached_passages` are counters for receipts; `next_part` numbers
# the rows of attachments. A chat about a part of a document names both; `section` is a place in it, never its words.
# One that is put away has `archived_at`, and its `turn` is negative: so one index lists either kind in its order.
chat_session = Table(
    "chat_session",
    metadata,
    Column("no", _Number, primary_key=True, autoincrement=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("owner", Text, nullable=False),
    Column("meta_slot", BigInteger),
    Column("history_slot", BigInteger),
    Column("title", LargeBinary),
    Column("messages", Integer, nullable=False, server_default=text("0")),
    Column("next_seq", Integer, nullable=False, server_default=text("0")),
    Column("first_seq", Integer, nullable=False, server_default=text("0")),
    Column("memory_seq", Integer, nullable=False, server_default=text("0")),
    Column("turn", BigInteger, nullable=False, server_default=text("0")),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("cleared_at", Instant),
    Column("successor", Uuid),
    Column("receipt_id", Uuid),
    Column("attachments", Integer, nullable=False, server_default=text("0")),
    Column("attached_passages", Integer, nullable=False, server_default=text("0")),
    Column("next_part", Integer, nullable=False, server_default=text("0")),
    Column("document_id", Uuid),
    Column("section", String(64)),
    Column("pinned_at", Instant),
    Column("archived_at", Instant),
    sqlite_autoincrement=True,
)
Index(
    "chat_session_by_owner",
    chat_session.c.owner,
    chat_session.c.turn.desc(),
    chat_session.c.no.desc(),
    sqlite_where=chat_session.c.cleared_at.is_(None),
    postgresql_where=chat_session.c.cleared_at.is_(None),
)
Index(
    "chat_session_by_receipt",
    chat_session.c.receipt_id,
    sqlite_where=chat_session.c.receipt_id.is_not(None),
    postgresql_where=chat_session.c.receipt_id.is_not(None),
)
Index(
    "chat_session_by_section",
    chat_session.c.document_id,
    chat_session.c.owner,
    sqlite_where=chat_session.c.document_id.is_not(None),
    postgresql_where=chat_session.c.document_id.is_not(None),
)
Index(
    "chat_session_pinned",
    chat_session.c.owner,
    chat_session.c.pinned_at.desc(),
    sqlite_where=chat_session.c.pinned_at.is_not(None),
    postgresql_where=chat_session.c.pinned_at.is_not(None),
)

# id = session no << 24 | seq: the rows of a session are one range of the primary key.
message = Table(
    "message",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

# One row for each answer that is being made; `beat_at` tells whether its process still lives, `followed_at` changes
# while somebody follows it through another process.
answer_run = Table(
    "answer_run",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("session_no", _Number, ForeignKey("chat_session.no", ondelete="CASCADE"), nullable=False, index=True),
    Column("message_id", _Number, nullable=False),
    Column("beat_at", Instant, nullable=False),
    Column("stop", Integer, nullable=False, server_default=text("0")),
    Column("followed_at", Instant),
)

# What somebody thinks of an answer, sealed under the history key; `id` is the answer's.
feedback = Table(
    "feedback",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

# What stands in the box of a chat and was not sent, sealed under the history key in `slot`, which tells a draft of
# before a clear of the history that can be undone from one of today. `id` is session no << 24.
draft = Table(
    "draft",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=False),
    Column("slot", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

SEQ_BITS = 24

# A file that was dropped into a chat. `no` and a part's `id` are session no << 24 | part number, so that the rows of a
# session are one range, as its messages are. Name, type and reason of a failure are in `sealed`; sealed under the
# session's meta key, like everything in `attachment_part`: the original (kind "o"), pages ("p") and passages ("c"), in
# batches of bounded size.
attachment = Table(
    "attachment",
    metadata,
    Column("no", _Number, primary_key=True, autoincrement=False),
    Column("id", Uuid, nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False, server_default=text("0")),
    Column("pages", Integer, nullable=False, server_default=text("0")),
    Column("passages", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Instant, nullable=False),
)
attachment_part = Table(
    "attachment_part",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=False),
    Column("attachment_no", _Number, ForeignKey("attachment.no", ondelete="CASCADE"), nullable=False),
    Column("kind", String(1), nullable=False),
    Column("number", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("attachment_no", "kind", "number", name="attachment_part_number"),
)

SESSION_OWNED = (message, feedback, draft, answer_run, attachment, attachment_part)
"""Every table whose rows belong to a session. A clear empties them all; a test reads each of them afterwards."""

# `scope` says in ids and numbers what a clear is still to do, or what an undo needs; never content.
receipt = Table(
    "receipt",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("session_id", Uuid),
    Column("document_id", Uuid),
    Column("action", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("counts", JSON, nullable=False),
    Column("scope", JSON(none_as_null=True)),
    Column("successor", Uuid),
    Column("created_at", Instant, nullable=False),
    Column("undo_until", Instant),
)

# A language model that an administrator has connected; the key of its server is sealed under the key in `slot`.
chat_model = Table(
    "chat_model",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("label", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("slot", BigInteger),
    Column("sealed_key", LargeBinary),
    Column("context_tokens", Integer, nullable=False),
    Column("enabled", Integer, nullable=False, server_default=text("1")),
    Column("created_at", Instant, nullable=False),
)

# How much an owner asked for on a day (whole days since 1970 UTC).
usage = Table(
    "usage",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("answers", Integer, nullable=False, server_default=text("0")),
    Column("tokens", BigInteger, nullable=False, server_default=text("0")),
)

job = Table(
    "job",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("run_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", String(64)),
    Column("lease", Uuid),
    Column("lease_until", Instant),
    Column("failed_at", Instant),
    UniqueConstraint("kind", "subject", name="job_kind_subject"),
)
Index("job_due", job.c.run_at)

# A shared library. One that is being deleted is nobody's any more (`deleted_at`); a job takes its documents away.
collection = Table(
    "collection",
    metadata,
    Column("no", _Number, primary_key=True, autoincrement=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    sqlite_autoincrement=True,
)
Index("collection_by_owner", collection.c.owner)

# `name` is what the member was invited as, for people to read.
collection_member = Table(
    "collection_member",
    metadata,
    Column("collection_no", _Number, ForeignKey("collection.no", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("role", String(8), nullable=False),
    Column("name", Text, nullable=False),
)
Index("collection_member_by_user", collection_member.c.user_id)

# `owner` is who uploaded it. With a collection it belongs to that, else to the owner's personal library. While it is
# being read `pages` are those that are done, of `expected` as soon as that is known.
document = Table(
    "document",
    metadata,
    Column("no", _Number, primary_key=True, autoincrement=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("error", Text),
    Column("error_code", String(64)),
    Column("pages", Integer, nullable=False, server_default=text("0")),
    Column("passages", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Instant, nullable=False),
    Column("collection_no", _Number, ForeignKey("collection.no")),
    Column("expected", Integer),
    sqlite_autoincrement=True,
)
Index("document_by_owner", document.c.owner, document.c.created_at.desc(), document.c.no.desc())
Index("document_by_collection", document.c.collection_no, document.c.created_at.desc(), document.c.no.desc())

document_page = Table(
    "document_page",
    metadata,
    Column("document_no", _Number, ForeignKey("document.no", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("label", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("boxes", LargeBinary),
)

chunk = Table(
    "chunk",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("document_no", _Number, ForeignKey("document.no", ondelete="CASCADE"), nullable=False, index=True),
    Column("page", Integer, nullable=False),
    Column("label", Text, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("text", Text, nullable=False),
    sqlite_autoincrement=True,
)

# Originals kept in the database (when it is PostgreSQL), in parts so that none has to be in memory whole.
original_part = Table(
    "original_part",
    metadata,
    Column("document_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

# What `docchat ingest` knows of the files of folders, so that none is read twice. `place` is a collection's id, empty
# for the personal library. A file whose document was deleted by hand keeps its row without the document, its path
# hashed: it is not taken in again by itself. `replaces` is the document of its earlier content, till the new one is
# ready; `adopted`: the document was in the library before, and does not go with the file.
followed_file = Table(
    "followed_file",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("place", String(32), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("document_id", Uuid, index=True),
    Column("replaces", Uuid, index=True),
    Column("adopted", Integer, nullable=False, server_default=text("0")),
)

# Accounts of the standalone server; a mounted docchat leaves it empty.
account = Table(
    "account",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("admin", Integer, nullable=False, server_default=text("0")),
    Column("disabled", Integer, nullable=False, server_default=text("0")),
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Instant, nullable=False),
)
