"""How good the answers are on a folder of documents and questions: the logic of `docchat eval answers`.

Documents go through the product's own ingestion into a library that holds nothing else, questions through its own
answers, each in a chat of its own that begins with the turns that were before it.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from uuid import UUID

from ...documents.scope import Scope
from ...documents.terms import terms
from ...errors import DocChatError, InvalidInput
from ...types import AnswerEvent, ChatSession, Document, DocumentState, Draft, Message, Mode
from ..quotes.extractive import extract
from ..retrieve import Index, Turn, retrieve
from ..runs import Run
from .answer_figures import Report, Result
from .judging import held_marks, holds, said, share_said
from .question_sets import Asked, QuestionSet, read_set
from .shelf import OWNER, Jobs, Places, Progress, Shelf, ingest

_MOST_FAILURES = 5


class Asking(Protocol):
    """What an evaluation needs of Answers."""

    def start(self, *, owner: str, session_id: UUID, question: str, mode: Mode | None = None) -> Run:
        """Begin an answer."""

    def follow(self, *, owner: str, session_id: UUID, run_id: UUID, offset: int = 0) -> Iterator[AnswerEvent | None]:
        """The events of an answer."""


class IndexedShelf(Shelf, Protocol):
    """A library whose index is asked."""

    @property
    def index(self) -> Index:
        """The index of its passages."""

    def missing(self, *, owner: str, document_ids: Sequence[UUID]) -> frozenset[UUID]:
        """Those that are deleted."""


class Chats(Protocol):
    """What an evaluation needs of the session store."""

    def create(self, *, owner: str, title: str = "") -> ChatSession:
        """A new chat."""

    def append(self, *, owner: str, session_id: UUID, drafts: Sequence[Draft]) -> tuple[Message, ...]:
        """Add what was said before."""


class EvaluatedServices(Protocol):
    """The services under evaluation, over a library that holds nothing else."""

    @property
    def answers(self) -> Asking:
        """Answers."""

    @property
    def library(self) -> IndexedShelf:
        """The library."""

    @property
    def store(self) -> Chats:
        """The session store."""

    @property
    def worker(self) -> Jobs:
        """The worker."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked. `absent`: only every other document is taken in, and questions about the others are asked too.

    `sample` is how many questions are asked, evenly spread; 0: all.
    """

    mode: Mode | None = None
    absent: bool = False
    sample: int = 0


def read_questions(folder: Path) -> tuple[Asked, ...]:
    """All questions of a folder, unanswerable ones too. Raises InvalidInput."""
    return read_set(folder, all_questions=True).questions


def evaluate_answers(
    services: EvaluatedServices, folder: Path, plan: Plan = Plan(), *, progress: Progress = lambda text: None
) -> Report:
    """Take in the documents of `folder`, ask its questions and judge the answers. Raises InvalidInput."""
    data = read_set(folder, all_questions=True)
    questions = _sampled(data.questions, plan.sample)
    absent: frozenset[str] = frozenset()
    if plan.absent:
        data, absent = _halved(data)
        questions = tuple(asked for asked in questions if asked.right)
        if not questions:
            raise InvalidInput(f"No question of {folder} names its document.", code="no_questions")
    begun = time.perf_counter()
    keys = ingest(services, data, progress)
    while services.worker.run_due():  # what comes after reading: vectors
        pass
    seconds = time.perf_counter() - begun
    documents = {key: services.library.get(owner=OWNER, document_id=id) for key, id in keys.items()}
    ready = {key: document for key, document in documents.items() if document.state is DocumentState.READY}
    judge = _Judge(services, replace(data, questions=questions), ready, absent)
    progress(f"asking {len(questions)} questions")
    results = tuple(_asked_all(judge, questions, plan.mode))
    return Report(
        data=f"{data.name}, absent" if plan.absent else data.name,
        mode=next((result.mode for result in results), ""),
        documents=len(documents),
        unread=len(documents) - len(ready),
        ingest_seconds=seconds,
        results=results,
    )


def _asked_all(judge: "_Judge", questions: Sequence[Asked], mode: Mode | None) -> Iterator[Result]:
    """The outcomes, failed answers too; several of these in a row are the server's failure, which ends it."""
    failures = 0
    for asked in questions:
        result = judge.result(asked, mode)
        failures = failures + 1 if result.failed else 0
        if failures == _MOST_FAILURES:
            raise DocChatError(result.answer, code=result.failed)
        yield result


