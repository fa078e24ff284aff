"""The ground the proofs stand on, an empty store on each engine; and the table that `make prove` prints."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ..conftest import PostgresServer
from .ground import Ground
from .hosts import Hosts
from .hosts import hosts as make_hosts
from .scale import LONG
from .tally import Line, Tally, id_of

_TALLY = Tally()
_URLS = ("DOCCHAT_DATABASE_URL", "DOCCHAT_KEYRING_URL")


@pytest.fixture(autouse=True)
def _own_readers(own_readers: None) -> None:
    """The proofs hand no process on from one to the next."""


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`tally(what, n, figures)`: says what this test tried, how often, and what it measured."""
    test = request.node.nodeid

    def note(what: str, n: int, figures: str = "") -> None:
        _TALLY.add(test, Line(id_of(test), what, n, figures))

    return note


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Mark the lines of a test that failed or was skipped."""
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed:
        _TALLY.end(item.nodeid, "RED")
    elif report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        _TALLY.end(item.nodeid, f"not tried: {reason.removeprefix('Skipped: ')}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    if LONG and "PROVE_TALLY" not in os.environ:
        terminalreporter.write_line("")
        terminalreporter.write_line(_TALLY.table())
        terminalreporter.write_line("")
        terminalreporter.write_line("Every line is green." if _TALLY.green else "Not proved: not every line is green.")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What was not tried is not proved. Where this is one of several runs, the whole is judged by scripts/prove.py."""
    if path := os.environ.get("PROVE_TALLY"):
        lines = {test: [asdict(line) for line in noted] for test, noted in _TALLY.lines.items()}
        Path(path).write_text(json.dumps(lines))
    elif LONG and not _TALLY.green:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Once on each engine."""
    return str(request.param)


@pytest.fixture
def new_ground(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], Ground]]:
    """Makes empty stores on each engine; on PostgreSQL the keys are in a database of their own."""
    server: PostgresServer | None = None if engine == "sqlite" else request.getfixturevalue("postgres_server")
    made: list[Ground] = []

    def make() -> Ground:
        urls = {} if server is None else {name: server.create() for name in _URLS}
        made.append(Ground(engine, tmp_path / f"data{len(made) or ''}", urls, server))
        return made[-1]

    yield make
    for ground in made:
        ground.close()
        if server is not None:
            for url in ground.settings.values():
                server.drop(url)


@pytest.fixture
def ground(new_ground: Callable[[], Ground]) -> Ground:
    """An empty store on each engine."""
    return new_ground()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"], ids=["fourworkers", "twohosts"])
def running_hosts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """One host with four workers on SQLite, then two hosts on one PostgreSQL, reached over lines that can be cut."""
    with make_hosts(request.param, tmp_path_factory.mktemp("hosts")) as running:
        yield running


@pytest.fixture
def hosts(running_hosts: Hosts) -> Iterator[Hosts]:
    """The running hosts; connections of this test are closed afterwards."""
    yield running_hosts
    for server in running_hosts.servers:
        for client in server.clients:
            client.close()
        server.clients.clear()
