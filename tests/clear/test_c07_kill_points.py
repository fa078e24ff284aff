"""C7: killed at any system call, a clear leaves the whole chat or nothing of it, and nothing once 200 was sent."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from docchat.types import ChatSession
from docchat.web.state import Services

from . import ground as grounds
from .ground import Ground, chat
from .scale import spread
from .tracing import Call, Zygote, zygote

JOBS: Call = ("", "jobs", None)


@dataclass(frozen=True)
class Verb:
    """An operation that makes a chat unreadable, whole or in part."""

    name: str
    calls: Callable[[UUID], tuple[Call, ...]]


VERBS = (
    Verb("clear", lambda session: (("POST", f"/api/sessions/{session}/clear", None), JOBS)),
    Verb("delete", lambda session: (("DELETE", f"/api/sessions/{session}", None), JOBS)),
)


@pytest.mark.parametrize("messages", [6, 70], ids=["short chat", "long chat"])
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_c07_killed_anywhere_it_is_all_or_nothing(
    ground: Ground, verb: Verb, messages: int, tally: Callable[..., None]
) -> None:
    observer = ground.worker()
    chats: dict[ChatSession, bool] = {}

    def make() -> ChatSession:
        return chat(observer, owner=f"owner{len(chats)}", messages=messages)

    with zygote(ground) as process:
        session = make()
        outcome = process.traced(session.owner, *verb.calls(session.id))
        assert outcome.statuses == [200]
        chats[session] = True
        points = outcome.points()
        assert points.total() > 8, outcome.calls
        killed = 0
        for name, count in points.items():
            for number in spread(count + 1):
                session = make()
                chats[session] = _cut(process, observer, session, verb, f"{name}:signal=KILL:when={number}")
                killed += 1
        log = process.log
    assert "Traceback" not in log
    after = ground.worker()
    states = Counter(_after_restart(after, observer, session, answered) for session, answered in chats.items())
    tally(f"{verb.name} of {messages} messages killed at every call, {ground.engine}", killed, _text(states))
    # Both ends are reached: before the keys went, and after.
    assert set(states) == {"full", "none"}


def _cut(process: Zygote, observer: Services, session: ChatSession, verb: Verb, inject: str) -> bool:
    """Whether 200 was sent before the kill; what another process sees right after it is all or nothing."""
    outcome = process.traced(session.owner, *verb.calls(session.id), inject=inject)
    answered = outcome.statuses == [200]
    assert answered or outcome.statuses == []
    state = grounds.state(observer, session)
    assert state == "none" or (state == "full" and not answered), f"{inject}: {state}, answered: {answered}"
    return answered


def _after_restart(after: Services, observer: Services, session: ChatSession, answered: bool) -> str:
    states = {grounds.state(after, session), grounds.state(observer, session)}
    assert len(states) == 1
    state = states.pop()
    assert state in ("full", "none")
    assert not (answered and state == "full")
    return state


def _text(states: Counter[str]) -> str:
    return f"{states['none']} gone, {states['full']} whole, 0 partial"
