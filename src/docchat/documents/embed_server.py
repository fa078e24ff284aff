"""Vectors from any server that speaks the OpenAI embeddings API: `POST /v1/embeddings`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import numpy as np

from ..errors import ModelUnavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MESSAGE = "The server for embeddings does not answer."
_QUERY_SECONDS = 3.0
_PASSAGE_SECONDS = 60.0
# Families of models that want to be told what a text is: their names, and what goes before a question and a passage.
_PREFIXES = (("nomic-embed", "search_query: ", "search_document: "), ("e5-", "query: ", "passage: "))


class ServerEmbedder:
    """An Embedder behind the server at `url` (with its /v1); without a name the first model the server lists."""

    def __init__(self, *, url: str, name: str = "", key: str = "") -> None:
        self._url = url.rstrip("/")
        self._name = name
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    @property
    def name(self) -> str:
        """The model's name, with the server's: the same name may be another model elsewhere.

        Raises ModelUnavailable when none was given and the server does not list its models.
        """
        if not self._name:
            with self._asking(_QUERY_SECONDS) as client:
                self._find_name(client)
        return f"{httpx.URL(self._url).host}/{self._name}"

    def embed(self, texts: Sequence[str], *, query: bool) -> "NDArray[np.float32]":
        """A row of length 1 for each text. Raises ModelUnavailable."""
        with self._asking(_QUERY_SECONDS if query else _PASSAGE_SECONDS) as client:
            self._find_name(client)
            body = {"model": self._name, "input": [self._prefix(query) + text for text in texts]}
            answer = client.post(f"{self._url}/embeddings", json=body).raise_for_status().json()
            rows = sorted(answer["data"], key=lambda row: int(row["index"]))
            found = np.asarray([row["embedding"] for row in rows], np.float32)
        lengths = np.linalg.norm(found, axis=-1, keepdims=True) if found.ndim == 2 else np.zeros(1)
        if found.ndim != 2 or len(found) != len(texts) or not np.all(np.isfinite(lengths) & (lengths > 0)):
            raise ModelUnavailable(_MESSAGE)
        scaled: NDArray[np.float32] = (found / lengths).astype(np.float32)
        return scaled

    @contextmanager
    def _asking(self, seconds: float) -> Iterator[httpx.Client]:
        """A client; whatever goes wrong with the server or its answers inside is ModelUnavailable."""
        timeout = httpx.Timeout(seconds, connect=2.0)
        try:
            with httpx.Client(headers=self._headers, timeout=timeout, follow_redirects=False) as client:
                yield client
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise ModelUnavailable(_MESSAGE) from error

    def _find_name(self, client: httpx.Client) -> None:
        if not self._name:
            listed = client.get(f"{self._url}/models").raise_for_status().json()
            self._name = str(listed["data"][0]["id"])

    def _prefix(self, query: bool) -> str:
        name = self._name.lower()
        return next((one if query else other for family, one, other in _PREFIXES if family in name), "")
