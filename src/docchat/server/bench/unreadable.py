"""Time to unreadable: from the call of a clear until a reader in another process is refused."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from uuid import UUID

from ...config import Settings
from ...errors import Cleared, ClearUnfinished, DocChatError
from ...extension import build_services
from ...web.state import Services
from ..home import close
from .founding import NAME as FOUNDING
from .founding import FoundingStore
from .measure import OURS, OWNER, Key, Recorder
from .stores import TURN, DocChatChat, DocChatStore, new_chat

UNREADABLE = "unreadable"
ALONE = "time to unreadable"
BUSY = "time to unreadable beside a busy writer"
BUSY_CLEAR = "whole clear beside a busy writer"
BUSY_LENGTH = 100
_PATIENCE_SECONDS = 30.0
_TURNS_OF_A_CHAT = 500
# The other process is spinning when the clock starts: it has said so, and gets this long to begin.
_HEAD_START_SECONDS = 0.002


def measure_unreadable(
    recorder: Recorder,
    services: Services,
    directory: Path,
    *,
    lengths: tuple[int, ...],
    rounds: int,
    progress: Callable[[str], None],
) -> None:
    """docchat and the founding document's function in turn, then docchat beside a writer without pause."""
    ours = DocChatStore(services)
    theirs = FoundingStore(directory)
    with _reader(_read_docchat, services.settings) as docchat_reader, _reader(_read_file, None) as file_reader:
        for number in range(rounds):
            progress(f"unreadable: round {number + 1} of {rounds}")
            for length in lengths:
                chat = ours.begin(length)
                ours.settle()
                recorder.add(Key(UNREADABLE, OURS, ALONE, length), _until_gone(docchat_reader, chat.id, chat.clear))
                other = theirs.begin(length)
                theirs.settle()
                recorder.add(
                    Key(UNREADABLE, FOUNDING, ALONE, length), _until_gone(file_reader, other.path, other.clear)
                )
        progress("unreadable: beside a busy writer")
        _beside_a_writer(recorder, services, docchat_reader, rounds=rounds * len(lengths))


def _beside_a_writer(recorder: Recorder, services: Services, reader: Connection, *, rounds: int) -> None:
    store = DocChatStore(services)
    chats = [store.begin(BUSY_LENGTH) for _ in range(rounds)]
    store.settle()
    took: list[float] = []
    with _writer(services.settings):
        for chat in chats:
            gone = _until_gone(reader, chat.id, partial(_clear_beside, chat, took))
            recorder.add(Key(UNREADABLE, OURS, BUSY, BUSY_LENGTH), gone)
    recorder.add(Key(UNREADABLE, OURS, BUSY_CLEAR, BUSY_LENGTH), *took)
    if len(took) < rounds:
        recorder.notes.append(f"{rounds - len(took)} of {rounds} clears beside a busy writer were to be finished later")


def _clear_beside(chat: DocChatChat, took: list[float]) -> None:
    with suppress(ClearUnfinished):
        took.append(chat.clear())


def _until_gone(reader: Connection, what: UUID | Path, clear: Callable[[], object]) -> float:
    """Milliseconds from the call of `clear` to the first refusal in the other process (one clock for all of them)."""
    reader.send(what)
    answer_of(reader)
    time.sleep(_HEAD_START_SECONDS)
    start = time.perf_counter()
    clear()
    gone = float(answer_of(reader))
    return (gone - start) * 1000


def answer_of(reader: Connection) -> Any:
    """What the other process says. Raises DocChatError when it says nothing, or that something is wrong."""
    if not reader.poll(_PATIENCE_SECONDS):
        raise DocChatError("The benchmark's reader has not answered.")
    try:
        answer = reader.recv()
    except EOFError as error:
        raise DocChatError("The benchmark's reader has ended too early.") from error
    if isinstance(answer, str):
        raise DocChatError(answer)
    return answer


@contextmanager
def _reader(target: Callable[[Connection, Any], None], argument: Settings | None) -> Iterator[Connection]:
    """Another process that waits for something to become unreadable."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, argument), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
        ours.send(None)
    finally:
        process.join(5)
        process.kill()
        process.join()
        ours.close()


@contextmanager
def _writer(settings: Settings) -> Iterator[None]:
    """Another process that appends turns without pause."""
    context = get_context("spawn")
    started, stop = context.Event(), context.Event()
    process = context.Process(target=_write, args=(settings, started, stop), daemon=True)
    process.start()
    try:
        if not started.wait(_PATIENCE_SECONDS):
            raise DocChatError("The benchmark's writer has not started.")
        yield
        if not process.is_alive():
            raise DocChatError("The benchmark's writer has ended too early.")
    finally:
        stop.set()
        process.join(10)
        process.kill()
        process.join()


def _read_docchat(pipe: Connection, settings: Settings) -> None:
    """Looks at the keys as a running answer does, and once they are gone asks the store itself."""
    services = build_services(settings)
    try:
        while (session_id := pipe.recv()) is not None:
            watch = services.store.watch(owner=OWNER, session_id=session_id)
            pipe.send(True)
            while watch.alive():
                pass
            gone = time.perf_counter()
            try:
                services.store.messages(owner=OWNER, session_id=session_id)
                pipe.send("A chat could be read after its keys were gone.")
            except Cleared:
                pipe.send(gone)
    finally:
        close(services)


def _read_file(pipe: Connection, _: None) -> None:
    """Looks whether the session's file is there."""
    while (path := pipe.recv()) is not None:
        pipe.send(True)
        while os.path.exists(path):
            pass
        pipe.send(time.perf_counter())


def _write(settings: Settings, started: Event, stop: Event) -> None:
    services = build_services(settings)
    try:
        while not stop.is_set():
            session_id = new_chat(services, messages=2, owner="writer")
            for _ in range(_TURNS_OF_A_CHAT):
                services.store.append(owner="writer", session_id=session_id, drafts=TURN)
                started.set()
                if stop.is_set():
                    break
    finally:
        close(services)
