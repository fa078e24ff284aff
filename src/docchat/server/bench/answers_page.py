"""The page of the docs on answers: its table stands between two marks and is replaced by what was measured."""

from collections.abc import Sequence
from pathlib import Path

from ...answers.evaluation.answer_figures import Figures, Report
from .set_table import rewrite

BEGIN = "<!-- docchat eval answers --write writes from here -->"
PAGE = Path("reference/answers.md")

_HEADS = (
    "set", "mode", "questions", "answer in 3 sentences", "in the first", "words of the answer", "evidence cited",
    "citation precision", "wrongly refused", "unanswerable refused", "absent refused", "AUC unanswerable",
    "AUC absent", "ms to first text (p95)",
)  # fmt: skip


def write(reports: Sequence[Report], docs: Path) -> None:
    """Replace the rows of these sets in the page's table; those of others stay.

    Raises InvalidInput when the page has no marks for it.
    """
    rows = [_row(report, figures) for report in reports for figures in report.figures()]
    rewrite(docs / PAGE, BEGIN, _HEADS, rows)


def _row(report: Report, figures: Figures) -> tuple[str, ...]:
    name = f"{report.data}, {figures.group}" if figures.group else report.data
    shares = (
        figures.answer_in_quotes, figures.answer_in_first_sentence, figures.words_of_the_answer,
        figures.evidence_cited, figures.citation_precision, figures.wrong_refusals, figures.unanswerable_refused,
        figures.absent_refused, figures.unanswerable_auc, figures.absent_auc,
    )  # fmt: skip
    times = f"{figures.first_text_ms_median} ({figures.first_text_ms_p95})"
    return (name, report.mode, str(figures.questions), *map(_share, shares), times)


def _share(value: tuple[int, int] | float | None) -> str:
    if isinstance(value, tuple):
        return f"{value[0] / value[1]:.3f}" if value[1] else "-"
    return "-" if value is None else f"{value:.3f}"
