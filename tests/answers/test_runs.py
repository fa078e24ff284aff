"""The buffer of a run and the threads that watch: outages pause it, a fork begins anew."""

import os
import threading
import time
from collections.abc import Sequence
from functools import partial
from uuid import UUID, uuid4

import pytest

from docchat.answers import live as live_module
from docchat.answers import runs
from docchat.answers.runs import LiveRun, Run, Runs
from docchat.errors import NotFound, Overloaded, StoreUnavailable
from docchat.sessions.sql import Watch
from docchat.sessions.sql_runs import RunRow
from docchat.types import AnswerEvent, Message, utc_now


class Switch:
    """A watch that a test turns."""

    def __init__(self) -> None:
        self.living = True
        self.away = False

    def alive(self) -> bool:
        if self.away:
            raise StoreUnavailable
        return self.living


def live_run(watch: Switch, number: int = 2) -> LiveRun:
    asked = Message("user", "Why?", id=number - 1, created_at=utc_now())
    answered = Message("assistant", "", id=number, created_at=utc_now())
    return LiveRun(Run(uuid4(), "ann", uuid4(), asked, answered, "model"), watch)  # type: ignore[arg-type]


class Rows:
    """The rows of runs, as a test wants them. `gone`: those whose answers were deleted."""

    def __init__(self, watch: Switch) -> None:
        self.watch = watch
        self.beats: list[UUID] = []
        self.rows: dict[UUID, RunRow] | None = None
        self.gone: set[int] = set()

    def alive(self, watches: Sequence[Watch]) -> list[bool]:
        return [self.watch.alive() for _ in watches]

    def beat_runs(self, *, run_ids: Sequence[UUID]) -> None:
        self.beats.extend(run_ids)

    def look_at_runs(self, *, run_ids: Sequence[UUID]) -> dict[UUID, RunRow]:
        return dict.fromkeys(run_ids, RunRow(False, None)) if self.rows is None else self.rows

    def standing(self, *, message_ids: Sequence[int]) -> set[int]:
        return set(message_ids) - self.gone


def make_runs(watch: Switch, rows: Rows | None = None, **limits: float) -> Runs:
    return Runs(rows or Rows(watch), **{"limit": 2, **limits})  # type: ignore[arg-type]


def test_a_late_reader_gets_the_text_in_as_few_pieces_as_can_be() -> None:
    live = live_run(Switch())
    live.tell(AnswerEvent("passages", 0))
    early = live.follow(0)
    assert [next(early).kind] == ["passages"]  # type: ignore[union-attr]
    for _ in range(500):
        live.say("word ")
        live.flush()
    live.tell(AnswerEvent("citation", 0))
    live.say("end")
    live.tell(AnswerEvent("done", 0))
    told = [("text", 2500), ("citation", 2500), ("text", 2503), ("done", 2503)]
    assert [(event.kind, event.offset) for event in early if event] == told
    assert [(event.kind, event.offset) for event in live.follow(0) if event] == [("passages", 0), *told]
    resumed = [event for event in live.follow(2490) if event]
    assert [event.text for event in resumed if event.kind == "text"] == ["word word ", "end"]
    assert [(event.kind, event.offset) for event in live.follow(2503) if event] == [("done", 2503)]
    assert [event.kind for event in live.follow(9999) if event] == ["done"]


def test_an_outage_of_the_keyring_pauses_and_nothing_is_lost() -> None:
    watch = Switch()
    live = live_run(watch)
    live.say("one ")
    live.flush()
    watch.away = True
    reader = live.follow(0)
    assert next(reader) is None
    live.say("two")
    live.flush()
    watch.away = False
    live.tell(AnswerEvent("done", 0))
    assert [(event.kind, event.text) for event in reader if event] == [("text", "one "), ("text", "two"), ("done", "")]


@pytest.mark.parametrize("offset", [3, 4, 1000, 1 << 62])
def test_an_offset_beyond_the_text_still_gets_the_end(offset: int) -> None:
    live = live_run(Switch())
    live.tell(AnswerEvent("passages", 0))
    live.say("one")
    live.tell(AnswerEvent("done", 0))
    assert [event.kind if event else "" for event in live.follow(offset)] == ["done"]


