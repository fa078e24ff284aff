"""The ranking that every index shares: BM25 over the owner's own passages, with titles, headings and closeness."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..types import Chunk, ScoredChunk
from .terms import MARK

_K1 = 0.9
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
    one = Scorer(asked, telling)
    meant = {term: term for term in telling}
    scored = [
        ScoredChunk(c.chunk, one.score(_spots(c.body, meant), len(c.body), c.title, c.label, c.heads))
        for c in candidates
    ]
    scored.sort(key=lambda s: (-s.score, s.chunk.id))
    return tuple(s for s in scored[:limit] if s.score > 0)


Spots = list[tuple[int, str]]
"""Where the asked terms stand in a text, counted in terms."""


def spots(body: str, meant: Mapping[str, str]) -> tuple[Spots, int]:
    """Where the terms that `meant` knows stand in an indexed text, each as the one it stands for; the text's length."""
    words = body.split()
    if f" {MARK}" not in body:
        return _spots(words, meant), len(words)
    found: Spots = []
    place = -1
    for word in words:
        place += not word.startswith(MARK)
        if word in meant:
            # The stem in the language of the text stands after the English one, at the same place.
            if found and found[-1][0] == place:
                found.pop()
            found.append((place, meant[word]))
    return found, place + 1


def _spots(words: Sequence[str], meant: Mapping[str, str]) -> Spots:
    return [(place, meant[word]) for place, word in enumerate(words) if word in meant]


class Scorer:
    """Scores passages for one question."""

    def __init__(self, asked: Sequence[str], telling: Mapping[str, float]) -> None:
        self._telling = telling
        # Each pair counts once, however often a question repeats it.
        pairs = pairwise(term for term in asked if term in telling)
        self._pairs = {pair: _NEAR * min(telling[pair[0]], telling[pair[1]]) for pair in pairs if pair[0] != pair[1]}

    def score(
        self,
        spots: Spots,
        length: int,
        title: Sequence[str] = (),
        label: Sequence[str] = (),
        heads: Sequence[str] = (),
    ) -> float:
        """How well a passage of `length` terms fits; 0 when it holds none that is asked for."""
        telling = self._telling
        amounts: dict[str, float] = {}
        part = 1 / (1 - _B + _B * length / _USUAL_LENGTH)
        for _, term in spots:
            amounts[term] = amounts.get(term, 0.0) + part
        for terms, share in ((title, _TITLE), (label, _LABEL), (heads, _HEADS)):
            for term in telling.keys() & terms if terms else ():
                amounts[term] = amounts.get(term, 0.0) + share
        score = sum(telling[term] * amount * (_K1 + 1) / (amount + _K1) for term, amount in amounts.items())
        return score + self._closeness(spots)

    def _closeness(self, spots: Spots) -> float:
        """A bonus for each pair of neighbouring asked terms that stand close together in the text, in their order."""
        nearest: dict[tuple[str, str], int] = {}
        for number, (place, term) in enumerate(spots):
            for other, near in spots[number + 1 : number + 1 + _WINDOW]:
                if other - place > _WINDOW:
                    break
                pair = (term, near)
                if pair in self._pairs:
                    nearest[pair] = min(other - place, nearest.get(pair, _WINDOW))
        return sum(self._pairs[pair] / gap for pair, gap in nearest.items())
