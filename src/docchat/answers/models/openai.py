"""A ChatModel behind any server that speaks the OpenAI chat API: Ollama, vLLM, llama.cpp, OpenAI."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import PurePath
from types import TracebackType

import httpx
from httpcore import NetworkStream

from ...errors import ModelUnavailable
from .characters import Joiner, whole
from .connection import cut, is_too_long, refusal, retried, send, silence
from .model import ChatMessage, ContextFull
from .pace import Pace, Paced

CONNECT_SECONDS = 5.0
"""Longest wait for the server to accept a connection."""

_NOT_UNDERSTOOD = "The model server sent something that is no chat answer."
# What a server may not know: asked with all of it first, then without what newer models refuse, then plainly.
_LEFT_OUT: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset({"temperature"}),
    frozenset({"temperature", "stream_options", "max_tokens"}),
)
_PACE = Pace()
_MALFORMED = frozenset({httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY})


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted. To read them takes 25 ms and 1 MB, too much for each answer anew."""
    return httpx.create_ssl_context()


class OpenAIModel:
    """The model `name` of the server at `url` (with its /v1); without a name the first model the server lists.

    `label` is its name for people, where it has another. `timeout` is the longest silence of the server in seconds.
    `key`, or what it returns, is sent as a bearer token. `window` is the model's size in tokens.
    """

    def __init__(
        self,
        *,
        url: str,
        name: str = "",
        label: str = "",
        key: str | Callable[[], str] = "",
        timeout: float = 60.0,
        window: int = 4096,
    ) -> None:
        self.window = window
        self.plainness = 0
        """How much of what may be refused is left out: what the server was found to accept."""
        self._url = url.rstrip("/")
        self._name = name
        self._label = label
        self._key = key
        self._timeout = httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout))

    @property
    def name(self) -> str:
        """Name of the model for people; empty until the server was asked for it. Of a path only the file's name."""
        return self._label or (PurePath(self._name).name if self._name.startswith("/") else self._name)

    def stream(self, *, messages: Sequence[ChatMessage], most: int | None = None) -> "OpenAIStream":
        """A new answer to `messages`, of at most `most` tokens; connects when it is iterated."""
        return OpenAIStream(self, messages, most)

    def client(self) -> httpx.Client:
        """A client for one answer: its connection is not shared, so it may be cut."""
        key = self._key if isinstance(self._key, str) else self._key()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(headers=headers, timeout=self._timeout, follow_redirects=False, verify=_trusted())

    def url(self, path: str) -> str:
        """Address of a resource of the server."""
        return f"{self._url}/{path}"

    def listed(self, client: httpx.Client, trace: Callable[[str, Mapping[str, object]], None]) -> tuple[str, ...]:
        """The names of the server's models. Raises ModelUnavailable."""
        response = client.get(self.url("models"), extensions={"trace": trace})
        if response.status_code != httpx.codes.OK:
            raise refusal(response)
        try:
            return tuple(whole(str(item["id"])) for item in response.json()["data"])
        except (ValueError, LookupError, TypeError) as error:
            raise ModelUnavailable(_NOT_UNDERSTOOD) from error

    def resolve_name(self, client: httpx.Client, trace: Callable[[str, Mapping[str, object]], None]) -> str:
        """The name to ask for, from the server's list when none was set. Raises ModelUnavailable."""
        if not self._name:
            names = self.listed(client, trace)
            if not names:
                raise ModelUnavailable("The model server lists no model.")
            self._name = names[0]
        return self._name


