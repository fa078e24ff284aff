"""C8: a fault at any step leaves no false success; the keys are destroyed or nothing is, and the sweep finishes it."""

import contextlib
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from docchat.types import ChatSession
from docchat.web.state import Services

from . import ground as grounds
from .ground import OWNER, Ground, chat
from .scale import LONG, spread
from .test_c07_kill_points import JOBS, VERBS, Verb, clear
from .tracing import Zygote, zygote

NOTHING_CHANGED = {"store_unavailable", "storage_full", "store_failed"}
FAULTS = {
    "pwrite64": ("EIO", "ENOSPC", "EROFS"),
    "fdatasync": ("EIO", "ENOSPC"),
    "fsync": ("EIO", "ENOSPC"),
    "ftruncate": ("EIO", "ENOSPC"),
    "openat": ("EIO", "EROFS", "EMFILE"),
    # What libpq cannot send it takes for a connection that will be closed, and waits for that: the line below is cut
    # for PostgreSQL instead.
    "recvfrom": ("ECONNRESET", "ETIMEDOUT"),
}


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("verb", VERBS if LONG else VERBS[:1], ids=lambda verb: verb.name)
def test_c08_a_fault_at_any_step_is_no_false_success(
    ground: Ground, verb: Verb, lasting: bool, tally: Callable[..., None]
) -> None:
    observer = ground.worker()
    seen: Counter[str] = Counter()
    chats: list[ChatSession] = []
    with zygote(ground, **dict(verb.settings)) as process:
        first = chat(observer, owner="first")
        counts = process.traced(first.owner, verb.request(first.id)).points()
        for name, errors in FAULTS.items():
            for error in errors:
                for number in spread(counts[name]):
                    session = chat(observer, owner=f"owner{len(chats)}")
                    chats.append(session)
                    inject = f"{name}:error={error}:when={number}{'+' if lasting else ''}"
                    seen[_with_fault(process, observer, session, verb, inject)] += 1
        for session in chats:
            _again(process, observer, session, verb)
        log = process.log
    after = ground.worker(**dict(verb.settings))
    grounds.run_jobs(after)
    assert {grounds.state(after, session) for session in chats} == {verb.gone}
    assert "Traceback" not in log
    tried = f"{verb.name} with a fault {'that lasts' if lasting else 'once'} at every step, {ground.engine}"
    tally(tried, len(chats), ", ".join(f"{count} x {what}" for what, count in sorted(seen.items())))


def _with_fault(process: Zygote, observer: Services, session: ChatSession, verb: Verb, inject: str) -> str:
    """Two tries under the fault, as a person would make; the answer of the first."""
    request = verb.request(session.id)
    outcome = process.traced(session.owner, request, request, inject=inject)
    state = grounds.state(observer, session)
    told = f"{inject}: {outcome.answers}, then: {state}"
    assert set(outcome.statuses) <= {200, 202, 503, 507}, told
    bodies = [outcome.body(0), outcome.body(1)]
    done = [body.get("success") or body.get("code") == "clear_unfinished" for body in bodies]
    if any(done):
        assert state == verb.gone, told
    elif 202 not in outcome.statuses:  # which says that it goes on in the background
        codes = {body["code"] for body in bodies}
        assert codes <= NOTHING_CHANGED, told
        # Whoever loses the line to PostgreSQL while it commits cannot know, and says no more than that it is lost.
        assert state == "full" or (observer.settings.database_url and codes == {"store_unavailable"}), told
    return f"{outcome.statuses[0]} {bodies[0].get('code', 'running' if outcome.statuses[0] == 202 else 'success')}"


def _again(process: Zygote, observer: Services, session: ChatSession, verb: Verb) -> None:
    """The fault is over: it succeeds, once."""
    request = verb.request(session.id)
    outcome = process.act(session.owner, request, request, JOBS)
    assert set(outcome.statuses) <= {200, 202, 404, 410}, outcome.answers
    assert grounds.state(observer, session) == verb.gone


