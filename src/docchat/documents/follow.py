"""Keeps a library like a folder: what is new or changed is taken in, what moved keeps its document, nothing twice.

All that is known of the files is rows written with the documents themselves, so that it may be killed at any moment
and goes on where it was.
"""

import hashlib
import mimetypes
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from ..errors import DocChatError, NotAllowed, NotFound
from ..types import DocumentState
from .folder import File, Seen, look
from .library import Library
from .names import shown_name
from .sql_followed import Followed, Held, Known, Place, hashed
from .sql_intake import Taken, Upload

_BLOCK = 1 << 20
_TOGETHER = 64
_NOTED_TOGETHER = 200
_FRESH_NANOSECONDS = 2_000_000_000
"""A file changed less than this before it was read may change again without a later time: it is read once more."""


@dataclass(slots=True)
class Report:
    """What one look at the folders came to. Names are paths; reasons are for people."""

    added: dict[UUID, str] = field(default_factory=dict)
    """Documents that are being read, with the file of each."""
    unchanged: list[str] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return bool(self.added or self.moved or self.removed or self.failed)


Tell = Callable[[Report], object]


@dataclass(frozen=True, slots=True)
class _New:
    """A file that needs a document, with the one of its earlier content and one that could not be read."""

    file: File
    replaces: UUID | None
    useless: UUID | None


