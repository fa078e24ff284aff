"""Libraries with very many stored chats: the same verbs must not feel what else is stored.

The chats are written below the API, else a million would take an hour: rows in bulk, keys through the keyring, in
memory first where there is some (no single key is worth a sync in a library that is thrown away). Every one is whole:
it has keys of its own, a sealed title and two sealed messages. All belong to one owner, which is the hardest case.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from ...config import Settings
from ...db.schema import chat_session, message
from ...extension import build_services
from ...sessions.sealing import Sealer, Slots, message_of
from ...sessions.sql_rows import id_range
from ...types import Draft, new_id, utc_now
from ...web.state import Services
from ..home import close, without_key_advice
from .measure import OURS, OWNER, Key, Recorder, timed
from .stores import DocChatChat, DocChatStore, new_chat, sync_files

STORED = "stored"
APPEND = "append a turn"
LOAD = "load the last 50"
LIST = "list the 20 newest"
CLEAR = "clear"
START = "start a process"
CLEARED_LENGTH = 20
_LISTED = 20
_BATCH = 5000
_REPEATS = 5
_MEMORY = Path("/dev/shm")  # noqa: S108  (a directory of our own is made in it)
_DRAFTS = (Draft(role="user", text="What does it say?"), Draft(role="assistant", text="It says this, on page one."))


@contextmanager
def libraries(
    settings: Settings, sizes: Sequence[int], *, owner: str = OWNER, progress: Callable[[str], None]
) -> Iterator[dict[int, Settings]]:
    """Settings of a library with so many stored chats for each size, on the disk; deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="docchat-") as base:
        built = {}
        for size in sizes:
            progress(f"stored: building {size:,} chats")
            directory = Path(base) / str(size)
            with tempfile.TemporaryDirectory(prefix="docchat-", dir=_building_place()) as draft:
                here = replace(
                    settings, data_dir=Path(draft) / "data", database_url="", keyring_url="", worker="external"
                )
                build(here, size, owner=owner)
                shutil.copytree(here.data_dir, directory)
            sync_files(directory)
            built[size] = replace(here, data_dir=directory)
        yield built


def build(settings: Settings, size: int, *, owner: str) -> None:
    """Fill a new library with chats."""
    with without_key_advice():
        services = build_services(settings)
    try:
        for first in range(1, size + 1, _BATCH):
            _write_batch(services, range(first, min(first + _BATCH, size + 1)), owner)
        services.database.checkpoint()
    finally:
        close(services)


def measure_stored(
    recorder: Recorder, built: Mapping[int, Settings], *, rounds: int, progress: Callable[[str], None]
) -> None:
    """Start, append, load, list and clear in all libraries in turn."""
    with ExitStack() as stack:
        opened = {}
        for size, settings in built.items():
            services: list[Services] = []
            recorder.add(
                Key(STORED, OURS, START, size),
                timed(lambda: services.append(build_services(settings))),  # noqa: B023
            )
            opened[size] = services[0]
            stack.callback(close, services[0])
        for number in range(rounds):
            progress(f"stored: round {number + 1} of {rounds}")
            for size, services_of_size in opened.items():
                _measure(recorder, services_of_size, size)


def _measure(recorder: Recorder, services: Services, size: int) -> None:
    store = DocChatStore(services)
    chat = DocChatChat(services, new_chat(services, messages=CLEARED_LENGTH))
    store.settle()
    verbs: dict[str, Callable[[], float]] = {
        LOAD: chat.load,
        LIST: lambda: timed(lambda: services.store.list(owner=OWNER, limit=_LISTED)),
        APPEND: chat.append,
    }
    for what, verb in verbs.items():
        recorder.add(Key(STORED, OURS, what, size), *(verb() for _ in range(_REPEATS)))
    recorder.add(Key(STORED, OURS, CLEAR, size), chat.clear())


def _building_place() -> str | None:
    return str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None


def _write_batch(services: Services, numbers: range, owner: str) -> None:
    sealer = Sealer(services.keyring)
    sessions: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    now = utc_now()
    for no in numbers:
        session_id = new_id()
        slots = Slots(*services.keyring.create(session_id=session_id, count=2))
        first = id_range(no)[0]
        at = now + timedelta(microseconds=no)
        said = [message_of(draft, first + offset, at) for offset, draft in enumerate(_DRAFTS)]
        bodies = sealer.seal_messages(session_id, slots, said)
        messages += ({"id": item.id, "body": body} for item, body in zip(said, bodies, strict=True))
        sessions.append(
            {
                "no": no,
                "id": session_id,
                "owner": owner,
                "meta_slot": slots.meta,
                "history_slot": slots.history,
                "title": sealer.seal_title(session_id, slots, f"Chat {no} about the handbook"),
                "messages": len(said),
                "next_seq": len(said),
                "created_at": at,
                "updated_at": at,
            }
        )
    with services.database.write() as connection:
        connection.execute(insert(chat_session), sessions)
        connection.execute(insert(message), messages)
