"""What the best passages for a follow-up have in common, which tells what it means where its own words do not.

"And for children?" has few words to find passages by. Those found first for it and for what was said before share
words with the other right ones: a passage with these words moves up. It takes no further look into the index.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from .narrow import Words
from .rank import Scorer, Spots
from .terms import MARK

_BEST = 4
"""Passages that are taken for right."""
_SHARED = 30
"""Their words that count."""
_WORTH = 3.0
"""What these words count together, where one that is asked for counts 1."""
_SHORT = 20
"""Keeps the few words of a very short passage from counting most."""


def with_likeness(
    scores: Mapping[int, float], ranked: Sequence[Words], found: Sequence[Words], asked: Sequence[str]
) -> dict[int, float]:
    """The scores of the passages in `ranked`, higher for those that share words with the best of them.

    The best score stays what it was. `asked` are terms that the scores have in them already. How rare a word is, is
    told by the passages of `found`, which hold those of `ranked`: a word that most of them have tells little.
    """
    best = sorted((id for id in scores if scores[id] > 0), key=lambda id: (-scores[id], id))[:_BEST]
    texts = {id: [word for word in body.split() if not word.startswith(MARK)] for id, *_, body in ranked}
    amounts: dict[str, float] = {}
    for id in best:
        share = scores[id] / scores[best[0]] / (len(texts[id]) + _SHORT)
        for word in texts[id]:
            amounts[word] = amounts.get(word, 0.0) + share
    for word in asked:
        amounts.pop(word, None)
    telling = _telling(amounts, found)
    scorer = Scorer((), telling)
    raised = {id: score + scorer.score(_spots(texts[id], telling), len(texts[id])) for id, score in scores.items()}
    # The best keep the score of the best: others, of files in the chat, are compared with them.
    scale = scores[best[0]] / max(raised.values()) if best else 1.0
    return {id: score * scale for id, score in raised.items()}


def _telling(amounts: Mapping[str, float], found: Sequence[Words]) -> dict[str, float]:
    """The words that tell most, and how much each does."""
    counts: Counter[str] = Counter()
    for *_, body in found:
        counts.update(amounts.keys() & body.split())
    rare = {word: math.log(1.0 + (len(found) - count + 0.5) / (count + 0.5)) for word, count in counts.items()}
    worth = {word: amounts[word] * rare[word] for word in rare}
    most = sorted(worth, key=lambda word: (-worth[word], word))[:_SHARED]
    together = sum(worth[word] for word in most)
    return {word: _WORTH * worth[word] / together * rare[word] for word in most}


def _spots(words: Sequence[str], telling: Mapping[str, float]) -> Spots:
    return [(place, word) for place, word in enumerate(words) if word in telling]