class OpenAIStream:
    """One streamed answer, see ModelStream."""

    def __init__(self, model: OpenAIModel, messages: Sequence[ChatMessage], most: int | None = None) -> None:
        self._model = model
        self._body: dict[str, object] = {
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0,
        }
        if most is not None:
            self._body["max_tokens"] = most
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._cut_short = False
        self._tokens = 0
        self._connection: NetworkStream | None = None
        self._client: httpx.Client | None = None

    def __enter__(self) -> "OpenAIStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()

    @property
    def cut_short(self) -> bool:
        """Whether the model ended the answer because it became too long; known when the iteration has ended."""
        return self._cut_short

    @property
    def tokens(self) -> int:
        """How many tokens the server counts for question and answer; 0 while, or when, it does not say."""
        return self._tokens

    def __iter__(self) -> Iterator[str]:
        """The pieces of the answer's text. Raises ModelUnavailable."""
        try:
            yield from self._pieces()
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, ModelUnavailable) as error:
            if self._ended.is_set():
                return
            if isinstance(error, ModelUnavailable):
                raise
            raise silence(error) from error

    def cancel(self) -> None:
        """End the stream; a read that waits in another thread returns at once."""
        with self._lock:
            self._ended.set()
            if self._connection is not None:
                cut(self._connection)

    def _pieces(self) -> Iterator[str]:
        if self._ended.is_set():
            return
        with self._model.client() as client:
            self._client = client
            name = retried(lambda: self._model.resolve_name(client, self._trace), ended=self._ended)
            response = self._answered(client, {**self._body, "model": name})
            if isinstance(response.stream, httpx.SyncByteStream):
                response.stream = Paced(response.stream, _PACE, self._ended.wait)
            try:
                yield from self._read(response.iter_lines())
            finally:
                response.close()

    def _answered(self, client: httpx.Client, body: Mapping[str, object]) -> httpx.Response:
        """The response whose body is the answer, asked for as plainly as the server wants it."""
        url = self._model.url("chat/completions")
        while True:
            left_out = _LEFT_OUT[self._model.plainness]
            asked = {name: value for name, value in body.items() if name not in left_out}
            response = retried(lambda: send(client, url, asked, self._trace), ended=self._ended)  # noqa: B023
            if response.status_code == httpx.codes.OK:
                return response
            refused = refusal(response)
            if response.status_code not in _MALFORMED or isinstance(refused, ContextFull):
                raise refused
            if self._model.plainness + 1 == len(_LEFT_OUT):
                self._model.plainness = 0  # refused for something else
                raise refused
            self._model.plainness += 1

    def _read(self, lines: Iterator[str]) -> Iterator[str]:
        joiner = Joiner()
        ended = False
        for line in lines:
            if self._ended.is_set() or line.strip() == "data: [DONE]":
                ended = True
                break
            text, reason, tokens = _piece(line)
            ended = ended or bool(reason)
            self._cut_short = self._cut_short or reason == "length"
            self._tokens = tokens or self._tokens
            if piece := joiner.feed(text):
                yield piece
        if rest := joiner.finish():
            yield rest
        if not ended and not self._ended.is_set():
            raise ModelUnavailable("The model broke off in the middle of its answer.")

    def _trace(self, event: str, info: Mapping[str, object]) -> None:
        """Note the connection as soon as it stands, so that waiting for the first byte can be ended too."""
        made = info.get("return_value")
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")) and isinstance(made, NetworkStream):
            with self._lock:
                self._connection = made
                if self._ended.is_set():
                    cut(made)


def _piece(line: str) -> tuple[str, str, int]:
    """The text in one line of the stream, why the answer ends, and the tokens used; empty and 0 when not there.

    Raises ModelUnavailable.
    """
    if not line.startswith("data:"):
        return "", "", 0
    try:
        event = json.loads(line[len("data:") :])
        if "error" in event:
            raise ContextFull if is_too_long(json.dumps(event["error"])) else ModelUnavailable
        choices = event.get("choices") or [{}]
        text = (choices[0].get("delta") or {}).get("content")
        tokens = (event.get("usage") or {}).get("total_tokens")
        return str(text or ""), str(choices[0].get("finish_reason") or ""), max(0, int(tokens or 0))
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise ModelUnavailable(_NOT_UNDERSTOOD) from error
