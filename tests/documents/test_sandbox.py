"""The sandbox: nothing a file does hurts the process that asked, or the files beside it."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from docchat.documents import sandbox as sandbox_module
from docchat.documents.sandbox import Sandbox
from docchat.errors import Unreadable

from . import samples

pytestmark = pytest.mark.usefixtures("own_readers")


def _zygote(sandbox: Sandbox) -> int:
    assert sandbox._zygote is not None
    return sandbox._zygote.process.pid


def _flate_bomb() -> bytes:
    """A PDF whose one page's content is 300 MB when unpacked."""
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(b"0 0 m 1 1 l S " * 70_000) for _ in range(300)) + packer.flush()
    plain = samples.pdf([[(72, 700, "x")]])
    start = plain.index(b"<< /Length")
    end = plain.index(b"endstream", start)
    return plain[:start] + b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(body) + body + b"\n" + plain[end:]


def test_reads_and_says_why_not(sandbox: Sandbox) -> None:
    assert sandbox.read([b"hello ", b"world"], name="a.txt")[0].text == "hello world"
    with pytest.raises(Unreadable) as refused:
        sandbox.read([b"text"], name="a.pdf")
    assert refused.value.code == "not_a_pdf"


def test_a_long_pdf_is_shared_by_several_readers(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    ask = sandbox._ask
    monkeypatch.setattr(sandbox_module, "_LONG_PDF", 1000)
    monkeypatch.setattr(sandbox, "_ask", lambda file, request, beat: asked.append(request) or ask(file, request, beat))
    # The first half has no text at all, and the pages do not part evenly.
    pages = [[], [], [], *([(72, 700, f"This is page {number}.")] for number in range(4, 8))]
    for data, password in ((samples.pdf(pages), None), (samples.pdf(pages, password="geheim"), "geheim")):
        asked.clear()
        parts = sandbox.read([data], name="long.pdf", password=password, readers=2)
        assert len(asked) == 2
        assert parts == sandbox.read([data], name="long.pdf", password=password)
        assert [part.label for part in parts] == [f"Page {number}" for number in range(1, 8)]
        assert parts[6].text == "This is page 7."
    for data, code in ((samples.pdf(pages, password="geheim"), "locked"), (samples.pdf([[]] * 30), "no_text")):
        with pytest.raises(Unreadable) as refused:
            sandbox.read([data], name="long.pdf", readers=2)
        assert refused.value.code == code
    asked.clear()
    assert sandbox.read([b"text " * 400], name="a.txt", readers=2)[0].text.startswith("text text")
    assert len(asked) == 1


def test_many_threads_at_once(sandbox: Sandbox) -> None:
    def read(number: int) -> bool:
        return sandbox.read([b"text %d" % number], name="a.txt")[0].text == f"text {number}"

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(read, range(60)))


def test_a_bomb_stops_at_its_limit_and_spares_the_others() -> None:
    sandbox = Sandbox(seconds=20.0, memory=128 << 20)
    try:
        with ThreadPoolExecutor(4) as pool:
            bomb = pool.submit(sandbox.read, [_flate_bomb()], name="bomb.pdf")
            others = [pool.submit(sandbox.read, [b"fine"], name="a.txt") for _ in range(10)]
            assert all(other.result()[0].text == "fine" for other in others)
            with pytest.raises(Unreadable) as refused:
                bomb.result()
        assert refused.value.code in ("too_complex", "reader_crashed")
        for filler in (200_000_000, 60_000_000):  # refused by its directory; stopped by the limit of memory
            with pytest.raises(Unreadable) as refused:
                sandbox.read([samples.docx(["x"], filler=filler)], name="bomb.docx")
            assert refused.value.code == "too_complex"
    finally:
        sandbox.close()


def test_memory_in_use_never_exceeds_its_limit() -> None:
    sandbox = Sandbox(seconds=20.0, memory=400 << 20)
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            children = Path(f"/proc/{_zygote(sandbox)}/task/{_zygote(sandbox)}/children").read_text().split()
            for child in children:
                with suppress(OSError):
                    peak = max(peak, int(Path(f"/proc/{child}/statm").read_text().split()[1]) * 4096)

    try:
        sandbox.read([b"warm"], name="a.txt")
        watcher = threading.Thread(target=watch)
        watcher.start()
        with pytest.raises(Unreadable) as refused:
            sandbox.read([b"[" + b"[1,2],{}," * 5_000_000 + b"1]"], name="a.json")
        done.set()
        watcher.join()
        assert refused.value.code == "too_complex"
        assert 150 << 20 < peak <= 400 << 20
    finally:
        done.set()
        sandbox.close()


