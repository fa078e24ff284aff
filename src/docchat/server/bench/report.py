"""The report for people: tables as text for the terminal and as Markdown for the page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from . import answers, cancels, chats, documents, http, ingest, limits, memory, stored, streams, unreadable
from .bars import bars
from .founding import NAME as FOUNDING
from .measure import LOAD_AFTER, LOAD_BEFORE, MACHINE, OURS, PROCESSORS, Result, Series, as_json


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells below a title and a head; the first column is text, the others are numbers."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """For a terminal."""
        cells = [("", *self.head[1:]), *self.rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.head))]
        lines = [
            "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in cells
        ]
        return "\n".join([self.title, *(f"  {line.rstrip()}" for line in lines)])

    def markdown(self) -> str:
        """For the page."""
        rule = ("---", *("---:" for _ in self.head[1:]))
        lines = [f"| {' | '.join(row)} |" for row in (self.head, rule, *self.rows)]
        return "\n".join([f"### {self.title}", "", *lines])


def tables(result: Result) -> Iterable[Table]:
    """The tables of what was measured, the bars last."""
    if list(result.part(limits.LIMITS)):
        yield _simple("The machine's own limits", result.part(limits.LIMITS), lambda series: series.key.who)
    for what in (chats.APPEND, chats.LOAD, chats.CLEAR):
        yield from _by_size(f"{_capital(what)}, by the number of messages", result, chats.CHATS, what)
    yield from _by_size(
        "Time to unreadable, by the number of messages", result, unreadable.UNREADABLE, unreadable.ALONE
    )
    busy = [item for item in result.part(unreadable.UNREADABLE) if item.key.what != unreadable.ALONE]
    if busy:
        yield _simple(f"Beside a process that appends without pause, {unreadable.BUSY_LENGTH} messages", busy, _what)
    yield from _stored(result)
    if list(result.part(http.HTTP)):
        title = f"Over HTTP, {http.WORKERS} workers, {http.CLEARED_LENGTH} messages"
        yield _simple(title, result.part(http.HTTP), lambda item: f"{item.key.what}, {item.key.size:,} stored chats")
    yield from _open(result)
    if list(result.part(documents.DOCUMENTS)):
        yield _simple("Documents and answers", result.part(documents.DOCUMENTS), _what)
    if (files := result.figure(ingest.INGEST, OURS, ingest.FILES)) is not None:
        title = f"A folder of {files:,.0f} files"
        yield _simple(title, result.part(ingest.INGEST), lambda item: f"{item.key.who}: {item.key.what}")
    if (chunks := result.figure(answers.ANSWERS, OURS, answers.CHUNKS)) is not None:
        title = f"Answers in a library of {chunks:,.0f} passages"
        yield _simple(title, result.part(answers.ANSWERS), lambda item: f"{item.key.who}: {item.key.what}")
    yield from _streams(result)
    if list(result.part(cancels.CANCELS)):
        yield _simple(f"Answers that are cut off, {http.WORKERS} workers", result.part(cancels.CANCELS), _what)
    rows = tuple((bar.name, bar.asked, bar.got, bar.verdict) for bar in bars(result))
    yield Table("Bars", ("bar", "asked", "measured", "verdict"), rows)


def text(result: Result) -> str:
    """Everything, for a terminal."""
    parts = [table.text() for table in tables(result)]
    if result.notes:
        parts.append("\n".join(["Remarks", *(f"  {note}" for note in result.notes)]))
    return "\n\n".join(["Times are medians in milliseconds, 95th percentiles in brackets.", machine(result), *parts])


def machine(result: Result) -> str:
    """How busy the machine was: its load average counts all that want to run, the benchmark itself too."""
    before, after = (result.figure(MACHINE, MACHINE, what) for what in (LOAD_BEFORE, LOAD_AFTER))
    if before is None or after is None:
        return ""
    processors = result.figure(MACHINE, MACHINE, PROCESSORS)
    return f"Processors: {processors:.0f}. Load average: {before:.1f} at the start, {after:.1f} at the end."


def document(result: Result) -> dict[str, Any]:
    """Everything, for programs."""
    judged = [
        {"bar": bar.name, "asked": bar.asked, "measured": bar.measured, "verdict": bar.verdict} for bar in bars(result)
    ]
    return {**as_json(result), "bars": judged}


def in_order(names: Iterable[str]) -> list[str]:
    """Each name once: ours, the founding document's, then the peers."""
    return sorted(set(names), key=lambda name: (name != OURS, name != FOUNDING, name))


