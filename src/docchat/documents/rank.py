"""The ranking that every index shares: BM25 over the owner's own passages, with titles, headings and closeness."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..types import Chunk, ScoredChunk

_K1 = 1.2
_B = 0.6
_USUAL_LENGTH = 75
"""Terms in an ordinary passage: a constant, so that a score does not depend on which candidates an engine gave."""
_TITLE = 0.6
_LABEL = 0.8
_HEADS = 0.4
_NEAR = 0.35
_WINDOW = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage with its terms: of the text, the document's name, the label or heading, and the column heads."""

    chunk: Chunk
    body: Sequence[str]
    title: Sequence[str]
    label: Sequence[str]
    heads: Sequence[str]


def weights(asked: Sequence[str], *, total: int, frequencies: Mapping[str, int]) -> dict[str, float]:
    """How much each asked term tells: rare ones most. `total` is the number of the owner's passages."""
    return {
        term: math.log(1.0 + (total - min(total, n) + 0.5) / (n + 0.5))
        for term in dict.fromkeys(asked)
        if (n := frequencies.get(term, 0)) > 0
    }


def rank(
    asked: Sequence[str], candidates: Sequence[Candidate], *, telling: Mapping[str, float], limit: int
) -> tuple[ScoredChunk, ...]:
    """The best `limit` candidates for the asked terms; `telling` comes from `weights`. Equal scores keep file order."""
    scored = [ScoredChunk(c.chunk, _score(asked, c, telling)) for c in candidates]
    scored.sort(key=lambda s: (-s.score, s.chunk.id))
    return tuple(s for s in scored[:limit] if s.score > 0)


def _score(asked: Sequence[str], candidate: Candidate, telling: Mapping[str, float]) -> float:
    counts = Counter(candidate.body)
    title, label, heads = set(candidate.title), set(candidate.label), set(candidate.heads)
    length = 1 - _B + _B * len(candidate.body) / _USUAL_LENGTH
    score = 0.0
    for term, weight in telling.items():
        amount = counts[term] / length + _TITLE * (term in title) + _LABEL * (term in label) + _HEADS * (term in heads)
        score += weight * amount * (_K1 + 1) / (amount + _K1)
    return score + _closeness(asked, candidate.body, telling)


def _closeness(asked: Sequence[str], body: Sequence[str], telling: Mapping[str, float]) -> float:
    """A bonus for each pair of neighbouring asked terms that stand close together in the text, in their order."""
    gaps: dict[tuple[str, str], int] = {}
    for position, term in enumerate(body):
        if term in telling:
            for gap, near in enumerate(body[position + 1 : position + 1 + _WINDOW], 1):
                gaps[term, near] = min(gap, gaps.get((term, near), gap))
    bonus = 0.0
    # Each pair counts once, however often a question repeats it.
    for pair in dict.fromkeys(pairwise(term for term in asked if term in telling)):
        if pair in gaps and pair[0] != pair[1]:
            bonus += _NEAR * min(telling[pair[0]], telling[pair[1]]) / gaps[pair]
    return bonus
