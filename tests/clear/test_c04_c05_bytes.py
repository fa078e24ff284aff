"""C4 and C5: all of a chat goes, from every table and every file; its content was never there in plain."""

import re
import sqlite3
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest

from docchat.db.schema import SESSION_OWNED, answer_run, chat_session
from docchat.errors import StoreError
from docchat.keys.slots import HEADER_BYTES, SLOT_BYTES
from docchat.sessions.bulk import BulkScope
from docchat.types import ChatSession, Draft, Feedback, MessageState, new_id, utc_now
from docchat.web.state import Services

from ..server.live import encodings, scan, scanning
from .ground import OWNER, Ground, chat, make, state
from .inventory import Inventory
from .scale import SCALE

WORD = "SECRETplanted"
PRAGMAS = {"foreign_keys": 1, "secure_delete": 1, "synchronous": 2, "journal_mode": "wal"}
PLAIN = encodings(WORD)
RECLAIMED_SECONDS = 5.0
RECLAIMED_SECONDS_OF_OURS = 1.0
UUID_NAME = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
FILES = re.compile(rf"docchat\.sqlite3(-wal|-shm)?|keys/(master\.key|slots\.bin)|files/[0-9a-f]{{2}}/{UUID_NAME}")


def plant(services: Services, messages: int = 6) -> ChatSession:
    """A chat that holds a secret of everything a chat can hold, an answer in the making among them."""
    store = services.store
    session = make(services, owner=OWNER, title=f"{WORD} title", about=(new_id(), "p1"))
    for first in range(0, messages, 100):
        drafts = [Draft("user", f"{WORD}{number} text") for number in range(first, min(messages, first + 100))]
        store.append(owner=OWNER, session_id=session.id, drafts=drafts)
    question = Draft("user", f"{WORD} asked")
    answer = Draft("assistant", "", state=MessageState.RUNNING, run_id=new_id())
    _, made = store.start_run(owner=OWNER, session_id=session.id, question=question, answer=answer)
    grown = Draft("assistant", f"{WORD} said", state=MessageState.RUNNING, run_id=answer.run_id, error=f"{WORD} error")
    store.revise(owner=OWNER, session_id=session.id, message_id=made.id, draft=grown)
    thought = Feedback("down", f"{WORD} comment")
    for feedback in (Feedback("up", f"{WORD} first"), thought):
        store.feedback.put(owner=OWNER, session_id=session.id, message_id=made.id, feedback=feedback)
    assert store.messages(owner=OWNER, session_id=session.id).items[-1].feedback == thought
    store.rename(owner=OWNER, session_id=session.id, title=f"{WORD} named")
    store.drafts.put(owner=OWNER, session_id=session.id, text=f"{WORD} begun")
    services.clearing.clear_memory(owner=OWNER, session_id=session.id)
    for name in (f"{WORD}.txt", f"{WORD} too.txt"):
        file = BytesIO(f"{WORD} is attached.\n\n".encode() * 40)
        services.attachments.add(owner=OWNER, session_id=session.id, name=name, stream=file, media_type="")
    services.worker.run_due()
    return store.get(owner=OWNER, session_id=session.id)


def slots_of(services: Services, session: ChatSession) -> list[int]:
    """The slots of a chat's keys."""
    with services.database.read() as connection:
        row = connection.execute(chat_session.select().where(chat_session.c.id == session.id)).one()
    return [slot for slot in (row.meta_slot, row.history_slot) if slot is not None]


