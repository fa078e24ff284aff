"""A database of an older version is brought up to the present one, with what it held."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, inspect, select, text

from docchat.config import Settings
from docchat.db.engine import Database
from docchat.db.migrate import STEPS, migrate
from docchat.db.schema import chat_session, chunk, document, job, message, metadata, receipt, store_meta
from docchat.documents.files import make_files
from docchat.documents.library import Library
from docchat.documents.scope import Scope
from docchat.documents.sql_access import owner_token
from docchat.documents.sql_collections import Collections
from docchat.documents.sql_index import _engine, make_index
from docchat.documents.sql_index import create as create_index
from docchat.documents.sql_reindex import Reindex
from docchat.documents.terms import terms
from docchat.errors import ConfigError, StoreError
from docchat.jobs.worker import Worker
from docchat.keys.slots import SlotKeyring
from docchat.sessions.shredder import Shredder
from docchat.sessions.sql_graves import SqlGraves
from docchat.sessions.sql_settle import SqlSettle
from docchat.types import ReceiptState, new_id, utc_now

# The tables that the second step changes, as the first version made them.
_FIRST = """
CREATE TABLE chat_session (
  no {serial}, id {uuid} NOT NULL, owner TEXT NOT NULL, meta_slot BIGINT, history_slot BIGINT, title {bytes},
  messages INTEGER DEFAULT 0 NOT NULL, next_seq INTEGER DEFAULT 0 NOT NULL, created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL, cleared_at BIGINT, successor {uuid}, receipt_id {uuid}, UNIQUE (id));
CREATE INDEX chat_session_by_owner ON chat_session (owner, updated_at DESC, no DESC) WHERE cleared_at IS NULL;
CREATE TABLE receipt (
  id {uuid} NOT NULL, owner TEXT NOT NULL, session_id {uuid} NOT NULL, action VARCHAR(16) NOT NULL,
  counts JSON NOT NULL, successor {uuid}, created_at BIGINT NOT NULL, PRIMARY KEY (id));
"""
# The tables that the third step changes, as the second version had them.
_SECOND = """
CREATE TABLE chat_session (
  no {serial}, id {uuid} NOT NULL, owner TEXT NOT NULL, meta_slot BIGINT, history_slot BIGINT, title {bytes},
  messages INTEGER DEFAULT 0 NOT NULL, next_seq INTEGER DEFAULT 0 NOT NULL, first_seq INTEGER DEFAULT 0 NOT NULL,
  memory_seq INTEGER DEFAULT 0 NOT NULL, turn BIGINT DEFAULT 0 NOT NULL, created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL, cleared_at BIGINT, successor {uuid}, receipt_id {uuid}, UNIQUE (id));
CREATE INDEX chat_session_by_owner ON chat_session (owner, turn DESC, no DESC) WHERE cleared_at IS NULL;
CREATE INDEX chat_session_by_receipt ON chat_session (receipt_id) WHERE receipt_id IS NOT NULL;
"""
_DOCUMENT = """
CREATE TABLE document (
  no {serial}, id {uuid} NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL, media_type VARCHAR(255) NOT NULL,
  size BIGINT NOT NULL, sha256 VARCHAR(64) NOT NULL, state VARCHAR(16) NOT NULL, error TEXT, error_code VARCHAR(64),
  pages INTEGER DEFAULT 0 NOT NULL, passages INTEGER DEFAULT 0 NOT NULL, created_at BIGINT NOT NULL, UNIQUE (id));
CREATE INDEX document_by_owner ON document (owner, created_at DESC, no DESC);
CREATE TABLE answer_run (
  id {uuid} NOT NULL PRIMARY KEY, session_no BIGINT NOT NULL REFERENCES chat_session (no) ON DELETE CASCADE,
  message_id BIGINT NOT NULL, beat_at BIGINT NOT NULL, stop INTEGER DEFAULT 0 NOT NULL);
