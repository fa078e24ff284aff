"""An answer without a model: the best sentences of the passages, each with its number."""

from collections.abc import Sequence

from ..documents.terms import terms
from .keeping import Work, cite, say, scope_of, tell_passages
from .models.prompt import REFUSAL
from .passages import Passage
from .quotes.extractive import Quote, extract
from .titles import give_title

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
        say(work, _NOTHING_FITS if found[0] else _NO_DOCUMENTS)
    for number, (quote, passage) in enumerate(quoted, 1):
        if not work.sources.has(passage.chunk):
            continue
        say(work, ("\n\n" if number > 1 else "") + f"{quoted_text(quote)} [{number}]")
        cite(work, passage.cite(quote.start, quote.end, number=number))
    give_title(work)


def quoted_text(quote: Quote) -> str:
    """The quote as the answer shows it, after the words that lead to it."""
    return f"“{quote.lead} … {quote.text}”" if quote.lead else f"“{quote.text}”"
