"""What belongs together: a list and its items, a sentence and the one it leans on, documents that are compared."""

import re
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from ..passages import Passage
from .fit import BESIDE, Candidate, Question
from .units import Unit, tidy

_LEANS = re.compile(
    r"(?:It|Its|He|His|She|Her|They|Their|This|These|Those|That|Such|However|But|Therefore|Thus|Hence|Instead|Otherwise"
    r"|Nevertheless|Moreover|Furthermore|Consequently|Similarly|In addition|As a result|For example|For instance)\b"
)
_LIST = re.compile(
    r"\b(?:list|name|enumerate)\b|\b(?:what|which) (?:\w+ ){0,3}?(?:are|were|do|did|have|can|may|must)\b"
    r"|\b(?:what|which) (?:two|three|four|five|six|seven|eight|nine|ten|\d+)\b|\ball (?:the|of)\b",
    re.IGNORECASE,
)
_COMPARES = re.compile(
    r"\bcompar(?:e|ed|ing|ison)\b|\bdiffer(?:s|ences?|ent)?\b|\bversus\b|\bvs\b|\bboth\b|\bin common\b"
    r"|\b(?:which|what|how many) (?:of )?(?:the |these |my |your )?(?:documents?|files?|texts?|reports?)\b",
    re.IGNORECASE,
)
_OPENING_CHARS = 300
_LIST_CHARS = 900
_COMPARED_SHARE = 0.5


def wants_list(question: str) -> bool:
    """Whether the question asks for several things, so that a list should be quoted whole."""
    return _LIST.search(question) is not None


def in_list(passage: Passage, unit: Unit) -> Unit:
    """The whole list that an item belongs to, as one unit, as far as it is not too long; else the unit itself."""
    if unit.kind != "item" or not unit.lead:
        return unit
    units = passage.units
    place = next((number for number, one in enumerate(units) if one.start == unit.start), None)
    if place is None:
        return unit
    first = last = place
    while first and _same_list(units[first - 1], unit) and unit.end - units[first - 1].start <= _LIST_CHARS:
        first -= 1
    while (
        last + 1 < len(units)
        and _same_list(units[last + 1], unit)
        and units[last + 1].end - units[first].start <= _LIST_CHARS
    ):
        last += 1
    return spanned(passage, units[first], units[last])


def spanned(passage: Passage, first: Unit, last: Unit) -> Unit:
    """Everything from one unit to another as one unit."""
    return replace(first, end=last.end, text=tidy(passage.page_text[first.start : last.end]))


def _same_list(one: Unit, other: Unit) -> bool:
    return (one.kind, one.lead, one.heading) == ("item", other.lead, other.heading)


def opening(asked: Question, candidate: Candidate) -> Unit | None:
    """The sentence before one that leans on it ("It", "However"), if words of the question stand there alone."""
    unit, passage = candidate.unit, candidate.passage
    if unit.kind != "sentence" or not _LEANS.match(unit.text) or BESIDE not in candidate.found:
        return None
    before = next((one for one in reversed(passage.units) if one.end <= unit.start), None)
    if before is None or before.kind != "sentence" or len(before.text) > _OPENING_CHARS:
        return None
    apart = passage.page_text[before.end : unit.start].count("\n") > 1
    return None if apart else before


def without_comparing(question: str) -> str:
    """The question without the words that only say that documents are compared."""
    return _COMPARES.sub(" ", question)


def side_by_side(question: str, found: Sequence[Candidate]) -> list[Candidate]:
    """When the question compares, the best candidate of each document, best first; [] when it does not.

    A document whose best fits much worse than that of the best one is not meant.
    """
    if _COMPARES.search(question) is None:
        return []
    best: dict[UUID, Candidate] = {}
    for candidate in found:
        best.setdefault(candidate.passage.chunk.document_id, candidate)
    least = _COMPARED_SHARE * found[0].score
    each = [candidate for candidate in best.values() if candidate.score >= least]
    return each if len(each) > 1 else []
