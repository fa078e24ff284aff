"""Receipts: what a clear or a delete removed, counted by kind, written in the transaction of the change itself."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, insert, select

from ..errors import NotFound
from ..types import Receipt, ReceiptState
from .prepared import Prepared
from .schema import receipt

_INSERT = Prepared(insert(receipt), names=tuple(column.name for column in receipt.columns))
_FIND = select(receipt).where(receipt.c.id == bindparam("find_id"), receipt.c.owner == bindparam("find_owner"))

ReceiptRow = Row[Any]


def write(connection: Connection, written: Receipt, *, owner: str, scope: dict[str, Any] | None = None) -> None:
    """Store a new receipt; `scope` holds ids and numbers that its job or an undo will need."""
    _INSERT.execute(
        connection,
        {
            "id": written.id,
            "owner": owner,
            "session_id": written.session_id,
            "document_id": written.document_id,
            "action": written.action,
            "state": written.state.value,
            "counts": written.counts,
            "scope": scope,
            "successor": written.successor,
            "created_at": written.created_at,
            "undo_until": written.undo_until,
        },
    )


def find(connection: Connection, *, owner: str, receipt_id: UUID, lock: bool = False) -> ReceiptRow:
    """The row of the owner's receipt. Raises NotFound."""
    query = _FIND.with_for_update() if lock else _FIND
    row = connection.execute(query, {"find_id": receipt_id, "find_owner": owner}).one_or_none()
    if row is None:
        raise NotFound
    return row


def as_receipt(row: ReceiptRow) -> Receipt:
    """The receipt in a row of its table."""
    return Receipt(
        id=row.id,
        session_id=row.session_id,
        action=row.action,
        counts=row.counts,
        created_at=row.created_at,
        successor=row.successor,
        document_id=row.document_id,
        state=ReceiptState(row.state),
        undo_until=row.undo_until,
    )
