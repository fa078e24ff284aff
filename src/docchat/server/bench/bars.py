"""The bars: what docchat promises of its speed, held against what the run has measured."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from . import answers, cancels, chats, http, ingest, limits, memory, stored, streams, unreadable
from .founding import NAME as FOUNDING
from .measure import OURS, Result
from .peers import SQLITE_SESSION

Verdict = Literal["met", "missed", "not measured"]
OPEN_CHATS = 1000
LARGE = 100_000
MOST_STREAMS = 1000


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: `measured` must be at most, or with `at_least` no less than, `bound`; None: not measured."""

    name: str
    bound: float
    unit: str
    measured: float | None
    at_least: bool = False

    @property
    def verdict(self) -> Verdict:
        """Whether it was met."""
        if self.measured is None:
            return "not measured"
        return "met" if (self.measured >= self.bound if self.at_least else self.measured <= self.bound) else "missed"

    @property
    def asked(self) -> str:
        """The bound, for people."""
        return f"{'at least' if self.at_least else 'at most'} {self.bound:g}{self.unit}"

    @property
    def got(self) -> str:
        """What was measured, for people."""
        return "-" if self.measured is None else f"{self.measured:.3g}{self.unit}"


def bars(result: Result) -> tuple[Bar, ...]:
    """All bars; those of which the run has no figures say so."""
    clears = (*_clear_bars(result), *_unreadable_bars(result))
    return (
        *clears,
        *_other_bars(result),
        *_stored_bars(result),
        *_ingest_bars(result),
        *_answer_bars(result),
        *_cancel_bars(result),
    )


def _clear_bars(result: Result) -> tuple[Bar, ...]:
    ours = partial(result.median, chats.CHATS, OURS, chats.CLEAR)
    peer = result.median(chats.CHATS, SQLITE_SESSION, chats.CLEAR, 10_000)
    founding = result.median(chats.CHATS, FOUNDING, chats.CLEAR, 10_000)
    return (
        Bar("clear of 10,000 messages: faster than SQLiteSession", 40, "x", _ratio(peer, ours(10_000)), at_least=True),
        Bar(
            "clear of 10,000 messages: faster than the founding function",
            1,
            "x",
            _ratio(founding, ours(10_000)),
            at_least=True,
        ),
        Bar("clear: 10,000 messages against 10", 1.5, "x", _ratio(ours(10_000), ours(10))),
    )


def _unreadable_bars(result: Result) -> tuple[Bar, ...]:
    ours = result.median(unreadable.UNREADABLE, OURS, unreadable.ALONE, 10_000)
    theirs = result.median(unreadable.UNREADABLE, FOUNDING, unreadable.ALONE, 10_000)
    busy = result.percentile(95, unreadable.UNREADABLE, OURS, unreadable.BUSY, unreadable.BUSY_LENGTH)
    return (
        Bar("time to unreadable, 10,000 messages: median", 1, " ms", ours),
        Bar("time to unreadable: faster than the founding function", 10, "x", _ratio(theirs, ours), at_least=True),
        Bar("time to unreadable beside a busy writer: p95", 5, " ms", busy),
    )


