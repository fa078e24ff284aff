"""The ChatModel protocol: what an answer needs of a language model."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


class ModelStream(AbstractContextManager["ModelStream"], Protocol):
    """One answer of a model as it is written. Nothing is sent before it is iterated; leaving it closes it."""

    @property
    def cut_short(self) -> bool:
        """Whether the model ended the answer because it became too long; known when the iteration has ended."""

    def __iter__(self) -> Iterator[str]:
        """The pieces of text, none empty; ends early, without an error, after `cancel`. Raises ModelUnavailable."""

    def cancel(self) -> None:
        """End the stream from another thread, at once, also when it waits for the server."""


class ChatModel(Protocol):
    """A language model that continues a conversation. Safe to use from many threads."""

    @property
    def name(self) -> str:
        """Name of the model for people; empty while it is not known yet."""

    def stream(self, *, messages: Sequence[ChatMessage]) -> ModelStream:
        """A new answer to `messages`; does not connect yet."""