def _sampled(questions: Sequence[Asked], count: int) -> tuple[Asked, ...]:
    if not 0 < count < len(questions):
        return tuple(questions)
    return tuple(questions[number * len(questions) // count] for number in range(count))


def _halved(data: QuestionSet) -> tuple[QuestionSet, frozenset[str]]:
    """The set with every other document left out, and the keys of those."""
    keys = sorted(data.documents)
    return replace(data, documents={key: data.documents[key] for key in keys[::2]}), frozenset(keys[1::2])


@dataclass(frozen=True, slots=True)
class _Timed:
    message: Message
    first_ms: float
    complete_ms: float
    failed: str = ""


class _Judge:
    """Asks and judges."""

    def __init__(
        self, services: EvaluatedServices, data: QuestionSet, ready: Mapping[str, Document], absent: frozenset[str]
    ) -> None:
        self._services = services
        self._keys = {document.id: key for key, document in ready.items()}
        self._places = Places(services.library, data, ready)
        self._absent = absent
        self._scored = bool(absent) or any(asked.unanswerable for asked in data.questions)

    def result(self, asked: Asked, mode: Mode | None) -> Result:
        """The outcome of one question."""
        timed = self._ask(asked, mode)
        message = timed.message
        absent = bool(self._absent) and all(right.document in self._absent for right in asked.right)
        answerable = not (absent or asked.unanswerable)
        sentences = () if timed.failed else said(message)
        wanted = (*asked.answers, asked.evidence)
        cited = [place for one in message.citations for place in self._places.of(one, asked.unit)]
        named = [self._keys.get(one.document_id) for one in message.citations]
        right, marks = held_marks(message, self._page)
        return Result(
            id=asked.id,
            question=asked.text,
            group=asked.group,
            kind="absent" if absent else "answerable" if answerable else "unanswerable",
            mode=message.mode or "",
            refused=message.refused,
            right_document=answerable and bool(named) and (not asked.right or named[0] in _documents(asked)),
            cited_evidence=answerable and any(place in asked.right for place in cited),
            holds_answer=answerable and holds(" ".join(sentences), wanted),
            holds_first=answerable and holds(" ".join(sentences[:1]), wanted),
            share_said=share_said(" ".join(sentences), asked.answers) if answerable else 0.0,
            marks=marks,
            marks_held=right,
            confidence=self._confidence(asked) if self._scored and message.mode == "quotes" else None,
            first_text_ms=round(timed.first_ms, 2),
            complete_ms=round(timed.complete_ms, 2),
            answer=message.text,
            failed=timed.failed,
        )

    def _page(self, document_id: UUID, number: int) -> str:
        return self._services.library.page(owner=OWNER, document_id=document_id, number=number).text

    def _ask(self, asked: Asked, mode: Mode | None) -> _Timed:
        services = self._services
        chat = services.store.create(owner=OWNER)
        if asked.history:
            drafts = [Draft("user" if role == "user" else "assistant", text) for role, text in asked.history]
            services.store.append(owner=OWNER, session_id=chat.id, drafts=drafts)
        begun = time.perf_counter()
        first = 0.0
        run = services.answers.start(owner=OWNER, session_id=chat.id, question=asked.text, mode=mode)
        for event in services.answers.follow(owner=OWNER, session_id=chat.id, run_id=run.id):
            if event is None:
                continue
            now = (time.perf_counter() - begun) * 1000
            if event.kind == "text":
                first = first or now
            if event.kind == "done" and event.message is not None:
                return _Timed(event.message, first or now, now)
            if event.kind in ("error", "cleared"):
                failed = replace(run.answer, text=event.error or "The answer was cleared.", citations=())
                return _Timed(failed, now, now, event.code or "cleared")
        raise DocChatError("The answer was cut short.")

    def _confidence(self, asked: Asked) -> float:
        """The log-odds by which the quoted answer refuses; asked for anew, since an answer does not carry it."""
        library, scope = self._services.library, Scope(OWNER)
        turns = [Turn(role, text) for role, text in asked.history]
        passages = retrieve(library.index, library, scope=scope, question=asked.text, history=turns)
        frequencies = library.index.frequencies(scope=scope, terms=terms(asked.text))
        return extract(asked.text, passages, frequencies).confidence


def _documents(asked: Asked) -> set[str]:
    return {right.document for right in asked.right}
