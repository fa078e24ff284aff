"""C10: the clock jumps ten years either way while a process works, and nothing is different."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docchat.web.state import Services

from .ground import OWNER, Ground, chat, state
from .tracing import Outcome, Zygote

YEAR = 365 * 86_400
LIBRARIES = ("faketime/libfaketimeMT.so.1", "faketime/libfaketime.so.1")
TIMES = (
    "created_at",
    "updated_at",
    "undo_until",
    "request_id",
    "id",
    "session",
    "successor",
    "receipt",
    "current",
    "memory_from",
)


def _library() -> Path:
    found = [path for folder in Path("/usr/lib").glob("*-linux-gnu*") for path in (folder / name for name in LIBRARIES)]
    for path in found:
        if path.exists():
            return path
    pytest.skip("libfaketime is not installed")


class Clock:
    """The clock of a process, set by a file that libfaketime reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0)

    def set(self, years: float) -> None:
        """Let the clock jump."""
        self.path.write_text(f"{'+' if years >= 0 else '-'}{abs(years) * YEAR:.0f}\n")


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


def _process(ground: Ground, clock: Clock) -> Zygote:
    return Zygote(
        ground,
        LD_PRELOAD=str(_library()),
        FAKETIME_TIMESTAMP_FILE=str(clock.path),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )


def _life(ground: Ground, process: Zygote, clock: Clock, observer: Services, jumps: tuple[float, ...]) -> list[Any]:
    """A chat's whole life with a jump before each step; all answers, without ids and times."""
    times = iter(jumps)
    sessions = [chat(observer, owner=OWNER, messages=70) for _ in range(4)]
    one, two, three, four = (f"/api/sessions/{session.id}" for session in sessions)
    steps: list[list[tuple[str, str, Any]]] = [
        [("GET", one, None), ("GET", "/api/sessions", None)],
        [("POST", f"{one}/clear", None), ("GET", one, None), ("POST", f"{one}/clear", None)],
        [("", "jobs", None), ("GET", "/api/sessions", None)],
        [("DELETE", two, None), ("GET", f"{two}/messages", None), ("PATCH", two, {"title": "late"})],
        [("POST", f"{three}/history/clear", None), ("GET", three, None), ("", "jobs", None)],
        [("POST", f"{four}/memory/clear", None), ("GET", four, None)],
        [("POST", "/api/sessions/bulk/clear", {"all": True}), ("", "jobs", None), ("GET", "/api/sessions", None)],
    ]
    seen = []
    for calls in steps:
        clock.set(next(times))
        seen.append(_plain(process.act(OWNER, *calls)))
        with observer.database.read() as connection:
            seen.append([state(observer, session) for session in sessions])
            jobs = "SELECT count(*) FROM job WHERE kind IN ('reclaim', 'settle', 'bulk') AND attempts > 0"
            seen.append(connection.exec_driver_sql(jobs).scalar_one())
            seen.append(connection.exec_driver_sql("SELECT count(*) FROM message").scalar_one())
    return seen


def _plain(outcome: Outcome) -> list[Any]:
    return [(answer[0], _without(outcome.body(number))) for number, answer in enumerate(outcome.answers)]


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key not in TIMES}
    return [_without(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("years", [(10, -10), (-10, 10)], ids=["forward first", "back first"])
def test_c10_a_clock_that_jumps_changes_nothing(
    ground: Ground, clock: Clock, years: tuple[float, float], tally: Callable[..., None]
) -> None:
    observer = ground.worker()
    process = _process(ground, clock)
    try:
        still = _life(ground, process, clock, observer, (0,) * 7)
        first, second = years
        jumping = _life(ground, process, clock, observer, (0, first, 0, second, first, second, first))
        clock.set(first)
        far = process.act(OWNER, ("GET", "/api/sessions", None))
        assert far.answers, "the process stands still"
    finally:
        process.close()
    assert jumping == still
    tally(f"steps of a chat's life beside a clock that jumps, {ground.engine}", 7, "0 differences")


def test_c10_the_clock_does_jump(ground: Ground, clock: Clock) -> None:
    process = _process(ground, clock)
    try:
        years = []
        for jump in (0, 10, -10):
            clock.set(jump)
            made = process.act(OWNER, ("POST", "/api/sessions", {"title": "now"}))
            years.append(int(made.body()["created_at"][:4]))
    finally:
        process.close()
    now = time.gmtime().tm_year
    assert years[0] == now
    assert years[1] - now in (9, 10)
    assert now - years[2] in (9, 10)
