"""What a person has, as numbers: the same kinds that a receipt of an erasure counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from ..db import receipts
from ..db.engine import Database
from ..db.schema import (
    SEQ_BITS,
    attachment,
    chat_session,
    collection,
    collection_member,
    document,
    followed_file,
    receipt,
    usage,
)
from ..types import Action, DocumentState, Receipt, ReceiptState

ERASE: Action = "erase"
"""What the receipt of an erasure is for."""
_CHATS_AT_ONCE = 1000
LIVE = chat_session.c.cleared_at.is_(None)


@dataclass(frozen=True, slots=True)
class Holdings:
    """How much somebody has. `bytes` are those of originals and attachments as they were uploaded.

    `documents` are the own ones and all in own collections; `members` others who read those; `memberships` are in
    collections of others, `given` the documents that this person added there; `withheld` are cleared chats, or
    histories of them, that could still be brought back; `first` is when the oldest chat was begun.
    """

    sessions: int
    messages: int
    attachments: int
    documents: int
    pages: int
    passages: int
    bytes: int
    collections: int
    members: int
    memberships: int
    given: int
    followed_files: int
    usage_days: int
    receipts: int
    withheld: int
    first: datetime | None


class SqlHoldings:
    """Counts what people have."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, *, owner: str) -> Holdings:
        """What `owner` has now."""
        mine, theirs = own_collections(owner), others_collections(owner)
        low, high = chat_session.c.no * (1 << SEQ_BITS), chat_session.c.no * (1 << SEQ_BITS) + (1 << SEQ_BITS) - 1
        live = chat_session.c.owner == owner, LIVE
        files = select(func.coalesce(func.sum(attachment.c.size), 0)).join(
            chat_session, and_(*live, chat_session.c.attachments > 0, attachment.c.no.between(low, high))
        )
        with self._database.read() as connection:
            sessions, messages, attachments, passages, first = connection.execute(
                select(
                    func.count(),
                    _sum(chat_session.c.messages),
                    _sum(chat_session.c.attachments),
                    _sum(chat_session.c.attached_passages),
                    func.min(chat_session.c.created_at),
                ).where(*live)
            ).one()
            documents, pages, read, size = connection.execute(
                select(func.count(), _sum(document.c.pages), _sum(document.c.passages), _sum(document.c.size)).where(
                    own_documents(owner)
                )
            ).one()
            return Holdings(
                sessions=sessions,
                messages=int(messages),
                attachments=int(attachments),
                documents=documents,
                pages=int(pages),
                passages=int(passages) + int(read),
                bytes=int(size) + int(connection.execute(files).scalar_one()),
                collections=_count(connection, select(mine.subquery())),
                members=_count(
                    connection, select(collection_member).where(collection_member.c.collection_no.in_(mine))
                ),
                memberships=_count(connection, select(theirs.subquery())),
                given=_count(connection, select(document.c.no).where(given(owner))),
                followed_files=_count(connection, select(followed_file).where(followed_file.c.owner == owner)),
                usage_days=_count(connection, select(usage).where(usage.c.owner == owner)),
                receipts=_count(connection, select(receipt.c.id).where(receipt.c.owner == owner)),
                withheld=_count(
                    connection,
                    select(receipt.c.id).where(receipt.c.owner == owner, receipt.c.state == ReceiptState.PENDING),
                ),
                first=first,
            )

    def chats(self, *, owner: str) -> Iterator[UUID]:
        """The ids of the chats that were written to, oldest first; archived ones too."""
        query = select(chat_session.c.no, chat_session.c.id).where(
            chat_session.c.owner == owner, LIVE, chat_session.c.meta_slot.is_not(None)
        )
        after = 0
        while True:
            batch = query.where(chat_session.c.no > after).order_by(chat_session.c.no).limit(_CHATS_AT_ONCE)
            with self._database.read() as connection:
                rows = connection.execute(batch).all()
            if not rows:
                return
            after = rows[-1].no
            yield from (row.id for row in rows)

    def followed(self, *, owner: str) -> list[str]:
        """The files of followed folders, by their paths."""
        query = select(followed_file.c.path).where(followed_file.c.owner == owner).order_by(followed_file.c.path)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def receipts(self, *, owner: str) -> list[Receipt]:
        """Every receipt, newest first."""
        query = select(receipt).where(receipt.c.owner == owner).order_by(receipt.c.created_at.desc(), receipt.c.id)
        with self._database.read() as connection:
            return [receipts.as_receipt(row) for row in connection.execute(query)]


def own_collections(owner: str) -> Select[tuple[int]]:
    """The numbers of the collections that somebody rules."""
    return select(collection.c.no).where(collection.c.owner == owner, collection.c.deleted_at.is_(None))


def others_collections(owner: str) -> Select[tuple[int]]:
    """The numbers of the collections of others that somebody has joined."""
    return (
        select(collection_member.c.collection_no)
        .join(collection, collection.c.no == collection_member.c.collection_no)
        .where(collection_member.c.user_id == owner, collection.c.deleted_at.is_(None))
    )


def own_documents(owner: str) -> ColumnElement[bool]:
    """The condition for documents of somebody's own library and collections, whoever added them."""
    personal = and_(document.c.owner == owner, document.c.collection_no.is_(None))
    here = or_(personal, document.c.collection_no.in_(own_collections(owner)))
    return and_(document.c.state != DocumentState.DELETED, here)


def given(owner: str) -> ColumnElement[bool]:
    """The condition for documents that somebody added to collections of others."""
    of_others = select(collection.c.no).where(collection.c.owner != owner, collection.c.deleted_at.is_(None))
    return and_(
        document.c.owner == owner,
        document.c.state != DocumentState.DELETED,
        document.c.collection_no.in_(of_others),
    )


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0)


def _count(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())