def milliseconds(value: float) -> str:
    """Three digits that count, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _simple(title: str, found: Iterable[Series], name: Any) -> Table:
    rows = tuple(
        (
            name(item),
            str(len(item.times)),
            milliseconds(item.median),
            milliseconds(item.percentile(95)),
            milliseconds(item.percentile(99)),
        )
        for item in found
    )
    return Table(title, ("", "n", "median", "p95", "p99"), rows)


def _by_size(title: str, result: Result, part: str, what: str) -> Iterable[Table]:
    found = [series for series in result.part(part) if series.key.what == what]
    sizes = sorted({series.key.size for series in found})
    names = in_order(series.key.who for series in found)
    if not found:
        return
    rows = [_row(name, [result.find(part, name, what, size) for size in sizes]) for name in names]
    yield Table(title, ("", *(f"{size:,}" for size in sizes), "last : first"), tuple(rows))


def _stored(result: Result) -> Iterable[Table]:
    found = list(result.part(stored.STORED))
    sizes = sorted({series.key.size for series in found})
    verbs = list(dict.fromkeys(series.key.what for series in found))
    if not found:
        return
    rows = [_row(verb, [_at(found, verb, size) for size in sizes]) for verb in verbs]
    head = ("", *(f"{size:,}" for size in sizes), "last : first")
    yield Table(f"By the number of stored chats; {stored.CLEARED_LENGTH} messages cleared", head, tuple(rows))


def _open(result: Result) -> Iterable[Table]:
    names = list(dict.fromkeys(item.who for item in result.figures if item.part == memory.OPEN))
    if not names:
        return
    rows = [
        (
            name,
            f"{result.figure(memory.OPEN, name, memory.MEGABYTES):.1f}",
            f"{result.figure(memory.OPEN, name, memory.DESCRIPTORS):,.0f}",
        )
        for name in names
    ]
    yield Table("1,000 open chats", ("", "MB", "descriptors"), tuple(rows))


def _streams(result: Result) -> Iterable[Table]:
    """Each server with each number of streams."""
    found = [item.key for item in result.part(streams.STREAMS) if item.key.what == streams.FIRST]
    rows = []
    for key in found:
        times = [result.find(streams.STREAMS, key.who, what, key.size) for what in (streams.FIRST, streams.PING)]
        cells = [milliseconds(item.percentile(rank)) if item else "-" for item in times for rank in (50, 99)]
        figures = [
            result.figure(streams.STREAMS, key.who, f"{what}, {key.size}")
            for what in (streams.SHARE, streams.KILOBYTES, streams.FAILED)
        ]
        said = ["-" if value is None else f"{value:,.1f}" for value in figures]
        rows.append((f"{key.size:,} at once, {key.who}", *cells, *said))
    if rows:
        head = ("", "first text", "p99", "ping", "p99", "% of the text", "KB each", "not to the end")
        yield Table("Answers that stream at once from one process", head, tuple(rows))


def _row(name: str, found: Sequence[Series | None]) -> tuple[str, ...]:
    cells = [
        "-" if item is None else f"{milliseconds(item.median)} [{milliseconds(item.percentile(95))}]" for item in found
    ]
    first, last = found[0], found[-1]
    ratio = "-" if first is None or last is None else f"{last.median / first.median:.2f}"
    return (name, *cells, ratio)


def _at(found: Sequence[Series], what: str, size: int) -> Series | None:
    return next((item for item in found if item.key.what == what and item.key.size == size), None)


def _what(series: Series) -> str:
    return series.key.what


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
