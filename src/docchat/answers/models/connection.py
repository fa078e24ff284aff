"""Asking a model's server: what is tried again, what its refusals mean for people, and how a read is ended."""

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from httpcore import NetworkStream

from ...errors import ModelUnavailable
from ...types import utc_now
from .characters import whole
from .model import ContextFull, ModelRefused

PAUSES = (0.1, 0.4, 1.0)
"""How long to wait before each further try, in seconds."""
LONGEST_PAUSE = 10.0
"""The longest wait that a server's Retry-After is granted."""

_AGAIN = frozenset({429, 502, 503, 504})
_MOST_READ = 64 * 1024
_CONTEXT = re.compile(
    r"context[ _-]?(?:length|size|window)|maximum context|exceed_context|too many tokens|prompt is too long",
    re.IGNORECASE,
)
_WORDS = {
    401: "The model's server does not accept its key.",
    403: "The model's server does not accept its key.",
    404: "The model's server does not know this model, or its address is wrong.",
    429: "The model's server has too much to do at the moment.",
}
_ANSWER = TypeVar("_ANSWER")


class TryAgain(ModelUnavailable):
    """The server may answer when it is asked again, after `pause` seconds where it said so."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


def retried(ask: Callable[[], _ANSWER], *, ended: threading.Event) -> _ANSWER:
    """What `ask` returns; asked again, after growing pauses, while it raises TryAgain or finds nobody there.

    Only for what happens before the first piece of an answer. Raises ModelUnavailable, at once when `ended` is set.
    """
    for pause in PAUSES:
        try:
            return ask()
        except httpx.ConnectError:
            wait = pause
        except TryAgain as error:
            wait = pause if error.pause is None else error.pause
            if wait > LONGEST_PAUSE:
                raise
        if ended.wait(wait):
            raise ModelUnavailable
    return ask()


def send(
    client: httpx.Client,
    url: str,
    body: Mapping[str, object],
    trace: Callable[[str, Mapping[str, object]], None],
) -> httpx.Response:
    """The response to a question, its body not yet read. Raises TryAgain."""
    request = client.build_request("POST", url, json=body, extensions={"trace": trace})
    response = client.send(request, stream=True)
    if response.status_code in _AGAIN:
        response.close()
        raise refusal(response)
    return response


def refusal(response: httpx.Response) -> ModelUnavailable:
    """What a response that is no answer means; closes it."""
    status = response.status_code
    if status in _AGAIN:
        words = _WORDS.get(status, "The model's server does not answer at the moment.")
        return TryAgain(words, _retry_after(response.headers.get("Retry-After", "")))
    said = _said(response)
    response.close()
    if is_too_long(said):
        return ContextFull()
    words = _WORDS.get(status, f"The model's server refused the question (HTTP {status}).")
    return ModelRefused(words, f"HTTP {status}: {' '.join(said.split())[:300]}")


def is_too_long(said: str) -> bool:
    """Whether a server's words say that a question does not fit into its model's window."""
    return _CONTEXT.search(said) is not None


def silence(error: Exception) -> ModelUnavailable:
    """What a failure of the connection means for people."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return ModelUnavailable("The model's server cannot be reached.")
    if isinstance(error, httpx.TimeoutException):
        return ModelUnavailable("The model has been silent for too long.")
    return ModelUnavailable()


def cut(connection: NetworkStream) -> None:
    """Shut the socket down, below TLS: the only way to wake a thread that reads from it."""
    found = connection.get_extra_info("socket")
    if isinstance(found, socket.socket):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(found, socket.SHUT_RDWR)


def _said(response: httpx.Response) -> str:
    """The beginning of a refusal's body."""
    data = b""
    if not response.is_stream_consumed:
        with contextlib.suppress(httpx.HTTPError, httpx.StreamError):
            for piece in response.iter_bytes():
                data += piece
                if len(data) >= _MOST_READ:
                    break
    else:
        data = response.content
    return whole(data[:_MOST_READ].decode("utf-8", "replace"))


def _retry_after(value: str) -> float | None:
    """The seconds of a Retry-After, which may be a date; None for anything else."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - utc_now()).total_seconds())
