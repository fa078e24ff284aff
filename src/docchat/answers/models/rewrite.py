"""A follow-up question as it would stand alone, written by a model, and a search that loses nothing by it."""

import re
from collections.abc import Callable, Mapping, Sequence

from ...documents.index import Signal, Told
from ...documents.scope import Scope
from ...documents.terms import terms
from ...types import Message, ScoredChunk
from ..retrieve import Index
from .brief import brief
from .model import ChatMessage, ChatModel, ModelStream

SECONDS = 6.0
"""How long a question waits for its rewrite."""

_TOKENS = 80
_TURNS = 4
_TURN_CHARS = 400
_MOST_CHARS = 400
_MOST_NEW = 0.25
_LEAST_KEPT = 0.5
_SYSTEM = """Rewrite the last question of a chat so that it can be understood without the chat.
Replace words such as it, they, that or there by what they stand for. Keep its language. Do not answer it.
If it can be understood already, repeat it. Reply with the question only."""
# Small models do as the examples do rather than as they are told.
_EXAMPLES = (
    (
        "User: Who designed the lighthouse of Hornby?\nAssistant: Ellen Marsh designed it in 1871.",
        "how tall is it",
        "How tall is the lighthouse of Hornby?",
    ),
    (
        "User: Which fees does the club take?\nAssistant: Adults pay 40 a year, children nothing.",
        "And for guests?",
        "Which fees does the club take for guests?",
    ),
    (
        "User: When does the library open?\nAssistant: At nine.",
        "What does a lost card cost?",
        "What does a lost card cost?",
    ),
)
_LEAD = re.compile(
    r"^(?:(?:the\s+)?(?:rewritten|standalone|stand-alone|last)?\s*question(?:\s+is)?\s*:)\s*", re.IGNORECASE
)
_QUOTES = "\"'“”„«»`*"
_ASKS = ("?", "\uff1f", "\u061f")  # also as Chinese, Japanese and Arabic write it
_WEIGHT = 0.6


def stand_alone(
    model: ChatModel,
    question: str,
    history: Sequence[Message],
    *,
    attach: Callable[[ModelStream], None] = lambda stream: None,
    seconds: float = SECONDS,
) -> str:
    """The question as it would stand alone after `history`, oldest first; empty when there is no need or no use.

    A model that is slow, down, or writes something else than this question changes nothing.
    """
    turns = [message for message in history if message.text][-_TURNS:]
    if not turns:
        return ""
    told = "\n".join(f"{'User' if turn.role == 'user' else 'Assistant'}: {_short(turn.text)}" for turn in turns)
    messages = [ChatMessage("system", _SYSTEM)]
    for chat, last, alone in _EXAMPLES:
        messages += [ChatMessage("user", _ask(chat, last)), ChatMessage("assistant", alone)]
    messages.append(ChatMessage("user", _ask(told, question)))
    said = brief(model, messages, most=_TOKENS, seconds=seconds, attach=attach)
    return usable(said, question, [turn.text for turn in turns])


def usable(said: str, question: str, told: Sequence[str]) -> str:
    """What a model wrote, when it is the same question in other words; else nothing.

    It has to keep half of the question's own words, may add almost none that nobody said, and must not answer.
    """
    line = next((line.strip() for line in said.splitlines() if line.strip()), "")
    line = _LEAD.sub("", line).strip().strip(_QUOTES).strip()
    if not line or len(line) > _MOST_CHARS or line.casefold() == question.strip().casefold():
        return ""
    if question.strip().endswith(_ASKS) and not line.endswith(_ASKS):
        return ""
    own, written = set(terms(question)), set(terms(line))
    known = own.union(*(terms(text) for text in told))
    if not written or len(written - known) > _MOST_NEW * len(written):
        return ""
    return line if len(own & written) >= _LEAST_KEPT * len(own) else ""


class Understood:
    """An index that is asked for a question as it stands, with what was said before and with what a model made of it.

    The words that the model added count for a part of the question's own, so that a bad rewrite loses little.
    """

    def __init__(self, index: Index, meant: str) -> None:
        self._index = index
        self._meant = Told(meant, _WEIGHT, asked=True)

    def search(
        self,
        *,
        scope: Scope,
        question: str,
        limit: int = 10,
        signal: Signal = "default",
        about: Sequence[Told] = (),
    ) -> tuple[ScoredChunk, ...]:
        """The chunks that fit the question as it is meant, best first."""
        return self._index.search(
            scope=scope, question=question, limit=limit, signal=signal, about=(self._meant, *about)
        )

    def frequencies(self, *, scope: Scope, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """The number of chunks, and of those that hold each term."""
        return self._index.frequencies(scope=scope, terms=terms)


def _ask(chat: str, question: str) -> str:
    return f"Chat:\n{chat}\n\nLast question: {question}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TURN_CHARS else f"{line[:_TURN_CHARS]}…"
