"""The page of the docs on finding passages: its table stands between two marks and is replaced by what was measured."""

from collections.abc import Sequence
from pathlib import Path

from ...answers.evaluate_retrieval import Report
from ...errors import InvalidInput

BEGIN = "<!-- docchat eval retrieval --write writes from here -->"
END = "<!-- to here -->"
PAGE = Path("reference/retrieval.md")

_HEADS = (
    "set", "counted by", "documents", "passages", "questions", "signal", "right document first", "R@1", "R@5", "R@10",
    "nDCG@10", "ms a question (p95)",
)  # fmt: skip


def write(reports: Sequence[Report], docs: Path) -> None:
    """Replace the table of the page. Raises InvalidInput when the page has no such marks."""
    page = docs / PAGE
    try:
        before, rest = page.read_text(encoding="utf-8").split(BEGIN)
        _, after = rest.split(END)
    except (FileNotFoundError, ValueError) as error:
        raise InvalidInput(f"{page} is not there, or has no marks for the table.") from error
    page.write_text(f"{before}{BEGIN}\n\n{table(reports)}\n\n{END}{after}", encoding="utf-8")


def table(reports: Sequence[Report]) -> str:
    """One table over all sets: a row for each signal, and for each group of questions by the default."""
    lines = ["| " + " | ".join(_HEADS) + " |", "|---" * len(_HEADS) + "|"]
    for report in reports:
        for figure in report.figures:
            if figure.group and figure.signal == "meaning":
                continue
            name = f"{report.data}, {figure.group}" if figure.group else report.data
            shares = (
                figure.right_document_first, figure.recall_1, figure.recall_5, figure.recall_10, figure.ndcg_10,
            )  # fmt: skip
            cells = [name, report.unit, report.documents, report.passages, figure.questions, figure.signal]
            cells += [f"{share:.3f}" for share in shares]
            cells.append(f"{figure.ms_median:.1f} ({figure.ms_p95:.1f})")
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)
