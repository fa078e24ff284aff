"""The proof of a clear: the state of its receipt, its keys, every table, and every file as bytes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from ...errors import StoreUnavailable
from ...keys.keyring import SlotState
from ...keys.slots import SlotKeyring
from ...web.state import Services
from ..holders import holders, sqlite_files
from . import raw, sql_layout, sql_subject
from .findings import Proof
from .raw import Seen
from .sql_subject import Subject
from .sql_tables import Search
from .wanted import Chat, Rows, Wanted

_SECONDS = 3600


def prove(services: Services, wanted: UUID) -> Proof:
    """Look for what is left of a cleared chat, or of everything that a receipt is for.

    Raises NotFound for an id that is none, StoreError when something cannot be looked at.
    """
    subject = sql_subject.find(services.database, wanted)
    proof = Proof(subject.what)
    for obstacle in subject.obstacles:
        proof.add("state", obstacle)
    if subject.obstacles:
        return proof
    _look_at_keys(services, subject, proof)
    _look_at_tables(services, subject, proof)
    _look_at_files(services, subject, proof)
    return proof


def _look_at_keys(services: Services, subject: Subject, proof: Proof) -> None:
    slots = [slot for chat in subject.chats for slot in chat.slots]
    states = services.keyring.states(slots=slots) if slots else ()
    for slot, state in zip(slots, states, strict=True):
        if state is not SlotState.DESTROYED:
            proof.add(f"key slot {slot}", f"the key is not destroyed ({state.name.lower()})")
    proof.checked.append(f"{len(slots)} keys: asked of the keyring")
    for where, what in sql_layout.residue(services, slots):
        proof.add(where, what)


def _look_at_tables(services: Services, subject: Subject, proof: Proof) -> None:
    search = Search(services.database, subject)
    for where, what in search.findings():
        proof.add(where, what)
    proof.checked.append(f"{search.tables} tables, {search.rows} rows: every column read")


def _look_at_files(services: Services, subject: Subject, proof: Proof) -> None:
    wanted = _wanted(services, subject)
    services.database.close()
    services.keyring.close()
    seen = _look(wanted)
    if seen["unsettled"]:
        # Frames that nobody can put a time to. Emptying the log settles it, and does no harm.
        if services.database.checkpoint() and services.keyring.rewrite():
            services.database.close()
            services.keyring.close()
            seen = _look(wanted)
        else:
            proof.add(wanted.database + "-wal", "cannot be emptied")
    for where, what in seen["findings"]:
        proof.add(where, what)
    _tell_who_holds(wanted, proof)
    proof.checked.append(f"{seen['files']} files, {seen['pages']} pages of SQLite and its log: read as bytes")


def _look(wanted: Wanted) -> Seen:
    done = subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, "-m", raw.__name__],
        input=wanted.dump(),
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},  # whatever this process finds its modules by; no settings
    )
    if done.returncode:
        raise StoreUnavailable("The files cannot be read: " + (done.stderr.strip().splitlines() or ["?"])[-1])
    seen: Seen = json.loads(done.stdout)
    return seen


def _wanted(services: Services, subject: Subject) -> Wanted:
    database = services.database
    keyring = services.keyring
    slots = tuple(slot for chat in subject.chats for slot in chat.slots)
    return Wanted(
        chats=tuple(Chat(str(chat.id), chat.no, chat.first, chat.last, chat.whole) for chat in subject.chats),
        slots=slots,
        documents=tuple(str(document) for document in subject.documents),
        rows=tuple(Rows(gone.no, gone.chunks) for gone in subject.rows),
        data_dir=str(services.settings.data_dir),
        database=sql_layout.sqlite_path(database.url),
        layout=sql_layout.layout(database),
        slot_file=str(keyring.path) if isinstance(keyring, SlotKeyring) else "",
        keyring=sql_layout.sqlite_path(services.settings.keyring_url),
        key_table=sql_layout.key_table(),
    )


def _tell_who_holds(wanted: Wanted, proof: Proof) -> None:
    """Name those who keep a log with something in it from being emptied."""
    for name in (wanted.database, wanted.keyring):
        log = f"{name}-wal"
        if name and any(finding.where.startswith(log) for finding in proof.findings):
            for holder in holders(sqlite_files(Path(name))):
                if holder.reading:
                    proof.add(log, f"it is being read by {holder}")
