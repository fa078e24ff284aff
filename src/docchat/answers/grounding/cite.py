"""Turns the [n] marks in a model's text, as it streams, into citations with an exact quote from passage n.

Each mark is checked against its passage when it comes. What is said goes on at once: a mark stands behind its claim.
"""

import math
import re
from collections.abc import Callable, Sequence

from ...documents.terms import terms
from ...types import Chunk, Citation, Doubt
from ..passages import Passage
from ..quotes.units import Unit
from .check import HOLDS, KEEPS, Checker, Claim, Likeness
from .claims import is_claim, is_fence, is_row, says_enough
from .numbers import numbers_of
from .sentence import Sentence

# Models write [1], [1, 2] or 【1†source】.
_MARK = re.compile(r"\[([ \d,;]{1,24})\]|【([^】\n]{1,24})】")
# What may still become a mark when more text comes, at the end of what has come so far.
_OPEN = re.compile(r"(?:\[[ \d,;]{0,24}|【[^】\n]{0,24})\Z")
_NUMBER = re.compile(r"\d+")
_TOKEN = re.compile(r"\s+|[。\uff01\uff1f।]+|[^\s。\uff01\uff1f।]+")
_TAIL_TERMS = 5

Segment = str | Citation
"""A piece of the answer's text, or a citation that stands at the end of the text so far."""


