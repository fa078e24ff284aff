"""Vectors from a server: what is sent, what comes back, and what is refused."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from docchat.documents.embed_server import ServerEmbedder
from docchat.errors import ModelUnavailable


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: object = None
    asked: dict[str, object]
    key = ""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._send({"data": [{"id": "multilingual-e5-small"}]})

    def do_POST(self) -> None:
        self.server.asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.key = self.headers.get("Authorization", "")
        self._send(self.server.answer)

    def log_message(self, *arguments: object) -> None:
        pass

    def _send(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _embedder(server: _Server, **given: str) -> ServerEmbedder:
    return ServerEmbedder(url=f"http://127.0.0.1:{server.server_port}/v1/", **given)


def test_rows_come_in_the_order_of_the_texts_and_have_length_one(server: _Server) -> None:
    server.answer = {"data": [{"index": 1, "embedding": [0, 3]}, {"index": 0, "embedding": [2, 0]}]}
    embedder = _embedder(server, key="secret")
    assert np.array_equal(embedder.embed(["a", "b"], query=False), np.array([[1, 0], [0, 1]], np.float32))
    assert server.asked == {"model": "multilingual-e5-small", "input": ["passage: a", "passage: b"]}
    assert server.key == "Bearer secret"
    assert embedder.name == "127.0.0.1/multilingual-e5-small"


def test_other_models_get_the_text_as_it_is(server: _Server) -> None:
    server.answer = {"data": [{"index": 0, "embedding": [1.0]}]}
    _embedder(server, name="text-embedding-3-small").embed(["Why?"], query=True)
    assert server.asked["input"] == ["Why?"]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"data": []},
        {"data": [{"index": 0, "embedding": [0.0, 0.0]}]},
        {"data": [{"index": 0, "embedding": ["x"]}]},
        {"data": [{"index": 0, "embedding": []}]},
        {"data": [{"index": 0, "embedding": [1, 2]}, {"index": 1, "embedding": [1]}]},
    ],
)
def test_what_is_no_vector_is_refused(server: _Server, answer: object) -> None:
    server.answer = answer
    with pytest.raises(ModelUnavailable):
        _embedder(server, name="m").embed(["a"], query=True)


def test_a_server_that_is_away(server: _Server) -> None:
    embedder = ServerEmbedder(url="http://127.0.0.1:1/v1", name="m")
    with pytest.raises(ModelUnavailable):
        embedder.embed(["a"], query=True)


def test_a_model_that_was_not_named_is_known_before_anything_is_embedded(server: _Server) -> None:
    """Else all documents would seem to have the vectors of another model at every start."""
    assert _embedder(server).name == "127.0.0.1/multilingual-e5-small"
    away = ServerEmbedder(url="http://127.0.0.1:9/v1")
    with pytest.raises(ModelUnavailable):
        _ = away.name