class Follower:
    """Follows folders for one place.

    With `again` it takes in what was deleted from the library by hand, with `retry` it reads again what failed before.
    """

    def __init__(self, library: Library, place: Place, *, limit: int, again: bool = True, retry: bool = False) -> None:
        self._retry = retry
        self._library = library
        self._place = place
        self._limit = limit
        self._again = again
        self._followed = Followed(library.database, place)

    def look(self, paths: Iterable[Path]) -> Seen:
        """The files of folders as they are now."""
        return look(paths, limit=self._limit)

    def follow(self, seen: Seen, *, delete: bool, tell: Tell = lambda report: None) -> Report:
        """Bring the library up to what was seen; `tell` hears of the report as it grows.

        With `delete` the documents of files that are gone go too. Raises StoreError; then it is begun anew later.
        """
        known = self._followed.known()
        turn = _Turn(Report(skipped=list(seen.skipped)), _Holds(self._followed.held()), _Shelf(seen, known))
        for file, before in self._fresh(seen, known, turn):
            if turn.awaits(file):
                self._take_in(turn)
            if not self._settled(file, before, turn):
                turn.add(file, before)
            if len(turn.new) == _TOGETHER:
                self._take_in(turn)
                tell(turn.report)
        self._take_in(turn)
        self._note(turn)
        tell(turn.report)
        if delete:
            for gone in turn.shelf.left():
                self._remove(gone, known, turn.report)
                tell(turn.report)
        self.replace()
        return turn.report

    def replace(self) -> None:
        """Delete the documents of earlier contents whose successors are ready."""
        known = self._followed.known()
        pending = [file for file in known.values() if file.replaces is not None]
        states = self._followed.states([file.document_id for file in pending if file.document_id is not None])
        used = {file.document_id for file in known.values()}
        for file in pending:
            new = None if file.document_id is None else states.get(file.document_id)
            if new is not None and new.state is DocumentState.READY:
                if file.replaces not in used and not self._delete(file.replaces):
                    continue
                self._followed.note([replace(file, replaces=None)])

    def states(self, document_ids: Sequence[UUID]) -> dict[UUID, Held]:
        """How far documents are; deleted ones are left out."""
        return self._followed.states(document_ids)

    def _fresh(self, seen: Seen, known: dict[str, Known], turn: "_Turn") -> list[tuple[File, Known | None]]:
        """The files that have to be looked into, each with what is known of it."""
        found: list[tuple[File, Known | None]] = []
        for key, file in seen.files.items():
            before = known.get(key)
            by_hand = known.get(hashed(key)) if before is None else None
            if before is not None and before.document_id in turn.holds and _same(before, file):
                self._tell_unchanged(file, turn.holds.document(before.document_id), turn.report)
            elif by_hand is not None and not self._again and _same(by_hand, file):
                turn.report.skipped.append((key, "deleted from the library"))
            else:
                found.append((file, before))
        return found

    def _settled(self, file: File, before: Known | None, turn: "_Turn") -> bool:
        """Whether the file needs no document of its own: its content is known, from here or elsewhere."""
        if before is None and not turn.holds.may_hold(file.size):
            return False
        try:
            now, digest = turn.digest(file)
        except OSError as error:
            turn.report.failed.append((file.key, os.strerror(error.errno or 0)))
            return True
        if before is not None and before.sha256 == digest and before.document_id in turn.holds:
            turn.notes.append(replace(before, size=now.size, modified=now.modified))
            self._tell_unchanged(file, turn.holds.document(before.document_id), turn.report)
            return True
        return self._is_known(replace(now, key=file.key), digest, before, turn)

    def _is_known(self, now: File, digest: str, before: Known | None, turn: "_Turn") -> bool:
        moved = turn.shelf.take(digest, turn.holds)
        held = turn.holds.of(digest) if moved is None else turn.holds.document(moved.document_id)
        if held is None:
            return False
        adopted = not turn.holds.is_followed(held.id) if moved is None else moved.adopted
        earlier = turn.replaced(before)
        turn.notes.append(Known(now.key, now.size, now.modified, digest, held.id, earlier, adopted))
        if moved is None:
            self._tell_unchanged(now, held, turn.report)
            return True
        turn.forgotten.append(moved.path)
        turn.report.moved.append((moved.path, now.key))
        if shown_name(now.path.name) != held.name:
            self._library.rename(document_id=held.id, name=now.path.name)
        if len(turn.notes) >= _NOTED_TOGETHER:
            self._note(turn)
        return True

    def _take_in(self, turn: "_Turn") -> None:
        """New documents for files, and what is known of these, in one transaction."""
        new, turn.new = turn.new, []
        if not new:
            return
        read: dict[str, File] = {}
        uploads = [Upload(one.file.path.name, _media_type(one.file.path), _opener(one.file, read)) for one in new]

        def files(taken: Sequence[Taken]) -> list[Known]:
            return [
                Known(one.file.key, now.size, now.modified, got.sha256, got.document_id, one.replaces)
                for one, got in zip(new, taken, strict=True)
                if got.error is None and (now := read[one.file.key])
            ]

        place = self._place
        taken = self._library.intake.take(
            owner=place.owner, uploads=uploads, collection=place.collection, beside=self._followed.beside(files)
        )
        for one, got in zip(new, taken, strict=True):
            if got.error is not None:
                turn.report.failed.append((one.file.key, _reason(got.error)))
                continue
            turn.report.added[got.document_id] = one.file.key
            held = Held(got.document_id, one.file.path.name, got.sha256, one.file.size, DocumentState.QUEUED)
            turn.holds.add(held, followed=True)
            self._delete(one.useless)

    def _tell_unchanged(self, file: File, held: Held | None, report: Report) -> None:
        if held is not None and held.state is DocumentState.FAILED and not self._retry:
            report.failed.append((file.key, held.error or "This file could not be read."))
        elif held is not None and held.state is DocumentState.FAILED:
            self._library.retry(owner=self._place.owner, document_id=held.id)
            report.added[held.id] = file.key
        elif held is not None and held.state is not DocumentState.READY:
            report.added[held.id] = file.key  # an earlier run was killed while it was being read
        else:
            report.unchanged.append(file.key)

    def _note(self, turn: "_Turn") -> None:
        if turn.notes or turn.forgotten:
            self._followed.note(turn.notes, forget=turn.forgotten)
            turn.notes, turn.forgotten = [], []

    def _remove(self, file: Known, known: dict[str, Known], report: Report) -> None:
        """The document of a file that is gone, unless another file has the same, or it was there before."""
        known.pop(file.path, None)
        shared = any(other.document_id == file.document_id for other in known.values())
        self._followed.mark_leaving(file.path)
        useless = [file.replaces] if shared or file.adopted else [file.document_id, file.replaces]
        if not all(map(self._delete, useless)):
            report.failed.append((file.path, NotAllowed().message))
            return
        self._followed.note([], forget=[file.path])
        report.removed.append(file.path)

    def _delete(self, document_id: UUID | None) -> bool:
        """Delete a document if there is one; False when its collection may only be read by now."""
        try:
            if document_id is not None:
                self._library.delete(owner=self._place.owner, document_id=document_id)
        except NotFound:
            pass  # somebody was faster
        except NotAllowed:
            return False
        return True


class _Turn:
    """One time that the library is brought up to the folders."""

    def __init__(self, report: Report, holds: "_Holds", shelf: "_Shelf") -> None:
        self.report = report
        self.holds = holds
        self.shelf = shelf
        self.new: list[_New] = []
        self.notes: list[Known] = []
        self.forgotten: list[str] = []
        self._digests: dict[str, tuple[File, str]] = {}

    def add(self, file: File, before: Known | None) -> None:
        """One more file that needs a document."""
        held = None if before is None else self.holds.document(before.document_id)
        failed = held is not None and held.state is DocumentState.FAILED
        self.new.append(_New(file, self.replaced(before), held.id if failed and held is not None else None))

    def awaits(self, file: File) -> bool:
        """Whether one of the new files has the same content."""
        alike = [one.file for one in self.new if one.file.size == file.size]
        try:
            return bool(alike) and self.digest(file)[1] in [self.digest(one)[1] for one in alike]
        except OSError:
            return False

    def digest(self, file: File) -> tuple[File, str]:
        """The file as it was while it was read, and the SHA-256 of its content. Raises OSError."""
        if file.key not in self._digests:
            self._digests[file.key] = _digest(file)
        return self._digests[file.key]

    def replaced(self, before: Known | None) -> UUID | None:
        """The document that a file's new content replaces: the last one that could be read, if it came from here."""
        held = None if before is None else self.holds.document(before.document_id)
        if before is None or held is None or before.adopted:
            return None
        return before.replaces if held.state is DocumentState.FAILED else held.id


