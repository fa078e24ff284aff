"""A zip archive of documents: each member becomes parts that carry its name; archives inside it are not opened."""

import zipfile
from collections.abc import Callable
from dataclasses import replace

from ...errors import Unreadable
from ..names import shown_name
from . import encoding
from .archive import locked_member, open_archive
from .part import Block, Part, flow

MOST_MEMBERS = 500
"""Files of an archive that is read; one with more is refused."""
LARGEST_TOTAL = 256 * 1024 * 1024
"""Bytes of all files of an archive, unpacked."""

Reader = Callable[[bytes, str], tuple[Part, ...]]
_FURNITURE = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_UTF8 = 0x800


def read(archive: zipfile.ZipFile, *, reader: Reader, password: str | None) -> tuple[Part, ...]:
    """A first part that lists the files and says which were not read and why, then the parts of each file.

    Raises Unreadable: too_complex, locked, or unsupported when no file of it can be read.
    """
    entries = _entries(archive)
    if len(entries) > MOST_MEMBERS or sum(entry.file_size for entry in entries) > LARGEST_TOTAL:
        raise Unreadable(
            f"This archive holds more than {MOST_MEMBERS} files or unpacks to more than "
            f"{LARGEST_TOTAL >> 20} MB. Upload its files in smaller portions.",
            code="too_complex",
        )
    parts: list[Part] = []
    lines = []
    for entry in entries:
        name = _name(entry)
        try:
            found = reader(locked_member(archive, entry.filename, password), name)
        except Unreadable as error:
            if error.code == "locked" and entry.flag_bits & 1:
                raise
            lines.append(f"{name} (not read: {error.message})")
            continue
        lines.append(name)
        parts += (
            replace(
                p, label=f"{name}, {p.label}" if p.label else name, scan=(entry.filename, *p.scan) if p.scan else ()
            )
            for p in found
        )
    if not parts:
        reason = f": {lines[0]}" if lines else ""
        raise Unreadable(f"No file in this archive can be read{reason}.", code="unsupported")
    return (*flow([Block(line, "line") for line in lines], label="Files in this archive"), *parts)


def inner(data: bytes, name: str) -> bytes:
    """The bytes of a member. Raises Unreadable."""
    return locked_member(open_archive(data), name, None)


def _entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    return [
        entry
        for entry in archive.infolist()
        if not entry.is_dir() and not any(word in entry.filename for word in _FURNITURE)
    ]


def _name(entry: zipfile.ZipInfo) -> str:
    """The name as its maker wrote it: older archives do not say in which encoding."""
    name = entry.filename
    if not entry.flag_bits & _UTF8 and not name.isascii():
        name = encoding.decode(name.encode("cp437", "replace"))
    folder, _, last = name.replace("\\", "/").rpartition("/")
    return f"{folder}/{shown_name(last)}" if folder else shown_name(last)
