"""Text to index terms: the one function behind indexing, ranking and the choice of sentences."""

import re
import unicodedata
from itertools import chain

import Stemmer

from . import language
from .stemmer import stem

LONGEST_TERM = 64
MARK = "."
"""Begins the stem of a word in the language of its text, among the terms that are indexed; no term begins with it."""
Known = dict[str, tuple[str, ...]]
"""The terms of words that were met already, see `terms`."""

# Scripts written without blanks between words: runs of them become overlapping pairs of characters.
_RUN = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Marks that Python's \w leaves out although they are part of a word (Hebrew, Arabic, Indic, Tibetan and combining).
_MARK = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0900-\u0963\u0966-\u0df3\u0f18-\u0fbc\u200c\u200d\u2de0-\u2dff"
)
_TOKEN = re.compile(
    rf"[{_RUN}]+"
    r"|\d+(?:[.,]\d+)*(?![^\W_])"
    rf"|[^\W{_RUN}](?:[\w{_MARK}](?<![{_RUN}]))*"
    rf"(?:['\u2019.&-](?=[^\W_])[\w{_MARK}]+(?<![{_RUN}]))*"
)
# The same where a text has no such character: in two thirds of the time.
_PLAIN = re.compile(r"\d+(?:[.,]\d+)*(?![^\W_])|\w+(?:['\u2019.&-](?=[^\W_])\w+)*")
_SPECIAL = re.compile(f"[{_RUN}{_MARK}]")
_RUN_START = re.compile(f"[{_RUN}]")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_PART = re.compile(rf"[^\W\d_{_RUN}][^\W\d_]*(?:[{_MARK}]+[^\W\d_]*)*|\d+(?:[.,]\d+)*")
_DROPPED = dict.fromkeys([*range(0x0610, 0x061B), *range(0x064B, 0x0660), 0x0640, 0x0670, 0x200C, 0x200D, 0xAD])
_ARABIC = re.compile("[\u0620-\u064a]{2,}")
_ARABIC_LETTERS = str.maketrans("\u0623\u0625\u0622\u0671\u0649\u0629", "\u0627\u0627\u0627\u0627\u064a\u0647")
_ARABIC_PREFIXES = ("وال", "بال", "كال", "فال", "لل", "ال")

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a about above after again against all also am an and any are as at be because been before being below between
        both but by can cannot could did do does doing done down during each either few for from further had has have
        having he her here hers herself him himself his how i if in into is it its itself just may me might more
        most
        many much must
        my myself neither no nor not of off on once only onto or other our ours ourselves out over own per
        please same shall she should so some such tell than that the their theirs them themselves then there these they
        this those through to too under until up upon us very via was we were what when where whether which while who
        whom whose why will with within would yet you your yours yourself yourselves s t d ll m re ve
        don doesn didn isn aren wasn weren won hasn haven hadn couldn shouldn wouldn""",
    )
)
"""English words that tell nothing about a subject; words of other languages are weighed down by their frequency."""


def terms(text: str, known: Known | None = None, *, tongue: str = "") -> list[str]:
    """The index terms of `text` in reading order: folded, stemmed, without stop words.

    A term holds only letters, digits, marks, `_` and `.`, and at most 64 characters. `13,000` and `$13,000` both give
    `13000`; `FY2026` gives itself and its parts; Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese give
    pairs of characters.

    Words in Latin letters get English stems, or those of the language `tongue` (as of `language`), at the same places;
    words of other scripts the stems of their own.

    `known` keeps the terms of words from call to call, for many texts in a row. It is the caller's to drop: a cache
    in here would remember the words of questions whose chat was cleared.
    """
    return _terms(_tokens(text), {} if known is None else known, tongue)


def _tokens(text: str) -> list[str]:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _few_marks(text)).translate(_DROPPED)
    text = text.casefold()
    return (_TOKEN if _SPECIAL.search(text) else _PLAIN).findall(text)


def _terms(tokens: list[str], known: Known, tongue: str = "") -> list[str]:
    begin = f"{tongue}:" if tongue else ""
    keys = [begin + token for token in tokens] if tongue else tokens
    for key in set(keys).difference(known):
        known[key] = _token_terms(key[len(begin) :], tongue)
    return list(chain.from_iterable(map(known.__getitem__, keys)))


def body(text: str, known: Known | None = None) -> list[str]:
    """The terms of a passage as they are indexed: in another language than English each is followed by its stem in
    that language, marked with a dot, where it is another.
    """
    known = {} if known is None else known
    tokens = _tokens(text)
    found = _terms(tokens, known)
    tongue = language.of_text(text) if found and not language.are_english(tokens) else ""
    if tongue in ("", "english"):
        return found
    both: list[str] = []
    for term, stem_there in zip(found, _terms(tokens, known, tongue), strict=True):
        both += [term] if term == stem_there else [term, MARK + stem_there]
    return both


def _few_marks(text: str) -> str:
    """The text with at most 30 marks on a character: bringing more into order takes the square of their number."""
    marks = "".join(sorted(character for character in set(text) if unicodedata.combining(character)))
    return re.sub(f"([{marks}]{{30}})[{marks}]+", r"\1", text) if marks else text


def _token_terms(token: str, tongue: str) -> tuple[str, ...]:
    if _RUN_START.match(token):
        return _pairs(token)
    if _NUMBER.fullmatch(token):
        return (_number(token),)
    token = token.replace("\u2019", "'")
    if token.endswith("'s"):
        token = token[:-2]
    if token.isalpha():
        return _word(token, tongue)
    parts = [part for piece in token.split("'") for part in _PART.findall(piece)]
    whole: tuple[str, ...] = ()
    joined = re.sub(r"['.&-]", "", token)
    if len(parts) > 1 and ("_" in token or "'" in token or min(map(len, parts)) <= 2 or not _is_words(parts)):
        whole = (stem(joined)[:LONGEST_TERM],) if joined not in STOP_WORDS else ()
    if "'" in token and len(token.split("'")[0]) > 2:
        return whole  # a contraction such as don't: its halves are no words
    return whole + tuple(term for part in parts for term in _part(part, tongue))


def _is_words(parts: list[str]) -> bool:
    return all(part.isalpha() for part in parts)


def _part(part: str, tongue: str) -> tuple[str, ...]:
    return (_number(part),) if part[0].isdigit() else _word(part, tongue)


def _pairs(run: str) -> tuple[str, ...]:
    return tuple(run[i : i + 2] for i in range(len(run) - 1)) or (run,)


def _number(token: str) -> str:
    if _GROUPED.fullmatch(token):
        token = token.replace(",", "") if "," in token else token.replace(".", "")
    return token.replace(",", ".")[:LONGEST_TERM]


def _word(word: str, tongue: str) -> tuple[str, ...]:
    if word in STOP_WORDS:
        return ()
    written = language.of_word(word)
    if written or tongue:
        # A new stemmer each time: one keeps the last word, and with a cache many more.
        word = Stemmer.Stemmer(written or tongue, 0).stemWord(word)
    if not word.isascii():
        word = _fold(word)
    return (word[:LONGEST_TERM],) if written or tongue else (stem(word)[:LONGEST_TERM],)


def _fold(word: str) -> str:
    if _ARABIC.match(word):
        word = word.translate(_ARABIC_LETTERS)
        for prefix in _ARABIC_PREFIXES:
            if word.startswith(prefix) and len(word) >= len(prefix) + 3:
                return word[len(prefix) :]
        return word
    bare = "".join(c for c in unicodedata.normalize("NFKD", word) if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFKC", bare) if bare else word
