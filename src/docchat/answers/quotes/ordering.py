"""Which of the quotes that fit comes first: weights of signs of a quote, fitted on public questions."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...documents.terms import terms
from .cues import Wanted, names_in
from .fit import BESIDE, IN_HEADING, IN_PASSAGE, SIMILAR, Candidate, Question

# What each sign counts beside the score, which counts 1. Fitted on SQuAD 2 so that quotes with the answer come first;
# with whole articles held out in turns three quotes hold it for 0.916 of the questions, by the score alone for 0.898.
_WEIGHTS: Mapping[str, float] = {
    "rank": 0.64,
    "names near": 0.37,
    "names inside": -0.16,
    "words inside": 0.98,
    "rare words near": 0.63,
    "new words": -0.15,
    "in heading": 0.43,
    "beside": -0.09,
    "length": 0.08,
    "commas": 0.04,
    "number": 0.30,
    "date": 0.17,
    "name": 0.02,
    "called": 0.19,
    "where": 0.18,
    "percent": 0.42,
    "why": 0.46,
    "year": 0.21,
    "money": 0.44,
    "people": 0.07,
    "leans": 0.30,
}
MOST = 60
"""So many of the best by score are put in order."""

_NAME = re.compile(r"(?<=[\w,] )[A-Z][\w'\u2019-]+")
_LEANS = re.compile(r"(?:It|Its|He|His|She|Her|They|Their|This|These|Those|Such|However|But|Therefore)\b")
# What a question says, what a text then has that answers it, and the sign that both together are.
_PATTERNS = tuple(
    (name, re.compile(asked, re.IGNORECASE), re.compile(said, 0 if name == "where" else re.IGNORECASE))
    for name, asked, said in (
        (
            "called",
            r"\b(?:called|known as|named?|term|word|title|nickname|refer)",
            r"\b(?:called|known as|named|term|titled|nicknamed|referred to as)\b|[\u201c\"(]",
        ),
        ("where", r"^[^?]*?\bwhere\b", r"\b(?:in|at|near|from|to|of|on)\s+(?:the\s+)?[A-Z]"),
        ("percent", r"\bpercent|\b(?:proportion|share|rate)\b", r"%|percent|per cent"),
        (
            "why",
            r"^[^?]*?\bwhy\b",
            r"\b(?:because|due to|so that|in order|since|result|caused?|reason|therefore|thus|led)\b",
        ),
        ("year", r"\b(?:what|which) (?:\w+ )?(?:year|decade)", r"\b(?:1\d|20)\d\d\b"),
        (
            "money",
            r"\b(?:cost|price|fee|salary|budget|income|worth|spend|spent|paid|pay)\b",
            r"[$\u20ac\u00a3\u00a5]|\b(?:dollars|euros|pounds)\b",
        ),
    )
)
_SORTS = {Wanted.NUMBER: "number", Wanted.DATE: "date", Wanted.NAME: "name"}


def in_order(asked: Question, found: Sequence[Candidate], best: float) -> list[Candidate]:
    """The best candidates of `found`, which are in the order of their scores, the likeliest first.

    `best` is the highest score of a passage.
    """
    question = _Asked(asked, best)
    likely = [replace(one, likely=question.likelihood(one)) for one in found[:MOST]]
    # Of two that are as likely the shorter says it best.
    return sorted(likely, key=lambda one: (-one.likely, one.unit.end - one.unit.start))


def names_of(asked: Question) -> frozenset[str]:
    """The terms of a question that begin with a capital inside it: what it is about, in English."""
    return frozenset(asked.weights.keys() & terms(" ".join(_NAME.findall(asked.text))))


class _Asked:
    """A question, looked at once for all candidates."""

    def __init__(self, asked: Question, best: float) -> None:
        self._asked = asked
        self._best = best
        self._names = names_of(asked)
        self._patterns = [(name, said) for name, wanted, said in _PATTERNS if wanted.search(asked.text)]

    def likelihood(self, candidate: Candidate) -> float:
        """The score with what the signs add."""
        return candidate.score + sum(_WEIGHTS[name] * value for name, value in self._signs(candidate).items())

    def _signs(self, candidate: Candidate) -> dict[str, float]:
        asked, found, text = self._asked, candidate.found, candidate.unit.text
        weights = tuple(asked.weights.values())
        beside = _share(weights, [value == BESIDE for value in found])
        signs = {
            "rank": candidate.passage.score / self._best if self._best > 0 else 0.0,
            "words inside": sum(value >= SIMILAR for value in found) / len(found),
            "rare words near": _share([one * one for one in weights], [value >= BESIDE for value in found]),
            "new words": math.log1p(len(candidate.terms - asked.weights.keys())),
            "in heading": _share(weights, [value == IN_HEADING for value in found]),
            "beside": beside,
            "length": math.log1p(len(text.split())),
            "commas": math.log1p(text.count(",")),
            "leans": beside if _LEANS.match(text) else 0.0,
        }
        if asked.sort in _SORTS:
            signs[_SORTS[asked.sort]] = candidate.offered
        if asked.sort is Wanted.NAME:
            signs["people"] = math.log1p(names_in(text, asked.text))
        if self._names:
            named = [weight if term in self._names else 0.0 for term, weight in asked.weights.items()]
            signs["names near"] = _share(named, [value >= IN_PASSAGE for value in found])
            signs["names inside"] = _share(named, [value >= SIMILAR for value in found])
        return signs | {name: 1.0 for name, said in self._patterns if said.search(text)}


def _share(weights: Sequence[float], there: Sequence[bool]) -> float:
    whole = sum(weights)
    return sum(weight for weight, one in zip(weights, there, strict=True) if one) / whole if whole else 0.0
