"""The page of the docs on finding passages: its table stands between two marks and is replaced by what was measured."""

from collections.abc import Sequence
from pathlib import Path

from ...answers.evaluation.retrieval import Figures, Report
from ...errors import InvalidInput

BEGIN = "<!-- docchat eval retrieval --write writes from here -->"
END = "<!-- to here -->"
PAGE = Path("reference/retrieval.md")

_HEADS = (
    "set", "counted by", "documents", "passages", "questions", "signal", "right document first", "R@1", "R@5", "R@10",
    "nDCG@10", "ms a question (p95)",
)  # fmt: skip


def write(reports: Sequence[Report], docs: Path) -> None:
    """Replace the rows of these sets in the page's table; those of others stay.

    Raises InvalidInput when the page has no marks for it.
    """
    page = docs / PAGE
    try:
        before, rest = page.read_text(encoding="utf-8").split(BEGIN)
        written, after = rest.split(END)
    except (FileNotFoundError, ValueError) as error:
        raise InvalidInput(f"{page} is not there, or has no marks for the table.") from error
    page.write_text(f"{before}{BEGIN}\n\n{table(reports, kept=_rows(written))}\n\n{END}{after}", encoding="utf-8")


def table(reports: Sequence[Report], *, kept: Sequence[str] = ()) -> str:
    """One table over all sets: a row for each signal, and for each group of questions by words and by the default.

    `kept` are rows of an earlier table; those of the sets in `reports` are left out.
    """
    measured = {report.data for report in reports}
    lines = [row for row in kept if _set_of(row) not in measured]
    lines += [_row(report, figure) for report in reports for figure in report.figures if _told(figure)]
    return "\n".join(["| " + " | ".join(_HEADS) + " |", "|---" * len(_HEADS) + "|", *lines])


def _told(figure: Figures) -> bool:
    return not figure.group or figure.signal != "meaning"


def _row(report: Report, figure: Figures) -> str:
    name = f"{report.data}, {figure.group}" if figure.group else report.data
    shares = (
        figure.right_document_first, figure.recall_1, figure.recall_5, figure.recall_10, figure.ndcg_10,
    )  # fmt: skip
    cells = [name, report.unit, report.documents, report.passages, figure.questions, figure.signal]
    cells += [f"{share:.3f}" for share in shares]
    cells.append(f"{figure.ms_median:.1f} ({figure.ms_p95:.1f})")
    return "| " + " | ".join(map(str, cells)) + " |"


def _rows(written: str) -> list[str]:
    """The rows of a table as it stands in the page, without its heads."""
    return [line for line in written.splitlines() if line.startswith("| ") and not line.startswith(f"| {_HEADS[0]} |")]


def _set_of(row: str) -> str:
    return row.split("|")[1].partition(",")[0].strip()
