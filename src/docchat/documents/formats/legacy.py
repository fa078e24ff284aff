"""Files of older Office versions, and locked ones of newer: what they are, whether locked, which sheets are hidden."""

import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping

from ...errors import Unreadable
from . import compound, locked, office
from .archive import member
from .ooxml import check
from .part import Part, conceal

_KINDS = (("worddocument", "doc"), ("powerpoint document", "ppt"), ("workbook", "xls"), ("book", "xls"))
_MESSAGE = "__substg1.0_"
_LOCKED_WORD = 0x0100
_END, _FILEPASS, _BOUNDSHEET, _COLUMNS, _ROW = 0x0A, 0x2F, 0x85, 0x7D, 0x208
_BUNDLE = 0x9C
_MOST_RECORDS = 5_000_000

Opened = Callable[[bytes], tuple[Part, ...]]


def read(data: bytes, *, password: str | None, reader: Opened) -> tuple[Part, ...]:
    """The parts of a compound file; `reader` reads the file inside a locked one. Raises Unreadable."""
    try:
        streams = compound.streams(data)
    except Unreadable:
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise Unreadable(office.STAYS_LOCKED, code="locked") from None
        raise
    if "encryptedpackage" in streams:
        return reader(locked.opened(streams, password))
    kind = next((kind for name, kind in _KINDS if name in streams), "")
    if not kind and any(name.startswith(_MESSAGE) for name in streams):
        kind = "msg"
    if not kind:
        raise Unreadable("Files of this kind cannot be read.", code="unsupported")
    if _is_locked(streams, kind):
        raise Unreadable(office.STAYS_LOCKED, code="locked")
    if kind != "xls":
        return office.read(data, kind)
    book = streams.get("workbook") or streams.get("book") or b""
    states = dict(_old_sheets(book))
    return tuple(_marked(office.sheets(data, kind), states))


def read_binary(archive: zipfile.ZipFile, data: bytes) -> tuple[Part, ...]:
    """The parts of a binary workbook (.xlsb). Raises Unreadable."""
    check(archive)
    states = dict(_binary_sheets(member(archive, "xl/workbook.bin")))
    return tuple(_marked(office.sheets(data, "xlsb"), states))


def _is_locked(streams: Mapping[str, bytes], kind: str) -> bool:
    if kind == "doc":
        head = streams["worddocument"][10:12]
        return len(head) == 2 and bool(int.from_bytes(head, "little") & _LOCKED_WORD)
    if kind == "ppt":
        return "encryptedsummary" in streams
    book = streams.get("workbook") or streams.get("book") or b""
    return kind == "xls" and any(code == _FILEPASS for code, _ in _records(book, 0))


def _records(book: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The records of one part of a workbook, up to its end mark."""
    for _ in range(_MOST_RECORDS):
        if at + 4 > len(book):
            return
        code, length = struct.unpack_from("<HH", book, at)
        if code == _END:
            return
        yield code, book[at + 4 : at + 4 + length]
        at += 4 + length


def _old_sheets(book: bytes) -> Iterator[tuple[str, str]]:
    """For sheets that hide something: name, and what is hidden."""
    for code, record in _records(book, 0):
        if code == _BOUNDSHEET and len(record) > 8:
            (at,) = struct.unpack_from("<I", record)
            length, wide = record[6], record[7] & 1
            raw = record[8 : 8 + length * (1 + wide)]
            name = raw.decode("utf-16-le" if wide else "latin-1", "replace")
            if record[4] & 3:
                yield name, "sheet"
            elif any(_hides(*found) for found in _records(book, at)):
                yield name, "cells"


def _hides(code: int, record: bytes) -> bool:
    if code == _COLUMNS and len(record) >= 10:
        return bool(record[8] & 1)
    return code == _ROW and len(record) >= 14 and bool(record[12] & 0x20)


def _binary_sheets(book: bytes) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(book):
        code, at = _number(book, at)
        length, at = _number(book, at)
        record, at = book[at : at + length], at + length
        if code == _BUNDLE and len(record) > 12 and struct.unpack_from("<I", record)[0]:
            first, after = _wide(record, 8)
            name, _ = _wide(record, after)
            yield name or first, "sheet"


def _number(book: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 28, 7):
        byte = book[at] if at < len(book) else 0
        value |= (byte & 0x7F) << shift
        at += 1
        if not byte & 0x80:
            break
    return value, at


def _wide(record: bytes, at: int) -> tuple[str, int]:
    if at + 4 > len(record):
        return "", at
    (length,) = struct.unpack_from("<I", record, at)
    length = 0 if length == 0xFFFFFFFF else length
    return record[at + 4 : at + 4 + 2 * length].decode("utf-16-le", "replace"), at + 4 + 2 * length


def _marked(sheets: Mapping[str, tuple[Part, ...]], states: Mapping[str, str]) -> Iterator[Part]:
    """The parts of the sheets; those of a hidden sheet as hidden text, those of one with hidden cells named so."""
    for name, parts in sheets.items():
        state = states.get(name)
        if state == "sheet":
            texts = [part.text for part in parts]
            yield conceal(Part(label=f"{name} (hidden)", text=""), texts, mark="Hidden sheet")
        elif state:
            yield from (
                Part(label=f"{part.label} (with hidden rows or columns)", text=part.text, rows=True) for part in parts
            )
        else:
            yield from parts
