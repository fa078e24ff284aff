"""Turns that are replaced: a question or an answer goes with all that follows it, in the transaction of what comes."""

from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from ..db.schema import answer_run, chat_session, feedback, message
from ..errors import Cleared, Conflict, NotFound
from ..jobs import queue
from .sql_rows import SessionRow, id_range

BYTES_OF_MESSAGES = "messages"
"""Subject of the job that takes the bytes of replaced rows out of the files."""

_STANDS = select(message.c.id).where(message.c.id == bindparam("row_id"))
_DELETE = tuple(
    delete(key.table).where(key.between(bindparam("first"), bindparam("last")))
    for key in (answer_run.c.message_id, feedback.c.id, message.c.id)
)
_COUNT_DOWN = (
    update(chat_session)
    .where(chat_session.c.no == bindparam("row_no"))
    .values(messages=chat_session.c.messages - bindparam("gone"))
)


def check_stands(connection: Connection, row: SessionRow, message_id: int) -> None:
    """Whether the session has this message now.

    Raises NotFound for one that it never had, Cleared for one that went with the history, Conflict (message_replaced)
    for one that was replaced.
    """
    first, _ = id_range(row.no)
    if not first <= message_id < first + row.next_seq:
        raise NotFound
    if message_id < first + row.first_seq:
        raise Cleared(successor=row.id)  # the chat itself goes on
    if connection.execute(_STANDS, {"row_id": message_id}).scalar_one_or_none() is None:
        raise Conflict("This part of the chat was replaced meanwhile. Load the chat again.", code="message_replaced")


def take_away(connection: Connection, row: SessionRow, message_id: int) -> None:
    """Delete a message and all that follow it, what is thought of them, and their runs. Raises as `check_stands`.

    Their numbers are never given again: a late write finds no row. The counter of messages follows; marks of memory
    and history stay where they are, below whatever is said next.
    """
    check_stands(connection, row, message_id)
    place: dict[str, Any] = {"first": message_id, "last": id_range(row.no)[1]}
    gone = [connection.execute(statement, place).rowcount for statement in _DELETE][-1]
    connection.execute(_COUNT_DOWN, {"row_no": row.no, "gone": gone})
    queue.put(connection, kind="reclaim", subject=BYTES_OF_MESSAGES)