def _other_bars(result: Result) -> tuple[Bar, ...]:
    append = partial(result.median, chats.CHATS, OURS, chats.APPEND)
    raw = result.median(limits.LIMITS, limits.RAW_APPEND, limits.WRITE)
    descriptors = result.figure(memory.OPEN, OURS, memory.DESCRIPTORS)
    return (
        Bar("append a turn: 10,000 messages against 10", 1.2, "x", _ratio(append(10_000), append(10))),
        Bar("append a turn at 10,000 messages against a raw append + fdatasync", 3, "x", _ratio(append(10_000), raw)),
        Bar("load the last 50 of 10,000: median", 1, " ms", result.median(chats.CHATS, OURS, chats.LOAD, 10_000)),
        Bar(f"memory of {OPEN_CHATS:,} open chats", 5, " MB", result.figure(memory.OPEN, OURS, memory.MEGABYTES)),
        Bar("descriptors of an open chat", 0, "", None if descriptors is None else descriptors // OPEN_CHATS),
    )


def _stored_bars(result: Result) -> tuple[Bar, ...]:
    inside = partial(result.median, stored.STORED, OURS, stored.CLEAR)
    over_http = partial(result.median, http.HTTP, OURS, http.CLEAR)
    listed = result.median(stored.STORED, OURS, stored.LIST, 100_000)
    slowest = result.percentile(99, http.HTTP, OURS, http.CLEAR, 1000)
    return (
        Bar("list the 20 newest of 100,000 chats: median", 1, " ms", listed),
        Bar("clear: 1,000,000 stored chats against 1,000", 1.5, "x", _ratio(inside(1_000_000), inside(1000))),
        Bar("clear over HTTP, 4 workers, 20 messages: p99", 50, " ms", slowest),
        Bar(
            "clear over HTTP: 1,000,000 stored chats against 1,000",
            1.5,
            "x",
            _ratio(over_http(1_000_000), over_http(1000)),
        ),
    )


def _ingest_bars(result: Result) -> tuple[Bar, ...]:
    ours, bare = (result.median(ingest.INGEST, who, ingest.FIRST) for who in (OURS, ingest.BARE))
    again = result.median(ingest.INGEST, OURS, ingest.AGAIN)
    return (
        Bar("ingest of a folder against its parsers and FTS5 alone", 2, "x", _ratio(ours, bare)),
        Bar(
            "ingest of a folder: memory of the main process",
            250,
            " MB",
            result.figure(ingest.INGEST, OURS, ingest.MEGABYTES),
        ),
        Bar("ingest of an unchanged folder", 2, " s", None if again is None else again / 1000),
    )


def _answer_bars(result: Result) -> tuple[Bar, ...]:
    large = result.figure(answers.ANSWERS, OURS, answers.CHUNKS) == LARGE
    quoted = partial(result.percentile, part=answers.ANSWERS, who=OURS, what=answers.FIRST_TEXT)
    ours, bare = (
        [result.median(answers.ANSWERS, who, what) for what in (answers.MODEL_FIRST, answers.MODEL_ALL)]
        for who in (OURS, answers.BARE)
    )
    later, longer = (None if a is None or b is None else a - b for a, b in zip(ours, bare, strict=True))
    share, kilobytes = (
        result.figure(streams.STREAMS, streams.THREADS, f"{what}, {MOST_STREAMS}")
        for what in (streams.SHARE, streams.KILOBYTES)
    )
    ping = result.percentile(99, streams.STREAMS, streams.THREADS, streams.PING, MOST_STREAMS)
    return (
        Bar("answer without a model, 100,000 passages: first text, median", 60, " ms", quoted(50) if large else None),
        Bar("answer without a model, 100,000 passages: first text, p99", 200, " ms", quoted(99) if large else None),
        Bar("answer of a model: first text later than the model's own", 30, " ms", later),
        Bar(
            "answer of a model: longer than the model's own",
            2,
            " %",
            None if longer is None or not bare[1] else 100 * longer / bare[1],
        ),
        Bar(f"{MOST_STREAMS:,} streams, one process with threads: text delivered", 98, " %", share, at_least=True),
        Bar(f"{MOST_STREAMS:,} streams, one process with threads: p99 of a ping", 50, " ms", ping),
        Bar(f"{MOST_STREAMS:,} streams, one process with threads: memory of each", 40, " KB", kilobytes),
    )


def _cancel_bars(result: Result) -> tuple[Bar, ...]:
    slowest = partial(result.percentile, 99, cancels.CANCELS, OURS)
    return (
        Bar("an answer is cleared, 4 workers: p99 until its stream ends", 250, " ms", slowest(cancels.CLEAR_READER)),
        Bar("an answer is cleared, 4 workers: p99 until the model is cut", 250, " ms", slowest(cancels.CLEAR_MODEL)),
        Bar("cleared chats that came back", 0, "", result.figure(cancels.CANCELS, OURS, cancels.BACK)),
    )


def _ratio(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below
