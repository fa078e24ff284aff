"""C2: what the process held of a cleared answer is dropped: nothing that it can still reach holds a word of it."""

import gc
import time
import types
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

from docchat.answers.models.registry import OneModel
from docchat.answers.run import Answers
from docchat.sessions.bulk import BulkScope
from docchat.testing import FakeModel
from docchat.web.state import Services

from .ground import OWNER, Ground

WORD = "SECRETheld"
SECONDS = 1.0
_OPAQUE = (types.ModuleType, types.FunctionType, types.FrameType, type)


def held(root: object) -> list[str]:
    """Texts with the secret that can be reached from an object."""
    seen: set[int] = set()
    waiting, found = [(root, "")], []
    while waiting:
        item, way = waiting.pop()
        if id(item) in seen or isinstance(item, _OPAQUE):
            continue
        seen.add(id(item))
        if isinstance(item, str | bytes) and WORD in str(item):
            found.append(f"{way}: {str(item)[:60]}")
        waiting += [(inner, f"{way[-200:]} > {type(item).__name__}") for inner in gc.get_referents(item)]
    return found


def _talking(ground: Ground) -> Services:
    services = ground.worker()
    note = BytesIO(b"The river flows to the Rhine.\n")
    services.library.add(owner=OWNER, name="note.txt", stream=note, media_type="text/plain")
    services.worker.run_due()
    model = FakeModel(f"{WORD} " * 2000, pause=0.01)
    answers = Answers(services.store, services.library.index, services.library, OneModel(model), services.settings)
    return replace(services, answers=answers)


def test_c02_what_was_held_is_dropped(ground: Ground, tally: Callable[..., None]) -> None:
    services = _talking(ground)
    for verb in ("clear", "history", "bulk"):
        session = services.store.create(owner=OWNER, title="")
        run = services.answers.start(owner=OWNER, session_id=session.id, question=f"Where flows {WORD}?", mode="model")
        events = services.answers.follow(owner=OWNER, session_id=session.id, run_id=run.id)
        kinds = []
        for event in events:
            kinds.append(None if event is None else event.kind)
            if kinds.count("text") == 2:
                break
        followed = verb != "clear"
        if not followed:
            events.close()  # type: ignore[attr-defined]  # nobody reads: the process has to see it by itself
        del run
        assert held(services.answers._runs), "the test holds nothing"
        if verb == "clear":
            services.clearing.clear(owner=OWNER, session_id=session.id)
        elif verb == "history":
            services.clearing.clear_history(owner=OWNER, session_id=session.id)
        else:
            services.bulk.clear(owner=OWNER, scope=BulkScope(everything=True))
        if followed:
            assert [event.kind for event in events if event is not None][-1] == "cleared"
        del event
        deadline = time.monotonic() + SECONDS
        while (left := held(services.answers._runs)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == []
    tally(f"running answers whose words are dropped, {ground.engine}", 3)
