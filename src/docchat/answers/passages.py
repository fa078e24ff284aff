"""A passage: a piece of a document that an answer may rest on, numbered as its citations are."""

from dataclasses import dataclass

from ..types import Chunk, Citation
from .quotes.units import Unit


@dataclass(frozen=True, slots=True)
class Passage:
    """Passage `number` (1-based): `chunk`, the text of its page, and the page's units in order.

    Offsets of chunk and units are those of `page_text`. `score` is the index's, comparable within one search.
    """

    number: int
    chunk: Chunk
    page_text: str
    units: tuple[Unit, ...]
    score: float

    def own_units(self) -> list[Unit]:
        """The units that stand in the chunk, at least in part."""
        return [unit for unit in self.units if unit.start < self.chunk.end and unit.end > self.chunk.start]

    def cite(self, start: int, end: int, *, number: int | None = None) -> Citation:
        """The citation of the characters [start, end) of the page, under the passage's number or another."""
        return Citation(
            number=self.number if number is None else number,
            document_id=self.chunk.document_id,
            document_name=self.chunk.document_name,
            page=self.chunk.page,
            label=self.chunk.label,
            start=start,
            end=end,
            quote=self.page_text[start:end],
            attached=self.chunk.attached,
        )
