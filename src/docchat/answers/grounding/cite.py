"""Turns the [n] marks in a model's text, as it streams, into citations with an exact quote from passage n."""

import math
import re
from collections.abc import Callable, Sequence

from ...documents.terms import terms
from ...types import Chunk, Citation
from ..passages import Passage
from ..quotes.units import Unit

# Models write [1], [1, 2] or 【1†source】; a blank before a mark goes with it when the mark is dropped.
_MARK = re.compile(r" ?(?:\[([ \d,;]{1,24})\]|【([^】\n]{1,24})】)")
# What may still become a mark when more text comes, at the end of what has come so far.
_OPEN = re.compile(r" ?(?:\[[ \d,;]{0,24}|【[^】\n]{0,24})\Z| \Z")
_NUMBER = re.compile(r"\d+")
_SENTENCE = re.compile(r"[.!?。\uff01\uff1f]\s|\n")
_LONGEST_CLAIM = 600

Segment = str | Citation
"""A piece of the answer's text, or a citation that stands at the end of the text so far."""


class Marker:
    """Reads the pieces of one answer. The outcome does not depend on how the text was cut into pieces.

    A mark whose passage is not `there` any more is left out like one that was never given.
    """

    def __init__(self, passages: Sequence[Passage], *, there: Callable[[Chunk], bool] = lambda chunk: True) -> None:
        self._there = there
        self._passages = {passage.number: passage for passage in passages}
        self._cited: set[int] = set()
        self._held = ""
        self._claim = ""

    def feed(self, piece: str) -> list[Segment]:
        """What can be said for sure now. Text holds only marks whose passage exists, each written as [n]."""
        text = self._held + piece
        still_open = _OPEN.search(text)
        cut = still_open.start() if still_open else len(text)
        self._held = text[cut:]
        return self._segments(text[:cut])

    def finish(self) -> list[Segment]:
        """What was held back at the end of the answer."""
        held, self._held = self._held, ""
        return self._segments(held)

    def _segments(self, text: str) -> list[Segment]:
        found: list[Segment] = []
        at = 0
        for mark in _MARK.finditer(text):
            self._say(found, text[at : mark.start()])
            self._mark(found, mark)
            at = mark.end()
        self._say(found, text[at:])
        return found

    def _say(self, found: list[Segment], text: str) -> None:
        if text:
            found.append(text)
            self._claim = (self._claim + text)[-_LONGEST_CLAIM:]

    def _mark(self, found: list[Segment], mark: re.Match[str]) -> None:
        said = _NUMBER.findall(mark.group(1)) if mark.group(1) else _NUMBER.findall(mark.group(2))[:1]
        if not said:
            self._say(found, mark.group())
            return
        known = self._passages
        given = [number for number in dict.fromkeys(map(int, said)) if number in known]
        numbers = [number for number in given if self._there(known[number].chunk)]
        if not numbers:
            return
        blank = " " if mark.group().startswith(" ") else ""
        found.append(blank + "".join(f"[{number}]" for number in numbers))
        for number in numbers:
            if number not in self._cited:
                self._cited.add(number)
                found.append(best_quote(self._passages[number], _last_sentence(self._claim)))


def _last_sentence(claim: str) -> str:
    """What the mark stands behind: the text since the last sentence that ended before it."""
    body = claim.rstrip()
    ends = [stop.end() for stop in _SENTENCE.finditer(body)]
    return body[ends[-1] :] if ends else body


def best_quote(passage: Passage, claim: str) -> Citation:
    """The citation of the unit of the passage that shares most with the claim; its first when none does."""
    said = frozenset(terms(claim))
    units = [unit for unit in passage.own_units() if unit.kind != "title"] or passage.own_units()
    if not units:
        return passage.cite(passage.chunk.start, passage.chunk.end)
    best = max(units, key=lambda unit: (_shared(unit, said), -unit.start))
    return passage.cite(best.start, best.end)


def _shared(unit: Unit, said: frozenset[str]) -> float:
    words = frozenset(terms(unit.text))
    return len(words & said) / math.sqrt(len(words) + 8)
