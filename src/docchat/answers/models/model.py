"""The ChatModel protocol: what an answer needs of a language model."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from ...errors import ModelUnavailable


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class ContextFull(ModelUnavailable):
    """The messages do not fit into the model's window, whatever it was said to be."""

    def __init__(self) -> None:
        super().__init__("The question and its passages are too long for this model.")


class ModelRefused(ModelUnavailable):
    """The server answered, with something else than a text; `detail` are its own words, for administrators only."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class ModelStream(AbstractContextManager["ModelStream"], Protocol):
    """One answer of a model as it is written. Nothing is sent before it is iterated; leaving it closes it."""

    @property
    def cut_short(self) -> bool:
        """Whether the model ended the answer because it became too long; known when the iteration has ended."""

    @property
    def tokens(self) -> int:
        """How many tokens the server counts for question and answer; 0 while, or when, it does not say."""

    def __iter__(self) -> Iterator[str]:
        """The pieces of text, none empty; ends early, without an error, after `cancel`. Raises ModelUnavailable.

        Of that ContextFull, only before the first piece, when the messages are too many for the model.
        """

    def cancel(self) -> None:
        """End the stream from another thread, at once, also when it waits for the server."""


class ChatModel(Protocol):
    """A language model that continues a conversation. Safe to use from many threads."""

    @property
    def name(self) -> str:
        """Name of the model for people; empty while it is not known yet."""

    @property
    def window(self) -> int:
        """Size of the model's window in tokens: messages and answer together."""

    def stream(self, *, messages: Sequence[ChatMessage], most: int | None = None) -> ModelStream:
        """A new answer to `messages`, of `most` tokens where that is given; does not connect yet."""
