"""How well questions find their passages: the logic of `docchat eval retrieval`.

Documents go through the product's own ingestion into a library that holds nothing else, questions through its own
search. What is counted is what the set says: documents, pages or paragraphs, each once, in the order in which the
passages found lie in them.
"""

import io
import math
import time
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import BinaryIO, Protocol
from uuid import UUID

from ...documents.index import Signal, Told
from ...documents.scope import Scope
from ...errors import DocChatError
from ...types import Chunk, Document, DocumentState, PageText, ScoredChunk
from ..retrieve import Turn, find
from .answering import OWNER
from .question_sets import Asked, QuestionSet, Right, read_set

SIGNALS: tuple[Signal, ...] = ("words", "meaning", "default")
_DEEP = 40
"""Passages looked at for the first ten documents, pages or paragraphs."""
_SHOWN = 10
_BEGINNING = 80
_INGEST_SECONDS = 4 * 3600.0

Progress = Callable[[str], None]


class Index(Protocol):
    """What an evaluation needs of the index."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        """What a search can go by."""

    @property
    def embedder(self) -> str:
        """Name of what makes its vectors."""

    def search(
        self,
        *,
        scope: Scope,
        question: str,
        limit: int = 10,
        signal: Signal = "default",
        about: Sequence[Told] = (),
    ) -> tuple[ScoredChunk, ...]:
        """Passages, best first."""

    def frequencies(self, *, scope: Scope, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """How many passages there are, and how many hold each term."""


class Shelf(Protocol):
    """What an evaluation needs of the library."""

    @property
    def index(self) -> Index:
        """The index of its passages."""

    def add(self, *, owner: str, name: str, stream: BinaryIO, media_type: str) -> Document:
        """Take a file."""

    def get(self, *, owner: str, document_id: UUID) -> Document:
        """Look at it again."""

    def page(self, *, owner: str, document_id: UUID, number: int) -> PageText:
        """A page of it."""


class Jobs(Protocol):
    """What an evaluation needs of the worker."""

    def run_due(self) -> int:
        """Run the jobs that are due; how many were run."""


class EvaluatedServices(Protocol):
    """The services under evaluation, over a library that holds nothing else."""

    @property
    def library(self) -> Shelf:
        """The library."""

    @property
    def worker(self) -> Jobs:
        """The worker."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The outcome of one signal over some questions; shares from 0 to 1, milliseconds a question."""

    signal: str
    group: str
    questions: int
    right_document_first: float
    recall_1: float
    recall_5: float
    recall_10: float
    ndcg_10: float
    ms_median: float
    ms_p95: float

    def as_dict(self) -> dict[str, object]:
        """The names that people know the measures by."""
        return {
            "signal": self.signal,
            "group": self.group,
            "questions": self.questions,
            "right_document_first": self.right_document_first,
            "R@1": self.recall_1,
            "R@5": self.recall_5,
            "R@10": self.recall_10,
            "nDCG@10": self.ndcg_10,
            "ms_median": self.ms_median,
            "ms_p95": self.ms_p95,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an evaluation. `missing`: right places that the documents as they were read do not have."""

    data: str
    unit: str
    documents: int
    unread: int
    passages: int
    missing: int
    ingest_seconds: float
    embedder: str
    figures: tuple[Figures, ...]

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return {
            "data": self.data,
            "unit": self.unit,
            "documents": self.documents,
            "unread_documents": self.unread,
            "passages": self.passages,
            "missing_places": self.missing,
            "ingest_seconds": round(self.ingest_seconds, 2),
            "embedder": self.embedder,
            "results": [figure.as_dict() for figure in self.figures],
        }

    def table(self) -> str:
        """The figures for people."""
        head = (
            f"{self.data}: {self.documents} documents, {self.passages} passages, read in {self.ingest_seconds:.1f} s; "
            f"counted by {self.unit}"
        )
        notes = [f"{self.unread} documents could not be read"] if self.unread else []
        notes += [f"{self.missing} right places were not found in the documents as read"] if self.missing else []
        notes += [f"second signal: {self.embedder}" if self.embedder else "no second signal is set up"]
        rows = [
            [f.signal, f.group or "all", str(f.questions), *_shares(f), f"{f.ms_median:.1f} ({f.ms_p95:.1f})"]
            for f in self.figures
        ]
        heads = ["signal", "group", "questions", "first doc", "R@1", "R@5", "R@10", "nDCG@10", "ms (p95)"]
        widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [heads, *rows]
        ]
        return "\n".join([head, *notes, "", *(line.rstrip() for line in lines)])


def _shares(f: Figures) -> list[str]:
    values = (f.right_document_first, f.recall_1, f.recall_5, f.recall_10, f.ndcg_10)
    return [f"{value:.3f}" for value in values]


def evaluate_retrieval(
    services: EvaluatedServices, folder: Path, *, signals: Sequence[Signal] = (), progress: Progress = lambda text: None
) -> Report:
    """Ingest the documents of `folder`, ask its questions and count what is found. Raises InvalidInput.

    Without `signals` each that can be had is measured.
    """
    data = read_set(folder)
    begun = time.perf_counter()
    keys = _ingest(services, data, progress)
    documents = {key: services.library.get(owner=OWNER, document_id=id) for key, id in keys.items()}
    ready = {key: document for key, document in documents.items() if document.state is DocumentState.READY}
    while services.worker.run_due():  # what comes after reading: vectors
        pass
    read = time.perf_counter()
    places = Places(services.library, data, ready)
    index = services.library.index
    available = [signal for signal in (signals or SIGNALS) if signal in index.signals]
    figures: list[Figures] = []
    for signal in available:
        progress(f"asking {len(data.questions)} questions by {signal}")
        outcomes = [_ask(index, places, asked, signal) for asked in data.questions]
        figures += _summed(signal, data.questions, outcomes)
    return Report(
        data=data.name,
        unit=", ".join(dict.fromkeys(asked.unit for asked in data.questions)) or "document",
        documents=len(documents),
        unread=len(documents) - len(ready),
        passages=sum(document.passages for document in ready.values()),
        missing=places.missing(data.questions),
        ingest_seconds=read - begun,
        embedder=index.embedder,
        figures=tuple(figures),
    )


def _ingest(services: EvaluatedServices, data: QuestionSet, progress: Progress) -> dict[str, UUID]:
    """Take the documents in and wait until each was read; their ids by their keys."""
    ids: dict[str, UUID] = {}
    told = 0.0
    for key, content in data.documents.items():
        name, stream = _file(key, content)
        with stream:
            ids[key] = services.library.add(owner=OWNER, name=name, stream=stream, media_type="").id
    waiting = list(ids.values())
    deadline = time.monotonic() + _INGEST_SECONDS
    while waiting and time.monotonic() < deadline:
        # A running worker may have taken a job: then there is nothing due here, and its end is awaited.
        if not services.worker.run_due():
            time.sleep(0.02)
        waiting = [id for id in waiting if not _settled(services.library, id)]
        if time.monotonic() - told > 5:
            told = time.monotonic()
            progress(f"reading: {len(ids) - len(waiting)} of {len(ids)}")
    if waiting:
        raise DocChatError("The documents could not be read in time.")
    return ids


def _file(key: str, content: Path | str) -> tuple[str, BinaryIO]:
    if isinstance(content, Path):
        return content.name, content.open("rb")
    return f"{key.removesuffix('.md')}.html", io.BytesIO(content.encode())


def _settled(library: Shelf, id: UUID) -> bool:
    return library.get(owner=OWNER, document_id=id).state in (DocumentState.READY, DocumentState.FAILED)


class Places:
    """Tells which documents, pages or paragraphs of a set a passage lies in."""

    def __init__(self, library: Shelf, data: QuestionSet, ready: Mapping[str, Document]) -> None:
        self._keys = {document.id: key for key, document in ready.items()}
        self._pages = {key: document.pages for key, document in ready.items()}
        cut = {right.document for asked in data.questions if asked.unit == "paragraph" for right in asked.right}
        self._paragraphs = {
            key: Paragraphs(_texts(library, ready[key]), _source(data.documents[key]))
            for key in sorted(cut & ready.keys())
        }

    def of(self, chunk: Chunk, unit: str) -> list[Right]:
        """The places of a passage, the one that holds most of it first."""
        key = self._keys.get(chunk.document_id)
        if key is None:
            return []
        if unit == "page":
            return [Right(key, chunk.page)]
        if unit == "paragraph":
            found = self._paragraphs.get(key)
            return [Right(key, number) for number in found.of(chunk)] if found else [Right(key, -1)]
        return [Right(key)]

    def missing(self, questions: Iterable[Asked]) -> int:
        """How many right places there are that the documents as they were read do not have."""
        places = {(right, asked.unit) for asked in questions for right in asked.right}
        return sum(not self._has(right, unit) for right, unit in places)

    def _has(self, right: Right, unit: str) -> bool:
        if right.document not in self._pages:
            return False
        if unit == "page":
            return 1 <= (right.number or 0) <= self._pages[right.document]
        return unit == "document" or self._paragraphs[right.document].has(right.number)


class Paragraphs:
    """Where the paragraphs of a file stand in its pages as they were read, compared by letters and digits alone."""

    def __init__(self, pages: Sequence[PageText], source: str) -> None:
        self._letters: dict[int, tuple[list[int], int]] = {}
        all_letters: list[str] = []
        length = 0
        for page in pages:
            letters, offsets = _letters(page.text)
            self._letters[page.number] = (offsets, length)
            all_letters.append(letters)
            length += len(letters)
        whole = "".join(all_letters)
        self._starts: list[int] = []
        self._numbers: list[int] = []
        cursor = 0
        for number, paragraph in enumerate(_paragraphs(source)):
            wanted = _letters(paragraph)[0]
            # Its beginning tells where it stands, should the reader have left out something of it.
            at = whole.find(wanted[:_BEGINNING], cursor) if wanted else -1
            if at >= 0:
                self._starts.append(at)
                self._numbers.append(number)
                cursor = at + 1

    def has(self, number: int | None) -> bool:
        """Whether the paragraph was found."""
        return number in self._numbers

    def of(self, chunk: Chunk) -> list[int]:
        """The paragraphs that a passage lies in, the one with most of it first."""
        if chunk.page not in self._letters:
            return []
        offsets, before = self._letters[chunk.page]
        start, end = (before + bisect_right(offsets, at - 1) for at in (chunk.start, chunk.end))
        first = max(0, bisect_right(self._starts, start) - 1)
        shares: list[tuple[int, int]] = []
        for place in range(first, len(self._starts)):
            begins = self._starts[place]
            ends = self._starts[place + 1] if place + 1 < len(self._starts) else end
            if begins >= end:
                break
            if (share := min(end, ends) - max(start, begins)) > 0:
                shares.append((-share, self._numbers[place]))
        return [number for _, number in sorted(shares)]


def _paragraphs(source: str) -> list[str]:
    """The paragraphs of a file, parted by blank lines; a heading at its start is none."""
    pieces = [piece for piece in source.replace("\r\n", "\n").split("\n\n") if piece.strip()]
    return pieces[1:] if pieces and pieces[0].lstrip().startswith("#") and "\n" not in pieces[0].strip() else pieces


def _letters(text: str) -> tuple[str, list[int]]:
    """Letters and digits of a text, folded, and for each where it stands."""
    found: list[str] = []
    offsets: list[int] = []
    for place, character in enumerate(text):
        for one in (
            unicodedata.normalize("NFKC", character).casefold() if not character.isascii() else character.lower()
        ):
            if one.isalnum():
                found.append(one)
                offsets.append(place)
    return "".join(found), offsets


def _texts(library: Shelf, document: Document) -> list[PageText]:
    return [library.page(owner=OWNER, document_id=document.id, number=n) for n in range(1, document.pages + 1)]


def _source(content: Path | str) -> str:
    return content.read_text(encoding="utf-8", errors="replace") if isinstance(content, Path) else content


@dataclass(frozen=True, slots=True)
class _Outcome:
    ranked: tuple[Right, ...]
    ms: float


def _ask(index: Index, places: Places, asked: Asked, signal: Signal) -> _Outcome:
    history = tuple(Turn(role, text) for role, text in asked.history)
    begun = time.perf_counter()
    found = find(index, scope=Scope(owner=OWNER), question=asked.text, history=history, limit=_DEEP, signal=signal)
    ms = (time.perf_counter() - begun) * 1000
    ranked = dict.fromkeys(place for scored in found for place in places.of(scored.chunk, asked.unit))
    return _Outcome(tuple(ranked)[:_SHOWN], ms)


def _summed(signal: str, questions: Sequence[Asked], outcomes: Sequence[_Outcome]) -> list[Figures]:
    """Over all questions, and over each group when there are several."""
    pairs = list(zip(questions, outcomes, strict=True))
    groups = sorted({asked.group for asked in questions})
    found = [_figures(signal, "", pairs)]
    if len(groups) > 1:
        found += [_figures(signal, group, [pair for pair in pairs if pair[0].group == group]) for group in groups]
    return found


def _figures(signal: str, group: str, pairs: Sequence[tuple[Asked, _Outcome]]) -> Figures:
    count = max(1, len(pairs))

    def mean(values: Iterable[float]) -> float:
        return round(sum(values) / count, 4)

    times = sorted(outcome.ms for _, outcome in pairs) or [0.0]
    return Figures(
        signal=signal,
        group=group,
        questions=len(pairs),
        right_document_first=mean(_first(asked, outcome) for asked, outcome in pairs),
        recall_1=mean(_recall(asked, outcome, 1) for asked, outcome in pairs),
        recall_5=mean(_recall(asked, outcome, 5) for asked, outcome in pairs),
        recall_10=mean(_recall(asked, outcome, 10) for asked, outcome in pairs),
        ndcg_10=mean(_ndcg(asked, outcome) for asked, outcome in pairs),
        ms_median=round(median(times), 2),
        ms_p95=round(times[min(len(times) - 1, int(len(times) * 0.95))], 2),
    )


def _first(asked: Asked, outcome: _Outcome) -> float:
    return float(bool(outcome.ranked) and outcome.ranked[0].document in {right.document for right in asked.right})


def _recall(asked: Asked, outcome: _Outcome, depth: int) -> float:
    return sum(place in asked.right for place in outcome.ranked[:depth]) / len(asked.right)


def _ndcg(asked: Asked, outcome: _Outcome) -> float:
    gained = sum(asked.right.get(place, 0.0) / math.log2(rank + 2) for rank, place in enumerate(outcome.ranked))
    best = sorted(asked.right.values(), reverse=True)[:_SHOWN]
    return gained / sum(grade / math.log2(rank + 2) for rank, grade in enumerate(best))
