"""The figures of an evaluation of answers, for people and as plain values."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Literal

Kind = Literal["answerable", "unanswerable", "absent"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one question; times are milliseconds from asking, `confidence` log-odds."""

    id: str
    question: str
    group: str
    kind: Kind
    mode: str
    refused: bool
    right_document: bool
    cited_evidence: bool
    holds_answer: bool
    holds_first: bool
    share_said: float
    marks: int
    marks_held: int
    confidence: float | None
    first_text_ms: float
    complete_ms: float
    answer: str
    failed: str = ""
    """The code of the error that ended the answer: nothing of it counts then."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Over some questions: pairs are (so many, of so many), None where nothing was to be counted."""

    group: str
    questions: int
    failed: tuple[int, int]
    right_document_first: tuple[int, int]
    answer_in_quotes: tuple[int, int]
    answer_in_first_sentence: tuple[int, int]
    words_of_the_answer: float | None
    evidence_cited: tuple[int, int]
    citation_precision: tuple[int, int]
    wrong_refusals: tuple[int, int]
    unanswerable_refused: tuple[int, int]
    absent_refused: tuple[int, int]
    unanswerable_auc: float | None
    absent_auc: float | None
    first_text_ms_median: float | None
    first_text_ms_p95: float | None
    complete_ms_median: float | None
    complete_ms_p95: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an evaluation."""

    data: str
    mode: str
    documents: int
    unread: int
    ingest_seconds: float
    results: tuple[Result, ...]

    def figures(self) -> tuple[Figures, ...]:
        """Over all questions, and over each group when there are several."""
        groups = sorted({result.group for result in self.results})
        parts = [(group, [one for one in self.results if one.group == group]) for group in groups]
        return (_figures("", self.results), *(_figures(*part) for part in parts if len(parts) > 1))

    def as_dict(self) -> dict[str, object]:
        """Figures and results as plain values, for JSON."""
        whole, *groups = self.figures()
        return {
            **self._head(),
            **_plain(whole),
            "groups": [_plain(figures) | {"group": figures.group} for figures in groups],
            "results": [asdict(result) for result in self.results],
        }

    def table(self) -> str:
        """The figures for people, and the questions that went wrong."""
        shown = {**self._head(), **_plain(self.figures()[0])}
        width = max(map(len, shown))
        lines = [f"{name.replace('_', ' '):<{width}}  {_shown(value)}" for name, value in shown.items()]
        for figures in self.figures()[1:]:
            lines += [
                f"{figures.group}: answer in quotes {_shown(figures.answer_in_quotes)}, wrongly refused "
                f"{_shown(figures.wrong_refusals)}, absent refused {_shown(figures.absent_refused)}"
            ]
        wrong = [line for result in self.results if (line := _complaint(result))]
        return "\n".join([*lines, *(["", "Went wrong:"] if wrong else []), *wrong])

    def _head(self) -> dict[str, object]:
        return {
            "data": self.data,
            "mode": self.mode,
            "documents": self.documents,
            "unread_documents": self.unread,
            "ingest_seconds": round(self.ingest_seconds, 2),
        }


def _figures(group: str, results: Sequence[Result]) -> Figures:
    answerable, unanswerable, absent = (
        [one for one in results if one.kind == kind] for kind in ("answerable", "unanswerable", "absent")
    )
    total = len(answerable)
    firsts, completes = [one.first_text_ms for one in results], [one.complete_ms for one in results]
    return Figures(
        group=group,
        questions=len(results),
        failed=(sum(bool(one.failed) for one in results), len(results)),
        right_document_first=(sum(one.right_document for one in answerable), total),
        answer_in_quotes=(sum(one.holds_answer for one in answerable), total),
        answer_in_first_sentence=(sum(one.holds_first for one in answerable), total),
        words_of_the_answer=round(sum(one.share_said for one in answerable) / total, 3) if total else None,
        evidence_cited=(sum(one.cited_evidence for one in answerable), total),
        citation_precision=(sum(one.marks_held for one in results), sum(one.marks for one in results)),
        wrong_refusals=(sum(one.refused for one in answerable), total),
        unanswerable_refused=(sum(one.refused for one in unanswerable), len(unanswerable)),
        absent_refused=(sum(one.refused for one in absent), len(absent)),
        unanswerable_auc=_area(answerable, unanswerable),
        absent_auc=_area(answerable, absent),
        first_text_ms_median=round(median(firsts), 1) if firsts else None,
        first_text_ms_p95=_percentile(firsts),
        complete_ms_median=round(median(completes), 1) if completes else None,
        complete_ms_p95=_percentile(completes),
    )


def _area(good: Sequence[Result], bad: Sequence[Result]) -> float | None:
    """How often an answerable question scores above one that is not (0.5 is chance), counted by ranks."""
    scored = sorted(
        [(one.confidence, True) for one in good if one.confidence is not None]
        + [(one.confidence, False) for one in bad if one.confidence is not None]
    )
    wins = sum(is_good for _, is_good in scored)
    losses = len(scored) - wins
    if not wins or not losses:
        return None
    below = above = 0
    for _, is_good in scored:
        above += below if is_good else 0
        below += not is_good
    return round(above / (wins * losses), 3)


def _plain(figures: Figures) -> dict[str, object]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(figures).items()
        if name != "group"
    }


def _percentile(values: Sequence[float]) -> float | None:
    return round(sorted(values)[min(len(values) - 1, int(len(values) * 0.95))], 1) if values else None


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"{value[0]} of {value[1]}" + (f" ({value[0] / value[1]:.3f})" if value[1] else "")
    return "-" if value is None else str(value)


def _complaint(result: Result) -> str:
    if result.failed:
        wrong = [f"failed, {result.failed}"]
    elif result.kind != "answerable":
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
