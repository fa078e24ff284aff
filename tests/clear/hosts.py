"""Where docchat serves: one host with four workers on SQLite, or two hosts that share nothing but PostgreSQL."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from docchat.config import Settings
from docchat.extension import build_services
from docchat.server.accounts import Accounts
from docchat.server.home import close
from docchat.types import Draft

from ..server.live import PASSWORD, Client, Server, SlowModel, one_client_per_worker, serving, slow_model
from .ground import make
from .network import HOSTS, Network, TcpPostgres, network

ONE_HOST = pytest.mark.parametrize("running_hosts", ["sqlite"], indirect=True, ids=["fourworkers"], scope="session")
TWO_HOSTS = pytest.mark.parametrize("running_hosts", ["postgresql"], indirect=True, ids=["twohosts"], scope="session")
USERS = 4
NOTE = b"The river is called Wutach. It flows to the Rhine near Waldshut.\n"


@dataclass
class Hosts:
    """The servers over one store, and what a test may do to them."""

    engine: str
    servers: list[Server]
    model: SlowModel
    owners: dict[str, str]
    settings: Settings
    folders: list[Path]
    network: Network | None = None
    postgres: TcpPostgres | None = None
    cookies: dict[tuple[int, str], str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """What the table calls it."""
        return "4 workers on sqlite" if self.network is None else "2 hosts on postgresql"

    @property
    def lines(self) -> list[str]:
        """All that the servers wrote to their logs."""
        return [line for server in self.servers for line in server.lines]

    def client(self, host: int, name: str) -> Client:
        """A browser of somebody who is signed in at a host."""
        key = (host, name)
        if key not in self.cookies:
            first = Client(self.servers[host]).sign_in(name)
            self.cookies[key] = first.cookie
            first.close()
        return Client(self.servers[host], self.cookies[key])

    def hinted(self, host: int, cookie: str, hint: object) -> str:
        """The cookie with another current chat, signed as the server does; None: without one."""
        app = Flask("signer")
        app.secret_key = (self.folders[host] / "secret.key").read_bytes()
        serializer = SecureCookieSessionInterface().get_signing_serializer(app)
        assert serializer is not None
        name, _, value = cookie.partition("=")
        content = {key: kept for key, kept in serializer.loads(value).items() if key != "chat_session_id"}
        if hint is not None:
            content["chat_session_id"] = hint
        return f"{name}={serializer.dumps(content)}"

    def everywhere(self, name: str) -> list[Client]:
        """A browser at each worker of each host."""
        return [client for server in self.servers for client in one_client_per_worker(server, name).values()]

    def clients(self, name: str, number: int) -> list[Client]:
        """So many browsers, at all hosts in turn."""
        return [self.client(count % len(self.servers), name) for count in range(number)]


@contextmanager
def hosts(engine: str, folder: Path) -> Iterator[Hosts]:
    """Running servers with users user0 to user3 and a document each."""
    with ExitStack() as stack:
        if engine == "sqlite":
            yield stack.enter_context(_one_host(folder))
        else:
            yield stack.enter_context(_two_hosts(folder))


@contextmanager
def _one_host(folder: Path) -> Iterator[Hosts]:
    settings = Settings(data_dir=folder / "data", worker="external")
    owners = _people(settings)
    with slow_model() as model, serving(settings.data_dir, "--workers", "4", DOCCHAT_MODEL_URL=model.url) as server:
        yield Hosts("sqlite", [server], model, owners, settings, [settings.data_dir])


@contextmanager
def _two_hosts(folder: Path) -> Iterator[Hosts]:
    base = Path(tempfile.mkdtemp(prefix="docchat-pg-", dir="/tmp"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, base, ignore_errors=True)
        lines = stack.enter_context(network())
        postgres = TcpPostgres(base, lines)
        postgres.start()
        stack.callback(postgres.control, "stop", "-m", "immediate")
        given = {
            "DOCCHAT_DATABASE_URL": postgres.url("content"),
            "DOCCHAT_KEYRING_URL": postgres.url("keys"),
            "DOCCHAT_MASTER_KEY": f"1:{secrets.token_hex(32)}",
        }
        settings = Settings.from_mapping({**given, "DOCCHAT_WORKER": "external"}, data_dir=folder / "tests")
        owners = _people(settings)
        model = stack.enter_context(slow_model(lines.address("tests")))
        servers = [
            stack.enter_context(
                serving(
                    folder / f"host{host}",
                    *("--workers", "2", "--host", lines.address("tests", host)),
                    before=lines.inside(host),
                    DOCCHAT_MODEL_URL=model.url,
                    **given,
                )
            )
            for host in range(HOSTS)
        ]
        folders = [folder / f"host{host}" for host in range(HOSTS)]
        yield Hosts("postgresql", servers, model, owners, settings, folders, lines, postgres)


def _people(settings: Settings) -> dict[str, str]:
    services = build_services(settings)
    try:
        accounts = Accounts(services.database, min_length=12)
        owners = {}
        for number in range(USERS):
            owner = str(accounts.add(name=f"user{number}", password=PASSWORD).id)
            owners[f"user{number}"] = owner
            services.library.add(owner=owner, name="note.txt", stream=BytesIO(NOTE), media_type="text/plain")
        services.worker.run_due()
    finally:
        close(services)
    return owners


@dataclass
class Writer:
    """Makes chats directly in the store, fast."""

    hosts: Hosts

    def __enter__(self) -> "Writer":
        self.services = build_services(self.hosts.settings)
        return self

    def __exit__(self, *_: object) -> None:
        close(self.services)

    def chat(self, name: str, word: str, messages: int = 6, about: tuple[UUID, str] | None = None) -> UUID:
        """A chat of a user, about a section or everything; its title and all its messages hold `word`."""
        owner = self.hosts.owners[name]
        session = make(self.services, owner=owner, title=f"{word} title", about=about)
        drafts = [Draft("user" if number % 2 == 0 else "assistant", f"{word} {number}") for number in range(messages)]
        self.services.store.append(owner=owner, session_id=session.id, drafts=drafts)
        return session.id


def quantile(times: list[float], share: float) -> float:
    """The time that so many of them stay below."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]
