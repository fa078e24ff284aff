"""The page of the docs: its tables stand between two marks and are replaced by what a run has measured."""

from pathlib import Path

from ...errors import InvalidInput
from . import plot
from .measure import Result
from .report import machine, tables

BEGIN = "<!-- docchat bench --write writes from here -->"
END = "<!-- to here -->"
PAGE = Path("reference/benchmark.md")
PLOT = Path("images/bench-clear.svg")


def write(result: Result, docs: Path) -> None:
    """Replace the tables of the page and the plot. Raises InvalidInput when the page has no such marks."""
    page = docs / PAGE
    try:
        before, rest = page.read_text(encoding="utf-8").split(BEGIN)
        _, after = rest.split(END)
    except (FileNotFoundError, ValueError) as error:
        raise InvalidInput(f"{page} is not there, or has no marks for the tables.") from error
    parts = [table.markdown() for table in tables(result)]
    if said := machine(result):
        parts.insert(0, said)
    drawn = plot.svg(result)
    if drawn is not None:
        (docs / PLOT).write_text(drawn, encoding="utf-8")
        parts.insert(0, f"![Time of a clear against the number of messages](../{PLOT})")
    if result.notes:
        parts.append("\n".join(["### Remarks", "", *(f"- {note}" for note in result.notes)]))
    middle = "\n\n".join(parts)
    page.write_text(f"{before}{BEGIN}\n\n{middle}\n\n{END}{after}", encoding="utf-8")
