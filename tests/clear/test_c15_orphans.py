"""C15: whatever crashes leave, one sweep takes it away; what is damaged is told and never swept."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from docchat.db.schema import SEQ_BITS, answer_run, chat_session, document, feedback, message
from docchat.errors import KeyDamaged
from docchat.keys.keyring import SlotState
from docchat.keys.slots import HEADER_BYTES, SLOT_BYTES
from docchat.sessions import sql_audit
from docchat.types import utc_now
from docchat.web.state import Services

from ..server.live import docchat
from .ground import OWNER, Ground, chat, run_jobs, state
from .scale import LONG, SCALE
from .tracing import Zygote

OWNERS = 8


def test_c15_one_sweep_after_many_crashes_leaves_nothing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, tally: Callable[..., None]
) -> None:
    observer = ground.worker()
    dice = random.Random(15)
    process = Zygote(ground)
    errors: Counter[str] = Counter()
    try:
        for number in range(SCALE.crashes):
            errors += _crash(process, f"owner{number % OWNERS}", number, dice.uniform(0, 0.15))
    finally:
        process.close()
    assert not errors, errors
    assert observer.keyring.handed_out() > SCALE.crashes / 3, "they did no work"
    left = orphans(observer)
    young = left["keys without row"]
    after = ground.worker()
    after.audit.sweep_keys()
    assert orphans(after)["keys without row"] == young, "what is younger than ten minutes is left alone"
    monkeypatch.setattr(sql_audit, "utc_now", lambda: utc_now() + timedelta(minutes=12))
    swept = _sweep(after)
    assert +orphans(after) == Counter(), swept
    told = docchat(ground.data_dir, "doctor", **ground.environment)
    assert told.returncode == 0, told.stdout + told.stderr
    found = ", ".join(f"{count} {what}" for what, count in sorted((+left).items())) or "nothing"
    tally(f"random crashes, then one sweep, {ground.engine}", SCALE.crashes, f"found {found}; left 0")


def _crash(process: Zygote, owner: str, seed: int, seconds: float) -> Counter[str]:
    """Let a process work at random for a while and kill it; the errors it ran into."""
    pid = process.start({"owner": owner, "seed": seed})
    process.tell("go")
    assert process.hear() == "working", process.log
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    errors: Counter[str] = Counter()
    while not (line := process.hear()).startswith("ended"):
        if line.startswith("error"):
            errors[line] += 1
    assert os.WIFSIGNALED(int(line.split()[1])), process.log
    return errors


def _sweep(services: Services) -> str:
    """What a server does by itself within the hour, at once."""
    services.clearing.reconcile(patience=0)
    ran = run_jobs(services)
    keys = services.audit.sweep_keys()
    files = services.library.sweep_orphans(older_than_seconds=0)
    return f"{ran} jobs, {keys} keys, {files} files"


def orphans(services: Services) -> Counter[str]:
    """Whatever belongs to nothing, found without docchat's own doctor."""
    with services.database.read() as connection:
        sessions = connection.execute(select(chat_session)).all()
        numbers = {row.no: row for row in sessions}
        written = [number >> SEQ_BITS for number in connection.execute(select(message.c.id)).scalars()]
        thought = [number >> SEQ_BITS for number in connection.execute(select(feedback.c.id)).scalars()]
        runs = connection.execute(select(answer_run.c.session_no)).scalars().all()
        documents = set(connection.execute(select(document.c.id)).scalars())
    states = dict(enumerate(services.keyring.states(slots=range(services.keyring.handed_out()))))
    named = {slot: row for row in sessions for slot in (row.meta_slot, row.history_slot) if slot is not None}
    live = {slot for slot, state in states.items() if state in (SlotState.LIVE, SlotState.SUSPENDED)}
    files = set(services.library.files.ids())
    return Counter(
        {
            "rows without key": sum(row.cleared_at is None and slot not in live for slot, row in named.items()),
            "keys of cleared chats": sum(row.cleared_at is not None and slot in live for slot, row in named.items()),
            "keys without row": len(live - named.keys()),
            "messages without chat": sum(no not in numbers or numbers[no].cleared_at is not None for no in written),
            "opinions without chat": sum(no not in numbers or numbers[no].cleared_at is not None for no in thought),
            "answers without chat": sum(no not in numbers or numbers[no].cleared_at is not None for no in runs),
            "files without row": len(files - documents),
            "rows without file": len(documents - files),
        }
    )


@pytest.mark.parametrize("hole", ["meta", "history"] if LONG else ["meta"])
def test_c15_damage_is_told_and_never_swept(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, hole: str, tally: Callable[..., None]
) -> None:
    services = ground.worker()
    damaged, whole = chat(services), chat(services, owner="bob")
    with services.database.read() as connection:
        row = connection.execute(select(chat_session).where(chat_session.c.id == damaged.id)).one()
    _punch(ground, row.meta_slot if hole == "meta" else row.history_slot)
    monkeypatch.setattr(sql_audit, "utc_now", lambda: utc_now() + timedelta(minutes=12))
    after = ground.worker()
    _sweep(after)
    repaired = docchat(ground.data_dir, "doctor", "--repair", **ground.environment)
    assert repaired.returncode == 1, "damage is told"
    assert "Traceback" not in repaired.stderr
    for worker in (services, after):
        _is_damaged(worker, damaged.id, hole)
        assert state(worker, whole) == "full"
    with services.database.read() as connection:
        kept = connection.execute(select(message.c.id)).scalars().all()
    assert len([number for number in kept if number >> SEQ_BITS == row.no]) == damaged.messages
    tally(f"a hole in a {hole} slot told, not swept, {ground.engine}", 1)


def _is_damaged(services: Services, session_id: UUID, hole: str) -> None:
    """It reads as damaged, and by nobody as cleared."""
    with pytest.raises(KeyDamaged):
        services.store.messages(owner=OWNER, session_id=session_id)
    if hole == "meta":
        with pytest.raises(KeyDamaged):
            services.store.get(owner=OWNER, session_id=session_id)


def _punch(ground: Ground, slot: int) -> None:
    if ground.engine == "sqlite":
        with (ground.data_dir / "keys" / "slots.bin").open("r+b") as file:
            file.seek(HEADER_BYTES + slot * SLOT_BYTES)
            file.write(bytes(SLOT_BYTES))
    else:
        assert ground.server is not None
        name = ground.settings["DOCCHAT_KEYRING_URL"].rpartition("@/")[2].partition("?")[0]
        ground.server.psql(name, f"DELETE FROM session_key WHERE slot = {slot}")
