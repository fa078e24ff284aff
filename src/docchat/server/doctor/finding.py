"""What the doctor found, and what could be done about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..home import Home

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `repair` puts it right and returns what it did, empty when it could not."""

    level: Level
    text: str
    repair: Callable[[], str] | None = None


Check = Callable[[Home], Iterator[Finding]]


def counted(number: int, what: str, *, repair: Callable[[], str] | None = None, level: Level = "fail") -> Finding:
    """A number that should be 0."""
    return Finding(level, f"{number} {what}", repair) if number else Finding("ok", f"0 {what}")
