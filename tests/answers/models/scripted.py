"""A model that answers what it is asked as a function says, and keeps what it was asked."""

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

from docchat.answers.models.model import ChatMessage, ModelStream
from docchat.answers.models.registry import OneModel
from docchat.answers.run import Answers

from ..conftest import House


class ScriptedModel:
    """Says `reply(messages)`, or raises what that returns."""

    name = "scripted"

    def __init__(self, reply: Callable[[str], str | Exception], *, window: int = 4096, tokens: int = 0) -> None:
        self.reply = reply
        self.window = window
        self.tokens = tokens
        self.asked: list[str] = []

    def stream(self, *, messages: Sequence[ChatMessage], most: int | None = None) -> ModelStream:
        self.asked.append("\n".join(message.content for message in messages))
        return _Stream(self.reply(self.asked[-1]), self.tokens)


class _Stream:
    cut_short = False

    def __init__(self, said: str | Exception, tokens: int) -> None:
        self.tokens = tokens
        self._said = said

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def __iter__(self) -> Iterator[str]:
        if isinstance(self._said, Exception):
            raise self._said
        yield self._said

    def cancel(self) -> None:
        """It has said all by then."""


def answers_of(house: House, model: ScriptedModel) -> Answers:
    """Answers of a house that this model writes; they take the place of the house's own."""
    from dataclasses import replace

    services = house.services
    answers = Answers(
        services.store,
        services.library.index,
        services.library,
        OneModel(model),
        services.settings,
        services.attachments,
    )
    house.services = replace(services, answers=answers)
    return answers