def test_c04_everything_of_a_chat_goes(ground: Ground, tally: Callable[..., None]) -> None:
    services = ground.worker()
    note = BytesIO(b"The river is called Wutach. It flows to the Rhine.\n")
    services.library.add(owner=OWNER, name="note.txt", stream=note, media_type="text/plain")
    services.worker.run_due()
    other = chat(services, owner="bob")
    tried = 0
    for verb in ("clear", "delete", "bulk"):
        session = plant(services)
        services.answers.start(
            owner=OWNER, session_id=session.id, question=f"{WORD} Where does it flow?", mode="quotes"
        )
        time.sleep(0.3)
        before = Inventory.of(ground)
        assert before.unclassified == [], "a new table: does it belong to a chat? (tests/clear/inventory.py)"
        assert before.holding(*PLAIN) == [], "only ciphertext, at any time"
        assert scan(PLAIN, *ground.folders) == []
        for table in SESSION_OWNED:
            assert before.tables[table.name], f"the test plants nothing in {table.name}"
        no = next(row["no"] for row in before.tables["chat_session"] if _id(row["id"]) == session.id)
        sealed = _sealed(before, no)
        assert len(sealed) > 8
        assert before.holding(*sealed)
        _clear(services, session, verb)
        services.worker.run_due()
        after = Inventory.of(ground)
        assert after.holding(*sealed, *PLAIN) == []
        for table in SESSION_OWNED:
            assert _rows_of(after, table.name, no) == [], table.name
        row = next(row for row in after.tables["chat_session"] if row["no"] == no)
        assert (row["title"], row["messages"]) == (None, 0)
        assert [job for job in after.tables["job"] if str(session.id) in str(job)] == []
        where = set(after.holding(str(session.id).encode(), session.id.hex.encode(), session.id.bytes))
        assert where <= {"chat_session.id", "receipt.session_id", "receipt.scope"}, where
        assert scan(PLAIN, *ground.folders) == []
        tried += len(sealed)
    assert state(services, other) == "full"
    strange = [path for path in _files(ground.data_dir) if not FILES.fullmatch(path)]
    assert strange == [], "a new file: does it hold anything of a chat?"
    tables = len(after.tables)
    tally(f"planted secrets in {tables} tables and every file, {ground.engine}", tried, "all gone, never in plain")


def test_c04_the_engine_refuses_rows_of_no_chat(ground: Ground, tally: Callable[..., None]) -> None:
    services = ground.worker()
    values = {"id": new_id(), "session_no": 1 << 30, "message_id": 1, "beat_at": utc_now()}
    with pytest.raises(StoreError), services.database.write() as connection:
        connection.execute(answer_run.insert().values(values))
    if ground.engine == "sqlite":
        with services.database.write() as connection:
            found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in PRAGMAS}
        assert found == PRAGMAS
    tally(f"rows of no chat refused, {ground.engine}", 1)


def test_c04_a_cleared_history_goes_and_the_title_stays(ground: Ground, tally: Callable[..., None]) -> None:
    services = ground.worker()
    session = plant(services, messages=80)
    before = Inventory.of(ground)
    no = next(row["no"] for row in before.tables["chat_session"] if _id(row["id"]) == session.id)
    files = len(_rows_of(before, "attachment", no) + _rows_of(before, "attachment_part", no))
    assert files >= 8
    sealed = _sealed(before, no)[files:-1]
    services.clearing.clear_history(owner=OWNER, session_id=session.id)
    services.worker.run_due()
    after = Inventory.of(ground)
    assert after.holding(*sealed, *PLAIN) == []
    assert services.store.get(owner=OWNER, session_id=session.id).title == f"{WORD} named"
    kept = services.attachments.rows.opened(owner=OWNER, session_id=session.id)
    assert [file.document.name for file in kept] == [f"{WORD}.txt", f"{WORD} too.txt"]
    assert all(WORD in file.passages[0].text for file in kept)
    tally(f"planted secrets of a history, {ground.engine}", len(sealed))


def _clear(services: Services, session: ChatSession, verb: str) -> None:
    if verb == "clear":
        assert session.document_id is not None
        assert session.section is not None
        services.section_chats.clear(owner=OWNER, about=(session.document_id, session.section))
    elif verb == "delete":
        services.clearing.delete(owner=OWNER, session_id=session.id)
    else:
        services.bulk.clear(owner=OWNER, scope=BulkScope(everything=True))


def _id(value: object) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))


def _rows_of(inventory: Inventory, table: str, no: int) -> list[object]:
    key = {"answer_run": "session_no", "attachment": "no"}.get(table, "id")
    return [row for row in inventory.tables[table] if row[key] in (no, no << 24) or row[key] >> 24 == no]


def _sealed(inventory: Inventory, no: int) -> list[bytes]:
    """The last bytes of all that attachments hold, of each body and, at the end, of the title."""
    bodies = [bytes(row["data"]) for row in inventory.tables["attachment_part"] if row["id"] >> 24 == no]
    bodies += [bytes(row["sealed"]) for row in inventory.tables["attachment"] if row["no"] >> 24 == no]
    bodies += [bytes(row["body"]) for row in inventory.tables["message"] if row["id"] >> 24 == no]
    bodies += [bytes(row["body"]) for row in inventory.tables["feedback"] if row["id"] >> 24 == no]
    title = next(bytes(row["title"]) for row in inventory.tables["chat_session"] if row["no"] == no)
    return [sealed[-24:] for sealed in (*bodies, title)]


