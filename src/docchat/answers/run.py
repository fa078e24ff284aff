"""Answers: starts an answer run outside the request, and lets any request follow or stop it."""

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from ..config import Settings
from ..documents.scope import Scope
from ..errors import InvalidInput, TooLarge
from ..types import AnswerEvent, Chunk, Citation, Draft, MessageState, Mode, new_id
from .attachments import Attachments
from .models.characters import whole
from .models.model import ChatModel
from .models.registry import Choice, Models
from .relay import follow_stored, successor_of
from .retrieve import Index, Pages
from .runs import LiveRun, Run, Runs
from .section import Sections
from .sources import Sources
from .suggest import Shelf, first_questions
from .tools import Store, Tools
from .work import answer

__all__ = ["Answers", "Run"]

logger = logging.getLogger(__name__)


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
    ) -> None:
        self._store = store
        self._settings = settings
        self._models = models
        self._tools = Tools(store, index, library, None, settings, attachments, sections)
        self._runs = Runs(
            alive=store.alive, beat=lambda run_id: store.beat_run(run_id=run_id), limit=settings.max_running_answers
        )

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
        chosen = None if mode == "quotes" else self._models.choose(model)
        mode = mode or ("quotes" if chosen is None else "model")
        self._check(text, mode, chosen)
        self._runs.take_place(owner)
        live = None
        started = False
        try:
            asked = Draft("user", text, collections=collections, documents=documents)
            live = self._begin(owner, session_id, asked, mode)
            self._runs.add(live)
            threading.Thread(target=self._work, args=(live, chosen), name="docchat-answer", daemon=True).start()
            started = True
        finally:
            if not started:
                self._runs.give_place(owner)
                if live is not None:
                    self._runs.forget(live.run.id)
        return live.run

    def follow(self, *, owner: str, session_id: UUID, run_id: UUID, offset: int = 0) -> Iterator[AnswerEvent | None]:
        """The events of a run after `offset` characters of its text; None for each second of silence.

        The first is `passages` (with offset 0), the last one of `done`, `error`, `cleared`. Raises NotFound.
        """
        live = self._runs.find(owner=owner, session_id=session_id, run_id=run_id)
        if live is None:
            yield from follow_stored(self._store, owner=owner, session_id=session_id, run_id=run_id, offset=offset)
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

    def _check(self, question: str, mode: Mode, model: ChatModel | None) -> None:
        if not question:
            raise InvalidInput("Please type a question.", code="empty_question")
        if len(question) > self._settings.max_question_chars:
            raise TooLarge(
                f"A question has at most {self._settings.max_question_chars} characters.", code="question_too_long"
            )
        if mode == "model" and model is None:
            raise InvalidInput("No model is connected. Ask for quotes instead.", code="no_model")

    def _begin(self, owner: str, session_id: UUID, question: Draft, mode: Mode) -> LiveRun:
        run_id = new_id()
        empty = Draft("assistant", "", state=MessageState.RUNNING, mode=mode, run_id=run_id)
        asked, answered = self._store.start_run(owner=owner, session_id=session_id, question=question, answer=empty)
        watch = self._store.watch(owner=owner, session_id=session_id)
        return LiveRun(Run(run_id, owner, session_id, asked, answered, mode), watch)

    def _work(self, live: LiveRun, model: ChatModel | None) -> None:
        try:
            answer(live, replace(self._tools, model=model))
        finally:
            live.end()
            self._runs.give_place(live.run.owner)