class _Holds:
    """The documents of a place, by id and by content."""

    def __init__(self, held: Iterable[Held]) -> None:
        self._by_id: dict[UUID, Held] = {}
        self._by_digest: dict[str, Held] = {}
        self._sizes: set[int] = set()
        self._followed: set[UUID] = set()
        for one in held:
            self.add(one, followed=one.followed)

    def __contains__(self, document_id: UUID | None) -> bool:
        return document_id in self._by_id

    def add(self, one: Held, *, followed: bool) -> None:
        """Know one more; of two with the same content the first counts, unless it could not be read."""
        self._by_id[one.id] = one
        self._sizes.add(one.size)
        if followed:
            self._followed.add(one.id)
        earlier = self._by_digest.get(one.sha256)
        if earlier is None or earlier.state is DocumentState.FAILED:
            self._by_digest[one.sha256] = one

    def may_hold(self, size: int) -> bool:
        """Whether there is anything of this size."""
        return size in self._sizes

    def is_followed(self, document_id: UUID) -> bool:
        """Whether the document was made for a file of a folder."""
        return document_id in self._followed

    def of(self, digest: str) -> Held | None:
        """The document with this content."""
        return self._by_digest.get(digest)

    def document(self, document_id: UUID | None) -> Held | None:
        """The document of this id."""
        return None if document_id is None else self._by_id.get(document_id)


class _Shelf:
    """Files that are not where they were: each may be the origin of one that is new."""

    def __init__(self, seen: Seen, known: dict[str, Known]) -> None:
        self._spared = seen.spared
        self._gone: dict[str, list[Known]] = {}
        for key, file in known.items():
            if file.document_id is not None and key not in seen.files and key not in seen.busy and seen.covers(key):
                self._gone.setdefault(file.sha256, []).append(file)

    def take(self, digest: str, holds: _Holds) -> Known | None:
        """One with this content, whose document is there; it counts as moved from now on."""
        files = self._gone.get(digest, [])
        for file in files:
            if file.document_id in holds:
                files.remove(file)
                return file
        return None

    def left(self) -> list[Known]:
        """Those that moved nowhere, and are to be believed gone."""
        return [file for files in self._gone.values() for file in files if file.path not in self._spared]


def _same(before: Known, file: File) -> bool:
    return (before.size, before.modified) == (file.size, file.modified)


def _replaced(before: Known | None, holds: _Holds) -> UUID | None:
    """The document that a file's new content replaces: the last one that could be read."""
    if before is None:
        return None
    held = holds.document(before.document_id)
    if held is not None and held.state is DocumentState.FAILED and before.replaces is not None:
        return before.replaces
    return before.document_id


def _digest(file: File) -> tuple[File, str]:
    """The file as it was while it was read, and the SHA-256 of its content."""
    digest = hashlib.sha256()
    read: dict[str, File] = {}
    with _opener(file, read)() as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return read[file.key], digest.hexdigest()


def _opener(file: File, read: dict[str, File]) -> Callable[[], "_Opened"]:
    return lambda: _Opened(file, read)


class _Opened:
    """A file while it is read; afterwards `read` says what it was then, `modified` 0 when that is not sure."""

    def __init__(self, file: File, read: dict[str, File]) -> None:
        self._file = file
        self._read = read
        self._stream: BinaryIO | None = None

    def __enter__(self) -> BinaryIO:
        # Without O_NONBLOCK a pipe that took the file's place would never open.
        self._stream = os.fdopen(os.open(self._file.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
        self._before = os.fstat(self._stream.fileno())
        return self._stream

    def __exit__(self, *raised: object) -> None:
        assert self._stream is not None  # noqa: S101  (entered before)
        after = os.fstat(self._stream.fileno())
        self._stream.close()
        still = (after.st_size, after.st_mtime_ns) == (self._before.st_size, self._before.st_mtime_ns)
        settled = still and time.time_ns() - after.st_mtime_ns > _FRESH_NANOSECONDS
        modified = after.st_mtime_ns if settled else 0
        self._read[self._file.key] = replace(self._file, size=after.st_size, modified=modified)


def _media_type(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _reason(error: DocChatError | OSError) -> str:
    return error.message if isinstance(error, DocChatError) else os.strerror(error.errno or 0)
