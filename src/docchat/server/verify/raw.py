"""The look at raw bytes, a program of its own: `python -m docchat.server.verify.raw < wanted`; prints JSON.

SQLite drops the locks of a process that closes any descriptor of its files, so nothing here may run in a process that
has the database open.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from ...keys.keyring import SlotState
from ...keys.slots import HEADER_BYTES, SLOT_BYTES
from . import strays
from .pages import MainFile, PageSource, Row, Value, frames, freelist, is_empty, rows
from .wanted import Chat, Wanted

SEQ_BITS = 24
_MOST_PLACES = 10


class Seen(TypedDict):
    """What the look found. `findings` are pairs of where and what; `unsettled` is true while the write-ahead log holds
    frames of an earlier round or pages that the main file does not have yet: then a checkpoint settles it."""

    findings: list[tuple[str, str]]
    unsettled: bool
    pages: int
    files: int


def look(wanted: Wanted) -> Seen:
    """Read every file."""
    seen = Seen(findings=[], unsettled=False, pages=0, files=0)
    if wanted.slot_file:
        seen["findings"] += _slots(Path(wanted.slot_file), wanted.slots)
    for name, finder in ((wanted.database, _Chats(wanted)), (wanted.keyring, _Keys(wanted))):
        if name:
            _look_at_sqlite(Path(name), finder, seen)
    seen["findings"] += [(str(path), what) for path, what in strays.strays(wanted)]
    seen["findings"] = _shortened(seen["findings"])
    seen["files"] = strays.count(Path(wanted.data_dir))
    return seen


def _shortened(findings: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Some places for each kind of finding, and how many more there are: a long chat stands on thousands of pages."""
    places: dict[str, list[str]] = {}
    for where, what in findings:
        places.setdefault(what, []).append(where)
    short = [(where, what) for what, found in places.items() for where in found[:_MOST_PLACES]]
    rest = {what: len(found) - _MOST_PLACES for what, found in places.items() if len(found) > _MOST_PLACES}
    return short + [(f"{number} more places", what) for what, number in rest.items()]


class _Chats:
    """Finds rows of the wanted chats: any message of theirs, and their own row as it was before the clear."""

    def __init__(self, wanted: Wanted) -> None:
        self._layout = wanted.layout
        self._chats: dict[int, list[Chat]] = {}
        for chat in wanted.chats:
            self._chats.setdefault(chat.no, []).append(chat)
        self._rows = wanted.rows

    def __call__(self, row: Row) -> str | None:
        if self._rows and (what := self._of_document(row)) is not None:
            return what
        for chat in self._chats.get(row.rowid >> SEQ_BITS, ()):
            is_message = len(row.values) == self._layout.message_columns and row.values[0] is None
            if chat.first <= row.rowid <= chat.last and is_message:
                return "a sealed message of this chat"
            attached = len(row.values) in self._layout.attached_columns and row.values[0] is None
            if chat.whole and chat.first <= row.rowid <= chat.last and attached:
                return "a sealed attachment of this chat"
        for chat in self._chats.get(row.rowid, ()):
            if chat.whole and chat.id.encode() in row.values and self._is_alive(row):
                return "the chat's row as it was before the clear"
        return None

    def _of_document(self, row: Row) -> str | None:
        count, values = len(row.values), row.values
        for gone in self._rows:
            for columns, at in self._layout.with_document:
                if count == columns and values[at] == gone.no:
                    return "a row of this document"
            indexed = count == self._layout.indexed_columns and values[0] is None and values[1] is not None
            if indexed and any(first <= row.rowid <= last for first, last in gone.chunks) and _is_token(values[1]):
                return "words of this document"
        return None

    def _is_alive(self, row: Row) -> bool:
        values = dict(enumerate(row.values))
        return values.get(self._layout.title) is not None or values.get(self._layout.cleared_at) is None


def _is_token(value: Value) -> bool:
    """Whether this is the word that stands for an owner or a collection: a row of the index begins with it."""
    return isinstance(value, bytes) and value[:2] in (b"_o", b"_c")


class _Keys:
    """Finds rows of the keyring that still hold one of the wanted keys."""

    def __init__(self, wanted: Wanted) -> None:
        self._table = wanted.key_table
        self._slots = set(wanted.slots)

    def __call__(self, row: Row) -> str | None:
        if row.rowid not in self._slots or len(row.values) != self._table.columns or row.values[0] is not None:
            return None
        wrapped = row.values[self._table.wrapped]
        return "a wrapped key of this chat" if isinstance(wrapped, bytes) and any(wrapped) else None


def _slots(path: Path, slots: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    with path.open("rb") as file:
        for slot in slots:
            file.seek(HEADER_BYTES + SLOT_BYTES * slot)
            record = file.read(SLOT_BYTES)
            # Behind state and version a destroyed slot holds zeros.
            if record[:1] != bytes([SlotState.DESTROYED]) or len(record) != SLOT_BYTES or any(record[2:]):
                yield f"{path}, slot {slot}", "the key is not destroyed"


def _look_at_sqlite(path: Path, finder: "_Chats | _Keys", seen: Seen) -> None:
    if not path.exists():
        seen["findings"].append((str(path), "the database's file is missing"))
        return
    log = path.with_name(path.name + "-wal")
    newest: dict[int, bytes] = {}
    for frame in frames(log):
        seen["pages"] += 1
        seen["unsettled"] |= frame.stale and any(frame.data)
        seen["findings"] += _found(frame.data, frame.page, finder, f"{log}, byte {frame.offset}")
        if not frame.stale:
            newest[frame.page] = frame.data
    journal = path.with_name(path.name + "-journal")
    if journal.exists() and journal.stat().st_size:
        seen["findings"].append((str(journal), "a rollback journal: it holds pages as they were"))
    main = MainFile(path)
    try:
        for number, page in main.pages():
            seen["pages"] += 1
            seen["findings"] += _found(page, number, finder, f"{path}, page {number}")
        _look_at_free_pages(path, PageSource(main, newest), seen)
    finally:
        main.close()


def _look_at_free_pages(path: Path, page_of: PageSource, seen: Seen) -> None:
    first = page_of(1)
    count = int.from_bytes(first[28:32], "big")
    for number, trunk in freelist(first, page_of):
        if not is_empty(page_of(number), trunk=trunk, page_count=count):
            seen["findings"].append((f"{path}, free page {number}", "a page that is not used still holds bytes"))
        elif number in page_of.log and any(page_of.main.page(number)):
            seen["unsettled"] = True


def _found(page: bytes, number: int, finder: "_Chats | _Keys", where: str) -> Iterator[tuple[str, str]]:
    for row in rows(page, first=number == 1):
        what = finder(row)
        if what is not None:
            yield where, what
            return


def main() -> None:
    """Read what is wanted, print what was seen."""
    os.umask(0o077)
    print(json.dumps(look(Wanted.load(sys.stdin.read()))))


if __name__ == "__main__":
    main()
