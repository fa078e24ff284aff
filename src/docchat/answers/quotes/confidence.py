"""Whether quotes answer the question: log-odds of a logistic model, fitted on public questions, and where to refuse."""

import math
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from .cues import FAR, Script, Wanted
from .fit import BESIDE, IN_DOCUMENT, IN_PASSAGE, SIMILAR, Candidate, Question
from .ordering import names_of


@dataclass(frozen=True, slots=True)
class Signs:
    """What the decision rests on; shares are of the question's weight, in which rare words count more."""

    inside: float
    """The share of the words that the best quote holds."""
    near: float
    """The share that stands in it or around it."""
    anywhere: float
    """The share that its document's passages hold."""
    score: float
    """The score of the best quote."""
    length: float
    """ln(1 + number of words): the same shares say more of a long question."""
    rarity: float
    """The mean weight of a word, 1 if no passage has any of them."""
    unknown: float
    """The share that no passage of the owner's has."""


@dataclass(frozen=True, slots=True)
class _Model:
    """The weight of each sign; below `refused` the answer is that the documents do not say."""

    constant: float
    weights: Signs
    refused: float


# Questions whose document is in the library against questions whose document is not. English: SQuAD 2, whole articles
# held out in turns. Other languages: XQuAD, of which German, Spanish, Arabic and Hindi share a model (no stop words are
# known for them), and Chinese.
_MODELS = {
    Script.ENGLISH: _Model(-10.69, Signs(6.64, 6.0, 0.12, 2.58, 2.49, -0.85, -2.37), -0.7),
    Script.OTHER: _Model(-25.4, Signs(-1.64, 6.42, 4.87, 11.95, 2.02, 18.28, -5.12), -0.5),
    Script.UNSPACED: _Model(-13.13, Signs(3.71, 5.56, 8.68, 6.68, 0.68, 7.65, -2.51), -0.7),
}
# For English a second one, fitted in the same way, knows how likely the first quote is, and which names and numbers of
# the question no quote stands near. Both have to be sure.
_SECOND = _Model(-10.76, Signs(1.93, 3.63, 1.52, 0.0, 2.03, -3.4, 2.39), -1.0)
_LIKELY, _NAME_AWAY, _NUMBER_AWAY = 2.62, -5.7, -2.41
# A question for a number whose quotes have none is refused: no quote can answer it (1 of 100 answered questions of the
# fit, 3 of 100 others). One whose numbers do not stand beside the thing that is counted is doubted (10 and 26 of 100).
# So is a question for a year that the first quote's document does not have.
_NO_NUMBER, _FAR_NUMBER, _NO_YEAR = 10.0, 1.0, 10.0
_YEAR = re.compile(r"(?:1[0-9]|20)[0-9][0-9]")


def confidence(asked: Question, kind: Script, chosen: Sequence[Candidate]) -> float:
    """How sure it is that `chosen` (best first, not empty) answer the question; below 0 they had better be refused."""
    signs = signs_of(asked, chosen[0])
    sure = _log_odds(_MODELS[kind], signs)
    if kind is Script.ENGLISH:
        sure = min(sure, _log_odds(_SECOND, signs) + _LIKELY * chosen[0].likely + _away(asked, chosen))
    if asked.sort is Wanted.NUMBER:
        offered = max(candidate.offered for candidate in chosen)
        sure -= 0.0 if offered > FAR else _FAR_NUMBER if offered else _NO_NUMBER
    return sure - (_NO_YEAR if _lacks_year(asked, chosen[0]) else 0.0)


def _log_odds(model: _Model, signs: Signs) -> float:
    return (
        model.constant + sum(map(math.prod, zip(astuple(model.weights), astuple(signs), strict=True))) - model.refused
    )


def _away(asked: Question, chosen: Sequence[Candidate]) -> float:
    """What the names and the numbers of the question count that stand in no passage of the quotes."""
    nearest = [max(values) for values in zip(*(candidate.found for candidate in chosen), strict=True)]
    away = {
        term: weight for (term, weight), value in zip(asked.weights.items(), nearest, strict=True) if value < IN_PASSAGE
    }
    names = sum(away[term] for term in away.keys() & names_of(asked)) / asked.whole
    number = max((weight for term, weight in away.items() if term[0].isdigit()), default=0.0) / asked.heaviest
    return _NAME_AWAY * names + _NUMBER_AWAY * number


def _lacks_year(asked: Question, best: Candidate) -> bool:
    return any(
        value < IN_DOCUMENT and _YEAR.fullmatch(term) for term, value in zip(asked.weights, best.found, strict=True)
    )


def signs_of(asked: Question, best: Candidate) -> Signs:
    """The signs of the best quote."""
    pairs = list(zip(best.found, asked.weights.values(), strict=True))

    def share(least: float) -> float:
        return sum(weight for value, weight in pairs if value >= least) / asked.whole

    unknown = sum(weight for value, weight in pairs if value < IN_DOCUMENT and weight >= asked.heaviest)
    return Signs(
        inside=share(SIMILAR),
        near=share(BESIDE),
        anywhere=share(IN_DOCUMENT),
        score=best.score,
        length=math.log1p(len(pairs)),
        rarity=asked.whole / len(pairs) / asked.heaviest,
        unknown=unknown / asked.whole,
    )
