"""A question as an index looks for it: its terms, each with the forms that it may have in texts of other languages."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import language
from .terms import MARK, terms

_WORD = re.compile(r"[^\s!-/:-?\[-`\u00a1-\u00bf\u0589\u060c\u061b\u061f\u06d4\u0964\u2010-\u205e\u3000-\u3003]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """The terms of a question in reading order, and for each the forms it is found under, itself among them."""

    terms: tuple[str, ...]
    forms: Mapping[str, tuple[str, ...]]


def asked(text: str) -> Asked:
    """The terms of a question. Its commonest words are left out when they tell its language."""
    plain = terms(text)
    tongues = language.of_question(text)
    common = frozenset(terms(" ".join(language.COMMON_WORDS[tongues[0]]))) if len(tongues) == 1 else frozenset[str]()
    if not text.isascii():
        words = language.COMMON_ELSEWHERE.intersection((*_WORD.findall(text.casefold()), *plain))
        common |= frozenset(term for word in words for term in terms(word))
    kept = [term for term in plain if term not in common] or plain
    if not tongues:
        return Asked(tuple(kept), {term: (term,) for term in kept})
    return Asked(tuple(kept), _forms(plain, [terms(text, tongue=tongue) for tongue in tongues], frozenset(kept)))


def _forms(
    plain: Sequence[str], stemmed: Sequence[Sequence[str]], kept: frozenset[str]
) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {term: {term: None} for term in plain if term in kept}
    for stems in stemmed:
        for term, stem in zip(plain, stems, strict=True):
            if term in found and stem != term:
                # Where a word and its stem are the same a text holds it once, without the mark.
                found[term] |= {MARK + stem: None, stem: None}
            elif term in found:
                found[term][MARK + stem] = None
    return {term: tuple(forms) for term, forms in found.items()}
