"""How good the answers are on a folder of documents and questions: the logic of `docchat eval answers`.

The folder holds `docs/` and `questions.jsonl`, one question a line: `question`, `answers` (any one is right), `doc` (a
file name, a list of them, or null), `unanswerable`, and optionally `id`, `kind`, `docs` and `evidence` (words that
stand where the answer is). Documents go through the product's own ingestion, questions through its own answers.
"""

import json
import mimetypes
import re
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import BinaryIO, Protocol
from uuid import UUID

from ...errors import DocChatError, InvalidInput
from ...types import AnswerEvent, ChatSession, Document, DocumentState, Message, Mode
from ..runs import Run

OWNER = "evaluation"
"""The owner of everything that an evaluation stores."""

_QUOTED = re.compile(r"“([^”]*(?:”(?! \[\d)[^”]*)*)” \[(\d+)\]")
_INGEST_SECONDS = 600.0
_RUN = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7ff]")
_LETTERS = re.compile(r"\w+(?:[.,:/'-]\w+)*")


class Asked(Protocol):
    """What an evaluation needs of Answers."""

    def start(self, *, owner: str, session_id: UUID, question: str, mode: Mode | None = None) -> Run:
        """Begin an answer."""

    def follow(self, *, owner: str, session_id: UUID, run_id: UUID, offset: int = 0) -> Iterator[AnswerEvent | None]:
        """The events of an answer."""


class Shelf(Protocol):
    """What an evaluation needs of the library."""

    def add(self, *, owner: str, name: str, stream: BinaryIO, media_type: str) -> Document:
        """Take a file."""

    def get(self, *, owner: str, document_id: UUID) -> Document:
        """Look at it again."""


class Chats(Protocol):
    """What an evaluation needs of the session store."""

    def create(self, *, owner: str, title: str = "") -> ChatSession:
        """A new chat."""


class Jobs(Protocol):
    """What an evaluation needs of the worker."""

    def run_due(self) -> int:
        """Run the jobs that are due; how many were run."""


class EvaluatedServices(Protocol):
    """The services under evaluation, over a library that holds nothing else."""

    @property
    def answers(self) -> Asked:
        """Answers."""

    @property
    def library(self) -> Shelf:
        """The library."""

    @property
    def store(self) -> Chats:
        """The session store."""

    @property
    def worker(self) -> Jobs:
        """The worker."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question with what is known of its answer. Without `documents` any document is right."""

    id: str
    text: str
    answers: tuple[str, ...]
    documents: tuple[str, ...]
    kind: str
    unanswerable: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one question; times are milliseconds from asking."""

    id: str
    kind: str
    question: str
    unanswerable: bool
    right_document: bool
    holds_answer: bool
    refused: bool
    first_event_ms: float
    complete_ms: float
    answer: str


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an evaluation."""

    data: str
    documents: int
    unread: tuple[str, ...]
    ingest_seconds: float
    results: tuple[Result, ...]

    def as_dict(self) -> dict[str, object]:
        """Figures and results as plain values, for JSON."""
        return {**self._figures(), "results": [asdict(result) for result in self.results]}

    def table(self) -> str:
        """The figures for people, and the questions that went wrong."""
        figures = self._figures()
        width = max(map(len, figures))
        lines = [f"{name.replace('_', ' '):<{width}}  {_shown(value)}" for name, value in figures.items()]
        wrong = [line for result in self.results if (line := _complaint(result))]
        return "\n".join([*lines, *(["", "Went wrong:"] if wrong else []), *wrong])

    def _figures(self) -> dict[str, object]:
        answerable = [result for result in self.results if not result.unanswerable]
        unanswerable = [result for result in self.results if result.unanswerable]
        total = len(answerable)
        firsts = [result.first_event_ms for result in self.results]
        completes = [result.complete_ms for result in self.results]
        return {
            "data": self.data,
            "documents": self.documents,
            "unread_documents": list(self.unread),
            "ingest_seconds": round(self.ingest_seconds, 2),
            "questions": len(self.results),
            "right_document_first": [sum(r.right_document for r in answerable), total],
            "answer_in_quotes": [sum(r.holds_answer for r in answerable), total],
            "unanswerable_refused": [sum(r.refused for r in unanswerable), len(unanswerable)],
            "wrong_refusals": [sum(r.refused for r in answerable), total],
            "first_event_ms_median": round(median(firsts), 1) if firsts else None,
            "first_event_ms_p95": _percentile(firsts),
            "complete_ms_median": round(median(completes), 1) if completes else None,
            "complete_ms_p95": _percentile(completes),
        }


def evaluate_answers(services: EvaluatedServices, data_dir: Path, *, mode: Mode | None = None) -> Report:
    """Ingest `data_dir/docs`, ask every question of `data_dir/questions.jsonl`, and judge the answers.

    The services should belong to a temporary, empty library. Raises InvalidInput when the folder is not laid out so.
    """
    questions = read_questions(data_dir)
    begun = time.perf_counter()
    documents = _ingest(services, data_dir / "docs")
    seconds = time.perf_counter() - begun
    results = tuple(_judge(question, *_ask(services, question.text, mode)) for question in questions)
    unread = tuple(document.name for document in documents if document.state is not DocumentState.READY)
    return Report(data_dir.name, len(documents), unread, seconds, results)


