"""Words of a question that no passage holds, taken for others that begin like them.

Compounds and the forms that a stemmer does not know differ at their end: Schmalspurbahn, Schmalspurschiene.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

COUNTS = 0.6
"""What a word that only begins like an asked one counts of that one."""
_SHORTEST = 4
_SHARE = 0.5
_WORDS = 8
MOST = 4
"""Words of a question that are looked for so, at most."""


def beginnings(term: str) -> Iterator[str]:
    """The beginnings of a term that are worth looking for, the longest first."""
    shortest = max(_SHORTEST, -int(-len(term) * _SHARE // 1))
    if not any(character.isdigit() for character in term):
        for length in range(len(term), shortest - 1, -1):
            yield term[:length]


def words(bodies: Iterable[str], beginning: str) -> tuple[str, ...]:
    """The commonest words of indexed texts that begin so."""
    found = Counter(word for body in bodies for word in body.split() if word.startswith(beginning))
    return tuple(word for word, _ in found.most_common(_WORDS))
