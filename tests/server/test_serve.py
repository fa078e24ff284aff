"""`docchat serve`, really started."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from .live import (
    COMMAND,
    PASSWORD,
    Client,
    docchat,
    environment,
    events,
    one_client_per_worker,
    serving,
    slow_model,
    wait_until,
)


@pytest.fixture
def with_ann(data_dir: Path) -> Path:
    docchat(data_dir, "user", "add", "ann", "--password-stdin", stdin=f"{PASSWORD}\n")
    return data_dir


def test_four_workers_share_one_sign_in_and_one_truth(with_ann: Path) -> None:
    with serving(with_ann, "--workers", "4") as server:
        clients = one_client_per_worker(server, "ann")
        assert len(clients) == 4
        first, *others = clients.values()
        status, session = first.call("POST", "/api/sessions", {"title": "Everywhere"})
        assert status == 201
        for client in clients.values():
            assert client.call("GET", f"/api/sessions/{session['id']}")[1]["title"] == "Everywhere"
        assert first.call("POST", f"/api/sessions/{session['id']}/clear") == (200, {"success": True})
        for client in others:
            assert client.call("GET", f"/api/sessions/{session['id']}")[0] == 410


def test_a_shut_out_user_is_out_in_every_worker_at_the_next_request(with_ann: Path) -> None:
    with serving(with_ann, "--workers", "4") as server:
        clients = one_client_per_worker(server, "ann")
        docchat(with_ann, "user", "disable", "ann")
        assert {client.call("GET", "/api/status")[0] for client in clients.values()} == {401}


def test_it_stops_at_once_also_with_a_stream_open(with_ann: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The dough has to rest.\n")
    docchat(with_ann, "ingest", str(tmp_path / "a.txt"))
    with slow_model() as model, serving(with_ann, DOCCHAT_MODEL_URL=model.url) as server:
        client = Client(server).sign_in("ann")
        _, session = client.call("POST", "/api/sessions", {})
        stream = client.open("POST", f"/api/sessions/{session['id']}/ask", {"question": "What has to rest?"})
        assert next(kind for kind, _ in events(stream) if kind == "text")
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(15) == 0
        assert time.monotonic() - start < 8
        stream.close()


def test_no_worker_outlives_a_server_that_was_killed(with_ann: Path) -> None:
    with serving(with_ann) as server:
        workers = server.workers
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        wait_until(lambda: not any(map(psutil.pid_exists, workers)), what="the workers' end")


def test_a_worker_that_was_killed_is_replaced(with_ann: Path) -> None:
    with serving(with_ann) as server:
        victim = next(iter(server.workers))
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(server.workers - {victim}) == 2, what="a new worker")
        assert Client(server).call("GET", "/healthz")[0] == 200


def test_a_taken_port_is_an_error_or_the_next_one_is_used(with_ann: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = docchat(with_ann, "serve", "--port", port)
        assert refused.returncode == 1
        assert f"Port {port}" in refused.stderr
        with serving(with_ann, "--port", port, "--next-free-port") as server:
            assert server.port > int(port)
            assert f"Port {port} is taken" in server.lines[0]


@pytest.mark.parametrize(
    ("options", "settings", "warned"),
    [
        (["--host", "127.0.0.1"], {}, False),
        (["--host", "0.0.0.0"], {}, True),
        (["--host", "0.0.0.0"], {"DOCCHAT_TRUSTED_PROXIES": "1"}, False),
    ],
)
def test_an_open_address_without_tls_is_warned_about(
    data_dir: Path, options: list[str], settings: dict[str, str], warned: bool
) -> None:
    with serving(data_dir, *options, **settings) as server:
        assert any("without TLS" in line for line in server.lines) is warned


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_tls_makes_the_cookie_secure(with_ann: Path, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files, *subject],
        check=True,
        capture_output=True,
    )
    with serving(with_ann, "--certfile", str(certificate), "--keyfile", str(key)) as server:
        context = ssl.create_default_context(cafile=str(certificate))
        form = f"username=ann&password={PASSWORD.replace(' ', '+')}".encode()
        opener = urllib.request.build_opener(_KeepRedirects, urllib.request.HTTPSHandler(context=context))
        with opener.open(f"https://127.0.0.1:{server.port}/login", form, timeout=10) as answer:
            assert "; Secure" in answer.headers["Set-Cookie"]


class _KeepRedirects(urllib.request.HTTPErrorProcessor):
    def http_response(self, request: object, response: object) -> object:
        return response

    https_response = http_response  # type: ignore[assignment]


def test_the_worker_command_runs_jobs_for_a_server_that_runs_none(with_ann: Path) -> None:
    worker = subprocess.Popen(
        [*COMMAND, "worker"], env=environment(with_ann), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        with serving(with_ann, DOCCHAT_WORKER="external") as server:
            client = Client(server).sign_in("ann")
            boundary = "xxBOUNDARYxx"
            body = (
                f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n'
                f"Content-Type: text/plain\r\n\r\nThe dough has to rest.\r\n--{boundary}--\r\n"
            )
            headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Cookie": client.cookie}
            client.connection.request("POST", "/api/documents", body, headers)
            response = client.connection.getresponse()
            assert response.status == 201, response.read()
            response.read()

            def ready() -> bool:
                documents = client.call("GET", "/api/documents")[1]["documents"]
                return [document["state"] for document in documents] == ["ready"]

            wait_until(ready, seconds=30, what="the document")
    finally:
        worker.terminate()
        output, _ = worker.communicate(timeout=15)
    assert worker.returncode == 0
    assert re.fullmatch(r"Waiting for jobs; stop with Ctrl-C\.\n", output)


def test_a_server_without_users_says_how_to_add_one(data_dir: Path) -> None:
    with serving(data_dir) as server:
        assert any("docchat user add" in line for line in server.lines)
    docchat(data_dir, "user", "add", "ann", "--password-stdin", stdin=f"{PASSWORD}\n")
    with serving(data_dir) as server:
        assert not any("docchat user add" in line for line in server.lines)