def read_questions(data_dir: Path) -> tuple[Question, ...]:
    """The questions of a folder. Raises InvalidInput."""
    path = data_dir / "questions.jsonl"
    if not path.is_file() or not (data_dir / "docs").is_dir():
        raise InvalidInput(f"{data_dir} must hold docs/ and questions.jsonl.", code="no_questions")
    found = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                found.append(_question(line, number))
    return tuple(found)


def _question(line: str, number: int) -> Question:
    try:
        fields = json.loads(line)
        documents = fields.get("doc") or fields.get("docs") or []
        answers = list(fields.get("answers") or [])
        if fields.get("evidence"):
            answers.append(fields["evidence"])
        return Question(
            id=str(fields.get("id", number)),
            text=str(fields["question"]),
            answers=tuple(map(str, answers)),
            documents=(documents,) if isinstance(documents, str) else tuple(map(str, documents)),
            kind=str(fields.get("kind", "")),
            unanswerable=bool(fields.get("unanswerable", False)),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"Line {number} of questions.jsonl cannot be read.", code="bad_questions") from error


def _ingest(services: EvaluatedServices, folder: Path) -> list[Document]:
    waiting = []
    for path in sorted(folder.iterdir()):
        if path.is_file():
            media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            with path.open("rb") as stream:
                added = services.library.add(owner=OWNER, name=path.name, stream=stream, media_type=media_type)
            waiting.append(added.id)
    deadline = time.monotonic() + _INGEST_SECONDS
    while time.monotonic() < deadline:
        # A running worker may have taken a job: then there is nothing due here, and its end is awaited.
        if not services.worker.run_due():
            time.sleep(0.02)
        documents = [services.library.get(owner=OWNER, document_id=waited) for waited in waiting]
        if all(document.state in (DocumentState.READY, DocumentState.FAILED) for document in documents):
            return documents
    raise DocChatError("The documents could not be read in ten minutes.")


def _ask(services: EvaluatedServices, question: str, mode: Mode | None) -> tuple[Message, float, float]:
    """The finished answer, and the milliseconds to its first event and to its end."""
    session = services.store.create(owner=OWNER)
    begun = time.perf_counter()
    first = 0.0
    run = services.answers.start(owner=OWNER, session_id=session.id, question=question, mode=mode)
    for event in services.answers.follow(owner=OWNER, session_id=session.id, run_id=run.id):
        if event is None:
            continue
        now = (time.perf_counter() - begun) * 1000
        first = first or now
        if event.kind == "done" and event.message is not None:
            return event.message, first, now
        if event.kind in ("error", "cleared"):
            raise DocChatError(event.error or "The answer was cleared.", code=event.code or "cleared")
    raise DocChatError("The answer was cut short.")


def _judge(question: Question, message: Message, first: float, complete: float) -> Result:
    cited = message.citations[0].document_name if message.citations else None
    right = cited is not None and (not question.documents or cited in question.documents)
    return Result(
        id=question.id,
        kind=question.kind,
        question=question.text,
        unanswerable=question.unanswerable,
        right_document=right and not question.unanswerable,
        holds_answer=not question.unanswerable and holds(said(message), question.answers),
        refused=message.refused,
        first_event_ms=round(first, 2),
        complete_ms=round(complete, 2),
        answer=message.text,
    )


def said(message: Message) -> str:
    """What is judged: the quoted sentences, or the whole text that a model wrote."""
    if message.mode != "quotes":
        return message.text
    return " ".join(quote for quote, _ in _QUOTED.findall(message.text)[:3])


def holds(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands in the text, in whole words, whatever the case, blanks and punctuation."""
    words = f" {plain(text)} "
    return any(wanted and _stands(wanted, words) for wanted in map(plain, answers))


def _stands(wanted: str, words: str) -> bool:
    # Scripts without blanks have no whole words to compare.
    return wanted.replace(" ", "") in words.replace(" ", "") if _RUN.search(wanted) else f" {wanted} " in words


def plain(text: str) -> str:
    """The words of a text in NFKC, lower case, one blank apart."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    return " ".join(_LETTERS.findall(folded))


def _percentile(values: Sequence[float]) -> float | None:
    return round(sorted(values)[min(len(values) - 1, int(len(values) * 0.95))], 1) if values else None


def _shown(value: object) -> str:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, int) for part in value):
        return f"{value[0]} of {value[1]}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "-" if value is None else str(value)


def _complaint(result: Result) -> str:
    if result.unanswerable:
        wrong = [] if result.refused else ["not refused"]
    elif result.refused:
        wrong = ["wrongly refused"]
    else:
        wrong = [
            word
            for word, good in (("other document", result.right_document), ("no answer", result.holds_answer))
            if not good
        ]
    return f"  {result.id} {', '.join(wrong)}: {result.question}" if wrong else ""
