"""A ChatModel behind any server that speaks the OpenAI chat API: Ollama, vLLM, llama.cpp, OpenAI."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import PurePath
from types import TracebackType

import httpx
from httpcore import NetworkStream

from ...errors import ModelUnavailable
from .characters import Joiner, whole
from .model import ChatMessage

CONNECT_SECONDS = 5.0
"""Longest wait for the server to accept a connection."""

_NOT_UNDERSTOOD = "The model server sent something that is no chat answer."


class OpenAIModel:
    """The model `name` of the server at `url` (with its /v1); without a name the first model the server lists.

    `timeout` is the longest silence of the server in seconds. `key` is sent as a bearer token.
    """

    def __init__(self, *, url: str, name: str = "", key: str = "", timeout: float = 60.0) -> None:
        self._url = url.rstrip("/")
        self._name = name
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._timeout = httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout))

    @property
    def name(self) -> str:
        """Name of the model for people; empty until the server was asked for it. Of a path only the file's name."""
        return PurePath(self._name).name if self._name.startswith("/") else self._name

    def stream(self, *, messages: Sequence[ChatMessage]) -> "OpenAIStream":
        """A new answer to `messages`; connects when it is iterated."""
        return OpenAIStream(self, messages)

    def client(self) -> httpx.Client:
        """A client for one answer: its connection is not shared, so it may be cut."""
        return httpx.Client(headers=self._headers, timeout=self._timeout, follow_redirects=False)

    def url(self, path: str) -> str:
        """Address of a resource of the server."""
        return f"{self._url}/{path}"

    def resolve_name(self, client: httpx.Client, trace: Callable[[str, Mapping[str, object]], None]) -> str:
        """The name to ask for, from the server's list when none was set. Raises ModelUnavailable."""
        if not self._name:
            try:
                listed = client.get(self.url("models"), extensions={"trace": trace})
                listed.raise_for_status()
                self._name = whole(str(listed.json()["data"][0]["id"]))
            except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
                raise ModelUnavailable from error
        return self._name


class OpenAIStream:
    """One streamed answer, see ModelStream."""

    def __init__(self, model: OpenAIModel, messages: Sequence[ChatMessage]) -> None:
        self._model = model
        self._messages = [{"role": message.role, "content": message.content} for message in messages]
        self._lock = threading.Lock()
        self._cancelled = False
        self._cut_short = False
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

    def __iter__(self) -> Iterator[str]:
        """The pieces of the answer's text. Raises ModelUnavailable."""
        try:
            yield from self._pieces()
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, ModelUnavailable) as error:
            if self._cancelled:
                return
            if isinstance(error, ModelUnavailable):
                raise
            raise ModelUnavailable from error

    def cancel(self) -> None:
        """End the stream; a read that waits in another thread returns at once."""
        with self._lock:
            self._cancelled = True
            if self._connection is not None:
                _cut(self._connection)

    def _pieces(self) -> Iterator[str]:
        if self._cancelled:
            return
        with self._model.client() as client:
            self._client = client
            body: dict[str, object] = {
                "model": self._model.resolve_name(client, self._trace),
                "messages": self._messages,
                "stream": True,
            }
            # Some hosted models refuse a temperature: ask again without.
            refused = yield from self._ask(client, {**body, "temperature": 0})
            if refused:
                yield from self._ask(client, body)

    def _ask(self, client: httpx.Client, body: Mapping[str, object]) -> Generator[str, None, bool]:
        """The pieces; returns whether the server refused the request as malformed."""
        request = client.build_request(
            "POST", self._model.url("chat/completions"), json=body, extensions={"trace": self._trace}
        )
        response = client.send(request, stream=True)
        try:
            if response.status_code == httpx.codes.BAD_REQUEST and "temperature" in body:
                return True
            response.raise_for_status()
            yield from self._read(response.iter_lines())
        finally:
            response.close()
        return False

    def _read(self, lines: Iterator[str]) -> Iterator[str]:
        joiner = Joiner()
        ended = False
        for line in lines:
            if self._cancelled or line.strip() == "data: [DONE]":
                ended = True
                break
            text, reason = _piece(line)
            ended = ended or bool(reason)
            self._cut_short = self._cut_short or reason == "length"
            if piece := joiner.feed(text):
                yield piece
        if rest := joiner.finish():
            yield rest
        if not ended and not self._cancelled:
            raise ModelUnavailable("The model broke off in the middle of its answer.")

    def _trace(self, event: str, info: Mapping[str, object]) -> None:
        """Note the connection as soon as it stands, so that waiting for the first byte can be ended too."""
        made = info.get("return_value")
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")) and isinstance(made, NetworkStream):
            with self._lock:
                self._connection = made
                if self._cancelled:
                    _cut(made)


def _cut(connection: NetworkStream) -> None:
    """Shut the socket down, below TLS: the only way to wake a thread that reads from it."""
    found = connection.get_extra_info("socket")
    if isinstance(found, socket.socket):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(found, socket.SHUT_RDWR)


def _piece(line: str) -> tuple[str, str]:
    """The text in one line of the stream and why the answer ends, both empty when it has none.

    Raises ModelUnavailable.
    """
    if not line.startswith("data:"):
        return "", ""
    try:
        event = json.loads(line[len("data:") :])
        if "error" in event:
            raise ModelUnavailable
        choices = event.get("choices") or [{}]
        text = (choices[0].get("delta") or {}).get("content")
        return str(text or ""), str(choices[0].get("finish_reason") or "")
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise ModelUnavailable(_NOT_UNDERSTOOD) from error
