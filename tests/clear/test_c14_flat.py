"""C14: how long a clear takes. The benchmark is `make bench`; here are figures for the table, and only gross bounds."""

import statistics
import time
from collections.abc import Callable

from .ground import Ground, chat
from .hosts import Hosts, Writer, quantile
from .scale import LONG

SHORT_CHAT, LONG_CHAT = 10, 10_000 if LONG else 2_000
ROUNDS = 15 if LONG else 5


def test_c14_a_long_chat_is_cleared_as_fast_as_a_short_one(ground: Ground, tally: Callable[..., None]) -> None:
    services = ground.worker()
    medians = {}
    for messages in (SHORT_CHAT, LONG_CHAT):
        sessions = [chat(services, owner=f"{messages}n{number}", messages=messages) for number in range(ROUNDS)]
        services.database.checkpoint()
        times = []
        for session in sessions:
            start = time.perf_counter()
            services.clearing.clear(owner=session.owner, session_id=session.id)
            times.append((time.perf_counter() - start) * 1000)
        medians[messages] = statistics.median(times)
        services.worker.run_due()
    ratio = medians[LONG_CHAT] / medians[SHORT_CHAT]
    assert ratio < 10
    figures = f"{medians[LONG_CHAT]:.2f} ms, {ratio:.2f} times that of {SHORT_CHAT}"
    tally(f"clear of {LONG_CHAT:,} messages, {ground.engine}", ROUNDS, figures)


def test_c14_over_http(hosts: Hosts, tally: Callable[..., None]) -> None:
    times = []
    with Writer(hosts) as writer:
        client = hosts.client(0, "user3")
        for _ in range(ROUNDS * 10):
            session_id = writer.chat("user3", "SECRET", messages=20)
            start = time.perf_counter()
            assert client.call("POST", f"/api/sessions/{session_id}/clear")[0] == 200
            times.append((time.perf_counter() - start) * 1000)
    assert statistics.median(times) < 1000
    figures = f"median {statistics.median(times):.1f} ms, p99 {quantile(times, 0.99):.1f} ms"
    tally(f"clear of 20 messages over HTTP, {hosts.place}", len(times), figures)
