"""Trying a model out: what its server lists, and one short answer with the time it took."""

import threading
import time
from dataclasses import dataclass

import httpx

from ...errors import DocChatError, ModelUnavailable
from .connection import silence
from .model import ChatMessage, ModelRefused
from .openai import OpenAIModel

SECONDS = 25.0
"""How long a trial may take."""

_TOKENS = 40
_CHARS = 300
_MOST_LISTED = 200
_QUESTION = [ChatMessage("user", "Say hello in one short sentence.")]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial. `models` may be empty where a server keeps no list; times are in seconds.

    `error` is for people and empty when the model answered; `detail` are the server's own words on it.
    """

    models: tuple[str, ...]
    model: str
    text: str = ""
    first_seconds: float | None = None
    seconds: float = 0.0
    error: str = ""
    detail: str = ""


def try_model(model: OpenAIModel, *, seconds: float = SECONDS) -> Trial:
    """Ask the server for its models and for one short answer. Never raises for what the server does."""
    models, listing = _listed(model)
    said: list[str] = []
    first: float | None = None
    begun = time.monotonic()
    failure: DocChatError | None = None
    stream = model.stream(messages=_QUESTION, most=_TOKENS)
    bound = threading.Timer(seconds, stream.cancel)
    bound.start()
    try:
        with stream:
            for piece in stream:
                first = time.monotonic() - begun if first is None else first
                said.append(piece)
                if sum(map(len, said)) > _CHARS:
                    stream.cancel()
    except DocChatError as error:
        failure = error
    finally:
        bound.cancel()
    text = "".join(said).strip()[:_CHARS]
    if not text and failure is None:
        slow = time.monotonic() - begun >= seconds
        failure = ModelUnavailable(
            f"The model said nothing for {seconds:.0f} seconds." if slow else "The model sent an empty answer."
        )
    if failure is not None and not text and listing is not None:
        failure = listing if isinstance(listing, ModelRefused) else failure
    return Trial(
        models=models,
        model=model.name,
        text=text,
        first_seconds=first,
        seconds=time.monotonic() - begun,
        error="" if failure is None else failure.message,
        detail=failure.detail if isinstance(failure, ModelRefused) else "",
    )


def _listed(model: OpenAIModel) -> tuple[tuple[str, ...], DocChatError | None]:
    try:
        with model.client() as client:
            return model.listed(client, lambda event, info: None)[:_MOST_LISTED], None
    except DocChatError as error:
        return (), error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return (), silence(error)