class Marker:
    """Reads the pieces of one answer. The outcome does not depend on how the text was cut into pieces.

    A mark whose passage does not hold what stands before it goes to the passage that does, or is left out; so is one
    whose passage is not `there` any more. A sentence without a mark gets that of the passage that clearly holds it.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        *,
        there: Callable[[Chunk], bool] = lambda chunk: True,
        likeness: Likeness | None = None,
    ) -> None:
        self._there = there
        self._passages = {passage.number: passage for passage in passages}
        self._checker = Checker(passages, likeness)
        self._cited: set[int] = set()
        self._held = ""
        self._blank = ""
        self._said = 0
        self._fenced = False
        self._at_start = False
        self._sentence = Sentence(0)
        self._found: list[Segment] = []
        self._doubts: list[Doubt] = []
        self._open: list[tuple[Doubt, Claim]] = []

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """What in the sentences that ended so far does not hold, in order; offsets are those of the text said."""
        return tuple(sorted(self._doubts, key=lambda doubt: (doubt.start, -doubt.end)))

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
        self._read(held)
        self._close()
        self._say_blank()
        return self._taken()

    def _segments(self, text: str) -> list[Segment]:
        self._read(text)
        return self._taken()

    def _taken(self) -> list[Segment]:
        found, self._found = self._found, []
        return found

    def _read(self, text: str) -> None:
        at = 0
        for mark in _MARK.finditer(text):
            self._read_text(text[at : mark.start()])
            self._mark(mark)
            at = mark.end()
        self._read_text(text[at:])

    def _read_text(self, text: str) -> None:
        for token in _TOKEN.findall(text):
            blank = token.removeprefix(" ") if self._at_start else token
            self._at_start = False
            if token.isspace():
                self._blank += blank
                continue
            if self._sentence.ended(self._blank, token):
                self._close()
            self._say_blank()
            self._say(token)

    def _say(self, text: str) -> None:
        self._found.append(text)
        self._said += len(text)
        self._sentence.add(text)

    def _say_blank(self) -> None:
        if self._blank:
            blank, self._blank = self._blank, ""
            self._found.append(blank)
            self._said += len(blank)
            self._sentence.add_blank(blank, self._said)

    def _mark(self, mark: re.Match[str]) -> None:
        said = _NUMBER.findall(mark.group(1)) if mark.group(1) else _NUMBER.findall(mark.group(2))[:1]
        if not said or self._fenced:
            self._read_text(mark.group())
            return
        if "\n" in self._blank:
            self._close()
            self._say_blank()
        given = [number for number in dict.fromkeys(map(int, said)) if self._usable(number)]
        part = self._sentence.part()
        if not says_enough(part):
            part = self._sentence.text
        claim = self._checker.claim(part)
        if says_enough(part):
            numbers = self._placed(claim, given)
        else:
            # Too little stands before it to be judged by: it is judged, and said, at the end of its sentence.
            numbers = [number for number in given if claim.size and self._checker.verdict(claim, number).support == 1]
            self._sentence.waiting += [number for number in given if number not in numbers]
        if numbers:
            self._say_marks(numbers, part, self._blank)
            self._carry(numbers)
        else:
            self._at_start = not self._sentence.text and not self._blank.endswith(" ")
            self._blank = self._blank.removesuffix(" ")

    def _usable(self, number: int) -> bool:
        return number in self._passages and self._there(self._passages[number].chunk)

    def _others(self) -> list[int]:
        return [number for number in self._passages if self._usable(number)]

    def _placed(self, claim: Claim, given: Sequence[int]) -> list[int]:
        """The passages that hold the claim, for those that the model gave."""
        if not given:
            return []
        others = self._others()
        placed = [self._checker.place(claim, number, others) for number in given]
        return [number for number in dict.fromkeys(placed) if number is not None]

    def _say_marks(self, numbers: Sequence[int], claim: str, blank: str) -> None:
        self._blank = ""
        text = blank + "".join(f"[{number}]" for number in numbers)
        self._found.append(text)
        self._said += len(text)
        self._sentence.mark(len(text), numbers)
        for number in numbers:
            if number not in self._cited:
                self._cited.add(number)
                self._found.append(best_quote(self._passages[number], claim))

    def _close(self) -> None:
        """The sentence has ended: what waited is judged, what holds without a mark gets one, the rest is doubted."""
        sentence = self._sentence
        text = sentence.text
        if is_fence(text):
            self._fenced = not self._fenced
        elif not self._fenced and text.strip():
            self._judge(sentence, text)
        if "\n" in self._blank:
            self._open = []
        self._sentence = Sentence(self._said)

    def _judge(self, sentence: Sentence, text: str) -> None:
        claims = is_claim(text)
        claim = self._checker.claim(text)
        later = self._blank
        if sentence.waiting:
            placed = [number for number in self._placed(claim, sentence.waiting) if number not in sentence.marks]
            if placed and not is_row(text):
                self._say_marks(placed, text, " ")
        if claims and not sentence.marks:
            self._support(claim, text)
        elif claims:
            self._look_at_tail(sentence)
        self._blank = later
        self._count(sentence, claims)

    def _support(self, claim: Claim, text: str) -> None:
        """A statement without a mark: it gets one, or is doubted."""
        best = self._checker.best(claim, self._others())
        if best and best[1].foreign:
            return
        if best and best[1].sure and claim.size > 1:
            if not is_row(text):
                self._say_marks([best[0]], text, " ")
            return
        doubt = self._doubt(0, len(text))
        if doubt is not None:
            self._open.append((doubt, claim))

    def _carry(self, numbers: Sequence[int]) -> None:
        """A mark that the model gave stands for the sentences before it in its paragraph, if its passage holds them."""
        for doubt, claim in self._open:
            verdicts = [self._checker.verdict(claim, number) for number in numbers]
            if any(one.support >= HOLDS and not one.contrary and not one.lacking for one in verdicts):
                self._doubts.remove(doubt)
        self._open = []

    def _look_at_tail(self, sentence: Sentence) -> None:
        """What follows the last mark of a sentence, when it is more than a few words."""
        start, end = sentence.tail()
        claim = self._checker.claim(sentence.text[start:end])
        if claim.size < _TAIL_TERMS and not claim.numbers:
            return
        best = self._checker.best(claim, sentence.marks)
        if best and not best[1].foreign and (best[1].support < KEEPS or best[1].contrary):
            self._doubt(start, end)

    def _count(self, sentence: Sentence, claims: bool) -> None:
        """Numbers that stand in no passage cited for the sentence, or in none at all when it cites none."""
        cited = sentence.marks or self._others()
        if not claims and not sentence.marks and not cited:
            return
        for number in numbers_of(sentence.countable):
            if not number.counted and not any(self._checker.has(number, one) for one in cited):
                self._doubts.append(Doubt(sentence.start + number.start, sentence.start + number.end, "number"))

    def _doubt(self, start: int, end: int) -> Doubt | None:
        text = self._sentence.text[start:end]
        first = start + len(text) - len(text.lstrip())
        last = end - (len(text) - len(text.rstrip()))
        if first >= last:
            return None
        at = self._sentence.start
        doubt = Doubt(at + first, at + last, "unsupported")
        self._doubts.append(doubt)
        return doubt


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
