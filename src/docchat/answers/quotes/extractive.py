"""Answers without a model: the sentences of the passages that best fit the question, quoted, or a refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..passages import Passage
from .cues import FAR, Script, Wanted, script
from .fit import BESIDE, IN_DOCUMENT, SIMILAR, Candidate, Question, candidates

MAX_QUOTES = 3
"""At most this many sentences are quoted."""

_ALIKE = 0.8
# A quote that fits much worse than the best one only fills the page: of 297 answers on two sets none was lost.
_SHARE_OF_BEST = 0.65
# A logistic model of "these sentences answer it", fitted on SQuAD 2: questions with their article in the library
# against questions whose article is not. Below the threshold the answer is that the documents do not say.
_INSIDE, _NEAR, _ANYWHERE, _SCORE, _CONSTANT = 2.53, 1.87, 1.59, 1.76, -5.05
# For other languages the threshold that refuses about nine of ten absent subjects of XQuAD (de, es, ar, hi; zh).
_THRESHOLDS = {Script.ENGLISH: -1.3, Script.OTHER: -2.5, Script.UNSPACED: -3.4}
# A question for a number whose quotes have none is refused: no quote can answer it (1 of 100 answered questions of the
# fit, 3 of 100 others). One whose numbers do not stand beside the thing that is counted is doubted (10 and 26 of 100).
_NO_NUMBER, _FAR_NUMBER = 10.0, 1.0


@dataclass(frozen=True, slots=True)
class Quote:
    """The characters [start, end) of the page of passage `number`; `lead` is quoted before it, from the same page."""

    number: int
    start: int
    end: int
    text: str
    lead: str
    score: float


@dataclass(frozen=True, slots=True)
class Extract:
    """What the documents say: at most three quotes, best first; none when `refused`.

    `confidence` is the log-odds that the quotes answer the question.
    """

    quotes: tuple[Quote, ...]
    refused: bool
    confidence: float


def extract(question: str, passages: Sequence[Passage], frequencies: tuple[int, Mapping[str, int]]) -> Extract:
    """Quote what `passages` (best first) say to `question`; `frequencies` are the owner's, as of Index.frequencies."""
    asked = Question.of(question, frequencies)
    found = candidates(asked, passages)
    if not found:
        return Extract((), refused=True, confidence=float("-inf"))
    chosen = _choose(found)
    confidence = _confidence(asked, chosen)
    if confidence < _THRESHOLDS[script(question)]:
        return Extract((), refused=True, confidence=confidence)
    return Extract(tuple(map(_quote, chosen)), refused=False, confidence=confidence)


def _choose(found: Sequence[Candidate]) -> list[Candidate]:
    """The best ones that do not say the same and fit about as well."""
    chosen: list[Candidate] = []
    for candidate in found:
        if chosen and candidate.score < _SHARE_OF_BEST * chosen[0].score:
            break
        if not any(candidate.overlaps(other) or _alike(candidate, other) for other in chosen):
            chosen.append(candidate)
            if len(chosen) == MAX_QUOTES:
                break
    return chosen


def _alike(one: Candidate, other: Candidate) -> bool:
    return len(one.terms & other.terms) >= _ALIKE * max(1, len(one.terms | other.terms))


def _quote(candidate: Candidate) -> Quote:
    unit = candidate.unit
    return Quote(candidate.passage.number, unit.start, unit.end, unit.text, unit.lead, round(candidate.score, 4))


def features(asked: Question, chosen: Sequence[Candidate]) -> tuple[float, float, float, float]:
    """What the decision to refuse rests on: the share of the question's weight that the best quote holds, that stands
    around it, that its document holds; and its score.
    """
    best = chosen[0]
    pairs = list(zip(best.found, asked.weights.values(), strict=True))
    inside, near, anywhere = (
        sum(weight for value, weight in pairs if value >= least) / asked.whole
        for least in (SIMILAR, BESIDE, IN_DOCUMENT)
    )
    return inside, near, anywhere, best.score


def _confidence(asked: Question, chosen: Sequence[Candidate]) -> float:
    inside, near, anywhere, score = features(asked, chosen)
    log_odds = _CONSTANT + _INSIDE * inside + _NEAR * near + _ANYWHERE * anywhere + _SCORE * score
    if asked.sort is Wanted.NUMBER:
        offered = max(candidate.offered for candidate in chosen)
        log_odds -= 0.0 if offered > FAR else _FAR_NUMBER if offered else _NO_NUMBER
    return log_odds
