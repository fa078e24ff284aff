"""How well a passage holds a statement: by its words, names, numbers, and whether it says yes or no."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ...documents import language
from ...documents.terms import Known, terms
from ..passages import Passage
from .claims import plain
from .numbers import Number, numbers_of, values_of

Likeness = Callable[[str, str], float]
"""How near two texts are in meaning, 0 to 1: the second signal."""

# What a word of a statement counts: names more, words that every text of a language has hardly anything.
_NAME, _WORD, _COMMON = 1.5, 1.0, 0.2
_SIMILAR = 0.8
"""A word with the same beginning counts so much of its weight."""
_SIMILAR_BEGIN = 5
_NEAR = 3
"""So many units in a row hold a statement together."""
_NEAR_SHARE = 0.6
_WRONG_NUMBER = 0.5
"""What is left of the support when a number of the statement is not in the passage."""
_CLOSE = 0.75
"""A unit that has so much of a statement says the same, or the contrary."""
_UNKNOWN = 0.5
_LITTLE = 0.35
KEEPS = 0.45
"""A passage with so much support for a claim may keep the mark that the model gave."""
HOLDS = 0.6
"""A passage with so much gets a mark that the model gave to another, and carries the sentences before its mark."""
_MUCH_BETTER = 0.25
# A mark that no model gave needs more: nearly all words in the passage, and in one unit of it in the same order. The
# same words in another order often say something else: "Poland was annexed by Prussia" of "Warsaw, the capital of
# Poland, was annexed by Prussia".
_SURE_WHOLE = 0.85
_SURE_ALONE = 0.75
_SURE_ORDER = 0.9
_MOST_TERMS = 150
_ENDING = 3
"""Forms of one word differ in at most so many letters at the end."""
_CAPITAL = re.compile(r"(?<=[\w,;)\"'\u201d\u2019] )[^\W\d_a-z\u00df-\u00ff][\w\u2019'+&-]+")
_NOT = re.compile(
    r"\b(?:not?|never|nobody|nothing|nowhere|none|neither|nor|without|cannot|except|unless|unable|fail(?:s|ed|ures?|ing)?|lacks?|lacked|den(?:y|ies|ied)"
    r"|refus(?:e|es|ed)|prohibit(?:s|ed)?|forbid(?:s|den)?|nicht|keine?[nmrs]?|nie|niemals|ohne|jamais|sans|aucune?"
    r"|nunca|sin|ning\u00fan|ninguna|jam\u00e1s|non|mai|n\u00e3o|niet|geen|inte|ikke|nie|не|нет|никогда|без"
    r"|لا|لم|لن|ليس|ليست|नहीं|न)\b|n['\u2019]t\b|\bne\s+\w+\s+pas\b|[\u4e0d\u6ca1\u6c92\u7121\u672a\u975e]",
    re.IGNORECASE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement made ready for comparing: its terms in order, their weights, its numbers, whether it says no."""

    text: str
    words: tuple[str, ...]
    weights: dict[str, float]
    numbers: tuple[Number, ...]
    negative: bool
    script: str

    @property
    def size(self) -> int:
        """How many different terms it has."""
        return len(self.weights)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a passage is to a claim: `support` 0 to 1; the numbers it lacks; whether it says the contrary.

    `foreign`: in another language, so that words cannot tell. `sure`: one unit of it says nearly the whole claim, in
    the same order.
    """

    support: float
    lacking: tuple[Number, ...] = ()
    contrary: bool = False
    foreign: bool = False
    sure: bool = False


class _Held:
    """What one passage holds."""

    def __init__(self, passage: Passage, known: Known) -> None:
        chunk = passage.chunk
        units = [unit for unit in passage.own_units() if unit.kind != "title"] or passage.own_units()
        around = " ".join(dict.fromkeys(text for unit in units for text in (unit.heading, unit.lead) if text))
        self.tongue = language.of_text(chunk.text)
        tongue = "" if self.tongue == "english" else self.tongue
        bodies = [unit.text for unit in units] or [chunk.text]
        self.units = [f"{unit.heading} {unit.lead} {unit.text}" for unit in units] or [chunk.text]
        whole = f"{chunk.document_name} {chunk.label} {around} {chunk.text}"
        self.places: dict[str, set[int]] = {}
        for place, text in enumerate(bodies):
            for term in _both(text, tongue, known):
                self.places.setdefault(term, set()).add(place)
        self.terms = frozenset(_both(whole, tongue, known)) | self.places.keys()
        self.begins: dict[str, str] = {}
        for term in self.terms:
            self.begins.setdefault(term[:_SIMILAR_BEGIN], term)
        self.values = values_of(f"{whole} {chunk.page}")
        self.negative = [_NOT.search(text) is not None for text in bodies]
        self.script = script_of(chunk.text)


def _both(text: str, tongue: str, known: Known) -> Iterable[str]:
    yield from terms(text, known)
    if tongue:
        yield from terms(text, known, tongue=tongue)


def script_of(text: str) -> str:
    """A rough name of the writing that most letters of a text are in."""
    letters = [char for char in text[:2000] if char.isalpha()]
    if not letters:
        return ""
    middle = sorted(letters)[len(letters) // 2]
    for last, name in (("\u024f", "latin"), ("\u03ff", "greek"), ("\u052f", "cyrillic"), ("\u05ff", "hebrew"),
                       ("\u077f", "arabic"), ("\u0dff", "indic"), ("\u109f", "thai")):  # fmt: skip
        if middle <= last:
            return name
    return "east"


class Checker:
    """Judges statements against the passages of one answer. Linear in the length of the statement."""

    def __init__(self, passages: Sequence[Passage], likeness: Likeness | None = None) -> None:
        self._passages = {passage.number: passage for passage in passages}
        self._likeness = likeness
        self._known: Known = {}
        self._held: dict[int, _Held] = {}

    def claim(self, text: str) -> Claim:
        """Make a statement ready."""
        body = plain(text)
        names = frozenset(terms(" ".join(_CAPITAL.findall(body)), self._known))
        tongue = language.of_text(body)
        common = language.COMMON_WORDS.get(tongue, frozenset()) | language.COMMON_ELSEWHERE
        weights: dict[str, float] = {}
        words: list[str] = []
        for word in body.split():
            weight = _COMMON if word.casefold().strip(".,;:!?()") in common else _WORD
            for term in terms(word, self._known):
                if not term[0].isdigit():
                    words.append(term)
                    weights[term] = max(weights.get(term, 0.0), _NAME if term in names else weight)
        numbers = tuple(number for number in numbers_of(body) if not number.counted)
        return Claim(body, tuple(words), weights, numbers, _NOT.search(body) is not None, script_of(body))

    def verdict(self, claim: Claim, number: int) -> Verdict:
        """How passage `number` stands to a claim."""
        held = self._of(number)
        if claim.script and held.script and claim.script != held.script:
            return self._foreign(claim, held, number)
        found = {term: share for term in claim.weights if (share := self._share(held, term)) > 0}
        total = sum(claim.weights.values()) + _NAME * len(claim.numbers)
        if total <= 0:
            return Verdict(0.0)
        lacking = tuple(one for one in claim.numbers if not one.among(held.values))
        there = _NAME * (len(claim.numbers) - len(lacking))
        whole = (sum(claim.weights[term] * share for term, share in found.items()) + there) / total
        near, alone, contrary, places = self._near(claim, held, found, total, there)
        support = near * _NEAR_SHARE + whole * (1 - _NEAR_SHARE)
        if lacking and support < HOLDS:
            support *= _WRONG_NUMBER
        if self._likeness is not None and not lacking:
            support = max(support, self._alike(claim, number))
        if support < _LITTLE and self._other_tongue(claim, held):
            return self._foreign(claim, held, number)
        sure = whole >= _SURE_WHOLE and alone >= _SURE_ALONE and not lacking and not contrary
        return Verdict(support, lacking, contrary, sure=sure and self._in_order(claim, held, places))

    def best(self, claim: Claim, numbers: Iterable[int]) -> tuple[int, Verdict] | None:
        """The passage of `numbers` that holds the claim best, none that says the contrary before one that does not."""
        verdicts = [(number, self.verdict(claim, number)) for number in numbers]
        return max(verdicts, key=lambda one: (_order(one[1]), -one[0]), default=None)

    def place(self, claim: Claim, given: int, others: Iterable[int]) -> int | None:
        """Where a mark behind a claim belongs: to the passage `given`, to a better one of `others`, or nowhere."""
        verdict = self.verdict(claim, given)
        if verdict.foreign:
            return None if verdict.lacking else given
        right = verdict.support >= KEEPS and not verdict.contrary
        found = self.best(claim, [number for number in others if number != given])
        if found and found[1].support >= HOLDS and not found[1].contrary:
            lacks_less = len(found[1].lacking) < len(verdict.lacking)
            if not right or lacks_less or found[1].support >= verdict.support + _MUCH_BETTER:
                return found[0]
        return given if right else None

    def has(self, one: Number, number: int) -> bool:
        """Whether a number stands in passage `number`."""
        return one.among(self._of(number).values)

    def _of(self, number: int) -> _Held:
        if number not in self._held:
            self._held[number] = _Held(self._passages[number], self._known)
        return self._held[number]

    def _share(self, held: _Held, term: str) -> float:
        if term in held.terms:
            return 1.0
        return _SIMILAR if len(term) >= _SIMILAR_BEGIN and term[:_SIMILAR_BEGIN] in held.begins else 0.0

    def _near(
        self, claim: Claim, held: _Held, found: dict[str, float], total: float, there: float
    ) -> tuple[float, float, bool, list[int]]:
        """The shares that the best few units in a row and the best one have, whether that says the contrary, and the
        places of those that have most of it.
        """
        alone: dict[int, float] = {}
        run: dict[int, float] = {}
        for term, share in found.items():
            key = term if term in held.places else held.begins.get(term[:_SIMILAR_BEGIN], "")
            places = held.places.get(key, ())
            worth = claim.weights[term] * share
            for place in places:
                alone[place] = alone.get(place, 0.0) + worth
            for begin in {place - back for place in places for back in range(_NEAR)}:
                run[begin] = run.get(begin, 0.0) + worth
        best = max(run.values(), default=0.0)
        words = sum(claim.weights.values())
        close = [place for place, worth in alone.items() if words and worth >= _CLOSE * words]
        contrary = bool(close) and all(held.negative[place] is not claim.negative for place in close)
        most = max(alone.values(), default=0.0)
        return (best + there) / total, (most + there) / total, contrary, close

    def _in_order(self, claim: Claim, held: _Held, places: Iterable[int]) -> bool:
        """Whether one of the units says a claim's words in the claim's order, all its names among them."""
        words = claim.words[:_MOST_TERMS]
        weights = [claim.weights[word] for word in words]
        names = frozenset(word for word in words if claim.weights[word] == _NAME)
        for place in places:
            said = terms(held.units[place], self._known)[:_MOST_TERMS]
            if names.issubset(said) and _common(words, weights, said) >= _SURE_ORDER * sum(weights):
                return True
        return False

    def _other_tongue(self, claim: Claim, held: _Held) -> bool:
        tongue = language.of_text(claim.text)
        return bool(tongue and held.tongue and tongue != held.tongue)

    def _foreign(self, claim: Claim, held: _Held, number: int) -> Verdict:
        """Words tell nothing: the second signal does, or the numbers alone."""
        lacking = tuple(one for one in claim.numbers if not one.among(held.values))
        support = _UNKNOWN if self._likeness is None else self._alike(claim, number)
        return Verdict(support * (_WRONG_NUMBER if lacking else 1.0), lacking, foreign=self._likeness is None)

    def _alike(self, claim: Claim, number: int) -> float:
        assert self._likeness is not None  # noqa: S101  (asked for only with one)
        return self._likeness(claim.text, self._passages[number].chunk.text)


def _forms_of_one(word: str, other: str) -> bool:
    begin = max(_SIMILAR_BEGIN, len(word) - _ENDING, len(other) - _ENDING)
    return word[:begin] == other[:begin] and min(len(word), len(other)) >= begin


def _common(words: Sequence[str], weights: Sequence[float], others: Sequence[str]) -> float:
    """The weight of the longest run of `words`, others left out between them, that stands in `others` in this order."""
    best = [0.0] * (len(others) + 1)
    for word, weight in zip(words, weights, strict=True):
        before = best[0]
        for place, other in enumerate(others, 1):
            here = best[place]
            if word == other or _forms_of_one(word, other):
                best[place] = max(here, before + weight)
            best[place] = max(best[place], best[place - 1])
            before = here
    return best[-1]


def _order(verdict: Verdict) -> float:
    return verdict.support + (0.5 if verdict.sure else 0.0) - (1.0 if verdict.contrary else 0.0)
