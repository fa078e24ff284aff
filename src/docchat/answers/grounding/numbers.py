"""Numbers in a text, whatever way they are written: 1,000 or 1.000 or 1 thousand, dates, times, percent."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_BLANK = " \u00a0\u2009\u202f'\u2019"
_DIGITS = rf"\d+(?:[.,{_BLANK}]\d{{3}}(?!\d))*(?:[.,\u066b]\d+)*"


def _named(words: str, values: Iterable[int]) -> dict[str, int]:
    return dict(zip(re.findall(r"\S+", words), values, strict=True))


def _scale(words: str, value: int) -> dict[str, int]:
    return dict.fromkeys(re.findall(r"\S+", words), value)


_SMALL = _named(
    """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen""",
    range(20),
)
_TENS = _named("twenty thirty forty fifty sixty seventy eighty ninety", range(20, 100, 10))
_ORDINALS = _named(
    """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
    thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth""",
    range(1, 21),
)
_WORDS = {**_SMALL, **_TENS, **_ORDINALS}
_SCALES = {
    "hundred": 100,
    **_scale("k thousand thousands tausend mille mil \u5343 \u0442\u044b\u0441", 10**3),
    **_scale("\u4e07 \u842c \ub9cc", 10**4),
    **_scale("lakh lakhs", 10**5),
    **_scale(
        """m mn million millions mio millionen millones millón milhões milhão milioni milione miljoen miljoner milionów
        млн миллион миллиона миллионов مليون""",
        10**6,
    ),
    **_scale("crore crores", 10**7),
    **_scale("\u4ebf \u5104 \uc5b5", 10**8),
    **_scale("b bn billion billions mrd milliarde milliarden milliard milliards miliardi miljard млрд مليار", 10**9),
    **_scale("tn trillion trillions billones billionen", 10**12),
}
_SCALE = "|".join(sorted(map(re.escape, _SCALES), key=len, reverse=True))
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_FOUND = re.compile(
    rf"(?P<digits>(?<![\w]){_DIGITS}|\d+(?:[.,]\d+)*)(?:[ \u00a0-]?(?P<scale>{_SCALE})(?![^\W\d_])|"
    rf"(?P<cjk>[\u5343\u4e07\u842c\ub9cc\u4ebf\u5104\uc5b5]))?"
    rf"|\b(?P<words>(?:{_WORD})(?:[ -](?:and )?(?:{_WORD}|hundred|thousand|million|billion))*)\b",
    re.IGNORECASE,
)
_AFTERNOON = re.compile(r"(?::\d\d)?\s?p\.?m\b", re.IGNORECASE)
_ROUGHLY = re.compile(
    r"\b(?:about|around|approximately|approx\.?|nearly|almost|roughly|some|over|more than|less than|under|etwa|rund|"
    r"environ|cerca de|circa)\s+[^\w\s]?$",
    re.IGNORECASE,
)
_GROUP = re.compile(rf"(?<=\d)[.,{_BLANK}](?=\d{{3}}(?!\d))")
_LEAST_SAID = 10
_ROUND = 0.05


@dataclass(frozen=True, slots=True)
class Number:
    """The characters [start, end) of a text that are a number, and what it may be; `rough`: about so much.

    `counted`: a small one in words ("two reasons"), which often stands for a count that no text spells out.
    """

    start: int
    end: int
    values: frozenset[float]
    rough: bool
    counted: bool

    def among(self, known: frozenset[float]) -> bool:
        """Whether the number is one of these, or near one when it is rough."""
        if self.values & known:
            return True
        return self.rough and any(abs(one - other) <= _ROUND * abs(other) for one in self.values for other in known)


def numbers_of(text: str) -> Iterator[Number]:
    """The numbers of a text, in order."""
    for found in _FOUND.finditer(text):
        rough = _ROUGHLY.search(text, max(0, found.start() - 24), found.start()) is not None
        if found.group("words"):
            value = _of_words(found.group("words").casefold())
            yield Number(found.start(), found.end(), frozenset((value,)), rough, counted=value <= _LEAST_SAID)
            continue
        factor = _SCALES[(found.group("scale") or found.group("cjk") or "").casefold()] if _scaled(found) else 1
        values = {value * factor for value in _readings(found.group("digits"))}
        hour = min(values, default=0.0)
        if 0 < hour < 12 and _AFTERNOON.match(text, found.end()):
            values.add(hour + 12)
        if values:
            yield Number(found.start(), found.end(), frozenset(values), rough, counted=False)


def values_of(text: str) -> frozenset[float]:
    """Everything that the numbers of a text may be, for comparing others with."""
    values: set[float] = set()
    for number in numbers_of(text):
        values |= number.values
        # "1995 250 people" is two numbers as well as one, and so are the halves of a time or a version.
        values.update(_value(part) for part in re.findall(r"\d+", text[number.start : number.end]))
    return frozenset(values)


def _scaled(found: re.Match[str]) -> bool:
    return bool(found.group("scale") or found.group("cjk"))


def _readings(digits: str) -> set[float]:
    """What may be meant: a dot or a comma may part thousands or begin a fraction, as languages have it."""
    readings = set()
    plain = _GROUP.sub("", digits).replace("\u066b", ".")
    parts = re.split("[.,]", plain)
    if len(parts) <= 2:
        readings.add(_value(".".join(parts)))
    if digits != plain and (fraction := re.fullmatch(r"(\d+)[.,](\d+)", digits)):
        readings.add(_value(f"{fraction[1]}.{fraction[2]}"))
    if len(parts) > 2:
        readings.update(_value(part) for part in parts)  # a date or a version
    return readings


def _value(digits: str) -> float:
    whole, _, fraction = digits.partition(".")
    folded = "".join(str(unicodedata.digit(char, 0)) for char in whole[:40])
    if not fraction:
        return float(folded or 0)
    return float(f"{folded or 0}." + "".join(str(unicodedata.digit(char, 0)) for char in fraction[:20]))


def _of_words(words: str) -> float:
    total = current = 0.0
    for word in re.split(r"[ -]", words):
        if word in _WORDS:
            current += _WORDS[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total, current = total + max(current, 1) * _SCALES[word], 0.0
    return total + current
