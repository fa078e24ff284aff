"""How well each unit of the passages fits a question: weighed overlap of words, and an answer of the right sort."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from ...documents.terms import Known, terms
from ..passages import Passage
from .cues import SUPERLATIVES, Wanted, extreme, offers, wanted
from .tables import extreme_rows
from .units import Unit, tidy

# How much a word of the question counts by where it is found; found nowhere it counts nothing. Measured on SQuAD 2
# questions: the outcome is flat around these values.
IN_UNIT, SIMILAR, IN_LEAD, IS_HEADING, IN_HEADING, BESIDE, IN_PASSAGE, IN_DOCUMENT = (
    1.0,
    0.8,
    0.8,
    0.9,
    0.6,
    0.5,
    0.35,
    0.3,
)
_SORT_BONUS = 0.18
_RANK_BONUS = 0.12
_NOTHING_NEW_MALUS = 0.25
_NAMED_BONUS = 0.3
_EXTREME_BONUS = 1.0
_JOINED_CHARS = 500
_SIMILAR_BEGIN = 5
_SIMILAR_REST = 3
# Few passages say little of how common a word is: a word of one of two passages is not a common one.
_SMALLEST_LIBRARY = 200
_NO_TERMS: frozenset[str] = frozenset()
# The dots of a table of contents: it names everything and says nothing.
_LEADERS = re.compile(r"\.{5}|(?:\. ){5}|\u2026{3}")
_PAGE_NUMBER = re.compile(r"(?:page|slide|sheet)?\W*\d+(?:\s*(?:of|/)\s*\d+)?\W*", re.IGNORECASE)
_RUNNING_HEAD_CHARS = 60
_RUNNING_HEAD_PAGES = 3


@dataclass(frozen=True, slots=True)
class Question:
    """The question taken apart: each of its terms with its weight (rare words weigh more), and what it asks for.

    `heaviest` is the weight of a word that the owner's documents do not have.
    """

    text: str
    weights: Mapping[str, float]
    heaviest: float
    sort: Wanted

    @classmethod
    def of(cls, text: str, frequencies: tuple[int, Mapping[str, int]]) -> "Question":
        """Weigh the terms by `frequencies`: the number of passages, and of those that hold each term."""
        total, holding = frequencies
        total = max(total, _SMALLEST_LIBRARY)
        weights = {term: _weight(total, holding.get(term, 0)) for term in terms(text)}
        return cls(text, weights, _weight(total, 0), wanted(text))

    @property
    def whole(self) -> float:
        """The weight of all terms."""
        return sum(self.weights.values())


def _weight(total: int, holding: int) -> float:
    holding = min(holding, total)
    return math.log(1 + (total - holding + 0.5) / (holding + 0.5))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that may be quoted. `found` tells for each term of the question how near it stands, 1.0 in the unit.

    `likely` is by what the candidates that are best by `score` are put in order.
    """

    passage: Passage
    unit: Unit
    terms: frozenset[str]
    found: tuple[float, ...]
    offered: float
    score: float
    likely: float = 0.0

    def overlaps(self, other: "Candidate") -> bool:
        """Whether both quote the same characters of a page."""
        mine, its = self.passage.chunk, other.passage.chunk
        same_page = (mine.document_id, mine.page) == (its.document_id, its.page)
        return same_page and self.unit.start < other.unit.end and other.unit.start < self.unit.end


@dataclass(frozen=True, slots=True)
class _Context:
    """What stands around the units of one passage, as terms."""

    passage: Passage
    around: frozenset[str]
    about: frozenset[str]
    label: frozenset[str]
    rank: float
    furniture: frozenset[str]
    known: dict[str, frozenset[str]]
    words: Known

    def around_words(self, text: str) -> frozenset[str]:
        """The terms of a lead or a heading, which many units share."""
        if text not in self.known:
            self.known[text] = frozenset(terms(text, self.words))
        return self.known[text]


def candidates(asked: Question, passages: Sequence[Passage]) -> list[Candidate]:
    """The units of the passages that hold a word of the question, best first."""
    if not asked.whole:
        return []
    found = list(_candidates(asked, passages))
    # Of two that fit alike the shorter says it best.
    found.sort(key=lambda candidate: (-candidate.score, candidate.unit.end - candidate.unit.start))
    return found


def _candidates(asked: Question, passages: Sequence[Passage]) -> Iterator[Candidate]:
    best = max((passage.score for passage in passages), default=0.0)
    words: Known = {}  # of this question alone: nothing of it may stay in memory
    texts = [frozenset(terms(passage.chunk.text, words)) for passage in passages]
    about = _documents(passages, texts)
    furniture = _furniture(passages)
    seen: set[int] = set()
    for passage, around in zip(passages, texts, strict=True):
        rank = passage.score / best if best > 0 else 0.0
        chunk = passage.chunk
        label = frozenset(terms(chunk.label))
        context = _Context(passage, around, about[chunk.document_id], label, rank, furniture, {}, words)
        yield from _of_passage(asked, context)
        if id(passage.units) not in seen:
            seen.add(id(passage.units))
            yield from _of_tables(asked, context)


def _documents(passages: Sequence[Passage], texts: Sequence[frozenset[str]]) -> dict[UUID, frozenset[str]]:
    """For each document the terms of its name and of all its passages."""
    found: dict[UUID, frozenset[str]] = {}
    for passage, words in zip(passages, texts, strict=True):
        chunk = passage.chunk
        before = found.get(chunk.document_id) or frozenset(terms(chunk.document_name))
        found[chunk.document_id] = before | words
    return found


