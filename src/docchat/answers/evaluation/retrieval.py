"""How well questions find their passages: the logic of `docchat eval retrieval`.

Documents go through the product's own ingestion into a library that holds nothing else, questions through its own
search. What is counted is what the set says: documents, pages or paragraphs, each once, in the order in which the
passages found lie in them.
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Protocol

from ...documents.index import Signal, Told
from ...documents.scope import Scope
from ...types import DocumentState, ScoredChunk
from ..retrieve import Turn, find
from .question_sets import Asked, Right, read_set
from .shelf import OWNER, Jobs, Places, Progress, Shelf, ingest

SIGNALS: tuple[Signal, ...] = ("words", "meaning", "default")
_DEEP = 40
"""Passages looked at for the first ten documents, pages or paragraphs."""
_SHOWN = 10


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


class IndexedShelf(Shelf, Protocol):
    """A library whose index is asked."""

    @property
    def index(self) -> Index:
        """The index of its passages."""


class EvaluatedServices(Protocol):
    """The services under evaluation, over a library that holds nothing else."""

    @property
    def library(self) -> IndexedShelf:
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
    keys = ingest(services, data, progress)
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
