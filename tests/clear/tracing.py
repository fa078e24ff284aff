"""Acts in a process of its own, with strace at it: which system calls it makes, killed or failed at any of them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ..server.live import environment
from .ground import Ground

CHANGING = "write,pwrite64,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,link,sendto,recvfrom,openat"
"""The system calls at which something can be broken off: each is a point."""

PATIENCE_SECONDS = 20.0
"""An act that takes longer hangs."""

Call = tuple[str, str, Any]


@dataclass
class Outcome:
    """What became of an act: the answers it got out, whether it was killed, and its system calls."""

    answers: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    killed: bool = False
    calls: list[str] = field(default_factory=list)

    @property
    def statuses(self) -> list[int]:
        """The status of each answer."""
        return [answer[0] for answer in self.answers]

    def body(self, number: int = -1) -> dict[str, Any]:
        """The JSON of an answer."""
        found: dict[str, Any] = json.loads(self.answers[number][2])
        return found

    def points(self) -> Counter[str]:
        """How often each system call was made."""
        names = (re.match(r"(?:\d+ +)?(\w+)\(", line) for line in self.calls)
        return Counter(name[1] for name in names if name)


class Zygote:
    """Forks children that act, see `zygote.py`."""

    def __init__(self, ground: Ground, *, before: tuple[str, ...] = (), **settings: str) -> None:
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (open as long as the process)
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "tests.clear.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            bufsize=1,
            env=environment(ground.data_dir, **{"DOCCHAT_WORKER": "external", **ground.environment, **settings}),
            cwd=Path(__file__).parents[2],
        )
        if self.hear() != "up":
            pytest.fail("the zygote did not start: " + self.log)

    @property
    def log(self) -> str:
        """All that its children wrote to their logs."""
        self.errors.seek(0)
        return self.errors.read()

    def hear(self) -> str:
        """A line it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, line: str) -> None:
        """Tell it, or its child, a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def start(self, order: dict[str, Any]) -> int:
        """Fork a child for the order; its process id. It waits for a line before it acts."""
        self.tell(json.dumps(order))
        ready = self.hear()
        assert ready.startswith("ready "), ready + self.log
        return int(ready.split()[1])

    def finish(self, pid: int = 0) -> Outcome:
        """What the child says until its end; it may not hang."""
        hangs = threading.Timer(PATIENCE_SECONDS, os.kill, (pid, signal.SIGABRT)) if pid else threading.Timer(0, bool)
        hangs.start()
        try:
            return self._finish()
        finally:
            hangs.cancel()
            hangs.join()

    def _finish(self) -> Outcome:
        outcome = Outcome()
        while line := self.hear():
            kind, _, rest = line.partition(" ")
            if kind == "ended":
                assert int(rest) != signal.SIGABRT, "it hung"
                outcome.killed = os.WIFSIGNALED(int(rest))
                if not outcome.killed and int(rest):
                    pytest.fail(f"the child ended with {rest}: {self.log}")
                return outcome
            if kind == "answer":
                status, headers, body = json.loads(rest)
                outcome.answers.append((status, headers, body))
        pytest.fail("the zygote has ended: " + self.log)

    def act(self, owner: str, *calls: Call) -> Outcome:
        """Make the calls."""
        pid = self.start({"owner": owner, "calls": calls})
        self.tell("go")
        return self.finish(pid)

    def traced(self, owner: str, *calls: Call, inject: str = "", path: Path | None = None, y: bool = False) -> Outcome:
        """Make the calls under strace; `inject` as in `-e inject=`, `path` limits it to one file, `y` names files."""
        pid = self.start({"owner": owner, "calls": calls})
        with tempfile.NamedTemporaryFile("r") as output:
            command = ["strace", "-f", "-p", str(pid), "-o", output.name, "-e", f"trace={CHANGING}"]
            command += ["-y"] if y else []
            command += ["-P", str(path)] if path is not None else []
            command += ["-e", f"inject={inject}"] if inject else []
            tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            assert tracer.stderr is not None
            said = tracer.stderr.readline()
            if "attached" not in said:
                tracer.kill()
                tracer.communicate()
                os.kill(pid, 9)
                self.finish(pid)
                pytest.skip(f"strace cannot look on here: {said.strip()}")
            self.tell("go")
            outcome = self.finish(pid)
            tracer.communicate(timeout=30)
            outcome.calls = output.read().splitlines()
        return outcome

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(5)
        finally:
            self.process.kill()
            self.process.wait()
            self.errors.close()


@contextmanager
def zygote(ground: Ground, **more: Any) -> Iterator[Zygote]:
    """A running zygote; the test is skipped where there is no strace."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    made = Zygote(ground, **more)
    try:
        yield made
    finally:
        made.close()
