"""How much of an answer its passages hold, 0 to 1, and how well that agrees with what people say of answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from statistics import fmean
from uuid import UUID

from ...errors import InvalidInput
from ...types import Chunk
from ..grounding.check import Checker
from ..grounding.claims import is_claim
from ..passages import Passage
from ..quotes.units import units_of

RATINGS = "human_ratings.jsonl"
LOW, HIGH = 2.5, 3.5
"""Mean marks of people, of 1 to 4, up to which an answer counts as not faithful, and from which as faithful."""


def grounding(answer: str, passages: Sequence[Passage]) -> float | None:
    """The share of an answer's statements that the passages hold, by their words; None when it states nothing."""
    checker = Checker(passages)
    numbers = [passage.number for passage in passages]
    held = weight = 0.0
    for unit in units_of(answer):
        if not is_claim(unit.text):
            continue
        claim = checker.claim(unit.text)
        best = checker.best(claim, numbers)
        size = max(1, claim.size)
        held += size * (0.0 if best is None or best[1].contrary else min(1.0, best[1].support))
        weight += size
    return held / weight if weight else None


@dataclass(frozen=True, slots=True)
class Agreement:
    """The measure against people's marks for faithfulness; `auc`: how often a faithful answer has more than another.

    `with_passages` is the `auc` among answers that had passages at all: one without them is told apart too easily.
    An answer that states nothing counts as fully grounded.
    """

    answers: int
    stating_nothing: int
    low: int
    high: int
    pearson: float
    spearman: float
    auc: float
    with_passages: float

    def as_dict(self) -> dict[str, object]:
        """Plain values, rounded."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}

    def table(self) -> str:
        """The figures for people."""
        return (
            f"grounding against people's marks for faithfulness ({self.answers} answers, {self.stating_nothing} state "
            f"nothing): Pearson {self.pearson:.2f}, Spearman {self.spearman:.2f}, "
            f"AUC of {self.low} low against {self.high} high ones {self.auc:.2f} "
            f"(with passages only {self.with_passages:.2f})"
        )


def has_ratings(data_dir: Path) -> bool:
    """Whether a folder holds answers with people's marks."""
    return (data_dir / RATINGS).is_file() and (data_dir / "questions.jsonl").is_file()


def correlation(data_dir: Path) -> Agreement:
    """How the measure agrees with the marks in a folder's `human_ratings.jsonl`. Raises InvalidInput.

    Each line has `task` (the `id` of a line of questions.jsonl, whose `doc` are the passages that the answer was
    written from), `response`, and `human.faithfulness`, a list of marks.
    """
    try:
        documents = {row["id"]: row.get("doc") for row in _rows(data_dir / "questions.jsonl")}
        rated = [
            (_measured(data_dir, row["response"], documents[row["task"]]), _marks(row), bool(documents[row["task"]]))
            for row in _rows(data_dir / RATINGS)
        ]
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise InvalidInput(f"{RATINGS} cannot be read.", code="bad_ratings") from error
    if len(rated) < 2:
        raise InvalidInput(f"{RATINGS} holds too few answers.", code="bad_ratings")
    values = [1.0 if value is None else value for value, _, _ in rated]
    marks = [mark for _, mark, _ in rated]
    pairs = list(zip(values, marks, strict=True))
    told = [pair for pair, (_, _, documented) in zip(pairs, rated, strict=True) if documented]
    return Agreement(
        answers=len(rated),
        stating_nothing=sum(value is None for value, _, _ in rated),
        low=sum(mark <= LOW for mark in marks),
        high=sum(mark >= HIGH for mark in marks),
        pearson=pearson(values, marks),
        spearman=pearson(ranks(values), ranks(marks)),
        auc=_auc_of(pairs),
        with_passages=_auc_of(told),
    )


def _rows(path: Path) -> list[Mapping[str, object]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def _marks(row: Mapping[str, object]) -> float:
    human = row["human"]
    if not isinstance(human, dict):
        raise TypeError
    return fmean(map(float, human["faithfulness"]))


def _measured(data_dir: Path, response: object, documents: object) -> float | None:
    names = [documents] if isinstance(documents, str) else [str(name) for name in documents or ()]  # type: ignore[attr-defined]
    texts = [(data_dir / "docs" / name).read_text(encoding="utf-8") for name in names]
    return grounding(str(response), [_passage(number, text) for number, text in enumerate(texts, 1)])


def _passage(number: int, text: str) -> Passage:
    chunk = Chunk(number, UUID(int=number), "", 1, "", 0, len(text), text)
    return Passage(number, chunk, text, units_of(text), 1.0)


def ranks(values: Sequence[float]) -> list[float]:
    """The places of the values in their order, from 1; equal ones share the middle of theirs."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    found = [0.0] * len(values)
    at = 0
    for _, group in groupby(order, key=lambda place: values[place]):
        places = list(group)
        for place in places:
            found[place] = at + (len(places) + 1) / 2
        at += len(places)
    return found


def pearson(one: Sequence[float], other: Sequence[float]) -> float:
    """The linear correlation; 0 when one of them never changes."""
    mean, other_mean = fmean(one), fmean(other)
    together = sum((a - mean) * (b - other_mean) for a, b in zip(one, other, strict=True))
    spread = sum((a - mean) ** 2 for a in one) * sum((b - other_mean) ** 2 for b in other)
    return together / spread**0.5 if spread else 0.0


def auc(high: Sequence[float], low: Sequence[float]) -> float:
    """How often one of `high` is above one of `low`, a tie counting half; one half when either is empty."""
    if not high or not low:
        return 0.5
    placed = ranks([*high, *low])
    return (sum(placed[: len(high)]) - len(high) * (len(high) + 1) / 2) / (len(high) * len(low))


def _auc_of(pairs: Sequence[tuple[float, float]]) -> float:
    return auc([value for value, mark in pairs if mark >= HIGH], [value for value, mark in pairs if mark <= LOW])
