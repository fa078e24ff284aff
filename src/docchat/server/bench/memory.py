"""Memory and descriptors of 1,000 open chats, each store in a process of its own."""

import gc
import os
import resource
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

from ...config import Settings
from ..home import temporary_services
from .founding import FoundingStore
from .measure import Figure, Recorder
from .peers import available
from .stores import DocChatStore, Store

OPEN = "open"
MEGABYTES = "MB"
DESCRIPTORS = "descriptors"
_WARM_UP = 20
_MEGABYTE = 1024 * 1024


def measure_memory(
    recorder: Recorder, settings: Settings, names: Sequence[str], *, chats: int, progress: Callable[[str], None]
) -> None:
    """Open so many chats of one turn in each store: begun, appended to, read, and kept."""
    context = get_context("spawn")
    for name in names:
        progress(f"open: {chats:,} chats in {name}")
        with (
            tempfile.TemporaryDirectory(prefix="docchat-") as directory,
            ProcessPoolExecutor(1, mp_context=context) as pool,
        ):
            memory, descriptors = pool.submit(_open, name, settings, Path(directory), chats).result()
        recorder.figures.append(Figure(OPEN, name, MEGABYTES, round(memory / _MEGABYTE, 2)))
        recorder.figures.append(Figure(OPEN, name, DESCRIPTORS, descriptors))


def _open(name: str, settings: Settings, directory: Path, chats: int) -> tuple[int, int]:
    """Bytes and descriptors that so many open chats take."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        store = _store(name, settings, directory, stack)
        kept = [_opened(store) for _ in range(_WARM_UP)]
        gc.collect()
        before = _resident(), _descriptors()
        kept += [_opened(store) for _ in range(chats)]
        gc.collect()
        after = _resident(), _descriptors()
        kept.clear()
    return after[0] - before[0], after[1] - before[1]


def _opened(store: Store) -> object:
    chat = store.begin(2)
    chat.load()
    return chat, chat.held()


def _store(name: str, settings: Settings, directory: Path, stack: ExitStack) -> Store:
    if name == DocChatStore.name:
        return DocChatStore(stack.enter_context(temporary_services(settings)))
    (directory / "founding").mkdir()
    stores: list[Store] = [FoundingStore(directory / "founding"), *available(directory)[0]]
    for store in stores:
        stack.callback(store.close)
    return next(store for store in stores if store.name == name)


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
