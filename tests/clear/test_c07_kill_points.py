"""C7: killed at any system call, a clear leaves the whole chat or nothing of it, and nothing once 200 was sent."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from docchat.types import ChatSession
from docchat.web.state import Services

from . import ground as grounds
from .ground import ABOUT, SECTION_CHAT, Ground, chat
from .scale import LONG, spread
from .tracing import Call, Zygote, zygote

JOBS: Call = ("", "jobs", None)


@dataclass(frozen=True)
class Verb:
    """An operation that makes a chat unreadable, whole or in part, and what `state` says of it then."""

    name: str
    request: Callable[[UUID], Call]
    gone: str = "none"
    settings: tuple[tuple[str, str], ...] = ()


def clear(session_id: UUID) -> Call:
    """The request that clears a chat."""
    return ("POST", f"/api/sessions/{session_id}/clear", None)


SECTION = Verb("section clear", lambda session_id: ("POST", f"{SECTION_CHAT}/clear", None))
VERBS = (
    Verb("clear", clear),
    Verb("delete", lambda session_id: ("DELETE", f"/api/sessions/{session_id}", None)),
    Verb("history clear", lambda session_id: ("POST", f"/api/sessions/{session_id}/history/clear", None), "title"),
    Verb("bulk clear", lambda session_id: ("POST", "/api/sessions/bulk/clear", {"ids": [str(session_id)]})),
    SECTION,
    Verb("clear with undo", clear, settings=(("DOCCHAT_CLEAR_UNDO_SECONDS", "3600"),)),
)


@pytest.mark.parametrize("messages", [6, 70] if LONG else [6], ids=lambda messages: f"{messages} messages")
@pytest.mark.parametrize("verb", VERBS if LONG else (SECTION, VERBS[2]), ids=lambda verb: verb.name)
def test_c07_killed_anywhere_it_is_all_or_nothing(
    ground: Ground, verb: Verb, messages: int, tally: Callable[..., None]
) -> None:
    observer = ground.worker()
    chats: dict[ChatSession, bool] = {}

    def make() -> ChatSession:
        return chat(observer, owner=f"owner{len(chats)}", messages=messages, about=ABOUT)

    with zygote(ground, **dict(verb.settings)) as process:
        session = make()
        outcome = process.traced(session.owner, verb.request(session.id), JOBS)
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
    after = ground.worker(**dict(verb.settings))
    after.worker.run_due()
    states = Counter(_after_restart(after, observer, session, verb, answered) for session, answered in chats.items())
    tally(
        f"{verb.name} of {messages} messages killed at every call, {ground.engine}",
        killed,
        f"{states[verb.gone]} gone, {states['full']} whole, 0 partial",
    )
    # Both ends are reached: before the keys went, and after.
    assert set(states) == {"full", verb.gone}


def _cut(process: Zygote, observer: Services, session: ChatSession, verb: Verb, inject: str) -> bool:
    """Whether 200 was sent before the kill; what another process sees right after it is all or nothing."""
    outcome = process.traced(session.owner, verb.request(session.id), JOBS, inject=inject)
    answered = outcome.statuses == [200]
    assert answered or outcome.statuses == []
    state = grounds.state(observer, session)
    assert state == verb.gone or (state == "full" and not answered), f"{inject}: {state}, answered: {answered}"
    return answered


def _after_restart(after: Services, observer: Services, session: ChatSession, verb: Verb, answered: bool) -> str:
    states = {grounds.state(after, session), grounds.state(observer, session)}
    assert len(states) == 1
    state = states.pop()
    assert state == verb.gone or (state == "full" and not answered)
    return state