def _files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def test_c05_no_secret_is_ever_in_plain_and_no_key_stays(ground: Ground, tally: Callable[..., None]) -> None:
    services = ground.worker()
    if ground.server is not None:  # as docs/how-to/use-postgresql.md says; else segments stay under other names
        ground.server.psql("postgres", "ALTER SYSTEM SET wal_recycle = off")
        ground.server.psql("postgres", "SELECT pg_reload_conf()")
    with scanning(PLAIN, *ground.folders) as seen:
        sessions = [plant(services, messages=SCALE.secrets // 10) for _ in range(10)]
        slots = [(session.id, slot) for session in sessions for slot in slots_of(services, session)]
        keys = [services.keyring.open(session_id=session_id, slot=slot) for session_id, slot in slots]
        wrapped = _wrapped(ground, [slot for _, slot in slots])
        assert scan(keys, *ground.folders) == [], "a key is never stored but wrapped"
        if ground.server is not None:  # whole in the table's file: in the log a page's head may stand within one
            ground.server.psql("postgres", "CHECKPOINT")
        assert len(scan(wrapped, *ground.folders)) >= len(wrapped)
        for number, session in enumerate(sessions):
            _clear(services, session, "delete" if number % 2 else "clear")
        if ground.engine == "sqlite":
            assert scan(wrapped, *ground.folders) == [], "keys are gone when the clear is answered"
    assert seen["found"] == []
    assert seen["rounds"] >= 1
    start = time.monotonic()
    while scan([*wrapped, *keys], *ground.folders):
        services.keyring.rewrite()
        services.database.checkpoint()
        assert time.monotonic() < start + 60, "what is left of destroyed keys is not rewritten away"
    took = time.monotonic() - start
    figures = f"0 in plain in {seen['rounds']} readings, {len(keys)} keys gone"
    tally(
        f"secrets in every byte, {ground.engine}", SCALE.secrets, figures + (f" {took:.1f} s later" if took > 1 else "")
    )


def _wrapped(ground: Ground, slots: list[int]) -> list[bytes]:
    """What the keyring stores of the keys."""
    if ground.engine == "sqlite":
        file = (ground.data_dir / "keys" / "slots.bin").read_bytes()
        return [file[HEADER_BYTES + slot * SLOT_BYTES :][16:SLOT_BYTES] for slot in slots]
    rows = {row["slot"]: bytes(row["wrapped"]) for row in Inventory.of(ground).tables["session_key"]}
    return [rows[slot] for slot in slots]


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("reader", [False, True], ids=["alone", "beside a foreign reader"])
def test_c05_ciphertext_is_reclaimed_in_time(ground: Ground, reader: bool, tally: Callable[..., None]) -> None:
    services = ground.worker(DOCCHAT_WORKER="thread")
    services.worker.ensure_started()
    latest = 0.0
    rounds = max(2, SCALE.secrets // 100)
    for number in range(rounds):
        session = plant(services, messages=200 if number % 2 else 6)
        inventory = Inventory.of(ground)
        no = next(row["no"] for row in inventory.tables["chat_session"] if _id(row["id"]) == session.id)
        sealed = _sealed(inventory, no)
        services.database.checkpoint()
        foreign = sqlite3.connect(ground.data_dir / "docchat.sqlite3", isolation_level=None)
        try:
            if reader:
                foreign.execute("BEGIN")
                foreign.execute("SELECT count(*) FROM message").fetchone()
            services.clearing.delete(owner=OWNER, session_id=session.id)
            assert state(services, session) == "none", "unreadable at once, whoever reads"
            if reader:
                time.sleep(1.2)
                assert scan(sealed, ground.data_dir), "the foreign reader holds nothing up: the test tries nothing"
        finally:
            foreign.close()
        start = time.monotonic()
        while scan(sealed, ground.data_dir):
            assert time.monotonic() < start + RECLAIMED_SECONDS
        latest = max(latest, time.monotonic() - start)
    tally(
        f"ciphertext reclaimed {'after a foreign reader' if reader else 'with nobody reading'}, sqlite",
        rounds,
        f"{latest:.2f} s at most",
    )
