"""The limit on failed sign-ins."""

from docchat.server.tries import FailedTries


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_after_the_limit_a_key_waits_until_the_window_has_passed() -> None:
    clock = Clock()
    tries = FailedTries(limit=3, seconds=60, clock=clock)
    for _ in range(3):
        assert tries.wait("a") == 0
        tries.failed("a")
    assert 60 <= tries.wait("a") <= 61
    assert tries.wait("b") == 0
    clock.now += 61
    assert tries.wait("a") == 0


def test_a_success_forgets_the_failures() -> None:
    tries = FailedTries(limit=1, seconds=60, clock=Clock())
    tries.failed("a")
    assert tries.wait("a") > 0
    tries.succeeded("a")
    assert tries.wait("a") == 0


def test_memory_stays_bounded() -> None:
    tries = FailedTries(limit=2, seconds=60, clock=Clock())
    for number in range(20_000):
        tries.failed(str(number))
    assert len(tries._failures) == 10_000
