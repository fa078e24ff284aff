"""What a question asks for - a number, a date, a name - and whether a text offers one that the question did not say."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Wanted(StrEnum):
    """The sort of thing that answers the question."""

    NUMBER = "number"
    DATE = "date"
    NAME = "name"
    ADDRESS = "address"
    YES_NO = "yes-no"
    ANY = "any"


class Script(StrEnum):
    """Kinds of writing: how much of a question is found again differs (stop words are known for English only)."""

    ENGLISH = "english"
    UNSPACED = "unspaced"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Extreme:
    """The question asks for the row with the greatest or the least value; `words` may name the column."""

    greatest: bool
    words: tuple[str, ...]


FAR = 0.5
"""What a number is worth that does not stand beside the thing that is counted."""

_ADDRESS = re.compile(r"\be-?mail(?: address)?\b|\burl\b|\bweb ?site\b|\blink\b", re.IGNORECASE)
_DATE = re.compile(
    r"\bwhen\b"
    r"|\b(?:which|what|whose|in what|by what|by which)\s+(?:\w+\s+)?(?:year|date|day|month|century|decade|time)s?\b"
    r"|\bhow (?:early|late|recently)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\bhow (?:many|much|long|old|far|fast|high|tall|large|big|often|deep|wide|heavy)\b"
    r"|\b(?:what|which)(?: \w+){0,3}"
    r" (?:number|amount|percentage|percent|share|proportion|rate|price|cost|fee|salary|sum|total"
    r"|value|version|size|length|height|width|weight|population|temperature|age|distance|speed|budget|income)\b",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"\bwho(?:m|se)?\b|\bby name\b|\bwhat is the name\b|\bwhat (?:was|were|are) the names?\b", re.IGNORECASE
)
_THING = re.compile(r"\bhow (?:many|much) (?:\w+ of )?([a-z]{4,})", re.IGNORECASE)
_YES_NO = re.compile(
    r"^(?:is|are|was|were|am|do|does|did|can|could|may|might|must|shall|should|will|would|has|have|had)\b",
    re.IGNORECASE,
)
# Words of nearly every English question that are no words of its neighbours ("was" and "in" are German too).
_ENGLISH = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|the|does|did|are|were|has|have|had|and|by|from|with|of|may|can)\b",
    re.IGNORECASE,
)
_KEYWORDS = 4
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\uac00-\ud7ff]")
_GREATEST = ("most", "longest", "largest", "highest", "biggest", "greatest", "maximum", "oldest", "latest", "heaviest")
_LEAST = ("least", "fewest", "shortest", "smallest", "lowest", "minimum", "youngest", "earliest", "lightest")
SUPERLATIVES = _GREATEST + _LEAST
"""The words that ask for the row with the most or the least."""
_EXTREME = re.compile(rf"\b({'|'.join(SUPERLATIVES)})\b\s*((?:[\w-]+\s*){{0,3}})", re.IGNORECASE)

# Where a pattern begins with a run of characters it begins only at the run's start: else each place is tried in turn.
_WORD = re.compile(r"(?<![\w@.+-])[\w@.+-]*\w")
_DIGITS = re.compile(r"\d[\d,.]*")
_COUNTED = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    r"|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|dozen|half|third|quarter"
    r"|once|twice|none|no|several|few)\b",
    re.IGNORECASE,
)
_MOMENT = re.compile(
    r"\b(?:1[0-9]|20)\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|\b\d{1,2}:\d\d\b|\b\d{1,2}(?:st|nd|rd|th) century\b"
    r"|\b(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b|\b\d{2,4} (?:BC|AD|BCE|CE)\b|\b\d0s\b"
)
_CONDITION = re.compile(r"\b(?:if|when|once|after|before|until|unless|only|during|while|as soon as)\b", re.IGNORECASE)
# What decides whether something is so, or allowed; a sentence with it is quoted, a yes or no is left to the reader.
_DECIDES = re.compile(
    r"\b(?:not|cannot|no|nor|never|only|unless|without|always|must|shall|should|may|can|required|allowed|permitted"
    r"|prohibited|forbidden|encouraged)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_DECIDING = 0.5
_CAPITAL = re.compile(r"(?<![.!?:] )(?<!^)\b[A-Z][\w'\u2019-]+")
_LINK = re.compile(
    r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.]+|\bhttps?://\S+|\bwww\.\S+|(?<![\w-])[\w-]+\.(?:com|org|gov|net|edu)\b"
)
_AMOUNT = rf"(?:(?<!\d)(?<!\d[.,])\d++(?:[.,]\d++)*+|{_COUNTED.pattern})"
_WORDS = r"\W++(?:\w[\w-]*+\W++)"


def wanted(question: str) -> Wanted:
    """What sort of answer the question asks for."""
    if _ADDRESS.search(question):
        return Wanted.ADDRESS
    if _NUMBER.search(question):
        return Wanted.NUMBER
    if _DATE.search(question):
        return Wanted.DATE
    if _NAME.search(question):
        return Wanted.NAME
    return Wanted.YES_NO if _YES_NO.match(question.strip()) else Wanted.ANY


def script(question: str) -> Script:
    """Which of the kinds of writing that share a scale of confidence the question belongs to."""
    if _UNSPACED.search(question):
        return Script.UNSPACED
    if _ENGLISH.search(question) or (question.isascii() and len(question.split()) <= _KEYWORDS):
        return Script.ENGLISH
    return Script.OTHER


def extreme(question: str) -> Extreme | None:
    """The superlative of the question, if it has one."""
    found = _EXTREME.search(question)
    if found is None:
        return None
    return Extreme(found.group(1).lower() in _GREATEST, tuple(found.group(2).split()))


def offers(text: str, sort: Wanted, question: str) -> float:
    """From 0 to 1: whether `text` holds something of that sort which is not in the question itself."""
    if sort is Wanted.ANY:
        return 0.0
    if sort is Wanted.YES_NO:
        return _DECIDING if _DECIDES.search(text) else 0.0
    if sort is Wanted.ADDRESS:
        return float(bool(_LINK.search(text)))
    known = {word.lower() for word in _WORD.findall(question)}
    if sort is Wanted.NUMBER:
        return _offers_number(text, question, known)
    if sort is Wanted.DATE:
        if _fresh(_MOMENT.findall(text), known):
            return 1.0
        return 0.3 if _CONDITION.search(text) else 0.0
    return float(_fresh(_CAPITAL.findall(text), known))


def _offers_number(text: str, question: str, known: set[str]) -> float:
    """A number beside the thing that is counted is worth more than a number anywhere."""
    digits, counted = _fresh(_DIGITS.findall(text), known), _fresh(_COUNTED.findall(text), known)
    if not digits and not counted:
        return 0.0
    thing = _THING.search(question)
    if thing is None:
        return 1.0 if digits else 0.7
    stem = re.escape(thing.group(1)[: max(4, len(thing.group(1)) - 3)])
    # Possessive runs: a long line of dashes can be taken apart in one way only.
    before = rf"{_AMOUNT}{_WORDS}{{0,5}}(?:\w++-++){{0,4}}{stem}"
    after = rf"{stem}\w{{0,30}}+{_WORDS}{{0,3}}(?:\w++-++){{0,4}}{_AMOUNT}"
    beside = re.search(f"{before}|{after}", text, re.IGNORECASE)
    return 1.0 if beside else FAR


def names_in(text: str, question: str) -> int:
    """How many words with a capital, not at a beginning, `text` has that are not in the question."""
    known = {word.lower() for word in _WORD.findall(question)}
    return sum(_is_fresh(word, known) for word in _CAPITAL.findall(text))


def _fresh(found: list[str], known: set[str]) -> bool:
    return any(_is_fresh(word, known) for word in found)


def _is_fresh(word: str, known: set[str]) -> bool:
    return word.lower().rstrip(".,").removesuffix("'s").removesuffix("\u2019s") not in known
