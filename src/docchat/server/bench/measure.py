"""Times: how they are taken, kept and read."""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

OWNER = "00000000-0000-4000-8000-000000000000"
"""Who owns all chats that are measured; over HTTP the account that signs in."""
OURS = "docchat"
MACHINE = "machine"
PROCESSORS = "processors"
LOAD_BEFORE = "load average at the start"
LOAD_AFTER = "load average at the end"
TURN_CHARS = 1000
"""Characters of each of the two messages of a turn."""


class Key(NamedTuple):
    """What was timed: in which `part` of the run, of `who`, doing `what`, at which `size` (messages or chats)."""

    part: str
    who: str
    what: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """Times of one thing, in milliseconds, at least one."""

    key: Key
    times: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle time."""
        return statistics.median(self.times)

    def percentile(self, percent: float) -> float:
        """The time that `percent` in 100 do not exceed (nearest rank)."""
        rank = math.ceil(len(self.times) * percent / 100)
        return sorted(self.times)[max(rank, 1) - 1]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured number that is no time."""

    part: str
    who: str
    what: str
    value: float


@dataclass(frozen=True, slots=True)
class Result:
    """All that a run measured. `notes` say what could not be measured and why, and what else is to be known."""

    series: tuple[Series, ...]
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]

    def find(self, part: str, who: str, what: str, size: int = 0) -> Series | None:
        """One series, None when it was not measured."""
        key = Key(part, who, what, size)
        return next((series for series in self.series if series.key == key), None)

    def median(self, part: str, who: str, what: str, size: int = 0) -> float | None:
        """The middle time of a series, None when it was not measured."""
        return self.percentile(50, part, who, what, size)

    def percentile(self, percent: float, part: str, who: str, what: str, size: int = 0) -> float | None:
        """A percentile of a series, its median for 50; None when it was not measured."""
        series = self.find(part, who, what, size)
        if series is None:
            return None
        return series.median if percent == 50 else series.percentile(percent)

    def figure(self, part: str, who: str, what: str) -> float | None:
        """One figure, None when it was not measured."""
        found = (item.value for item in self.figures if (item.part, item.who, item.what) == (part, who, what))
        return next(found, None)

    def part(self, part: str) -> Iterator[Series]:
        """The series of one part, in the order they were begun."""
        return (series for series in self.series if series.key.part == part)


@dataclass(slots=True)
class Recorder:
    """Collects what is measured while a run goes on."""

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _times: dict[Key, list[float]] = field(default_factory=dict)

    def add(self, key: Key, *milliseconds: float) -> None:
        """Keep more times of one thing."""
        self._times.setdefault(key, []).extend(milliseconds)

    def result(self) -> Result:
        """Everything so far."""
        series = tuple(Series(key, tuple(times)) for key, times in self._times.items() if times)
        return Result(series, tuple(self.figures), tuple(self.notes))


def timed(work: Callable[[], object]) -> float:
    """How long `work` takes, in milliseconds."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def as_json(result: Result) -> dict[str, Any]:
    """For programs; the bars are added by the report."""
    return {
        "times": [
            {
                **series.key._asdict(),
                "n": len(series.times),
                "median_ms": round(series.median, 4),
                "p95_ms": round(series.percentile(95), 4),
                "p99_ms": round(series.percentile(99), 4),
            }
            for series in result.series
        ],
        "figures": [
            {"part": item.part, "who": item.who, "what": item.what, "value": item.value} for item in result.figures
        ],
        "notes": list(result.notes),
    }
