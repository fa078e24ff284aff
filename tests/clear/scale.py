"""How often things are tried: a short form in `make test`, the long one with PROVE=long, which `make prove` sets."""

import os
from dataclasses import dataclass

LONG = os.environ.get("PROVE") == "long"


@dataclass(frozen=True, slots=True)
class Scale:
    """How often each thing is tried on each engine."""

    reads: int
    """C1: reads that begin after a clear was answered."""
    answers: int
    """C2: running answers that are cleared."""
    interleavings: int
    """C3: races of a clear with a late writer."""
    histories: int
    """C3: random histories over two workers, by hypothesis."""
    steps: int
    """C3: steps of such a history."""
    cookies: int
    """C3: rounds of a late cookie."""
    secrets: int
    """C5: planted secrets."""
    races: int
    """C6: races of eight."""
    points: int | None
    """C7, C8: points of an operation that are tried of each system call, spread evenly; None: every one."""
    outages: int
    """C9: cuts of each line."""
    rounds: int
    """C12: rounds of the matrix of faults."""
    crashes: int
    """C15: random crashes."""


SHORT = Scale(
    reads=400,
    answers=8,
    interleavings=150,
    histories=12,
    steps=25,
    cookies=4,
    secrets=100,
    races=12,
    points=2,
    outages=1,
    rounds=1,
    crashes=25,
)
FULL = Scale(
    reads=10_000,
    answers=200,
    interleavings=10_000,
    histories=400,
    steps=40,
    cookies=100,
    secrets=1_000,
    races=1_000,
    points=None,
    outages=5,
    rounds=5,
    crashes=1_000,
)
SCALE = FULL if LONG else SHORT


def spread(count: int) -> list[int]:
    """The points 1..count to be tried: all, or as many as the scale says, the first and the last among them."""
    most = SCALE.points
    if most is None or count <= most:
        return list(range(1, count + 1))
    return sorted({1 + round(step * (count - 1) / (most - 1)) for step in range(most)})
