"""What an answer says and whether it is right: its sentences, their marks, and the words that were wanted."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from uuid import UUID

from ...documents.terms import terms
from ...types import Citation, Message
from ..quotes.lines import ends_sentence
from ..quotes.units import tidy

MAX_SENTENCES = 3
"""At most this many quoted sentences are judged."""

_QUOTED = re.compile(r"“([^”]*(?:”(?! \[\d)[^”]*)*)” \[(\d+)\]")
_RUN = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7ff]")
_LETTERS = re.compile(r"\w+(?:[.,:/'-]\w+)*")


def said(message: Message) -> tuple[str, ...]:
    """What is judged: the quoted sentences, or the whole text that a model wrote.

    A quote comes with the heads of its columns or the words that open its list; a sentence that is shown before it to
    make it understood is not part of the answer.
    """
    if message.mode != "quotes":
        return (message.text,)
    quotes = [_own(lead, quote) for lead, quote, _ in _quotes(message)]
    return tuple(quotes[:MAX_SENTENCES])


def _own(lead: str, quote: str) -> str:
    return quote if ends_sentence(lead) and not lead.endswith(":") else f"{lead} {quote}".strip()


def _quotes(message: Message) -> list[tuple[str, str, Citation]]:
    """The quotes in the text: what leads to each, what was cited of it, and the citation."""
    citations = {one.number: one for one in message.citations}
    found = []
    for text, number in _QUOTED.findall(message.text):
        citation = citations.get(int(number))
        if citation is not None:
            own = tidy(citation.quote)
            before = text.removesuffix(own)
            lead = before.removesuffix(" … ").strip() if text.endswith(own) else ""
            found.append((lead, own if text.endswith(own) else text, citation))
    return found


def held_marks(message: Message, page: Callable[[UUID, int], str]) -> tuple[int, int]:
    """How many of the quotes stand where their mark points, and how many there are; of a model's answer (0, 0).

    The quote stands in the characters that are cited, what leads to it on the same page. `page` gives the text of a
    page by document and number.
    """
    if message.mode != "quotes":
        return 0, 0
    found = _quotes(message)
    held = 0
    for lead, quote, citation in found:
        whole = page(citation.document_id, citation.page)
        exact = whole[citation.start : citation.end] == citation.quote and tidy(citation.quote) == quote
        held += exact and lead in tidy(whole)
    return held, len(_QUOTED.findall(message.text))


def holds(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands in the text, in whole words, whatever the case, blanks and punctuation."""
    words = f" {plain(text)} "
    return any(wanted and _stands(wanted, words) for wanted in map(plain, answers))


def share_said(text: str, answers: Sequence[str]) -> float:
    """The share of the words of the best said answer that stand in the text, from 0 to 1; for answers in free text."""
    words = frozenset(terms(text))
    wanted = [frozenset(terms(answer)) for answer in answers]
    return max((len(one & words) / len(one) for one in wanted if one), default=0.0)


def _stands(wanted: str, words: str) -> bool:
    # Scripts without blanks have no whole words to compare.
    return wanted.replace(" ", "") in words.replace(" ", "") if _RUN.search(wanted) else f" {wanted} " in words


def plain(text: str) -> str:
    """The words of a text in NFKC, lower case, one blank apart."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    return " ".join(_LETTERS.findall(folded))