def test_an_outage_that_lasts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "PATIENCE_SECONDS", 0.0)
    watch = Switch()
    watch.away = True
    live = live_run(watch)
    live.tell(AnswerEvent("passages", 0))
    with pytest.raises(StoreUnavailable):
        list(live.follow(0))


def test_a_reader_never_gets_what_was_cleared_before_it_asked() -> None:
    watch = Switch()
    live = live_run(watch)
    live.say("secret")
    live.flush()
    watch.living = False  # no watcher has noticed yet
    assert [event.kind for event in live.follow(0) if event] == ["cleared"]
    assert "secret" not in repr(vars(live))


def test_a_cleared_run_takes_nothing_more() -> None:
    live = live_run(Switch())
    live.clear()
    live.say("late")
    live.flush()
    live.tell(AnswerEvent("done", 0))
    assert [event.kind for event in live.follow(0) if event] == ["cleared"]
    assert "late" not in repr(vars(live))


def test_the_watcher_clears_and_sends_what_waits() -> None:
    watch = Switch()
    live = live_run(watch)
    watched = make_runs(watch)
    watched.add(live)
    live.say("text that nobody flushes")
    reader = live.follow(0)
    seen = [event for event in (next(reader), next(reader)) if event]
    assert [event.text for event in seen][:1] == ["text that nobody flushes"]
    watch.living = False
    begun = time.monotonic()
    while not live.cleared:
        assert time.monotonic() - begun < 1
        time.sleep(0.005)


def test_a_run_says_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "BEAT_SECONDS", 0.02)
    rows = Rows(Switch())
    beats = rows.beats
    live = live_run(Switch())
    make_runs(Switch(), rows).add(live)
    begun = time.monotonic()
    while len(beats) < 2:
        assert time.monotonic() - begun < 2
        time.sleep(0.005)
    live.tell(AnswerEvent("done", 0))
    time.sleep(0.1)
    count = len(beats)
    time.sleep(0.1)
    assert len(beats) == count


def test_places_are_counted_for_each_owner() -> None:
    places = make_runs(Switch())
    places.take_place("ann")
    places.take_place("ann")
    places.take_place("bob")
    with pytest.raises(Overloaded):
        places.take_place("ann")
    places.give_place("ann")
    places.take_place("ann")


def test_places_are_counted_for_the_process_too() -> None:
    places = make_runs(Switch(), most=2)
    places.take_place("ann")
    places.take_place("bob")
    with pytest.raises(Overloaded) as caught:
        places.take_place("eve")
    assert caught.value.retry_after == 5
    places.give_place("bob")
    places.take_place("eve")


def wait_for(live: LiveRun, switch: str, seconds: float = 2.0) -> float:
    """Wait for a switch of a run; how long it took."""
    begun = time.monotonic()
    while not getattr(live, switch):
        assert time.monotonic() - begun < seconds
        time.sleep(0.005)
    return time.monotonic() - begun


def test_other_processes_stop_and_replace_answers_at_once() -> None:
    rows = Rows(Switch())
    watched = make_runs(Switch(), rows)
    stopped, replaced, given_up, ending = (live_run(Switch(), number) for number in (2, 4, 6, 8))
    ending.finishing = True  # it has just taken its row away itself
    for live in (stopped, replaced, given_up, ending):
        live.say("something said")
        watched.add(live)
    rows.gone = {replaced.run.answer.id, ending.run.answer.id}
    rows.rows = {stopped.run.id: RunRow(True, None)}
    assert wait_for(stopped, "stopping") < 0.5
    assert wait_for(replaced, "cleared") < 0.5
    assert wait_for(given_up, "stopping") < 0.5
    assert not given_up.cleared
    assert not ending.stopping
    assert not ending.cleared
    assert "something said" not in repr(vars(replaced))
    assert [event.successor for event in replaced.follow(0) if event] == [replaced.run.session_id]


