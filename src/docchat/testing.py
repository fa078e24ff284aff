"""What a host's own tests need: a model that says what it is told, and background jobs run on the spot."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Event
from types import TracebackType

from flask import Flask

from .answers.models.model import ChatMessage, ModelStream
from .answers.models.registry import OneModel
from .answers.run import Answers
from .web.state import EXTENSION, Services


class FakeModel:
    """A ChatModel that says `text`, a word at a time, `pause` seconds apart. `asked` keeps the prompts it was given."""

    def __init__(self, text: str, *, pause: float = 0.0) -> None:
        self.name = "fake"
        self.window = 4096
        self.asked: list[tuple[ChatMessage, ...]] = []
        self._text = text
        self._pause = pause

    def stream(self, *, messages: Sequence[ChatMessage], most: int | None = None) -> ModelStream:
        """A new answer: always the same."""
        self.asked.append(tuple(messages))
        return _FakeStream(self._text, self._pause)


class _FakeStream:
    cut_short = False
    tokens = 0

    def __init__(self, text: str, pause: float) -> None:
        self._words = text.split(" ")
        self._pause = pause
        self._cancelled = Event()

    def __enter__(self) -> "_FakeStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def __iter__(self) -> Iterator[str]:
        for number, word in enumerate(self._words):
            if self._cancelled.wait(self._pause if number else 0.0):
                return
            yield word if number == 0 else f" {word}"

    def cancel(self) -> None:
        self._cancelled.set()


def use_model(app: Flask, model: FakeModel) -> None:
    """Let the docchat of `app` answer with `model` from now on."""
    parts: Services = app.extensions[EXTENSION]
    index = parts.library.index
    answers = Answers(
        parts.store, index, parts.library, OneModel(model), parts.settings, parts.attachments, parts.sections
    )
    app.extensions[EXTENSION] = replace(parts, answers=answers)


def run_jobs(app: Flask) -> int:
    """Run the background jobs that are due (documents just uploaded, for example); their number."""
    parts: Services = app.extensions[EXTENSION]
    return parts.worker.run_due()
