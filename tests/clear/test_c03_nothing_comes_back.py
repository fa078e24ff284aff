"""C3: nothing brings a cleared chat back: no late writer in any interleaving, no rotation of the master key."""

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from docchat.errors import Cleared, Conflict, DocChatError, NotFound, StoreUnavailable
from docchat.keys.cipher import MasterKey
from docchat.keys.keyring import SlotState
from docchat.keys.rotation import rotate
from docchat.sessions.bulk import BulkScope
from docchat.sessions.export import all_messages
from docchat.sessions.search import search
from docchat.types import ChatSession, Draft, MessageState
from docchat.web.state import Services

from . import ground as grounds
from .ground import ABOUT, OWNER, Ground, chat
from .scale import SCALE

LATE = (Draft("user", "CANARY late"), Draft("assistant", "CANARY later"))
_PER_STORE = 500


def pairs(services: Services) -> Iterator[tuple[int, UUID]]:
    """Every slot with its session, as a rotation needs them."""
    with services.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT id, meta_slot, history_slot FROM chat_session").all()
    for session_id, *slots in rows:
        for slot in slots:
            if slot is not None:
                yield slot, session_id if isinstance(session_id, UUID) else UUID(str(session_id))


def _append(services: Services, session: ChatSession, last: int) -> None:
    services.store.append(owner=session.owner, session_id=session.id, drafts=LATE)


def _rename(services: Services, session: ChatSession, last: int) -> None:
    services.store.rename(owner=session.owner, session_id=session.id, title="CANARY late")


def _revise(services: Services, session: ChatSession, last: int) -> None:
    draft = Draft("assistant", "CANARY late", state=MessageState.DONE)
    services.store.revise(owner=session.owner, session_id=session.id, message_id=last, draft=draft)


def _ask(services: Services, session: ChatSession, last: int) -> None:
    services.answers.start(owner=session.owner, session_id=session.id, question="CANARY late", mode="quotes")


def _rotate(services: Services, session: ChatSession, last: int) -> None:
    services.keyring.rewrap(keys=list(pairs(services)))


def _clear(services: Services, session: ChatSession, last: int) -> None:
    services.clearing.clear(owner=session.owner, session_id=session.id)


def _history(services: Services, session: ChatSession, last: int) -> None:
    services.clearing.clear_history(owner=session.owner, session_id=session.id)


def _memory(services: Services, session: ChatSession, last: int) -> None:
    services.clearing.clear_memory(owner=session.owner, session_id=session.id)


def _open(services: Services, session: ChatSession, last: int) -> None:
    if (session.document_id, session.section) == ABOUT:
        services.section_chats.open(owner=session.owner, about=ABOUT)


def _section(services: Services, session: ChatSession, last: int) -> None:
    if (session.document_id, session.section) == ABOUT:
        services.section_chats.clear(owner=session.owner, about=ABOUT)


def _reconcile(services: Services, session: ChatSession, last: int) -> None:
    services.clearing.reconcile(patience=0)


def _jobs(services: Services, session: ChatSession, last: int) -> None:
    services.worker.run_due()


LATECOMERS = (
    _append,
    _append,
    _rename,
    _revise,
    _ask,
    _rotate,
    _history,
    _memory,
    _clear,
    _reconcile,
    _jobs,
    _open,
    _section,
)


