"""What people think of answers, as rows: sealed under the history key, so that it goes with the answer."""

from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select

from ..db.engine import Database
from ..db.schema import feedback, message
from ..errors import InvalidInput, TooLarge
from ..jobs import queue
from ..types import Feedback
from .sealing import Sealer
from .sql_rows import find_live, slots_of
from .sql_turns import BYTES_OF_MESSAGES, check_stands

MAX_COMMENT_CHARS = 2000

_BODY = select(message.c.body).where(message.c.id == bindparam("row_id"))
_DELETE = delete(feedback).where(feedback.c.id == bindparam("row_id"))
_INSERT = insert(feedback)


class SqlFeedback:
    """Stores, replaces and takes back what an owner thinks of an answer. Every verb is one transaction.

    An unknown answer is NotFound, one that went with the history Cleared, one that was replaced Conflict.
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def put(self, *, owner: str, session_id: UUID, message_id: int, feedback: Feedback) -> None:
        """Store it in place of what there was. Raises TooLarge, InvalidInput (not_an_answer)."""
        if len(feedback.comment) > MAX_COMMENT_CHARS:
            text = f"A comment has at most {MAX_COMMENT_CHARS:,} characters; this one has {len(feedback.comment):,}."
            raise TooLarge(text, code="comment_too_long")
        with self._database.write() as connection:
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            check_stands(connection, row, message_id)
            slots = slots_of(row)
            body = connection.execute(_BODY, {"row_id": message_id}).scalar_one()
            if self._sealer.open_messages(session_id, slots, [(message_id, body)])[0].role != "assistant":
                raise InvalidInput("Only answers can be rated.", code="not_an_answer")
            sealed = self._sealer.seal_feedback(session_id, slots, message_id, feedback)
            if connection.execute(_DELETE, {"row_id": message_id}).rowcount:
                queue.put(connection, kind="reclaim", subject=BYTES_OF_MESSAGES)
            connection.execute(_INSERT, {"id": message_id, "body": sealed})
            # A clear destroys the keys without waiting for this transaction: look once more before it commits.
            self._sealer.check(slots)

    def remove(self, *, owner: str, session_id: UUID, message_id: int) -> None:
        """Take it back; without effect when there is none."""
        with self._database.write() as connection:
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            check_stands(connection, row, message_id)
            if connection.execute(_DELETE, {"row_id": message_id}).rowcount:
                queue.put(connection, kind="reclaim", subject=BYTES_OF_MESSAGES)
            self._sealer.check(slots_of(row))
