"""The Porter stemmer (M. F. Porter, "An algorithm for suffix stripping", 1980) for words of ASCII letters."""

import re

LONGEST = 64
"""Longer words have no stem; the search for one takes the square of their length."""

_VOWEL = re.compile("[aeiou]|(?<![aeiou])y")
_MEASURE = re.compile("(?:[aeiou]|(?<=[^aeiou])y)+(?:[^aeiouy]|(?<=[aeiou])y|(?<![a-z])y)+")
_DOUBLE = re.compile(r"([^aeioulsz])\1$")
_CVC = re.compile("(?:^|.*)[^aeiou][aeiouy][^aeiouwxy]$")

_STEP_2 = (
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"),
    ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"),
    ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"),
    ("iviti", "ive"), ("biliti", "ble"), ("logi", "log"),
)  # fmt: skip
_STEP_3 = (
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""),
)  # fmt: skip
_STEPS = tuple((table, tuple(suffix for suffix, _ in table)) for table in (_STEP_2, _STEP_3))
_STEP_4 = tuple(sorted((
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ou", "ism", "ate", "iti", "ous",
    "ive", "ize", "ion",
), key=len, reverse=True))  # fmt: skip


def stem(word: str) -> str:
    """The stem of a lower-case word; words that are short, over LONGEST or not ASCII letters come back unchanged."""
    if not 3 < len(word) <= LONGEST or not (word.isascii() and word.isalpha()):
        return word
    return _tidy(_derivation(_inflection(word)))


def _measure(text: str) -> int:
    return len(_MEASURE.findall(text))


def _inflection(word: str) -> str:
    if word.endswith("sses") or word.endswith("ies"):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    if word.endswith("eed"):
        if _measure(word[:-3]) > 0:
            word = word[:-1]
    else:
        for suffix in ("ed", "ing"):
            if word.endswith(suffix):
                if _VOWEL.search(word[: -len(suffix)]):
                    word = _restore(word[: -len(suffix)])
                break
    if word.endswith("y") and _VOWEL.search(word[:-1]):
        word = word[:-1] + "i"
    return word


def _restore(base: str) -> str:
    if base.endswith(("at", "bl", "iz")):
        return base + "e"
    if _DOUBLE.search(base):
        return base[:-1]
    if _measure(base) == 1 and _CVC.fullmatch(base):
        return base + "e"
    return base


def _derivation(word: str) -> str:
    for table, suffixes in _STEPS:
        # Most words end with no suffix at all: to ask for all of them in one call is the quickest way to know.
        for suffix, other in table if word.endswith(suffixes) else ():
            if word.endswith(suffix):
                if _measure(word[: -len(suffix)]) > 0:
                    word = word[: -len(suffix)] + other
                break
    for suffix in _STEP_4 if word.endswith(_STEP_4) else ():
        if word.endswith(suffix):
            base = word[: -len(suffix)]
            if _measure(base) > 1 and (suffix != "ion" or base.endswith(("s", "t"))):
                word = base
            break
    return word


def _tidy(word: str) -> str:
    if word.endswith("e"):
        base = word[:-1]
        if _measure(base) > 1 or (_measure(base) == 1 and not _CVC.fullmatch(base)):
            word = base
    if word.endswith("ll") and _measure(word) > 1:
        word = word[:-1]
    return word
