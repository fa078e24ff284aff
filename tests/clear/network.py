"""Two hosts as network namespaces on this machine, and a PostgreSQL they reach over TCP, by lines that can be cut.

Each host has three lines: one to the content database, one to the keyring's, one for the tests to talk to it. A line is
cut by taking it out of its bridge: what is sent is lost without a word, as with a pulled cable.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ..conftest import PostgresServer
from ..network_lock import network_changes

LINES = ("content", "keys", "tests")
HOSTS = 2
_PORT = 5432


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _block() -> int:
    """The second number of addresses that nobody has, not even a network whose tests were killed."""
    taken = {int(number) for number in re.findall(r" 10\.(\d+)\.", _ip("-4", "-br", "addr"))}
    numbers = [150 + (os.getpid() + more) % 100 for more in range(100)]
    return next(number for number in numbers if number not in taken)


@dataclass
class Network:
    """The namespaces and their lines."""

    tag: str = field(default_factory=lambda: f"dc{os.getpid() % 100000}")
    block: int = field(default_factory=_block)

    def address(self, line: str, host: int | None = None) -> str:
        """Where a host is on a line; None: where this machine is."""
        return f"10.{self.block}.{LINES.index(line)}.{1 if host is None else 10 + host}"

    def inside(self, host: int) -> tuple[str, ...]:
        """The words before a command that shall run on a host."""
        return ("ip", "netns", "exec", f"{self.tag}h{host}")

    def build(self) -> None:
        """Make everything. Raises OSError where this user may not."""
        for number, line in enumerate(LINES):
            _ip("link", "add", self._bridge(number), "type", "bridge")
            _ip("link", "set", self._bridge(number), "addrgenmode", "none")
            _ip("addr", "add", f"{self.address(line)}/24", "dev", self._bridge(number))
            _ip("link", "set", self._bridge(number), "up")
        for host in range(HOSTS):
            space = f"{self.tag}h{host}"
            _ip("netns", "add", space)
            _ip("-n", space, "link", "set", "lo", "up")
            for number, line in enumerate(LINES):
                _ip("link", "add", self._end(host, number), "type", "veth", "peer", "name", line, "netns", space)
                # No addresses of their own making, which would come, and change the network, seconds later.
                _ip("link", "set", self._end(host, number), "addrgenmode", "none")
                _ip("link", "set", self._end(host, number), "master", self._bridge(number), "up")
                _ip("-n", space, "addr", "add", f"{self.address(line, host)}/24", "dev", line)
                _ip("-n", space, "link", "set", line, "up")

    def cut(self, host: int, line: str) -> None:
        """Pull a line of a host."""
        _ip("link", "set", self._end(host, LINES.index(line)), "nomaster")

    def mend(self, host: int, line: str) -> None:
        """Put it back."""
        number = LINES.index(line)
        _ip("link", "set", self._end(host, number), "master", self._bridge(number))

    def remove(self) -> None:
        """Leave nothing behind."""
        for host in range(HOSTS):
            with suppress(OSError):
                _ip("netns", "del", f"{self.tag}h{host}")
        for number in range(len(LINES)):
            with suppress(OSError):
                _ip("link", "del", self._bridge(number))

    def _bridge(self, line: int) -> str:
        return f"{self.tag}b{line}"

    def _end(self, host: int, line: int) -> str:
        return f"{self.tag}v{host}{line}"


class TcpPostgres(PostgresServer):
    """A PostgreSQL that listens on the lines, and notes every statement it is sent."""

    def __init__(self, base: Path, network: Network) -> None:
        super().__init__(base)
        self.network = network

    def start(self) -> None:
        """Create the cluster and start it on both lines; commits are synced to the log as ever."""
        self._run("initdb", "-D", str(self.data), "-U", "docchat", "--auth=trust", "--encoding=utf8", "--no-sync")
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("host all all 10.0.0.0/8 trust\n")
        self.begin()
        self.psql("template1", "CREATE EXTENSION vector")

    def begin(self) -> None:
        """Start it."""
        addresses = ",".join(self.network.address(line) for line in ("content", "keys"))
        options = {
            "listen_addresses": f"'{addresses}'",
            "port": _PORT,
            "unix_socket_directories": self.base,
            "fsync": "off",
            "shared_buffers": "64MB",
            "max_connections": "300",
            "dynamic_shared_memory_type": "mmap",
            "log_statement": "all",
            "log_parameter_max_length": "0",
        }
        words = " ".join(f"-c {key}={value}" for key, value in options.items())
        self.control("start", "-o", words, "-l", str(self.base / "log"))

    def url(self, line: str) -> str:
        """A new database, reached over a line."""
        name = self.create().rpartition("@/")[2].partition("?")[0]
        return f"postgresql+psycopg://docchat@{self.network.address(line)}:{_PORT}/{name}"


@contextmanager
def network() -> Iterator[Network]:
    """A network of two hosts; the test is skipped where none can be made."""
    if os.geteuid() or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and the program ip")
    made = Network()
    try:
        try:
            with network_changes():
                made.build()
        except OSError as error:
            pytest.skip(f"no network namespaces here: {error}")
        yield made
    finally:
        with network_changes():
            made.remove()