def test_a_locked_file_opens_with_its_password_and_it_is_nowhere_to_be_seen(sandbox: Sandbox) -> None:
    data = samples.pdf([[(72, 700, "Opens at 07:15.")]], password="tiger-Larnmouth")
    for password in (None, "lion"):
        with pytest.raises(Unreadable) as refused:
            sandbox.read([data], name="a.pdf", password=password)
        assert refused.value.code == "locked"
    assert sandbox.read([data], name="a.pdf", password="tiger-Larnmouth")[0].text == "Opens at 07:15."
    proc = Path(f"/proc/{_zygote(sandbox)}")
    assert b"Larnmouth" not in (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()


def test_hidden_text_comes_through_marked(sandbox: Sandbox) -> None:
    part = sandbox.read([b"<p>Seen.</p><p hidden>QUINCE</p>"], name="a.html")[0]
    assert (part.visible, part.text[slice(*part.hidden[0])]) == ("Seen.", "[Hidden text: QUINCE]")


def test_time_is_limited_and_the_caller_beats_meanwhile() -> None:
    sandbox = Sandbox(seconds=3.0, memory=1 << 30)
    beats = []
    html = b"<p>" + b"<b>word " * 3_000_000
    started = time.monotonic()
    try:
        with pytest.raises(Unreadable) as refused:
            sandbox.read([html], name="slow.html", beat=lambda: beats.append(time.monotonic()))
        assert refused.value.code == "too_complex"
        assert time.monotonic() - started < 8
        assert beats
        assert sandbox.read([b"fine"], name="a.txt")[0].text == "fine"
    finally:
        sandbox.close()


def test_replaced_helpers_are_forgotten() -> None:
    before = set(weakref.finalize._registry)  # type: ignore[attr-defined]
    sandbox = Sandbox(seconds=20.0, memory=1 << 30)
    for _ in range(3):
        assert sandbox.read([b"x"], name="a.txt")
        os.kill(_zygote(sandbox), signal.SIGKILL)
    assert sandbox.read([b"x"], name="a.txt")
    mine = [info for one, info in weakref.finalize._registry.items() if one not in before]  # type: ignore[attr-defined]
    assert sum(info.func.__name__ == "_dispose" for info in mine) == 1
    sandbox.close()
    assert not [one for one in weakref.finalize._registry if one not in before and one.alive]  # type: ignore[attr-defined]


def test_a_killed_helper_is_replaced() -> None:
    sandbox = Sandbox(seconds=20.0, memory=1 << 30)
    try:
        assert sandbox.read([b"one"], name="a.txt")
        os.kill(_zygote(sandbox), signal.SIGKILL)
        assert sandbox.read([b"two"], name="a.txt")[0].text == "two"

        html = b"<p>" + b"<b>word " * 150_000
        killer = threading.Timer(0.1, lambda: os.kill(_zygote(sandbox), signal.SIGKILL))
        killer.start()
        assert sandbox.read([html], name="long.html")
        killer.join()
    finally:
        sandbox.close()


def test_a_caller_that_gives_up_leaves_no_child(sandbox: Sandbox) -> None:
    class GiveUp(Exception):
        pass

    def beat() -> None:
        raise GiveUp

    sandbox.read([b"warm"], name="a.txt")
    with pytest.raises(GiveUp):
        sandbox.read([b"<p>" + b"<b>word " * 3_000_000], name="long.html", beat=beat)
    children = Path(f"/proc/{_zygote(sandbox)}/task/{_zygote(sandbox)}/children")
    deadline = time.monotonic() + 5
    while children.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert children.read_text() == ""


def test_a_fork_starts_its_own_and_the_helper_ends_with_its_parent() -> None:
    program = textwrap.dedent(
        """
        import os, sys
        from docchat.documents.sandbox import Sandbox
        sandbox = Sandbox(seconds=10.0, memory=1 << 30)
        assert sandbox.read([b"one"], name="a.txt")[0].text == "one"
        first = sandbox._zygote.process.pid
        child = os.fork()
        if child == 0:
            assert sandbox.read([b"two"], name="a.txt")[0].text == "two"
            assert sandbox._zygote.process.pid != first
            print(sandbox._zygote.process.pid, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        assert sandbox.read([b"three"], name="a.txt")[0].text == "three"
        assert sandbox._zygote.process.pid == first
        print(first, flush=True)
        os._exit(0)
        """
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    helpers = [int(line) for line in done.stdout.split()]
    assert len(helpers) == 2
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in helpers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in helpers)


def test_the_helper_holds_nothing_of_the_application(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCCHAT_MODEL_KEY", "a-secret")
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        sandbox = Sandbox(seconds=10.0, memory=1 << 30)
        try:
            sandbox.read([b"one"], name="a.txt")
            proc = Path(f"/proc/{_zygote(sandbox)}")
            assert b"a-secret" not in (proc / "environ").read_bytes()
            assert str(tmp_path) not in {os.readlink(link) for link in (proc / "fd").iterdir()}
            maps = (proc / "maps").read_text()
            assert "sqlalchemy" not in maps
        finally:
            sandbox.close()


def test_pictures_are_capped(sandbox: Sandbox) -> None:
    image = sandbox.render([samples.pdf([[(72, 700, "x")]])], number=1, width=100_000)
    width, height = (int.from_bytes(image[a : a + 4], "big") for a in (16, 20))
    assert max(width, height) <= 2400
    with pytest.raises(Unreadable) as refused:
        sandbox.render([samples.pdf([[(72, 700, "x")]])], number=9, width=100)
    assert refused.value.code == "no_page"
