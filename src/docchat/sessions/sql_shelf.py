"""The order of an owner's chats: newest change first, those that are put away apart, those that are pinned on top."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, bindparam, or_, select, update

from ..db.schema import chat_session
from ..errors import InvalidInput
from ..types import utc_now
from .sql_drafts import DRAFTED
from .sql_rows import SessionRow

# Statements are built once: building one anew takes four times as long as running it.
_OF_OWNER = select(chat_session, DRAFTED.label("drafted")).where(
    chat_session.c.owner == bindparam("of_owner"), chat_session.c.cleared_at.is_(None)
)
_TURN = bindparam("turn", type_=chat_session.c.turn.type)
_NO = bindparam("no", type_=chat_session.c.no.type)
_BELOW = or_(chat_session.c.turn < _TURN, and_(chat_session.c.turn == _TURN, chat_session.c.no < _NO))
_ABOVE = or_(chat_session.c.turn > _TURN, and_(chat_session.c.turn == _TURN, chat_session.c.no > _NO))
# The turn of what is put away is negative, so the newest of it has the lowest.
_DOWN = _OF_OWNER.order_by(chat_session.c.turn.desc(), chat_session.c.no.desc()).limit(bindparam("most"))
_UP = _OF_OWNER.order_by(chat_session.c.turn, chat_session.c.no).limit(bindparam("most"))
_LISTS = {
    None: (_DOWN, _DOWN.where(_BELOW)),
    False: (_DOWN.where(chat_session.c.turn >= 0), _DOWN.where(chat_session.c.turn >= 0, _BELOW)),
    True: (_UP.where(chat_session.c.turn < 0), _UP.where(chat_session.c.turn < 0, _ABOVE)),
}
_PINNED = (
    _OF_OWNER.where(chat_session.c.pinned_at.is_not(None))
    .order_by(chat_session.c.pinned_at.desc(), chat_session.c.no.desc())
    .limit(bindparam("most"))
)


def listed(
    connection: Connection, *, owner: str, cursor: str | None, most: int, archived: bool | None
) -> Sequence[SessionRow]:
    """Rows of an owner's live sessions after `cursor`. Raises InvalidInput for a cursor that is not one."""
    first, on = _LISTS[archived]
    values: dict[str, object] = {"of_owner": owner, "most": most}
    if cursor is not None:
        values["turn"], values["no"] = _position(cursor)
    return connection.execute(first if cursor is None else on, values).all()


def pinned(connection: Connection, *, owner: str, most: int) -> Sequence[SessionRow]:
    """Rows of an owner's pinned sessions."""
    return connection.execute(_PINNED, {"of_owner": owner, "most": most}).all()


def mark(connection: Connection, row: SessionRow, *, pinned: bool | None, archived: bool | None) -> None:
    """Pin a session or put it away, or take that back; None leaves it as it is. The times of the session stay."""
    values: dict[str, object] = {}
    if pinned is not None and pinned != (row.pinned_at is not None):
        values["pinned_at"] = utc_now() if pinned else None
    if pinned and archived is None:
        archived = False
    if archived is not None and archived != (row.archived_at is not None):
        values["archived_at"] = utc_now() if archived else None
        values["turn"] = -max(row.turn, 1) if archived else abs(row.turn)
    if archived:
        values["pinned_at"] = None
    if values:
        connection.execute(update(chat_session).where(chat_session.c.no == row.no).values(values))


def cursor_of(row: SessionRow) -> str:
    """What the next page begins after."""
    return f"{row.turn}_{row.no}"


def _position(cursor: str) -> tuple[int, int]:
    turn, _, no = cursor.partition("_")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (turn.removeprefix("-"), no)):
        raise InvalidInput("This cursor is not one of ours.", code="bad_cursor")
    return int(turn), int(no)
