"""Answers: starts an answer run outside the request, and lets any request follow or stop it."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from ..config import Settings
from ..documents.scope import Scope
from ..errors import InvalidInput, TooLarge
from ..types import AnswerEvent, Chunk, Citation, Draft, Message, MessageState, Mode, new_id
from .attachments import Attachments
from .models.characters import whole
from .models.model import ChatModel
from .models.registry import Choice, Models
from .relay import Notes, follow_stored, successor_of
from .retrieve import Index, Pages
from .runs import LiveRun, Run, Runs
from .section import Sections
from .sources import Sources
from .suggest import Shelf, first_questions
from .titles import short_title
from .tools import Store, Tools, Usage
from .work import answer

__all__ = ["Answers", "Run"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Made:
    """How an answer is made, and by which model."""

    mode: Mode
    model: ChatModel | None


class Answers:
    """Answers questions in the chats of many owners, by quoting their documents or with a model.

    An answer is made by a thread of its own: a reader that leaves changes nothing, and may come back through any
    process. When its session is cleared the thread stops within a quarter of a second and drops what it holds.
    """

    def __init__(
        self,
        store: Store,
        index: Index,
        library: Pages,
        models: Models,
        settings: Settings,
        attachments: Attachments | None = None,
        sections: Sections | None = None,
        usage: Usage | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._models = models
        self._tools = Tools(store, index, library, None, settings, attachments, sections, usage)
        self._notes = Notes(lambda run_ids: store.follow_runs(run_ids=run_ids))
        self._runs = Runs(
            store,
            limit=settings.max_running_answers,
            most=settings.max_answers,
            grace=settings.answer_grace_seconds,
        )

    def tell_count(self, told: Callable[[int], None]) -> None:
        """Call `told` with how many answers run in this process, each time that changes, from whatever thread."""
        self._runs.counted = told

    @property
    def mode(self) -> Mode:
        """How questions are answered unless asked otherwise."""
        return "model" if self._models.choices() else "quotes"

    @property
    def model_name(self) -> str | None:
        """Name of the default model, None without one; empty while its server was not asked for it yet."""
        return next((choice.label for choice in self._models.choices()), None)

    def choices(self) -> Sequence[Choice]:
        """The models that may be asked, the default first."""
        return self._models.choices()

    def start(
        self,
        *,
        owner: str,
        session_id: UUID,
        question: str,
        mode: Mode | None = None,
        model: str | None = None,
        collections: tuple[UUID, ...] | None = None,
        documents: tuple[UUID, ...] = (),
    ) -> Run:
        """Store the question and begin to answer it, from everything the owner may read or from what was chosen.

        `model` is the id of one of `choices()`; without it the default is asked. Raises InvalidInput (empty_question,
        no_model, unknown_model), TooLarge (question_too_long), Overloaded, LimitReached, NotFound, Cleared.
        """
        text = whole(question).strip()
        made = self._chosen(mode, model)
        self._check(text, made)
        asked = Draft("user", text, collections=collections, documents=documents)

        def begin(answer: Draft) -> Sequence[Message]:
            return self._store.start_run(
                owner=owner, session_id=session_id, question=asked, answer=answer, title=short_title(text)
            )

        return self._launch(owner, session_id, made, begin)

    def regenerate(
        self, *, owner: str, session_id: UUID, message_id: int, mode: Mode | None = None, model: str | None = None
    ) -> Run:
        """Answer a question anew: the answer `message_id` and all that follow it are deleted as this one begins.

        Made as it was, unless told otherwise. Raises as `start`, and InvalidInput (not_an_answer), Conflict
        (message_replaced) when somebody else was first.
        """
        turn = self._store.turn(owner=owner, session_id=session_id, message_id=message_id)
        if turn[-1].role != "assistant" or len(turn) < 2:
            raise InvalidInput("Only answers can be made anew.", code="not_an_answer")
        before = turn[-1].mode if model is None else "model"
        made = self._chosen(mode or before, model)
        self._check(turn[0].text, made)
        return self._replace(owner, session_id, message_id, made, known=turn[0])

    def edit(
        self,
        *,
        owner: str,
        session_id: UUID,
        message_id: int,
        question: str,
        mode: Mode | None = None,
        model: str | None = None,
        scope: Scope | None = None,
    ) -> Run:
        """Ask something else in place of the question `message_id`: it and all that follow it are deleted.

        Asked of what it was asked of before, without a `scope`. Raises as `regenerate`, and not_a_question.
        """
        turn = self._store.turn(owner=owner, session_id=session_id, message_id=message_id)
        if turn[-1].role != "user":
            raise InvalidInput("Only questions can be changed.", code="not_a_question")
        of = scope or turn[-1]
        text = whole(question).strip()
        made = self._chosen(mode, model)
        self._check(text, made)
        asked = Draft("user", text, collections=of.collections, documents=of.documents)
        return self._replace(owner, session_id, message_id, made, asked=asked)

    def follow(self, *, owner: str, session_id: UUID, run_id: UUID, offset: int = 0) -> Iterator[AnswerEvent | None]:
        """The events of a run after `offset` characters of its text; None for each second of silence.

        The first is `passages` (with offset 0), the last one of `done`, `error`, `cleared`. Raises NotFound.
        """
        live = self._runs.find(owner=owner, session_id=session_id, run_id=run_id)
        if live is None:
            yield from follow_stored(
                self._store,
                owner=owner,
                session_id=session_id,
                run_id=run_id,
                offset=offset,
                note=self._notes.add,
            )
            return
        for event in live.follow(offset):
            if event is not None and event.kind == "cleared" and event.successor is None:
                event = replace(event, successor=successor_of(self._store, owner=owner, session_id=session_id))
            yield event

    def stop(self, *, owner: str, session_id: UUID, run_id: UUID) -> None:
        """End a running answer and keep what it has said; one that has ended is left alone. Raises NotFound."""
        live = self._runs.find(owner=owner, session_id=session_id, run_id=run_id)
        if live is None:
            self._store.stop_run(owner=owner, session_id=session_id, run_id=run_id)
        else:
            live.stop()

    def gone(self, told: Iterable[Chunk | Citation], *, owner: str, session_id: UUID) -> frozenset[UUID]:
        """The deleted documents and attachments among those that a chat's answers cite. Raises StoreError, Cleared."""
        return Sources(self._tools.library, self._tools.attachments, owner, session_id).gone(told)

    def suggestions(self, scope: Scope, shelf: Shelf) -> tuple[str, ...]:
        """At most four questions that the documents of `scope` answer. Raises StoreError, NotFound."""
        return first_questions(self._tools.index, shelf, scope=scope)

    def _chosen(self, mode: Mode | None, model: str | None) -> _Made:
        chosen = None if mode == "quotes" else self._models.choose(model)
        return _Made(mode or ("quotes" if chosen is None else "model"), chosen)

    def _check(self, question: str, made: _Made) -> None:
        if not question:
            raise InvalidInput("Please type a question.", code="empty_question")
        if len(question) > self._settings.max_question_chars:
            raise TooLarge(
                f"A question has at most {self._settings.max_question_chars} characters.", code="question_too_long"
            )
        if made.mode == "model" and made.model is None:
            raise InvalidInput("No model is connected. Ask for quotes instead.", code="no_model")

    def _replace(
        self,
        owner: str,
        session_id: UUID,
        message_id: int,
        made: _Made,
        *,
        asked: Draft | None = None,
        known: Message | None = None,
    ) -> Run:
        """Begin an answer in place of what there is from a message on, and end what runs of that here."""

        def begin(answer: Draft) -> Sequence[Message]:
            added = self._store.replace_run(
                owner=owner, session_id=session_id, message_id=message_id, question=asked, answer=answer
            )
            return added if known is None else (known, *added)

        run = self._launch(owner, session_id, made, begin)
        self._runs.replaced(session_id=session_id, first=message_id, by=run.id)
        return run

    def _launch(self, owner: str, session_id: UUID, made: _Made, begin: Callable[[Draft], Sequence[Message]]) -> Run:
        """Take a place, let `begin` store the running answer after its question, and start its thread."""
        self._runs.take_place(owner)
        live = None
        started = False
        try:
            run_id = new_id()
            asked, answered = begin(Draft("assistant", "", state=MessageState.RUNNING, mode=made.mode, run_id=run_id))
            watch = self._store.watch(owner=owner, session_id=session_id)
            live = LiveRun(Run(run_id, owner, session_id, asked, answered, made.mode), watch)
            self._runs.add(live)
            threading.Thread(target=self._work, args=(live, made.model), name="docchat-answer", daemon=True).start()
            started = True
        finally:
            if not started:
                self._runs.give_place(owner)
                if live is not None:
                    self._runs.forget(live.run.id)
        return live.run

    def _work(self, live: LiveRun, model: ChatModel | None) -> None:
        try:
            answer(live, replace(self._tools, model=model))
        finally:
            live.end()
            self._runs.give_place(live.run.owner)
