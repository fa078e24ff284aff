"""The SessionStore in SQL: sealed rows on SQLite or PostgreSQL, one transaction a verb."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from ..db.engine import Database
from ..db.prepared import Prepared
from ..db.schema import SEQ_BITS, answer_run, chat_session, feedback, message
from ..errors import Cleared, Conflict, InvalidInput, KeyDamaged, NotFound, TooLarge
from ..keys.keyring import CLEARED, Keyring
from ..types import ChatSession, Draft, Feedback, Message, MessageState, Page, utc_now
from . import sql_shelf
from .sealing import Sealer, Slots, message_of
from .sql_drafts import SqlDrafts
from .sql_feedback import SqlFeedback
from .sql_rows import NEXT_TURN, SessionRow, as_session, find_live, id_range, insert_empty, message_id, slots_of
from .sql_runs import RunRows
from .sql_turns import check_stands, take_away
from .sql_usage import count_answer
from .sql_writing import Writer

logger = logging.getLogger(__name__)

MAX_TITLE_CHARS = 200
MAX_MESSAGES = 1 << SEQ_BITS
# A run whose process has not been heard of for so long is dead; a beat from the future is a clock that jumped.
_SILENCE = timedelta(seconds=10)
_DEAD = timedelta(minutes=1)

# Statements are built once: building one anew takes four times as long as running it.
# One statement, so that an answer and its run are seen as they are at one moment.
_MESSAGES = (
    select(message.c.id, message.c.body, answer_run.c.beat_at, feedback.c.body.label("thought"))
    .outerjoin(answer_run, and_(answer_run.c.session_no == bindparam("no"), answer_run.c.message_id == message.c.id))
    .outerjoin(feedback, feedback.c.id == message.c.id)
    .where(message.c.id.between(bindparam("first"), bindparam("last")))
    .order_by(message.c.id.desc())
    .limit(bindparam("most"))
)
_ADD_MESSAGES = Prepared(insert(message), names=("id", "body"))
_COUNT_MESSAGES = Prepared(
    update(chat_session)
    .where(chat_session.c.no == bindparam("row_no"))
    .values(
        messages=chat_session.c.messages + bindparam("added"),
        next_seq=chat_session.c.next_seq + bindparam("added"),
        updated_at=bindparam("at"),
        turn=NEXT_TURN,
        archived_at=None,
    )
)
_REVISE = update(message).where(message.c.id == bindparam("row_id")).values(body=bindparam("new_body"))
_END_RUN = delete(answer_run).where(answer_run.c.message_id == bindparam("row_id"))
_START_RUN = insert(answer_run)


class Watch:
    """Tells a running answer whether its session still lives, without touching the database on one host."""

    __slots__ = ("_keyring", "slots")

    def __init__(self, keyring: Keyring, slots: Slots) -> None:
        self._keyring = keyring
        self.slots = slots.all()

    def alive(self) -> bool:
        """True while the session lives. Raises StoreUnavailable: unreachable is never read as cleared."""
        return not CLEARED.intersection(self._keyring.states(slots=self.slots))


class SqlSessionStore(RunRows):
    """SessionStore over the tables of `db.schema`, sealed with the keys of `keyring`."""

    def __init__(self, database: Database, keyring: Keyring, *, answers_per_day: int = 0) -> None:
        self._database = database
        self._keyring = keyring
        self._answers_per_day = answers_per_day
        self._sealer = Sealer(keyring)
        self._writer = Writer(database, self._sealer)
        self.feedback = SqlFeedback(database, self._sealer)
        self.drafts = SqlDrafts(self._writer, self._sealer)

    def create(self, *, owner: str, title: str = "") -> ChatSession:
        """A new empty session; keys are made only when there is something to seal."""
        title = _checked_title(title)
        with self._writer.writing() as (connection, made):
            session = insert_empty(connection, owner=owner)
            if title:
                row = find_live(connection, owner=owner, session_id=session.id)
                self._set_title(connection, row, title, self._writer.slots(connection, row, made))
        return replace(session, title=title)

    def get(self, *, owner: str, session_id: UUID) -> ChatSession:
        """One session with its title opened."""
        with self._database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
        return self._opened(row)

    def list(
        self, *, owner: str, cursor: str | None = None, limit: int = 20, archived: bool | None = None
    ) -> Page[ChatSession]:
        """The owner's sessions, newest change first. A session cleared meanwhile is left out.

        `archived` asks for those that are put away, or for the others; without it these come after those.
        """
        with self._database.read() as connection:
            rows = sql_shelf.listed(connection, owner=owner, cursor=cursor, most=limit + 1, archived=archived)
        sessions = self._opened_all(rows[:limit])
        return Page(sessions, sql_shelf.cursor_of(rows[limit - 1]) if len(rows) > limit else None)

    def pinned(self, *, owner: str, limit: int = 100) -> tuple[ChatSession, ...]:
        """The owner's pinned sessions, what was pinned last first."""
        with self._database.read() as connection:
            rows = sql_shelf.pinned(connection, owner=owner, most=limit)
        return self._opened_all(rows)

    def messages(self, *, owner: str, session_id: UUID, cursor: str | None = None, limit: int = 50) -> Page[Message]:
        """The newest `limit` messages before `cursor`, in the order they were said."""
        with self._database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            first, last = id_range(row.no, row.first_seq)
            if cursor is not None:
                last = min(last, message_id(row.no, _number(cursor)) - 1)
            values = {"no": row.no, "first": first, "last": last, "most": limit + 1}
            rows = connection.execute(_MESSAGES, values).all()
        rows, more = rows[:limit], len(rows) > limit
        thought = [(found.id, found.thought) for found in rows if found.thought is not None]
        thoughts = self._sealer.open_feedback(session_id, slots_of(row), thought)
        opened = self._sealer.open_messages(session_id, slots_of(row), [(found.id, found.body) for found in rows[::-1]])
        beats = {found.id: found.beat_at for found in rows}
        items = (_as_it_stands(item, beats[item.id], thoughts.get(item.id)) for item in opened)
        return Page(tuple(items), str(rows[-1].id - message_id(row.no, 0)) if more else None)

    def turn(self, *, owner: str, session_id: UUID, message_id: int) -> tuple[Message, ...]:
        """A message, after the one before it. Raises NotFound, Cleared, Conflict when it was replaced."""
        with self._database.read() as connection:
            check_stands(connection, find_live(connection, owner=owner, session_id=session_id), message_id)
        after = str((message_id & (MAX_MESSAGES - 1)) + 1)
        return self.messages(owner=owner, session_id=session_id, cursor=after, limit=2).items

    def rename(self, *, owner: str, session_id: UUID, title: str) -> ChatSession:
        """Give the session another title."""
        return self.change(owner=owner, session_id=session_id, title=title)

    def change(
        self,
        *,
        owner: str,
        session_id: UUID,
        title: str | None = None,
        pinned: bool | None = None,
        archived: bool | None = None,
    ) -> ChatSession:
        """Give the session another title, pin it or put it away, in one transaction; None leaves it as it is.

        What is put away is not pinned any more; what is pinned, or written to, is not put away.
        """
        title = None if title is None else _checked_title(title)
        if title == "":
            raise InvalidInput("A title must not be empty.", code="empty_title")
        with self._writer.writing() as (connection, made):
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            sql_shelf.mark(connection, row, pinned=pinned, archived=archived)
            if title is not None:
                self._set_title(connection, row, title, self._writer.slots(connection, row, made))
            row = find_live(connection, owner=owner, session_id=session_id)
        return self._opened(row)

    def retitle(self, *, owner: str, session_id: UUID, before: str, title: str, watch: Watch) -> bool:
        """Put `title` in the place of the title `before`; whether it still was that.

        Raises Cleared also when only what `watch` looks at is gone: a late title must not tell of it.
        """
        title = _checked_title(title)
        with self._writer.writing() as (connection, made):
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            if self._sealer.open_title(row.id, slots_of(row), row.title) != before:
                return False
            self._set_title(connection, row, title, self._writer.slots(connection, row, made))
            if not watch.alive():
                raise Cleared
        return True

    def append(self, *, owner: str, session_id: UUID, drafts: Sequence[Draft]) -> tuple[Message, ...]:
        """Store messages at the end, all or none."""
        with self._writer.writing() as (connection, made):
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            return self._append(connection, row, drafts, self._writer.slots(connection, row, made))

    def revise(self, *, owner: str, session_id: UUID, message_id: int, draft: Draft) -> Message:
        """Replace the body of a message. One that is not running any more ends its run."""
        with self._database.write() as connection:
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            try:
                check_stands(connection, row, message_id)
            except Conflict as error:  # a question or an answer before it was replaced; the chat itself goes on
                raise Cleared(successor=session_id) from error
            slots = slots_of(row)
            revised = message_of(draft, message_id, utc_now())
            body = self._sealer.seal_messages(session_id, slots, (revised,))[0]
            connection.execute(_REVISE, {"row_id": message_id, "new_body": body})
            if draft.state is not MessageState.RUNNING:
                connection.execute(_END_RUN, {"row_id": message_id})
            self._sealer.check(slots)
        return revised

    def start_run(
        self, *, owner: str, session_id: UUID, question: Draft, answer: Draft, title: str = ""
    ) -> tuple[Message, Message]:
        """Append the question and its empty running answer, and note that `answer.run_id` makes it.

        A session without a title is called `title` from now on. An answer of a model is counted for its owner.
        Raises LimitReached.
        """
        with self._writer.writing() as (connection, made):
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            slots = self._writer.slots(connection, row, made)
            asked, answered = self._begin_run(connection, row, (question, answer), slots)
            if title and not row.title:
                self._set_title(connection, row, _checked_title(title), slots)
        return asked, answered

    def replace_run(
        self, *, owner: str, session_id: UUID, message_id: int, question: Draft | None, answer: Draft
    ) -> tuple[Message, ...]:
        """As `start_run`, in place of a message and all that follow it, which are deleted; without a `question` the
        answer alone. In one transaction, so that of two that replace the same message one gets a Conflict.
        """
        drafts = (answer,) if question is None else (question, answer)
        with self._writer.writing() as (connection, made):
            row = find_live(connection, owner=owner, session_id=session_id, lock=True)
            take_away(connection, row, message_id)
            return self._begin_run(connection, row, drafts, self._writer.slots(connection, row, made))

    def end_dead_runs(self) -> int:
        """Store as failed the answers whose process has been silent for a minute; their number."""
        late = utc_now() - _DEAD
        query = (
            select(answer_run.c.message_id, chat_session.c.id, chat_session.c.owner)
            .join(chat_session, chat_session.c.no == answer_run.c.session_no)
            .where(answer_run.c.beat_at < late)
        )
        with self._database.read() as connection:
            dead = connection.execute(query).all()
        for run in dead:
            with suppress(Cleared, NotFound, KeyDamaged):
                self._end_dead_run(run.owner, run.id, run.message_id)
        return len(dead)

    def _end_dead_run(self, owner: str, session_id: UUID, message_id: int) -> None:
        with self._database.read() as connection:
            row = find_live(connection, owner=owner, session_id=session_id)
            body = connection.execute(select(message.c.body).where(message.c.id == message_id)).scalar_one_or_none()
        if body is None:
            raise NotFound
        found = _as_it_stands(self._sealer.open_messages(session_id, slots_of(row), [(message_id, body)])[0], None)
        draft = Draft(**{field.name: getattr(found, field.name) for field in fields(Draft)})
        self.revise(owner=owner, session_id=session_id, message_id=message_id, draft=draft)

    def watch(self, *, owner: str, session_id: UUID) -> Watch:
        """A watch on a session that has been written to. Raises NotFound, Cleared."""
        with self._database.read() as connection:
            slots = slots_of(find_live(connection, owner=owner, session_id=session_id))
        if slots.meta is None:
            raise NotFound
        return Watch(self._keyring, slots)

    def alive(self, watches: Sequence[Watch]) -> tuple[bool, ...]:
        """Whether each watched session lives, asked of the keyring at once. Raises StoreUnavailable."""
        states = iter(self._keyring.states(slots=[slot for watch in watches for slot in watch.slots]))
        return tuple(CLEARED.isdisjoint([next(states) for _ in watch.slots]) for watch in watches)

    def _begin_run(
        self, connection: Connection, row: SessionRow, drafts: Sequence[Draft], slots: Slots
    ) -> tuple[Message, ...]:
        answer = drafts[-1]
        if answer.mode == "model":
            count_answer(connection, row.owner, self._answers_per_day)
        added = self._append(connection, row, drafts, slots)
        run = {"id": answer.run_id, "session_no": row.no, "message_id": added[-1].id, "beat_at": utc_now()}
        connection.execute(_START_RUN, run)
        return added

    def _append(
        self, connection: Connection, row: SessionRow, drafts: Sequence[Draft], slots: Slots
    ) -> tuple[Message, ...]:
        if row.next_seq + len(drafts) > MAX_MESSAGES:
            raise TooLarge("This chat is full. Please start a new one.", code="chat_full")
        first = message_id(row.no, row.next_seq)
        now = utc_now()
        added = tuple(message_of(draft, first + offset, now) for offset, draft in enumerate(drafts))
        bodies = self._sealer.seal_messages(row.id, slots, added)
        rows = [{"id": item.id, "body": body} for item, body in zip(added, bodies, strict=True)]
        _ADD_MESSAGES.execute_many(connection, rows)
        _COUNT_MESSAGES.execute(connection, {"row_no": row.no, "of_owner": row.owner, "added": len(added), "at": now})
        # A clear destroys the keys without waiting for this transaction: look once more before it commits.
        self._sealer.check(slots)
        return added

    def _set_title(self, connection: Connection, row: SessionRow, title: str, slots: Slots) -> None:
        sealed = self._sealer.seal_title(row.id, slots, title)
        connection.execute(update(chat_session).where(chat_session.c.no == row.no).values(title=sealed))
        self._sealer.check(slots)

    def _opened(self, row: SessionRow) -> ChatSession:
        return as_session(row, self._sealer.open_title(row.id, slots_of(row), row.title))

    def _opened_all(self, rows: Sequence[SessionRow]) -> tuple[ChatSession, ...]:
        sessions = []
        for row in rows:
            try:
                session = self._opened(row)
            except Cleared:
                continue
            except KeyDamaged:
                # Shown without its title, so that it can still be deleted; the others are shown as ever.
                logger.error("session %s: its key is damaged", row.id)  # noqa: TRY400  (a traceback says no more)
                session = as_session(row)
            sessions.append(replace(session, drafted=bool(row.drafted)))
        return tuple(sessions)


def _as_it_stands(found: Message, beat_at: datetime | None, thought: Feedback | None = None) -> Message:
    """A message with what is thought of it; a running answer whose process has not been heard of has failed."""
    if thought is not None:
        found = replace(found, feedback=thought)
    if found.state is not MessageState.RUNNING or (beat_at is not None and abs(utc_now() - beat_at) <= _SILENCE):
        return found
    return replace(found, state=MessageState.FAILED, error="The server stopped while it was answering.")


def _checked_title(title: str) -> str:
    title = " ".join(title.split())
    if len(title) > MAX_TITLE_CHARS:
        raise TooLarge(f"A title has at most {MAX_TITLE_CHARS} characters.", code="title_too_long")
    return title


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 8):
        raise InvalidInput("This cursor is not one of ours.", code="bad_cursor")
    return int(cursor)
