"""Which passages are worth ranking for a question: those with its rare words, or with several of its common ones.

To look at every passage that holds any word of a question costs more the larger a library is. A passage with nothing
but one common word of it is never among the best as long as others hold more.
"""

import heapq
import math
from collections.abc import Mapping, Sequence
from itertools import combinations

Group = tuple[str, ...]
"""The forms of one term: any of them will do."""
Clause = tuple[Group, ...]
"""Terms that stand in a passage together."""
Words = tuple[int, str, str, str, str]
"""A passage as it is indexed: its id, and the terms of its title, heading, column heads and text."""

WORTH = 250
"""Passages that are weighed for a question, about: their best are ranked."""
MOST = 4 * WORTH
"""Passages that are weighed at most, should words stand together oftener than expected."""
CAP = 500
"""Passages with a word are counted up to here; beyond, their number is estimated."""
SAMPLE = 30
"""Passages in which words are looked up that begin like an asked one."""
_IN_NAMES = 0.4
"""What a word in title, heading or column heads counts of one in the text."""
_WEIGHED = 24
"""Terms by which passages are weighed, at most."""
_COMMON = 6
_TOGETHER = 2.0
"""How much oftener two words of one question meet than chance has it."""


def clauses(
    telling: Mapping[str, float],
    forms: Mapping[str, Sequence[str]],
    *,
    total: int,
    frequencies: Mapping[str, int],
    worth: int = WORTH,
) -> tuple[Clause, ...]:
    """What a passage must hold one of, so that about `worth` of `total` passages or fewer do; none without terms.

    `telling` has the weight of each term, the most telling first; `frequencies` counts the passages with each of its
    `forms`.
    """
    counts = {term: sum(frequencies.get(form, 0) for form in forms[term]) for term in telling}
    groups = {term: tuple(form for form in forms[term] if frequencies.get(form, 0)) for term in telling}
    found: list[Clause] = []
    common: list[str] = []
    left = float(worth)
    for term in telling:
        if counts[term] <= left:
            found.append((groups[term],))
            left -= counts[term]
        else:
            common.append(term)
    for size in range(2, _COMMON + 1):
        for several in combinations(common[:_COMMON], size):
            expected = _together([counts[term] for term in several], total)
            if expected <= left and not _held(found, [groups[term] for term in several]):
                found.append(tuple(groups[term] for term in several))
                left -= expected
    if not found and common:
        # Too many hold all of them: those that are looked at are as good as any.
        found.append(tuple(groups[term] for term in common[:_COMMON]))
    return tuple(_merged(found))


def _merged(found: Sequence[Clause]) -> list[Clause]:
    """The same with pairs of one word made one clause: its passages are gone through once."""
    pairs: dict[Group, Group] = {}
    for clause in found:
        if len(clause) == 2:
            pairs[clause[0]] = pairs.get(clause[0], ()) + clause[1]
    return [clause for clause in found if len(clause) != 2] + list(pairs.items())


def likeliest(rows: Sequence[Words], telling: Mapping[Group, float], limit: int) -> Sequence[Words]:
    """The `limit` passages that hold the most telling terms; only whether they do, for that is quickly seen."""
    if len(rows) <= limit:
        return rows
    needles = [
        (weight, weight * _IN_NAMES, [f" {form} " for form in group])
        for group, weight in heapq.nlargest(_WEIGHED, telling.items(), key=lambda item: item[1])
    ]
    weighed: list[tuple[float, int, int, Words]] = []
    for row in rows:
        id, title, label, heads, body = row
        text, names = f" {body} ", f" {title} {label} {heads} "
        found = 0.0
        for weight, less, forms in needles:
            for form in forms:
                if form in text:
                    found += weight
                    break
                if form in names:
                    found += less
                    break
        weighed.append((-found, len(text), id, row))
    return [row for *_, row in heapq.nsmallest(limit, weighed)]


def windows(first: int, last: int, looked_at: int, *, number: int) -> tuple[list[tuple[int, int]], float]:
    """So many spans of ids from `first` to `last`, evenly spread, `looked_at` ids together; how much more is in all.

    Documents of one subject or language may lie side by side: those at one end alone would tell little.
    """
    ids = last - first + 1
    step = max(1, ids // number)
    width = min(step, max(1, looked_at // number))
    starts = [first + place * step + (step - width) // 2 for place in range(number)]
    return [(start, start + width - 1) for start in starts], max(1.0, ids / (width * number))


def _together(counts: Sequence[int], total: int) -> float:
    """How many passages hold words of these frequencies at once, at most as many as the rarest."""
    chance = math.prod(min(1.0, count / max(1, total)) for count in counts) * total
    return min(chance * _TOGETHER ** (len(counts) - 1), *map(float, counts))


def _held(found: Sequence[Clause], several: Sequence[Group]) -> bool:
    """Whether a clause that is there finds every passage with `several`."""
    return any(set(clause) <= set(several) for clause in found)