CREATE INDEX ix_answer_run_session_no ON answer_run (session_no);
"""
_NEW = ("collection", "collection_member", "attachment", "attachment_part", "draft")
_TYPES = {
    True: {"serial": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "uuid": "CHAR(32)", "bytes": "BLOB"},
    False: {"serial": "BIGSERIAL PRIMARY KEY", "uuid": "UUID", "bytes": "BYTEA"},
}


@pytest.fixture
def first(database_url: str) -> Database:
    """A database as the first version left it: a cleared long chat whose rows wait for their job, and a live one."""
    database = Database(database_url)
    with database.write() as connection:
        _make(connection, _FIRST + _DOCUMENT, version=1)
        by, now = new_id(), utc_now()
        chat = {"owner": "ada", "created_at": now, "updated_at": now}
        chats = [
            {"id": new_id(), **chat, "cleared_at": now, "receipt_id": by},
            {"id": new_id(), **chat, "cleared_at": None, "receipt_id": None},
        ]
        connection.execute(chat_session.insert(), chats)
        written = {"id": by, "owner": "ada", "session_id": chats[0]["id"], "action": "clear", "counts": {"messages": 2}}
        connection.execute(receipt.insert(), [{**written, "created_at": now}])
        connection.execute(message.insert(), [{"id": 1 << 24 | seq, "body": b"sealed"} for seq in range(2)])
        connection.execute(message.insert(), [{"id": 2 << 24, "body": b"sealed"}])
        waiting = [{"kind": "reclaim", "subject": subject, "run_at": now} for subject in ("1", "documents")]
        connection.execute(job.insert(), waiting)
    return database


def _make(connection: Connection, changed: str, *, version: int) -> None:
    """The tables of an older version: `changed` as they were, the others, which are the same, as they are."""
    for statement in changed.format(**_TYPES[connection.dialect.name == "sqlite"]).split(";"):
        if statement.strip():
            connection.execute(text(statement))
    others = [table for table in metadata.sorted_tables if table.name not in _NEW]
    metadata.create_all(connection, tables=[table for table in others if f"TABLE {table.name} " not in changed])
    rows = [{"key": "schema", "value": str(version)}, {"key": "store_id", "value": str(uuid4())}]
    connection.execute(store_meta.insert(), rows)


@pytest.fixture
def second(database_url: str) -> Iterator[Database]:
    """A database as the second version left it: a chat with a message, and a document that is ready."""
    database = Database(database_url)
    with database.write() as connection:
        _make(connection, _SECOND + _DOCUMENT, version=2)
        now = utc_now()
        chat = {"id": new_id(), "owner": "ada", "created_at": now, "updated_at": now, "messages": 1, "next_seq": 1}
        connection.execute(chat_session.insert(), [chat])
        connection.execute(message.insert(), [{"id": 1 << 24, "body": b"sealed"}])
        file = {"name": "notes.txt", "media_type": "text/plain", "size": 5, "sha256": "0", "state": "ready"}
        connection.execute(document.insert(), [{"id": new_id(), "owner": "ada", "created_at": now, **file}])
    yield database
    database.close()


def test_the_second_version_gets_collections_and_attachments(second: Database, data_dir: Path) -> None:
    origin = migrate(second, extra=create_index)
    assert migrate(second, extra=create_index) == origin
    with second.read() as connection:
        found = inspect(connection)
        for table in metadata.sorted_tables:
            assert {column["name"] for column in found.get_columns(table.name)} == set(table.c.keys()), table.name
            assert {index["name"] for index in found.get_indexes(table.name)} >= {one.name for one in table.indexes}
        row = connection.execute(select(chat_session)).one()
        assert (row.messages, row.attachments, row.attached_passages, row.next_part) == (1, 0, 0, 0)
    library = Library(
        second, make_files(second, Settings(data_dir=data_dir)), make_index(second), Settings(data_dir=data_dir)
    )
    assert [(one.name, one.collection) for one in library.list(owner="ada").items] == [("notes.txt", None)]
    collections = Collections(second)
    team = collections.create(owner="ada", name="Team")
    collections.put_member(owner="ada", collection_id=team.id, user_id="bob", role="reader")
    assert [one.access for one in collections.list(owner="bob")] == ["reader"]
    with pytest.raises(StoreError), second.write() as connection:
        connection.execute(document.update().values(collection_no=99))


def test_documents_of_the_second_version_are_found_by_the_words_of_today(second: Database) -> None:
    said = indexed = "यह अनुबंध घरों के किराये और भुगतानों की शर्तें बताता है"
    values = {"chunk_id": 1, "owner": owner_token("ada"), "title": "note", "label": "", "heads": "", "body": indexed}
    passage = {"document_no": 1, "page": 1, "label": "", "start": 0, "end": len(said), "text": said}
    with second.write() as connection:
        create_index(connection)
        connection.execute(document.update().values(pages=1, passages=1))
        connection.execute(chunk.insert(), [passage])
        _engine(connection).insert(connection, [values])
    migrate(second, extra=create_index)
    index = make_index(second)
    (asked,) = terms("किराये")
    assert index.frequencies(scope=Scope("ada"), terms=[asked]) == (1, {asked: 0})
    Worker(second, {"index_again": Reindex(second, index)}).run_due()
    assert index.frequencies(scope=Scope("ada"), terms=[asked]) == (1, {asked: 1})
    with second.read() as connection:
        assert "reindex" not in connection.execute(select(store_meta.c.key)).scalars().all()
        assert connection.execute(select(job.c.kind).where(job.c.kind == "index_again")).all() == []


def test_an_older_database_is_brought_up_and_its_clears_are_finished(first: Database, tmp_path: Path) -> None:
    origin = migrate(first)
    assert migrate(first) == origin
    with first.read() as connection:
        for table in (chat_session, receipt):
            there = {column["name"] for column in inspect(connection).get_columns(table.name)}
            assert there == {column.name for column in table.columns}
        names = {index["name"] for index in inspect(connection).get_indexes("chat_session")}
        assert {"chat_session_by_owner", "chat_session_by_receipt"} <= names
        by = connection.execute(select(chat_session.c.receipt_id).where(chat_session.c.no == 1)).scalar_one()
    keyring = SlotKeyring(tmp_path / "keys", store_id=origin.store_id, slots=origin.slots)
    shredder = Shredder(keyring)
    found = SqlGraves(first, shredder).receipt(owner="ada", receipt_id=by)
    assert (found.action, found.state, found.counts) == ("clear", ReceiptState.DONE, {"messages": 2})
    Worker(first, {"reclaim": SqlSettle(first, shredder).reclaim}).run_due()
    with first.read() as connection:
        assert connection.execute(select(message.c.id)).scalars().all() == [2 << 24]
        assert connection.execute(select(job.c.id)).all() == []
    keyring.close()
    first.close()


def test_a_new_database_is_made_in_one_step(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute(select(store_meta.c.value).where(store_meta.c.key == "schema")).scalar_one() == str(
            len(STEPS)
        )


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.execute(store_meta.update().where(store_meta.c.key == "schema").values(value="99"))
    with pytest.raises(ConfigError, match="newer"):
        migrate(database)
