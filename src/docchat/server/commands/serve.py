"""`docchat serve` and `docchat worker`: the processes that stay."""

import ctypes
import gc
import ipaddress
import os
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication

from ...errors import ConfigError
from ...extension import DocChat
from ..accounts import Accounts
from ..app import create_app
from ..home import Home, pass_home

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 3
_PORTS_TO_TRY = 50


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--next-free-port", is_flag=True, help="Take the next free port when this one is taken.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--threads", default=32, show_default=True, type=click.IntRange(2), help="Requests at once in each.")
@click.option("--certfile", type=click.Path(exists=True, dir_okay=False), help="TLS certificate (PEM).")
@click.option("--keyfile", type=click.Path(exists=True, dir_okay=False), help="TLS private key (PEM).")
@pass_home
def serve(
    home: Home,
    host: str,
    port: int,
    next_free_port: bool,
    workers: int,
    threads: int,
    certfile: str | None,
    keyfile: str | None,
) -> None:
    """Serve docchat over HTTP. Each open answer takes a thread while it streams."""
    port = _free_port(host, port, search=next_free_port)
    if not certfile and not home.settings.trusted_proxies and not _is_loopback(host):
        click.echo(
            f"Warning: {host} can be reached by others, and without TLS they can read passwords and chats. "
            "Give --certfile and --keyfile, or put a TLS proxy in front and set DOCCHAT_TRUSTED_PROXIES=1.",
            err=True,
        )
    options: dict[str, Any] = {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "workers": workers,
        "threads": threads,
        "certfile": certfile,
        "keyfile": keyfile,
    }
    _Server(home, options).run()


@click.command()
@pass_home
def worker(home: Home) -> None:
    """Run background jobs until stopped (for DOCCHAT_WORKER=external)."""

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    click.echo("Waiting for jobs; stop with Ctrl-C.")
    while True:
        home.services.worker.ensure_started()
        time.sleep(1)


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with threads, set up from here alone: no configuration file, no control socket."""

    def __init__(self, home: Home, options: dict[str, Any]) -> None:
        self._home = home
        self._options = options
        super().__init__(prog="docchat serve")

    def load_default_config(self) -> None:
        """Start from gunicorn's defaults, without GUNICORN_CMD_ARGS."""
        super().load_default_config()
        settings: dict[str, Any] = {
            "worker_class": "gthread",
            "preload_app": True,  # a wrong setting stops the start, and the workers share memory
            "timeout": 60,
            "graceful_timeout": _GRACE_SECONDS,  # open streams would hold a stop back for longer
            "keepalive": 5,
            "worker_connections": 1000 + self._options["threads"],  # open connections may not be fewer than streams
            "loglevel": "warning",
            "control_socket_disable": True,
            # Who is behind a proxy is decided by DOCCHAT_TRUSTED_PROXIES alone.
            "secure_scheme_headers": {},
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "post_fork": _post_fork,
            "post_worker_init": self._worker_started,
            "worker_exit": self._worker_ends,
            "when_ready": _say_address,
        }
        if Path("/dev/shm").is_dir():  # noqa: S108  (heartbeats of the workers, no content)
            settings["worker_tmp_dir"] = "/dev/shm"  # noqa: S108
        for name, value in {**settings, **self._options}.items():
            if name in self.cfg.settings:  # options come and go between gunicorn's versions
                self.cfg.set(name, value)

    def load_config(self) -> None:
        """Everything is set by load_default_config."""

    def load(self) -> Flask:
        """Build the application before the workers are forked."""
        try:
            app = create_app(self._home.overlay)
        except ConfigError as error:
            click.echo(f"Error: {error.message}", err=True)
            sys.exit(1)
        services = DocChat.services(app)
        if not Accounts(services.database, min_length=services.settings.password_min_length).list():
            click.echo("Nobody can sign in yet: add a user with docchat user add NAME --admin")
        # A fork must not inherit an open database: SQLite's locks would fall with the first close in a child.
        services.database.close()
        services.keyring.close()
        services.library.close()
        # What is there stays: the collector need not look at it again in each worker, and no fork copies it for that.
        gc.freeze()
        return app

    def _worker_started(self, worker: Any) -> None:
        services = DocChat.services(self.callable)
        if services.settings.worker == "thread":
            services.worker.ensure_started()

    def _worker_ends(self, server: Any, worker: Any) -> None:
        services = DocChat.services(self.callable)
        services.worker.stop(timeout=1.0)
        services.library.close()


def _post_fork(server: Any, worker: Any) -> None:
    """Let no worker outlive the server, also when that is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != server.pid:
            sys.exit(0)


def _say_address(server: Any) -> None:
    for listener in server.LISTENERS:
        host, port = listener.getsockname()[:2]
        scheme = "https" if server.cfg.is_ssl else "http"
        click.echo(f"docchat is at {scheme}://{f'[{host}]' if ':' in host else host}:{port}/  (stop with Ctrl-C)")
    sys.stdout.flush()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _free_port(host: str, port: int, *, search: bool) -> int:
    """`port` if nobody listens there, with `search` the next one that is free."""
    if port == 0:
        return 0
    for candidate in range(port, min(port + (_PORTS_TO_TRY if search else 1), 65536)):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except PermissionError as error:
                raise click.ClickException(f"This user may not listen at port {candidate}.") from error
            except OSError:
                continue
        if candidate != port:
            click.echo(f"Port {port} is taken, using {candidate}.")
        return candidate
    raise click.ClickException(f"Port {port} of {host} cannot be used; choose another with --port.")
