"""A table of the docs with rows for each set of questions, between two marks: the rows of a set are replaced."""

from collections.abc import Sequence
from pathlib import Path

from ...errors import InvalidInput

END = "<!-- to here -->"


def rewrite(page: Path, begin: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write `rows`, whose first two cells name set and mode; rows that stand there under other names are kept.

    Raises InvalidInput when the page has no marks for it.
    """
    try:
        before, rest = page.read_text(encoding="utf-8").split(begin)
        written, after = rest.split(END)
    except (FileNotFoundError, ValueError) as error:
        raise InvalidInput(f"{page} is not there, or has no marks for the table.") from error
    names = {tuple(row[:2]) for row in rows}
    kept = [line for line in written.splitlines() if line.startswith("| ") and not line.startswith(f"| {heads[0]} |")]
    lines = [line for line in kept if _name(line) not in names]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    table = "\n".join(["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|", *lines])
    page.write_text(f"{before}{begin}\n\n{table}\n\n{END}{after}", encoding="utf-8")


def _name(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.split("|")[1:3])
