"""Answers without a model: the sentences of the passages that best fit the question, quoted, or a refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..passages import Passage
from .confidence import confidence
from .cues import script
from .fit import Candidate, Question, candidates
from .joining import in_list, opening, side_by_side, spanned, wants_list, without_comparing
from .ordering import in_order
from .units import Unit

MAX_QUOTES = 3
"""At most this many sentences are quoted."""

_ALIKE = 0.8
# A quote that fits much worse than the best one only fills the page: of 297 answers on two sets none was lost.
_SHARE_OF_BEST = 0.65


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
    """What the documents say: at most three quotes, best first; none when `refused`, then `nearest` come closest.

    `confidence` are the log-odds that the quotes answer the question, less those from which on they are shown.
    """

    quotes: tuple[Quote, ...]
    refused: bool
    confidence: float
    nearest: tuple[Quote, ...] = ()


def extract(question: str, passages: Sequence[Passage], frequencies: tuple[int, Mapping[str, int]]) -> Extract:
    """Quote what `passages` (best first) say to `question`; `frequencies` are the owner's, as of Index.frequencies."""
    asked = Question.of(without_comparing(question), frequencies)
    best = max((passage.score for passage in passages), default=0.0)
    found = in_order(asked, candidates(asked, passages), best)
    if not found:
        return Extract((), refused=True, confidence=float("-inf"))
    chosen = _choose(side_by_side(question, found) or found)
    sure = confidence(asked, script(question), chosen)
    quotes = _quotes(asked, chosen)
    if sure < 0:
        return Extract((), refused=True, confidence=sure, nearest=quotes)
    return Extract(quotes, refused=False, confidence=sure)


def _choose(found: Sequence[Candidate]) -> list[Candidate]:
    """The best ones that do not say the same and fit about as well."""
    chosen: list[Candidate] = []
    for candidate in found:
        if chosen and candidate.score < _SHARE_OF_BEST * chosen[0].score:
            continue
        if not any(candidate.overlaps(other) or _alike(candidate, other) for other in chosen):
            chosen.append(candidate)
            if len(chosen) == MAX_QUOTES:
                break
    return chosen


def _alike(one: Candidate, other: Candidate) -> bool:
    return len(one.terms & other.terms) >= _ALIKE * max(1, len(one.terms | other.terms))


def _quotes(asked: Question, chosen: Sequence[Candidate]) -> tuple[Quote, ...]:
    """The candidates as they are shown: lists whole when the question asks for that, "It" with what it is."""
    found: list[Quote] = []
    for candidate in chosen:
        unit = in_list(candidate.passage, candidate.unit) if wants_list(asked.text) else candidate.unit
        before = opening(asked, candidate)
        lead = unit.lead
        if before is not None and _among(before, candidate, chosen):
            unit = spanned(candidate.passage, before, unit)
        elif before is not None:
            lead = before.text
        for other in chosen:
            if other.passage.number == candidate.passage.number and opening(asked, other) == candidate.unit:
                unit = spanned(candidate.passage, unit, other.unit)
        number, score = candidate.passage.number, round(candidate.score, 4)
        if not any(quote.number == number and unit.start < quote.end and quote.start < unit.end for quote in found):
            found.append(Quote(number, unit.start, unit.end, unit.text, lead, score))
    return tuple(found)


def _among(unit: Unit, candidate: Candidate, chosen: Sequence[Candidate]) -> bool:
    return any(other.unit == unit and other.passage.number == candidate.passage.number for other in chosen)
