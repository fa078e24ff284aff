"""Questions that a text answers: made from its own headings, definitions, tables and numbers, in its own language."""

# ruff: noqa: RUF001  (letters and quotes of other scripts are what this is about)

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ..documents import language
from ..documents.terms import terms
from .quotes.lines import cells_of
from .quotes.units import Unit

LONGEST = 110
"""A suggested question has at most this many characters: it stands on a button."""


class Sort(IntEnum):
    """What a question is made from; the lower, the better it reads."""

    ASKED = 0
    EVENT = 1
    COUNT = 2
    DEFINITION = 3
    TABLE = 4
    HEADING = 5
    NAME = 6
    FIELD = 7
    WORD = 8


@dataclass(frozen=True, slots=True)
class Form:
    """A question, and the characters [start, end) of the page that it is made from."""

    question: str
    sort: Sort
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Tongue:
    """How one language asks: about a topic, what something is, and for the cell of a table."""

    about: str
    what: str
    defines: re.Pattern[str] | None = None
    cell: str = ""


def _defines(verbs: str, articles: str = "") -> re.Pattern[str]:
    follows = rf"\s(?:{articles})\b" if articles else ""
    return re.compile(rf"^([^\W\d_a-zà-ÿ][^.,;:!?()“”\"]{{2,48}}?)\s(?:{verbs}){follows}")


_TONGUES = {
    "english": _Tongue(
        "What about “{}”?", "What is {}?", _defines("is|means|refers to", "an?|the|any"), "What is “{}” for “{}”?"
    ),
    "german": _Tongue(
        "Was ist mit „{}“?", "Was ist {}?", _defines("ist", "eine?|einer|der|die|das"), "Was ist „{}“ von „{}“?"
    ),
    "french": _Tongue(
        "Qu’y a-t-il sur « {} » ?",
        "Qu’est-ce que {} ?",
        _defines("est", "une?|le|la|les"),
        "Quel est « {} » de « {} » ?",
    ),
    "spanish": _Tongue("¿Qué hay sobre «{}»?", "¿Qué es {}?", _defines("es", "una?|el|la"), "¿Cuál es «{}» de «{}»?"),
    "italian": _Tongue(
        "Che cosa c’è su «{}»?", "Che cos’è {}?", _defines("è", "una?|uno|il|la"), "Qual è «{}» di «{}»?"
    ),
    "portuguese": _Tongue("O que há sobre «{}»?", "O que é {}?", _defines("é", "uma?|o|a"), "Qual é «{}» de «{}»?"),
    "dutch": _Tongue("Wat staat er over “{}”?", "Wat is {}?", _defines("is", "een|de|het"), "Wat is “{}” van “{}”?"),
    "russian": _Tongue("Что есть о «{}»?", "Что такое {}?", re.compile(r"^([А-ЯЁ][^.,;:!?()]{2,48}?)\s[—–-]\s")),
    "arabic": _Tongue("ماذا عن «{}»؟", "ما هو {}؟"),
    "hindi": _Tongue("“{}” के बारे में क्या है?", "{} क्या है?"),
    "chinese": _Tongue("“{}”是什么？", "{}是什么？", re.compile(r"^([\u4e00-\u9fffA-Za-z0-9·]{2,14}?)是(?:一|由|指)")),
}  # fmt: skip

