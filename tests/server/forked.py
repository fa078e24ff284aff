"""Commands as processes of their own, forked from one that has imported docchat already: that takes most of a second.

`run` is as `subprocess.run` of `python -m docchat.server ...`: another process with its own environment, input, output
and exit code. As a program (`forked.py`, a socket as descriptor 0) it is the process that forks.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from typing import Any

_LARGEST = 1 << 18


class Forker:
    """The process that forks; started at the first command, ended with this one."""

    def __init__(self) -> None:
        self._pid = 0
        self._control: socket.socket | None = None

    def run(self, arguments: list[str], *, stdin: str, env: dict[str, str], timeout: float) -> tuple[int, str, str]:
        """Exit code, output and errors of a command. Raises subprocess.TimeoutExpired."""
        control = self._started()
        request = json.dumps({"arguments": arguments, "env": env, "cwd": os.getcwd()}).encode()
        ours, theirs = socket.socketpair()
        with (
            ours,
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as said,
            tempfile.TemporaryFile() as wrong,
        ):
            given.write(stdin.encode())
            given.seek(0)
            with theirs:
                files = [given.fileno(), said.fileno(), wrong.fileno(), theirs.fileno()]
                socket.send_fds(control, [request], files)
            ours.settimeout(timeout)
            try:
                code = json.loads(ours.recv(64))
            except TimeoutError:
                raise subprocess.TimeoutExpired(["docchat", *arguments], timeout) from None
            texts = []
            for file in (said, wrong):
                file.seek(0)
                texts.append(file.read().decode())
        return code, texts[0], texts[1]

    def _started(self) -> socket.socket:
        if self._control is None or self._pid != os.getpid():
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                process = subprocess.Popen([sys.executable, __file__], stdin=theirs.fileno())
            self._pid, self._control = os.getpid(), ours
            atexit.register(self._end, process, ours)
        return self._control

    def _end(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        if self._pid == os.getpid():
            control.close()
            process.wait(10)


def _serve(control: socket.socket) -> None:
    """Fork for each request till the other end is closed."""
    from docchat.server import cli

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for commands
    while True:
        message, files, _, _ = socket.recv_fds(control, _LARGEST, 4)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _wait_for(cli.main, json.loads(message), files)
        for file in files:
            os.close(file)


def _wait_for(main: Any, request: dict[str, Any], files: list[int]) -> None:
    """Run the command in a child and say how it ended; the child goes when nobody waits any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, answer = files
    child = os.fork()
    if child == 0:
        os.close(answer)
        _become(main, request, streams)
    with socket.socket(fileno=answer) as reply:
        reply.setblocking(False)
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                reply.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())
                break
            time.sleep(0.002)
            with suppress(BlockingIOError):
                if not reply.recv(1):
                    os.kill(child, signal.SIGKILL)
    os._exit(0)


def _become(main: Any, request: dict[str, Any], streams: list[int]) -> None:
    """The command's own process, as Python starts one."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = ["docchat", *request["arguments"]]
    code = 1
    try:
        main(prog_name="python -m docchat.server")
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    finally:
        kind, error, trace = sys.exc_info()
        if kind is not None and error is not None:
            sys.excepthook(kind, error, trace)
        _leave(code)


def _leave(code: int) -> None:
    """End as Python does: other threads first, what is registered for the end, then what is still to be written."""
    import threading

    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


FORKER = Forker()

if __name__ == "__main__":
    with socket.socket(fileno=os.dup(0)) as _control:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _serve(_control)
