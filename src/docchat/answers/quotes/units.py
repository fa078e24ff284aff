"""Cuts the text of a page into what can be quoted by itself: sentences, table rows, list items, records."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from .lines import Line, cells_of, ends_sentence, lines_of, may_be_title

Kind = Literal["sentence", "row", "item", "field", "record", "title"]

_STOP = re.compile(r"(?<![.!?…])[.!?…]+[\"'”\u2019)\]]*(?=\s)|[。\uff01\uff1f।؟]+[」』”\u2019)]*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Gen|Col|Lt|Sgt|Capt|Rev|Hon|Gov|Sen|Rep|No|Nos|Art|Fig|Sec|Vol|Inc|Ltd|Co|Corp"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|approx|ca|cf|vs|etc|al|e\.g|i\.e|Cal|pp?)|\b[A-Z](?:\.[A-Z])*)\.$"
)
_JOINING = re.compile(
    r"(?:[,;&/-]|\b(?:and|or|of|the|a|an|to|in|for|with|by|on|at|from|that|which|as))$", re.IGNORECASE
)
_NUMBER = re.compile(r"\d")
_RECORD_CHARS = 900
_LONG_CHARS = 600
_ITEM_CHARS = 200


@dataclass(frozen=True, slots=True)
class Unit:
    """The characters [start, end) of a page that read whole, with what is needed to understand them.

    `lead` stands before it in the page and belongs to it (the heads of a table's columns, the sentence that opens
    a list); `heading` is the heading above it, for matching only.
    """

    start: int
    end: int
    text: str
    kind: Kind
    lead: str = ""
    heading: str = ""
    table: int = -1
    """Number of the table that a row belongs to, -1 for anything else."""


@dataclass(slots=True)
class _Block:
    """Lines that belong together."""

    lines: list[Line]
    kind: Kind

    @property
    def start(self) -> int:
        return self.lines[0].start

    @property
    def end(self) -> int:
        return self.lines[-1].end


def units_of(text: str, start: int = 0, end: int | None = None) -> tuple[Unit, ...]:
    """Everything quotable in `text[start:end]`, in order, never overlapping, with offsets in `text`."""
    lines = lines_of(text, start, end)
    blocks = list(_blocks(lines))
    _mark_titles(blocks, lines)
    return tuple(_units(text, blocks))


def tidy(text: str) -> str:
    """The text with every run of blanks made one space."""
    return " ".join(text.split())


def _blocks(lines: Sequence[Line]) -> Iterator[_Block]:
    """Paragraphs, list items, rows and records: runs of lines cut where the look changes."""
    width = _usual_width(lines)
    repeated = _repeated_first_keys(lines)
    for blank, group in groupby(lines, key=lambda line: line.look in ("blank", "rule")):
        if blank:
            continue
        run = list(group)
        if _is_record(run, repeated):
            yield _Block(run, "record")
        elif _is_grid(run):
            yield from _grid_blocks(run)
        else:
            yield from _text_blocks(run, width)


def _usual_width(lines: Sequence[Line]) -> int:
    lengths = sorted(len(line.text) for line in lines if line.look == "plain")
    return lengths[len(lengths) * 4 // 5] if lengths else 0


def _text_blocks(run: Sequence[Line], width: int) -> Iterator[_Block]:
    block: _Block | None = None
    for position, line in enumerate(run):
        if block is not None and _continues(block, line, width):
            block.lines.append(line)
            continue
        if block is not None:
            yield block
        kind: Kind = "sentence"
        if line.look == "row":
            kind = "row"
        elif line.look == "item":
            kind = "item"
        elif line.look == "title":
            kind = "title"
        elif line.look == "field" and _beside_field(run, position):
            kind = "field"
        block = _Block([line], kind)
    if block is not None:
        yield block


def _beside_field(run: Sequence[Line], position: int) -> bool:
    """One line with a colon may be prose; two near each other are fields."""
    near = range(max(0, position - 2), min(len(run), position + 3))
    return any(run[other].look == "field" for other in near if other != position)


def _continues(block: _Block, line: Line, width: int) -> bool:
    if line.look not in ("plain", "field") or block.kind in ("row", "title"):
        return False
    last = block.lines[-1].text
    if _JOINING.search(last) and not last.endswith(":"):
        return line.look == "plain"
    if line.text[0].islower():
        return line.look == "plain"
    if line.look == "field" and block.kind == "field":
        return False
    if last.endswith(":"):
        return False
    return width >= 50 and len(last) >= 0.7 * width and (block.kind != "field" or len(last) >= 0.9 * width)


def _repeated_first_keys(lines: Sequence[Line]) -> frozenset[str]:
    """The keys with which more than one run of fields begins: such runs are the records of a table."""
    seen: dict[str, int] = {}
    previous = "blank"
    for line in lines:
        if previous == "blank" and line.look != "blank":
            key = _key(line)
            seen[key] = seen.get(key, 0) + 1
        previous = line.look
    return frozenset(key for key, count in seen.items() if key and count > 1)


def _key(line: Line) -> str:
    head, colon, _ = line.text.partition(":")
    return _NUMBER.sub("", head).strip() if colon else ""


def _is_record(run: Sequence[Line], repeated: frozenset[str]) -> bool:
    if len(run) < 2 or run[-1].end - run[0].start > _RECORD_CHARS:
        return False
    fields = sum(line.look == "field" for line in run)
    return _key(run[0]) in repeated and fields >= 2 and fields * 2 >= len(run)


def _is_grid(run: Sequence[Line]) -> bool:
    """Rows whose columns are parted by blanks alone: many short lines with numbers and no sentences."""
    if len(run) < 3 or any(line.look not in ("plain", "field") for line in run):
        return False
    body = run[1:]
    numbered = sum(bool(_NUMBER.search(line.text)) and not ends_sentence(line.text) for line in body)
    widths = [len(line.text.split()) for line in body]
    return numbered >= 0.9 * len(body) and min(widths) >= 2 and max(len(line.text) for line in run) <= 160


def _grid_blocks(run: Sequence[Line]) -> Iterator[_Block]:
    for line in run:
        yield _Block([line], "row")


def _mark_titles(blocks: list[_Block], lines: Sequence[Line]) -> None:
    """Make headings of the short lines that stand alone before a text.

    In a run of several such lines (a slide, a list without marks) the first names the others, and the last
    belongs to the text that follows.
    """
    after_blank = {line.start for before, line in pairwise(lines) if before.look == "blank"}
    position = 0
    while position < len(blocks):
        end = position
        while end < len(blocks) and _stands_alone(blocks[end]):
            end += 1
        opened = position > 0 and tidy(blocks[position - 1].lines[-1].text).endswith(":")
        for number in range(position, end):
            block = blocks[number]
            first = number == position and not opened
            last = number == end - 1 and end < len(blocks) and block.start in after_blank
            titled = may_be_title(block.lines[0].text) and (first or last)
            block.kind = "title" if titled else "item"
        position = max(end, position + 1)


def _stands_alone(block: _Block) -> bool:
    """One line that is no sentence: a heading or an item of a list without marks."""
    if block.kind != "sentence" or len(block.lines) > 1:
        return False
    text = block.lines[0].text
    return len(text) <= _ITEM_CHARS and not ends_sentence(text) and text[-1] not in ",;:"


def _units(text: str, blocks: Sequence[_Block]) -> Iterator[Unit]:
    heading = lead = ""
    table = -1
    head = ""
    previous: _Block | None = None
    for block in blocks:
        whole = tidy(text[block.start : block.end])
        if block.kind == "row":
            if previous is None or previous.kind != "row" or _begins_table(text[previous.end : block.start], whole):
                table, head = table + 1, whole if _is_head(whole) else ""
            yield Unit(block.start, block.end, whole, "row", "" if whole == head else head, heading, table)
        elif block.kind == "title":
            heading, lead = whole, ""
            yield Unit(block.start, block.end, whole, "title")
        elif block.kind in ("field", "record"):
            yield Unit(block.start, block.end, whole, block.kind, "", heading)
        else:
            sentences = list(_sentences(text, block.start, block.end))
            short = block.kind == "item" or (lead and len(block.lines) == 1 and not ends_sentence(whole))
            opened = lead if short else ""
            for start, end in sentences:
                yield Unit(start, end, tidy(text[start:end]), block.kind, opened, heading)
            if whole.endswith(":"):
                lead = tidy(text[sentences[-1][0] : sentences[-1][1]])
            elif not short and block.kind == "sentence":
                lead = ""
        previous = block


def _begins_table(gap: str, row: str) -> bool:
    """Whether a row after another begins a new table: apart from it by a blank line, and a row of heads."""
    return gap.count("\n") > 1 and _is_head(row)


def _is_head(row: str) -> bool:
    cells = cells_of(row) or tuple(row.split())
    # A cell with a colon names what stands beside it: a form, not a table with a row of heads.
    return not any(":" in cell or cell.replace(",", "").replace(".", "").isdigit() for cell in cells)


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The spans of the sentences in [start, end); a very long one is cut at a semicolon or a blank."""
    at = start
    for stop in _STOP.finditer(text, start, end):
        if stop.end() >= end:
            break
        if not _is_stop(text, at, stop, end):
            continue
        yield from _cut(text, at, stop.end())
        at = stop.end()
        while at < end and text[at].isspace():
            at += 1
    if at < end:
        yield from _cut(text, at, end)


def _is_stop(text: str, at: int, stop: re.Match[str], end: int) -> bool:
    if stop.group()[0] in "。\uff01\uff1f।؟":
        return True
    follows = text[stop.end() : min(end, stop.end() + 40)].lstrip()
    if not follows or follows[0].islower():
        return False
    return not (
        stop.group().startswith(".") and _ABBREVIATION.search(text, max(at, stop.start() - 12), stop.start() + 1)
    )


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > _LONG_CHARS:
        cut = max(
            text.rfind("; ", start + 200, start + _LONG_CHARS), text.rfind(";\n", start + 200, start + _LONG_CHARS)
        )
        if cut < 0:
            cut = text.rfind(" ", start + 200, start + _LONG_CHARS)
        if cut < 0:
            cut = start + _LONG_CHARS - 1
        yield start, cut + 1 if not text[cut].isspace() else cut
        start = cut + 1
        while start < end and text[start].isspace():
            start += 1
    yield start, end
