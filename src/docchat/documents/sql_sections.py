"""Sections of the documents that somebody may read: listed, found by their ids, and their passages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import Connection, select

from ..db.engine import Database
from ..db.schema import chunk, document, document_page
from ..errors import NotFound
from ..types import Chunk, DocumentState, PageText
from . import sql_access
from .cutting import plain_label
from .sections import AROUND, LONGEST, Place, Section, outline, page_section, place_of, selection

PAGES = 100
"""Pages whose sections are listed at once."""
_LONGEST_LABEL = 119  # a passage's label is cut a little behind it


@dataclass(frozen=True, slots=True)
class Outline:
    """Sections of some pages of a document, and the page that the next ones begin with; None at the end."""

    sections: tuple[Section, ...]
    next: int | None


class Sections:
    """The sections of documents. `owner` is who asks: what that person may read is asked of `sql_access` alone.

    A document or section that is not there, or not the owner's to read, raises NotFound.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, *, owner: str, document_id: UUID, page: int = 1, chosen: Sequence[str] = ()) -> Outline:
        """The pages and headings of at most PAGES pages from `page` on; with them the selections among `chosen`."""
        with self._database.read() as connection:
            found = _ready(connection, owner, document_id)
            last = page + PAGES - 1
            texts = _texts(connection, found, page - AROUND, last + LONGEST + AROUND)
            known = _known(connection, found, texts)
        if not any(text.number == page for text in texts):
            raise NotFound
        sections = list(outline(texts, known, first=page, last=last))
        by_number = {text.number: text for text in texts if page <= text.number <= last}
        for place in filter(None, map(place_of, chosen)):
            if place.kind == "selection" and place.page in by_number:
                marked = selection(by_number[place.page], place.start, place.end)
                sections += [marked] if marked is not None else []
        sections.sort(key=lambda section: (section.page, section.start, section.kind != "page", -section.end))
        return Outline(tuple(sections), last + 1 if any(text.number > last for text in texts) else None)

    def find(self, *, owner: str, document_id: UUID, section_id: str) -> Section:
        """One section by its id."""
        place = place_of(section_id)
        if place is None:
            raise NotFound
        with self._database.read() as connection:
            found = _ready(connection, owner, document_id)
            before, after = (AROUND, LONGEST + AROUND) if place.kind == "heading" else (0, 0)
            texts = _texts(connection, found, place.page - before, place.page + after)
            known = _known(connection, found, texts) if before else {}
        section = _at(place, texts, known)
        if section is None or section.id != section_id:
            raise NotFound
        return section

    def passages(self, *, owner: str, document_id: UUID, section: Section) -> tuple[Chunk, ...]:
        """The passages of a section in the order of the document, cut at its ends."""
        columns = (chunk.c.id, document.c.id, document.c.name)
        place = (chunk.c.page, chunk.c.label, chunk.c.start, chunk.c.end, chunk.c.text)
        query = (
            select(*columns, *place)
            .join(document, document.c.no == chunk.c.document_no)
            .where(chunk.c.page.between(section.page, section.last))
            .order_by(chunk.c.id)
        )
        with self._database.read() as connection:
            found = _ready(connection, owner, document_id)
            rows = connection.execute(query.where(chunk.c.document_no == found)).all()
        cut = (_cut(Chunk(*row), section) for row in rows)
        return tuple(piece for piece in cut if piece is not None)


def _ready(connection: Connection, owner: str, document_id: UUID) -> int:
    """The number of a document that is ready and that `owner` may read."""
    row = sql_access.load(connection, owner, document_id, (document.c.no, document.c.state))
    if row["state"] != DocumentState.READY:
        raise NotFound
    return int(row["no"])


def _texts(connection: Connection, no: int, first: int, last: int) -> list[PageText]:
    columns = document_page.c.number, document_page.c.label, document_page.c.text
    query = select(*columns).where(document_page.c.document_no == no, document_page.c.number.between(first, last))
    return [PageText(*row) for row in connection.execute(query.order_by(document_page.c.number))]


def _known(connection: Connection, no: int, texts: Sequence[PageText]) -> dict[int, set[str]]:
    """The headings that the document's reader found, as far as passages are called after them."""
    if not texts:
        return {}
    labels = {text.number: text.label for text in texts}
    pages = chunk.c.page.between(texts[0].number, texts[-1].number)
    query = select(chunk.c.page, chunk.c.label).where(chunk.c.document_no == no, pages).distinct()
    found: dict[int, set[str]] = {}
    for page, label in connection.execute(query):
        mine = labels.get(page, "")
        heading = label.removeprefix(f"{mine}, ") if mine and label.startswith(f"{mine}, ") else label
        if heading and heading != mine and plain_label(heading) and len(label) < _LONGEST_LABEL:
            found.setdefault(page, set()).add(heading)
    return found


def _at(place: Place, texts: Sequence[PageText], known: dict[int, set[str]]) -> Section | None:
    page = next((text for text in texts if text.number == place.page), None)
    if page is None:
        return None
    if place.kind == "page":
        return page_section(page)
    if place.kind == "selection":
        return selection(page, place.start, place.end)
    listed = outline(texts, known, first=place.page, last=place.page)
    return next((section for section in listed if section.kind == "heading" and section.start == place.start), None)


def _cut(whole: Chunk, section: Section) -> Chunk | None:
    """The part of a passage that lies in the section; None when there is nothing to read in it."""
    first, last = section.span(whole.page, whole.end)
    start, end = max(whole.start, first), min(whole.end, last)
    text = whole.text[start - whole.start : end - whole.start] if start < end else ""
    return replace(whole, start=start, end=end, text=text) if text.strip() else None