@pytest.mark.parametrize("there", ["nobody", "a reader here", "a reader elsewhere"])
def test_an_answer_that_nobody_follows_ends(there: str) -> None:
    rows = Rows(Switch())
    watched = make_runs(Switch(), rows, grace=0.3)
    live = live_run(Switch())
    live.tell(AnswerEvent("passages", 0))
    reader = live.follow(0)
    if there == "a reader here":
        assert next(reader) is not None
    if there == "a reader elsewhere":
        rows.rows = {live.run.id: RunRow(False, utc_now())}
    watched.add(live)
    if there == "nobody":
        assert 0.2 < wait_for(live, "stopping") < 1
        assert live.reason == runs.LEFT_ALONE
        return
    time.sleep(0.6)
    assert not live.stopping
    reader.close()  # type: ignore[attr-defined]
    if there == "a reader here":
        wait_for(live, "stopping", 1)


def test_what_is_read_elsewhere_is_stored_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "FOLLOWED_SECONDS", 0.05)
    rows = Rows(Switch())
    watched = make_runs(Switch(), rows)
    kept: list[str] = []
    live, other = live_run(Switch()), live_run(Switch())
    live.keep, other.keep = lambda: kept.append("read"), lambda: kept.append("unread")
    rows.rows = {live.run.id: RunRow(False, utc_now()), other.run.id: RunRow(False, None)}
    watched.add(live)
    watched.add(other)
    begun = time.monotonic()
    while len(kept) < 3:
        assert time.monotonic() - begun < 2
        time.sleep(0.005)
    assert set(kept) == {"read"}


def test_many_are_stored_in_turn_in_a_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "FOLLOWED_SECONDS", 0.05)
    monkeypatch.setattr(runs, "STORED_SECONDS", 0.0)
    watched = make_runs(Switch(), Rows(Switch()))
    kept: list[int] = []

    def keep(number: int) -> None:
        kept.append(number)
        time.sleep(0.02)

    begun = time.monotonic()
    for number in range(6):
        live = live_run(Switch())
        live.keep = partial(keep, number)
        watched.add(live)
    while len(kept) < 12:
        assert time.monotonic() - begun < 5
        time.sleep(0.005)
    assert time.monotonic() - begun > 12 * 0.05 * 0.8, "one a round: storing takes longer than its part"
    assert sorted(kept[:6]) == [0, 1, 2, 3, 4, 5], "none twice before all were stored once"


def test_runs_of_others() -> None:
    live = live_run(Switch())
    registry = make_runs(Switch())
    registry.add(live)
    key = {"session_id": live.run.session_id, "run_id": live.run.id}
    assert registry.find(owner="ann", **key) is live
    assert registry.find(owner="ann", session_id=live.run.session_id, run_id=uuid4()) is None
    with pytest.raises(NotFound):
        registry.find(owner="bob", **key)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_begins_anew() -> None:
    live = live_run(Switch())
    registry = make_runs(Switch())
    registry.take_place("ann")
    registry.take_place("ann")
    registry.add(live)
    child = os.fork()
    if not child:
        status = 1
        try:
            assert registry.find(owner="ann", session_id=live.run.session_id, run_id=live.run.id) is None
            registry.take_place("ann")
            registry.add(live_run(Switch()))
            names = {thread.name for thread in threading.enumerate()}
            status = 0 if {"docchat-watch", "docchat-beat"} <= names else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_two_readers_and_a_late_one() -> None:
    live = live_run(Switch())
    read: list[list[str]] = [[], []]
    threads = [
        threading.Thread(target=lambda to=to: to.extend(event.text for event in live.follow(0) if event)) for to in read
    ]
    for thread in threads:
        thread.start()
    for number in range(50):
        live.say(f"{number} ")
        live.flush()
    live.tell(AnswerEvent("done", 0))
    for thread in threads:
        thread.join(5)
    whole = "".join(f"{number} " for number in range(50))
    assert ["".join(pieces) for pieces in read] == [whole, whole]
    assert "".join(event.text for event in live.follow(10) if event) == whole[10:]