def _furniture(passages: Sequence[Passage]) -> frozenset[str]:
    """Short lines and headings that stand on several pages: running heads, which say nothing where they stand."""
    pages: dict[str, set[tuple[UUID, int]]] = {}
    for passage in passages:
        place = (passage.chunk.document_id, passage.chunk.page)
        for unit in passage.units:
            for text in (unit.text if unit.kind == "sentence" else "", unit.heading):
                if 0 < len(text) <= _RUNNING_HEAD_CHARS:
                    pages.setdefault(text, set()).add(place)
    return frozenset(text for text, places in pages.items() if len(places) >= _RUNNING_HEAD_PAGES)


def _of_tables(asked: Question, context: _Context) -> Iterator[Candidate]:
    """The rows with the most or the least, when the question asks for that."""
    superlative = extreme(asked.text)
    if superlative is None:
        return
    said = frozenset(terms(" ".join(SUPERLATIVES)))
    for unit in extreme_rows(context.passage.units, superlative, frozenset(asked.weights)):
        candidate = _candidate(asked, context, unit, frozenset(terms(unit.text, context.words)), _NO_TERMS)
        # Being the row with the most of it is what "longest" asks for, though the word does not stand there.
        found = tuple(
            1.0 if term in said else value for term, value in zip(asked.weights, candidate.found, strict=True)
        )
        yield replace(candidate, found=found, offered=1.0, score=candidate.score + _EXTREME_BONUS)


def _of_passage(asked: Question, context: _Context) -> Iterator[Candidate]:
    units = context.passage.own_units()
    sets = [frozenset(terms(unit.text, context.words)) for unit in units]
    for position, unit in enumerate(units):
        if unit.kind == "title" or unit.text in context.furniture or _says_nothing(unit.text):
            continue
        before = sets[position - 1] if position else _NO_TERMS
        after = sets[position + 1] if position + 1 < len(units) else _NO_TERMS
        words = sets[position]
        if unit.text.endswith(":"):
            unit = _joined(context.passage.page_text, units, position)
            words = frozenset(terms(unit.text, context.words))
        candidate = _candidate(asked, context, unit, words, before | after)
        if max(candidate.found) >= SIMILAR:
            yield candidate


def _says_nothing(text: str) -> bool:
    return bool(_LEADERS.search(text) or _PAGE_NUMBER.fullmatch(text))


def _joined(page: str, units: Sequence[Unit], position: int) -> Unit:
    """A sentence that ends with a colon, with what it announces."""
    first = units[position]
    end = first.end
    for unit in units[position + 1 :]:
        if unit.kind in ("title", "record", "row") or unit.end - first.start > _JOINED_CHARS:
            break
        end = unit.end
        if unit.kind == "sentence":
            break
    return replace(first, end=end, text=tidy(page[first.start : end]))


def _candidate(
    asked: Question, context: _Context, unit: Unit, words: frozenset[str], beside: frozenset[str]
) -> Candidate:
    heading, lead = context.around_words(unit.heading), context.around_words(unit.lead)
    # A heading that the question names whole says what the text below it is about; a running head does not.
    running = unit.heading in context.furniture
    named = heading if heading and not running and heading <= asked.weights.keys() else _NO_TERMS
    layers = (
        (words, IN_UNIT),
        (named, IS_HEADING),
        (lead, IN_LEAD),
        (heading | context.label, IN_HEADING),
        (beside, BESIDE),
        (context.around, IN_PASSAGE),
        (context.about, IN_DOCUMENT),
    )
    begins = {word[:_SIMILAR_BEGIN] for word in words}
    found = tuple(_nearness(term, words, begins, layers) for term in asked.weights)
    gained = sum(value * weight for value, weight in zip(found, asked.weights.values(), strict=True))
    offered = offers(unit.text, asked.sort, asked.text)
    score = gained / asked.whole + _SORT_BONUS * offered + _RANK_BONUS * context.rank
    score += _NAMED_BONUS * sum(asked.weights[term] for term in named) / asked.whole
    if not unit.lead and len(words - asked.weights.keys()) < 2:
        score -= _NOTHING_NEW_MALUS
    return Candidate(context.passage, unit, words, found, offered, score)


def _nearness(
    term: str, words: frozenset[str], begins: set[str], layers: Sequence[tuple[frozenset[str], float]]
) -> float:
    """How near the term stands to a unit with `words`, whose first letters are `begins`."""
    value = next((value for layer, value in layers if term in layer), 0.0)
    if value < SIMILAR and term[:_SIMILAR_BEGIN] in begins and any(_similar(term, word) for word in words):
        return SIMILAR
    return value


def _similar(one: str, other: str) -> bool:
    """Whether two terms look like forms of one word: a long common beginning."""
    if len(one) < _SIMILAR_BEGIN or not other.startswith(one[:_SIMILAR_BEGIN]) or one.isdigit():
        return False
    common = _SIMILAR_BEGIN
    for mine, its in zip(one[_SIMILAR_BEGIN:], other[_SIMILAR_BEGIN:], strict=False):
        if mine != its:
            break
        common += 1
    return max(len(one), len(other)) - common <= _SIMILAR_REST