class Jitter:
    """Makes threads stop for a moment, at random, at every look at the keyring and every begin of a transaction."""

    def __init__(self, worker: Services, dice: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dice = dice
        for verb in ("open", "states", "destroy", "create"):
            monkeypatch.setattr(worker.keyring, verb, self._wrapped(getattr(worker.keyring, verb)))
        for verb in ("read", "write"):
            monkeypatch.setattr(worker.database, verb, self._wrapped(getattr(worker.database, verb)))

    def _wrapped(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def late(*arguments: Any, **named: Any) -> Any:
            self.wait()
            return act(*arguments, **named)

        return late

    def wait(self) -> None:
        """Go on at once, a little later, or later."""
        if seconds := self.dice.choice((0, 0, 0, 0.0002, 0.001)):
            time.sleep(seconds)


def test_c03_no_late_writer_brings_it_back(
    new_ground: Callable[[], Ground], monkeypatch: pytest.MonkeyPatch, tally: Callable[..., None]
) -> None:
    dice = random.Random(3)
    seen: Counter[str] = Counter()
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        # Some latecomers walk over all chats: a store with thousands would make them ever later.
        for begin in range(0, SCALE.interleavings, _PER_STORE):
            ground = new_ground()
            first, second, observer = ground.worker(), ground.worker(), ground.worker()
            for worker in (first, second):
                Jitter(worker, dice, monkeypatch)
            for number in range(begin, min(begin + _PER_STORE, SCALE.interleavings)):
                seen += _interleave(first, second, observer, number, dice)
            ground.close()
    finally:
        sys.setswitchinterval(before)
    assert set(seen) <= {"done", "cleared", "not_found", "conflict"}, seen
    assert seen["cleared"] > SCALE.interleavings / 20, "hardly anybody came too late"
    figures = f"{seen['cleared']} writers were told that it is cleared, {seen['done']} came in time, 0 came back"
    tally(f"a clear against two late writers, {ground.engine}", SCALE.interleavings, figures)


def _interleave(
    first: Services, second: Services, observer: Services, number: int, dice: random.Random
) -> Counter[str]:
    owner = f"owner{number}"
    empty = dice.random() < 0.2
    session = observer.store.create(owner=owner) if empty else chat(observer, owner=owner, messages=2, about=ABOUT)
    page = observer.store.messages(owner=owner, session_id=session.id)
    last = page.items[-1].id if page.items else 1
    outcomes: list[str] = []
    barrier = threading.Barrier(3)
    late = dice.sample(LATECOMERS, 2)

    def come(act: Callable[[Services, ChatSession, int], None], worker: Services, delay: float) -> None:
        barrier.wait()
        time.sleep(delay)
        outcomes.append(_outcome(act, worker, session, last))

    delays = [dice.choice((0, 0, 0.001, 0.003)) for _ in range(2)]
    threads = [
        threading.Thread(target=come, args=(act, second, delay)) for act, delay in zip(late, delays, strict=True)
    ]
    threads.append(threading.Thread(target=come, args=(_clear, first, dice.choice((0, 0.0005)))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Nobody comes later than this.
    for act in (_append, _rename, _revise, _ask):
        told = _outcome(act, dice.choice((first, second)), session, last)
        assert told == "cleared", f"{act.__name__} after {[act.__name__ for act in late]}: {told}"
    for worker in (first, second, observer):
        assert not readable(worker, session), f"{[act.__name__ for act in late]} brought it back"
    with observer.database.read() as connection:
        no = connection.exec_driver_sql(
            f"SELECT no, successor FROM chat_session WHERE owner = '{owner}' ORDER BY no"
        ).all()
    assert len(no) == 2, "one successor"
    assert [row for row in no if row.successor is None], "the successor lives"
    return Counter(outcomes)


def _outcome(
    act: Callable[[Services, ChatSession, int], None], worker: Services, session: ChatSession, last: int
) -> str:
    for _ in range(5):
        try:
            act(worker, session, last)
        except (Cleared, NotFound, Conflict) as error:
            return error.code
        except StoreUnavailable:
            continue  # the database was busy: as a person would, once more
        return "done"
    return "busy"


def readable(worker: Services, session: ChatSession) -> bool:
    """Whether anything of a cleared chat can be read in any way."""
    owner, session_id = session.owner, session.id
    ways: tuple[Callable[[], object], ...] = (
        lambda: worker.store.get(owner=owner, session_id=session_id),
        lambda: worker.store.messages(owner=owner, session_id=session_id),
        lambda: all_messages(worker.store, owner=owner, session_id=session_id),
        lambda: worker.store.watch(owner=owner, session_id=session_id),
    )
    for way in ways:
        with suppress(Cleared):
            way()
            return True
    listed = [item.id for item in worker.store.list(owner=owner, limit=100).items]
    return session_id in listed or bool(search(worker.store, owner=owner, text="CANARY").hits)


class TwoWorkers(RuleBasedStateMachine):
    """Random histories of two workers over one store, held against what a person would expect."""

    ground: Ground
    workers: tuple[Services, Services]
    histories = 0

    chats = Bundle("chats")

    @initialize()
    def begin(self) -> None:
        type(self).histories += 1
        self.owner = f"owner{self.histories}"
        self.live: dict[UUID, list[str]] = {}
        self.gone: set[UUID] = set()
        self.undoable: dict[UUID, tuple[UUID, list[str]]] = {}

    @rule(target=chats, w=st.booleans(), title=st.sampled_from(("", "CANARY title")))
    def create(self, w: bool, title: str) -> UUID:
        session = self.workers[w].store.create(owner=self.owner, title=title)
        self.live[session.id] = []
        return session.id

    @rule(session_id=chats, w=st.booleans(), text=st.sampled_from(("CANARY a", "CANARY b")))
    def append(self, session_id: UUID, w: bool, text: str) -> None:
        with self._told(session_id):
            self.workers[w].store.append(owner=self.owner, session_id=session_id, drafts=[Draft("user", text)])
            self.live[session_id].append(text)

    @rule(session_id=chats, w=st.booleans())
    def revise(self, session_id: UUID, w: bool) -> None:
        store = self.workers[w].store
        if session_id in self.live and not self.live[session_id]:
            return
        with self._told(session_id):
            items = store.messages(owner=self.owner, session_id=session_id).items
            store.revise(
                owner=self.owner, session_id=session_id, message_id=items[-1].id, draft=Draft("assistant", "CANARY c")
            )
            self.live[session_id][-1] = "CANARY c"

    @rule(session_id=chats, w=st.booleans())
    def rename(self, session_id: UUID, w: bool) -> None:
        with self._told(session_id):
            self.workers[w].store.rename(owner=self.owner, session_id=session_id, title="CANARY named")

    @rule(session_id=chats, w=st.booleans())
    def clear(self, session_id: UUID, w: bool) -> None:
        self.workers[w].clearing.clear(owner=self.owner, session_id=session_id)
        self._bury(session_id)

    @rule(session_id=chats, w=st.booleans())
    def delete(self, session_id: UUID, w: bool) -> None:
        self.workers[w].clearing.delete(owner=self.owner, session_id=session_id)
        self._bury(session_id)

    @rule(session_id=chats, w=st.booleans())
    def history(self, session_id: UUID, w: bool) -> None:
        with self._told(session_id):
            self.workers[w].clearing.clear_history(owner=self.owner, session_id=session_id)
            self.live[session_id] = []

    @rule(session_id=chats, w=st.booleans())
    def memory(self, session_id: UUID, w: bool) -> None:
        with self._told(session_id):
            self.workers[w].clearing.clear_memory(owner=self.owner, session_id=session_id)

    @rule(session_id=chats, w=st.booleans())
    def bulk(self, session_id: UUID, w: bool) -> None:
        self.workers[w].bulk.clear(owner=self.owner, scope=BulkScope(session_ids=(session_id,)))
        self._bury(session_id)

    @rule(w=st.booleans())
    def rotate(self, w: bool) -> None:
        worker = self.workers[w]
        worker.keyring.rewrap(keys=list(pairs(worker)))

    @rule(w=st.booleans())
    def work(self, w: bool) -> None:
        self.workers[w].worker.run_due()
        self.workers[w].clearing.reconcile(patience=0)

    @rule(session_id=chats, w=st.booleans())
    def undo_when_it_is_over(self, session_id: UUID, w: bool) -> None:
        worker = self.workers[w]
        receipt = worker.clearing.delete(owner=self.owner, session_id=session_id)
        self._bury(session_id)
        with pytest.raises(DocChatError) as error:
            worker.clearing.undo(owner=self.owner, receipt_id=receipt.id)
        assert error.value.status in (404, 409)

    @invariant()
    def both_see_the_same(self) -> None:
        for worker in self.workers:
            listed = {item.id for item in worker.store.list(owner=self.owner, limit=100).items}
            assert self.live.keys() <= listed
            assert not self.gone & listed
            for session_id, texts in self.live.items():
                items = worker.store.messages(owner=self.owner, session_id=session_id, limit=200).items
                assert [item.text for item in items] == texts
            for session_id in self.gone:
                with pytest.raises(Cleared):
                    worker.store.messages(owner=self.owner, session_id=session_id)

    def _bury(self, session_id: UUID) -> None:
        self.live.pop(session_id, None)
        self.gone.add(session_id)

    @contextmanager
    def _told(self, session_id: UUID) -> Iterator[None]:
        if session_id in self.live:
            yield
        else:
            with pytest.raises(Cleared):
                yield


def test_c03_random_histories_of_two_workers(ground: Ground, tally: Callable[..., None]) -> None:
    class Machine(TwoWorkers):
        histories = 0

    Machine.workers = (ground.worker(), ground.worker())
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=SCALE.histories,
            stateful_step_count=SCALE.steps,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    tally(f"random histories of two workers, {ground.engine}", Machine.histories, f"up to {SCALE.steps} steps each")


def test_c03_a_rotation_of_the_master_key_brings_nothing_back(ground: Ground, tally: Callable[..., None]) -> None:
    first, second = ground.worker(), ground.worker()
    rounds = max(2, SCALE.cookies // 5)
    for number in range(rounds):
        kept, gone = chat(first, owner=OWNER), [chat(first, owner=f"o{number}n{count}") for count in range(6)]
        threads = [threading.Thread(target=_clear, args=(second, session, 0)) for session in gone]
        for thread in threads[:2]:
            thread.start()
        for _ in range(2 if ground.engine == "postgresql" else 1):  # the first step there is to copy the new key
            rotation = rotate(first.keyring, lambda: list(pairs(first)), patience=2)  # type: ignore[arg-type]
        for thread in threads[2:]:
            thread.start()
        for thread in threads:
            thread.join()
        assert rotation.left == 0
        for worker in (first, second):
            assert grounds.state(worker, kept) == "full"
            assert {grounds.state(worker, session) for session in gone} == {"none"}
        first.clearing.delete(owner=OWNER, session_id=kept.id)
    tally(f"clears during a rotation of the master key, {ground.engine}", rounds * 6)


def test_c03_a_clear_amid_the_rewrapping_of_its_key(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, tally: Callable[..., None]
) -> None:
    first, second = ground.worker(), ground.worker()
    amid = threading.Event()
    unwrap = MasterKey.unwrap

    def slowly(self: MasterKey, *arguments: Any, **named: Any) -> bytes:
        key = unwrap(self, *arguments, **named)
        if threading.current_thread().name == "rotation":
            amid.set()
            time.sleep(0.05)
        return key

    monkeypatch.setattr(MasterKey, "unwrap", slowly)
    rounds = max(2, SCALE.cookies // 5)
    for number in range(rounds):
        session = chat(first, owner=f"rewrapped{number}")
        if ground.engine == "postgresql":
            rotate(first.keyring, lambda: list(pairs(first)), patience=2)  # type: ignore[arg-type]
        amid.clear()
        named = list(pairs(first))
        rotation = threading.Thread(target=rotate, args=(first.keyring, lambda named=named: named), name="rotation")
        rotation.start()
        assert amid.wait(5), "no key was rewrapped"
        _clear(second, session, 0)
        rotation.join()
        for worker in (first, second):
            assert grounds.state(worker, session) == "none"
            slots = [slot for slot, owner in named if owner == session.id]
            assert set(worker.keyring.states(slots=slots)) == {SlotState.DESTROYED}, "a key came back"
    tally(f"clears in the middle of a key's rewrapping, {ground.engine}", rounds)