@pytest.mark.parametrize("engine", ["sqlite"])
def test_c08_no_success_while_the_keys_cannot_be_synced(ground: Ground, tally: Callable[..., None]) -> None:
    observer = ground.worker()
    slots = ground.data_dir / "keys" / "slots.bin"
    with zygote(ground) as process:
        for name, error in (("fdatasync", "EIO"), ("fsync", "EIO"), ("pwrite64", "ENOSPC"), ("pwrite64", "EROFS")):
            session = chat(observer, owner=f"{name}{error}")
            call = clear(session.id)
            outcome = process.traced(session.owner, *[call] * 3, inject=f"{name}:error={error}", path=slots)
            touched = outcome.points()[name]
            assert touched or name == "fsync"
            if touched:
                assert set(outcome.statuses) <= {503, 507}, f"{name} {error}"
            assert process.act(session.owner, call).statuses == [200]
            assert grounds.state(observer, session) == "none"
    tally("success refused while the key file cannot be synced, sqlite", 9)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_c08_the_keys_are_synced_before_the_answer(ground: Ground, tally: Callable[..., None]) -> None:
    observer = ground.worker()
    with zygote(ground) as process:
        for verb in VERBS[:4]:
            session = chat(observer, owner=verb.name)
            outcome = process.traced(session.owner, verb.request(session.id), y=True)
            written = [n for n, line in enumerate(outcome.calls) if "pwrite64(" in line and "slots.bin" in line]
            synced = [n for n, line in enumerate(outcome.calls) if "sync(" in line and "slots.bin" in line]
            answered = [n for n, line in enumerate(outcome.calls) if "write(1<" in line and "answer [200" in line]
            rows = [n for n, line in enumerate(outcome.calls) if "pwrite64(" in line and "docchat.sqlite3" in line]
            assert max(written) < synced[-1] < answered[0]
            if verb.name != "bulk clear":  # it notes first what is meant, so that a kill does not stop it
                assert written[0] < rows[0], "the keys go first"
    tally("key file written and synced before the answer, sqlite", 4)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own."""
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no free byte on a disk."""
    path = folder / "filler"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while os.write(descriptor, bytes(size)):
                    pass
    finally:
        os.close(descriptor)
    return path


@pytest.mark.parametrize("messages", [6, 300])
def test_c08_on_a_full_disk_the_chat_is_gone_all_the_same(
    tmp_path: Path, messages: int, tally: Callable[..., None]
) -> None:
    tried = 0
    with small_disk(tmp_path / "disk", 16) as disk:
        ground = Ground("sqlite", disk / "data")
        observer = ground.worker()
        with zygote(ground) as process:
            sessions = [chat(observer, owner=f"full{number}", messages=messages) for number in range(4)]
            filler = fill(disk)
            for number, session in enumerate(sessions):
                call = VERBS[number % 2].request(session.id)
                outcome = process.act(session.owner, call, call)
                assert set(outcome.statuses) <= {200, 507, 503}
                assert outcome.statuses[1] == 200 or outcome.body()["code"] == "clear_unfinished"
                assert grounds.state(observer, session) == "none"
                tried += 1
            filler.unlink()
            for session in sessions:
                outcome = process.act(session.owner, ("POST", f"/api/sessions/{session.id}/clear", None), JOBS)
                assert outcome.statuses == [200]
        observer.clearing.reconcile(patience=0)
        with observer.database.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM message").scalar_one() == 0
        ground.close()
    tally(f"clear of {messages} messages on a full disk, sqlite", tried)


def test_c08_on_a_read_only_disk_nothing_is_said_to_be_done(tmp_path: Path, tally: Callable[..., None]) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        ground = Ground("sqlite", disk / "data")
        observer = ground.worker()
        with zygote(ground) as process:
            session = chat(observer, owner=OWNER)
            call = clear(session.id)
            _close(observer)
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            outcome = process.act(OWNER, call, call)
            assert set(outcome.statuses) <= {503, 507}, outcome.answers
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            assert grounds.state(observer, session) == "full"
            assert process.act(OWNER, call).statuses == [200]
            assert grounds.state(observer, session) == "none"
        ground.close()
    tally("clear on a disk that became read-only, sqlite", 2)


def _close(services: Services) -> None:
    services.database.close()
    services.keyring.close()
