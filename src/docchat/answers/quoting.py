"""An answer without a model: the best sentences of the passages, each with its number."""

from collections.abc import Sequence

from ..documents.terms import terms
from .keeping import Work, cite, say, scope_of, tell_passages
from .models.prompt import REFUSAL
from .passages import Passage
from .quotes.extractive import Quote, extract
from .quotes.lines import ends_sentence

_NOTHING_FITS = f"{REFUSAL} Nothing in them fits this question closely enough to quote."
_NO_DOCUMENTS = "Your documents do not say, for there are none yet. Upload some, then ask again."


def answer_by_quotes(work: Work, passages: Sequence[Passage]) -> None:
    """Quote the best sentences, each with its own number."""
    run = work.live.run
    found = work.tools.index.frequencies(scope=scope_of(work.live), terms=terms(run.question.text))
    extracted = extract(run.question.text, passages, found)
    chunks = {passage.number: passage for passage in passages}
    quoted = [(quote, chunks[quote.number]) for quote in extracted.quotes]
    gone = work.sources.gone([passage.chunk for _, passage in quoted])
    quoted = [(quote, passage) for quote, passage in quoted if passage.chunk.document_id not in gone]
    tell_passages(work, [passage.chunk for _, passage in quoted])
    if extracted.refused or not quoted:
        work.refused = True
        _offer_nearest(work, [(quote, chunks[quote.number]) for quote in extracted.nearest])
        say(work, _NOTHING_FITS if found[0] else _NO_DOCUMENTS)
    for number, (quote, passage) in enumerate(quoted, 1):
        if not work.sources.has(passage.chunk):
            continue
        say(work, ("\n\n" if number > 1 else "") + f"{quoted_text(quote)} [{number}]")
        cite(work, passage.cite(quote.start, quote.end, number=number))


def _offer_nearest(work: Work, found: Sequence[tuple[Quote, Passage]]) -> None:
    """Where the documents do not say: what comes closest, to look at."""
    gone = work.sources.gone([passage.chunk for _, passage in found])
    there = [(quote, passage) for quote, passage in found if passage.chunk.document_id not in gone]
    work.nearest = [
        passage.cite(quote.start, quote.end, number=number) for number, (quote, passage) in enumerate(there, 1)
    ]


def quoted_text(quote: Quote) -> str:
    """The quote as the answer shows it, after the words that lead to it."""
    if not quote.lead:
        return f"“{quote.text}”"
    # A sentence before it stands directly there; the heads of a table or the opening of a list may not.
    between = " " if ends_sentence(quote.lead) else " … "
    return f"“{quote.lead}{between}{quote.text}”"