_CHINESE = re.compile("[\u4e00-\u9fff]")
_KANA = re.compile("[\u3041-\u30ff\uac00-\ud7ff]")
_NUMBERING = re.compile(
    r"^(?:[A-Z]{2,6}\s(?=\d+\.\d))?(?:(?:chapter|section|part|goal|article|appendix)\s)?"
    r"(?:[\dIVXA-H]{1,4}[.)]\s?)*(?:\d+\s)?[-–—:.\s]*",
    re.IGNORECASE,
)
_FURNITURE = re.compile(
    r"^(?:page|slide|sheet|seite|página|contents|table of contents|inhalt|introduction|summary|overview|references"
    r"|index|notes?|annex|appendix|prev|next|home|strategic plan|findings|values?)\b[\W\d]*(?:(?:of|von|de)\s\d+)?$",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"\b(?:it|its|this|that|these|those|they|there|here|he|she|we|you|i|our|your|my|his|her|their|which|what|who"
    r"|such|one|another|each|both|dies|diese[rs]?|es|sie|er|wir|ce|cette|ces|il|elle|nous|este|esta|esto|él|ella)\b",
    re.IGNORECASE,
)
_NEEDS_MORE = re.compile(r"\b(?:its?|this|that|these|those|they|them|he|she|him|his|her|there|such)\b", re.IGNORECASE)
_GOES_ON = re.compile(r"(?:and|or|but|so|then|well|now|und|oder|aber|et|ou|mais|y|o|pero)\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"(?:when|where|while|although|though|after|before|in|as|if|since|by|on|at|for|from|during|because|until|with|to|of"
    r"|most|many|some|all|no|not|only|first|later|then|today|also|several|few|among|and|but|or|so|however)\b",
    re.IGNORECASE,
)
_YEAR = r"(?:1[5-9]|20)\d\d"
_EVENT = re.compile(
    rf"^((?:The\s)?[A-Z][^.,;:!?()]{{2,50}}?)\s(was|were)\s(founded|created|established|built|born|held|signed|opened|released"
    rf"|published|introduced|adopted|invented|discovered|completed|launched|incorporated|enacted|elected)\b[^.;]{{0,80}}?\b{_YEAR}\b"
)
_COUNT = re.compile(
    r"^((?:The\s)?[A-Z][^.,;:!?()]{2,40}?)\s(has|have)\s(?:(?:about|over|around|nearly|more than|approximately)\s)?"
    r"(?:\d[\d,]*|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\s((?:[a-z-]+\s)?[a-z]{3,}s)\b"
)
_FIELD = re.compile(r"^([A-Z][\w/&'-]*(?:\s[\w/&'-]+){0,3}):\s+(\S.{0,60})$")
_NAME = re.compile(
    r"(?<![.!?:“\"]\s)\b(?!The\s)[A-ZÄÖÜ][\w’'-]+(?:\s(?:of\s(?:the\s)?|de\s|du\s)?[A-ZÄÖÜ][\w’'-]+){1,3}"
)
_CAMEL = re.compile(r"[a-z][A-Z]")
_MAIL = frozenset({"to", "cc", "bcc", "from", "subject", "date", "sent", "reply-to"})
_CHINESE_CLAUSE = re.compile("[的了在和该这那他她它为们认说被把有]")
_CHINESE_RUN = re.compile("[\u4e00-\u9fff]{4,}")
_WHOLE_WORD = re.compile(r"[^\W\d_][^\W\d_\u0900-\u0963]*(?:[\u0900-\u0963]+[^\W\d_]*)*")
_LETTERS = re.compile(r"[^\W\d_]")
_WORDY = re.compile(r"[^\W\d_]{3,}")
_NUMERIC = re.compile(r"^[^\w\s]?\d[\d,. ]*%?$")
_KEY_COLUMN = re.compile(r"^(?:no|nr|id|#|date|year|jahr|time)\b", re.IGNORECASE)
_COLUMN_CHARS = 28
_TOPIC_CHARS = 60
_MOST_OF_A_SORT = 6
_FEW = 4
_OFTEN = 3
_WORD_CHARS = 5


def tongue_of(text: str) -> str:
    """The language to ask in about this text; empty when questions in it cannot be made here."""
    if _KANA.search(text):
        return ""
    if len(_CHINESE.findall(text[:600])) > 20:
        return "chinese"
    letters = Counter(language.of_word(word) for word in re.findall(r"[^\W\d_]+", text[:600]))
    written = letters.most_common(1)[0][0] if letters else ""
    found = written or language.of_text(text) or ("english" if text[:600].isascii() else "")
    return found if found in _TONGUES else ""


def forms(units: Sequence[Unit], tongue: str) -> list[Form]:
    """Questions from these units of a page, best sorts first, no two alike. Nothing says yet that they are answered."""
    asks = _TONGUES.get(tongue)
    if asks is None:
        return []
    made = [*_of_units(units, asks, tongue), *_of_headings(units, asks), *_of_tables(units, asks, tongue)]
    if tongue != "german":  # which writes every noun with a capital
        made += _of_names(units, asks)
    if len(made) < _FEW:
        made += _of_words(units, asks, tongue, " ".join(form.question for form in made))
    found: dict[str, Form] = {}
    counts = Counter[Sort]()
    for form in sorted(made, key=lambda form: (form.sort, form.start)):
        key = form.question.casefold()
        if len(form.question) <= LONGEST and key not in found and counts[form.sort] < _MOST_OF_A_SORT:
            found[key] = form
            counts[form.sort] += 1
    return list(found.values())


def _of_units(units: Sequence[Unit], asks: _Tongue, tongue: str) -> Iterator[Form]:
    """From single sentences and fields."""
    for unit in units:
        text = unit.text
        if unit.kind in ("sentence", "title", "item") and text[-1] in "?？؟" and 15 <= len(text) <= LONGEST:
            if not _NEEDS_MORE.search(text) and not _GOES_ON.match(text):
                yield Form(text, Sort.ASKED, unit.start, unit.end)
        elif unit.kind == "sentence":
            yield from _of_sentence(unit, asks, tongue)
        elif unit.kind == "field" and tongue == "english":
            yield from _of_field(unit, text)
        elif unit.kind == "row" and tongue == "english":
            for cell in cells_of(text):
                yield from _of_field(unit, cell)


def _of_sentence(unit: Unit, asks: _Tongue, tongue: str) -> Iterator[Form]:
    text = unit.text
    if tongue == "english":
        event, count = _EVENT.match(text), _COUNT.match(text)
        if event and _is_subject(event.group(1)):
            yield Form(f"When {event[2]} {_inside(event[1])} {event[3]}?", Sort.EVENT, unit.start, unit.end)
        if count and _is_subject(count.group(1)):
            does = "does" if count[2] == "has" else "do"
            yield Form(f"How many {count[3]} {does} {_inside(count[1])} have?", Sort.COUNT, unit.start, unit.end)
    defined = asks.defines.match(text) if asks.defines else None
    if defined and len(text) >= len(defined.group(0)) + 15:
        subject = defined.group(1).strip()
        if _is_subject(subject) and _names_one(subject, tongue):
            subject = _inside(subject) if tongue == "english" else subject
            yield Form(asks.what.format(subject), Sort.DEFINITION, unit.start, unit.end)


def _is_subject(words: str) -> bool:
    """Whether these words name something by themselves, and are not the beginning of a clause."""
    return not _POINTS_BACK.search(words) and not _CLAUSE.match(words)


def _names_one(subject: str, tongue: str) -> bool:
    """Whether this reads as the name of a thing: few words, and elsewhere than in English none of the small ones."""
    if tongue == "chinese":
        return not _CHINESE_CLAUSE.search(subject)
    words = subject.casefold().split()
    if tongue == "english":
        named = words[1:] if words[0] in ("the", "a", "an") else words
        # One word alone names something only as a name does: not "the city", not "Provided".
        return len(words) <= 5 and (len(named) > 1 or (named == words and not words[0].endswith(("ed", "ing"))))
    return len(words) <= 3 and not set(words) & language.COMMON_WORDS.get(tongue, frozenset())


def _inside(subject: str) -> str:
    """A subject as it stands inside of a sentence."""
    for article in ("The ", "A ", "An "):
        if subject.startswith(article):
            return article.lower() + subject[len(article) :]
    return subject


def _of_field(unit: Unit, text: str) -> Iterator[Form]:
    field = _FIELD.match(text)
    if field and terms(field.group(1)) and field.group(1).casefold() not in _MAIL:
        yield Form(f"What is the {_lowered(field.group(1))}?", Sort.FIELD, unit.start, unit.end)


def _lowered(words: str) -> str:
    """Words of a column or field as they stand in a sentence: `Accident Number` as accident number, `URL` as it is."""
    return " ".join(
        word if word.isupper() or any(c.isdigit() for c in word) else word.lower() for word in words.split()
    )


def _of_headings(units: Sequence[Unit], asks: _Tongue) -> Iterator[Form]:
    """From headings that have sentences below them."""
    under = Counter(unit.heading for unit in units if unit.kind in ("sentence", "item") and len(unit.text) >= 40)
    for place, unit in enumerate(units):
        # The very first is the title of the whole, whatever stands below it.
        if unit.kind != "title" or not (under[unit.text] or place == 0):
            continue
        topic = _NUMBERING.sub("", unit.text, count=1).strip(" :–—-")
        if len(topic) <= _TOPIC_CHARS and not _FURNITURE.match(topic) and _says_something(topic):
            yield Form(asks.about.format(topic), Sort.HEADING, unit.start, unit.end)


def _says_something(topic: str) -> bool:
    if "?" in topic or topic.count("“") or not (_WORDY.search(topic) or _CHINESE.search(topic)):
        return False
    return len(set(terms(topic))) >= 2 or len(_CHINESE.findall(topic)) >= 2


def _of_tables(units: Sequence[Unit], asks: _Tongue, tongue: str) -> Iterator[Form]:
    """From rows below heads: the cell of a row, and in English the row with the most."""
    rows = [unit for unit in units if unit.kind == "row" and unit.lead]
    keys = Counter(cells_of(unit.text)[:1] for unit in rows)
    for place, unit in enumerate(rows):
        heads, cells = cells_of(unit.lead), cells_of(unit.text)
        if len(heads) < 2 or len(heads) != len(cells):
            continue
        if place == 0 and tongue == "english":
            yield from _of_extremes(unit, heads, cells)
        # Only what names its row alone, and a value that is one.
        named = _is_name(cells[0]) and keys[cells[:1]] == 1
        value = next((at for at in range(1, len(heads)) if _good_head(heads[at]) and _NUMERIC.match(cells[at])), 0)
        if named and value and asks.cell:
            yield Form(asks.cell.format(heads[value], cells[0]), Sort.TABLE, unit.start, unit.end)


def _of_extremes(unit: Unit, heads: Sequence[str], cells: Sequence[str]) -> Iterator[Form]:
    key = next((at for at, head in enumerate(heads) if _good_head(head) and _is_name(cells[at])), None)
    measures = [at for at, head in enumerate(heads) if _good_head(head) and _NUMERIC.match(cells[at])]
    if key is not None and measures:
        measure = _lowered(heads[measures[-1]])
        most = "most" if measure.endswith("s") else "highest"
        yield Form(f"Which {_lowered(heads[key])} has the {most} {measure}?", Sort.TABLE, unit.start, unit.end)


def _good_head(head: str) -> bool:
    fits = 2 < len(head) <= _COLUMN_CHARS and bool(_LETTERS.search(head))
    return fits and not _KEY_COLUMN.match(head) and not _CAMEL.search(head)


def _is_name(cell: str) -> bool:
    return len(cell) <= _COLUMN_CHARS and bool(_WORDY.search(cell)) and not any(c.isdigit() for c in cell)


def _of_names(units: Sequence[Unit], asks: _Tongue) -> Iterator[Form]:
    """From names of several words that come up more than once."""
    places: dict[str, list[Unit]] = {}
    for unit in units:
        if unit.kind == "sentence":
            for found in _NAME.finditer(unit.text):
                name = found.group().removesuffix("'s").removesuffix("’s")
                if _WORDY.search(name) and _is_subject(name):
                    places.setdefault(name, []).append(unit)
    for name, mentions in places.items():
        if len(mentions) > 1 and len(name) <= _TOPIC_CHARS:
            yield Form(asks.about.format(name), Sort.NAME, mentions[0].start, mentions[0].end)


def _of_words(units: Sequence[Unit], asks: _Tongue, tongue: str, made: str) -> Iterator[Form]:
    """From the words that come up most and are not in the questions `made`, in texts that have few better."""
    sentences = [unit for unit in units if unit.kind == "sentence"]
    counts = Counter[str]()
    for unit in sentences:
        counts.update(set(_key_words(unit.text, tongue)))
    for word, count in counts.most_common(_MOST_OF_A_SORT):
        if count >= _OFTEN and word not in made and terms(word):
            first = next(unit for unit in sentences if word in unit.text)
            yield Form(asks.about.format(word), Sort.WORD, first.start, first.end)


def _key_words(text: str, tongue: str) -> Iterator[str]:
    """Words that may be what a text is about: with capitals where there are some, in Chinese runs of four."""
    if tongue == "chinese":
        for run in _CHINESE_RUN.findall(text):
            yield from (run[at : at + 4] for at in range(len(run) - 3) if not _CHINESE_CLAUSE.search(run[at : at + 4]))
        return
    common = language.COMMON_WORDS.get(tongue, language.COMMON_ELSEWHERE)
    for place, word in enumerate(_WHOLE_WORD.findall(text)):
        noun = word[0].isupper() and (place > 0 or tongue == "german") if tongue in language.COMMON_WORDS else True
        if len(word) >= _WORD_CHARS and noun and word.casefold() not in common:
            yield word
