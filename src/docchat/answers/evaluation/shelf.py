"""The library that an evaluation fills with the documents of a set, and where their pages and paragraphs lie in it."""

import io
import time
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID

from ...errors import DocChatError
from ...types import Chunk, Citation, Document, DocumentState, PageText
from .question_sets import Asked, QuestionSet, Right

OWNER = "evaluation"
"""The owner of everything that an evaluation stores."""

_BEGINNING = 80
_INGEST_SECONDS = 4 * 3600.0

Progress = Callable[[str], None]


class Shelf(Protocol):
    """What an evaluation needs of the library."""

    def add(self, *, owner: str, name: str, stream: BinaryIO, media_type: str) -> Document:
        """Take a file."""

    def get(self, *, owner: str, document_id: UUID) -> Document:
        """Look at it again."""

    def page(self, *, owner: str, document_id: UUID, number: int) -> PageText:
        """A page of it."""


class Jobs(Protocol):
    """What an evaluation needs of the worker."""

    def run_due(self) -> int:
        """Run the jobs that are due; how many were run."""


class Filled(Protocol):
    """The services under evaluation, as far as filling their library goes."""

    @property
    def library(self) -> Shelf:
        """The library."""

    @property
    def worker(self) -> Jobs:
        """The worker."""


def ingest(services: Filled, data: QuestionSet, progress: Progress) -> dict[str, UUID]:
    """Take the documents in and wait until each was read; their ids by their keys."""
    ids: dict[str, UUID] = {}
    told = 0.0
    for key, content in data.documents.items():
        name, stream = _file(key, content)
        with stream:
            ids[key] = services.library.add(owner=OWNER, name=name, stream=stream, media_type="").id
    waiting = list(ids.values())
    deadline = time.monotonic() + _INGEST_SECONDS
    while waiting and time.monotonic() < deadline:
        # A running worker may have taken a job: then there is nothing due here, and its end is awaited.
        if not services.worker.run_due():
            time.sleep(0.02)
        waiting = [id for id in waiting if not _settled(services.library, id)]
        if time.monotonic() - told > 5:
            told = time.monotonic()
            progress(f"reading: {len(ids) - len(waiting)} of {len(ids)}")
    if waiting:
        raise DocChatError("The documents could not be read in time.")
    return ids


def _file(key: str, content: Path | str) -> tuple[str, BinaryIO]:
    if isinstance(content, Path):
        return content.name, content.open("rb")
    return f"{key.removesuffix('.md')}.html", io.BytesIO(content.encode())


def _settled(library: Shelf, id: UUID) -> bool:
    return library.get(owner=OWNER, document_id=id).state in (DocumentState.READY, DocumentState.FAILED)


class Places:
    """Tells which documents, pages or paragraphs of a set a passage lies in."""

    def __init__(self, library: Shelf, data: QuestionSet, ready: Mapping[str, Document]) -> None:
        self._keys = {document.id: key for key, document in ready.items()}
        self._pages = {key: document.pages for key, document in ready.items()}
        cut = {right.document for asked in data.questions if asked.unit == "paragraph" for right in asked.right}
        self._paragraphs = {
            key: Paragraphs(_texts(library, ready[key]), _source(data.documents[key]))
            for key in sorted(cut & ready.keys())
        }

    def of(self, chunk: Chunk | Citation, unit: str) -> list[Right]:
        """The places of a passage, the one that holds most of it first."""
        key = self._keys.get(chunk.document_id)
        if key is None:
            return []
        if unit == "page":
            return [Right(key, chunk.page)]
        if unit == "paragraph":
            found = self._paragraphs.get(key)
            return [Right(key, number) for number in found.of(chunk)] if found else [Right(key, -1)]
        return [Right(key)]

    def missing(self, questions: Iterable[Asked]) -> int:
        """How many right places there are that the documents as they were read do not have."""
        places = {(right, asked.unit) for asked in questions for right in asked.right}
        return sum(not self._has(right, unit) for right, unit in places)

    def _has(self, right: Right, unit: str) -> bool:
        if right.document not in self._pages:
            return False
        if unit == "page":
            return 1 <= (right.number or 0) <= self._pages[right.document]
        return unit == "document" or self._paragraphs[right.document].has(right.number)


class Paragraphs:
    """Where the paragraphs of a file stand in its pages as they were read, compared by letters and digits alone."""

    def __init__(self, pages: Sequence[PageText], source: str) -> None:
        self._letters: dict[int, tuple[list[int], int]] = {}
        all_letters: list[str] = []
        length = 0
        for page in pages:
            letters, offsets = _letters(page.text)
            self._letters[page.number] = (offsets, length)
            all_letters.append(letters)
            length += len(letters)
        whole = "".join(all_letters)
        self._starts: list[int] = []
        self._numbers: list[int] = []
        cursor = 0
        for number, paragraph in enumerate(_paragraphs(source)):
            wanted = _letters(paragraph)[0]
            # Its beginning tells where it stands, should the reader have left out something of it.
            at = whole.find(wanted[:_BEGINNING], cursor) if wanted else -1
            if at >= 0:
                self._starts.append(at)
                self._numbers.append(number)
                cursor = at + 1

    def has(self, number: int | None) -> bool:
        """Whether the paragraph was found."""
        return number in self._numbers

    def of(self, chunk: Chunk | Citation) -> list[int]:
        """The paragraphs that a passage lies in, the one with most of it first."""
        if chunk.page not in self._letters:
            return []
        offsets, before = self._letters[chunk.page]
        start, end = (before + bisect_right(offsets, at - 1) for at in (chunk.start, chunk.end))
        first = max(0, bisect_right(self._starts, start) - 1)
        shares: list[tuple[int, int]] = []
        for place in range(first, len(self._starts)):
            begins = self._starts[place]
            ends = self._starts[place + 1] if place + 1 < len(self._starts) else end
            if begins >= end:
                break
            if (share := min(end, ends) - max(start, begins)) > 0:
                shares.append((-share, self._numbers[place]))
        return [number for _, number in sorted(shares)]


def _paragraphs(source: str) -> list[str]:
    """The paragraphs of a file, parted by blank lines; a heading at its start is none."""
    pieces = [piece for piece in source.replace("\r\n", "\n").split("\n\n") if piece.strip()]
    return pieces[1:] if pieces and pieces[0].lstrip().startswith("#") and "\n" not in pieces[0].strip() else pieces


def _letters(text: str) -> tuple[str, list[int]]:
    """Letters and digits of a text, folded, and for each where it stands."""
    found: list[str] = []
    offsets: list[int] = []
    for place, character in enumerate(text):
        for one in (
            unicodedata.normalize("NFKC", character).casefold() if not character.isascii() else character.lower()
        ):
            if one.isalnum():
                found.append(one)
                offsets.append(place)
    return "".join(found), offsets


def _texts(library: Shelf, document: Document) -> list[PageText]:
    return [library.page(owner=OWNER, document_id=document.id, number=n) for n in range(1, document.pages + 1)]


def _source(content: Path | str) -> str:
    return content.read_text(encoding="utf-8", errors="replace") if isinstance(content, Path) else content
