"""OpenDocument texts, sheets and slides by the standard library; what their styles hide is kept apart."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ...errors import Unreadable
from .. import tables
from . import sheet
from .archive import member
from .odf_styles import Styles
from .ooxml import Element, check, local, optional, tree
from .part import Block, Part, conceal, flow
from .spans import Cell, Spans, span_of

MOST_CELLS = 2_000_000
"""Cells of a workbook that is read, repeated ones counted as they are written."""
_SKIPPED = frozenset(
    ("tracked-changes", "sequence-decls", "variable-decls", "annotation", "title", "desc", "forms", "settings")
)
_MOST_BLANKS = 100
_MOST_REPEATED = 1000
_DEEPEST = 100


def read(archive: zipfile.ZipFile, kind: str) -> tuple[Part, ...]:
    """The parts of an odt, ods or odp. Raises Unreadable: damaged, locked, too_complex."""
    check(archive)
    manifest = member(archive, "META-INF/manifest.xml") if "META-INF/manifest.xml" in archive.NameToInfo else b""
    if b"encryption-data" in manifest:
        raise Unreadable(
            "This document is locked with a password. Save it without the password and upload it again.", code="locked"
        )
    root = tree(archive, "content.xml")
    reader = _Reader(Styles([found for found in (optional(archive, "styles.xml"), root) if found is not None]))
    if kind == "ods":
        return tuple(_sheets(root, reader))
    if kind == "odp":
        return tuple(_slides(root, reader))
    return flow(tuple(reader.blocks(root)))


class _Reader:
    """Blocks of text with the styles of one document."""

    def __init__(self, styles: Styles) -> None:
        self.styles = styles
        self._cells = 0
        self._spans = Spans()

    def count(self, cells: int) -> None:
        """Raises Unreadable when there are more cells in all sheets together than are read."""
        self._cells += cells
        if self._cells > MOST_CELLS:
            raise Unreadable(f"This workbook has more than {MOST_CELLS:,} cells. Please split it.", code="too_complex")

    def blocks(
        self, element: Element, *, kind: Literal["text", "item"] = "text", ground: bool = False, depth: int = 0
    ) -> Iterator[Block]:
        """Headings, paragraphs, items and table rows, and the texts of boxes. `ground`: white letters are seen."""
        name = local(element)
        if name in _SKIPPED:
            return
        if depth > _DEEPEST:
            raise Unreadable("This document is nested too deep.", code="too_complex")
        if name in ("h", "p"):
            text = self.inline(element, ground=ground)
            yield Block(text.seen, "heading" if name == "h" else kind)
            yield Block(text.hidden, hidden=True)
            for box in (e for e in element.iter() if local(e) == "text-box"):
                for child in box:
                    yield from self.blocks(child, ground=True, depth=depth + 1)
        elif name == "table-row":
            yield from self._row(element, ground)
        elif name in ("hidden-paragraph", "section") and _is_hidden_section(element):
            yield Block(" ".join(element.itertext()), hidden=True)
        else:
            if name == "table":
                self._spans = Spans()
            for child in element:
                item: Literal["text", "item"] = "item" if name == "list-item" else kind
                yield from self.blocks(child, kind=item, ground=ground, depth=depth + 1)

    def _row(self, row: Element, ground: bool) -> Iterator[Block]:
        cells = []
        for cell in row:
            filled = ground or self.styles.has_ground(cell)
            texts = [self.inline(p, ground=filled) for p in cell.iter() if local(p) in ("p", "h")]
            yield from (Block(text.hidden, hidden=True) for text in texts)
            if local(cell) != "covered-table-cell":
                reach = (span_of(_attribute(cell, f"number-{way}-spanned")) for way in ("columns", "rows"))
                cells.append(Cell(" ".join(text.seen for text in texts), *reach))
        yield Block(tables.render([self._spans.lay(cells)]), "row")

    def inline_all(self, cell: Element) -> "_Text":
        """The paragraphs of a cell, without its comment."""
        found = _Text()
        hidden, ground = self.styles.hides(cell), self.styles.has_ground(cell)
        for child in cell:
            if local(child) in ("p", "h"):
                text = self.inline(child, hidden=hidden, ground=ground)
                found.join(_Text(f" {text.seen}", f" {text.hidden}"))
        return _Text(found.seen.strip(), found.hidden.strip())

    def boxes(self, element: Element) -> Iterator[Block]:
        """The blocks of a frame or shape on a slide."""
        for child in element:
            yield from self.blocks(child, ground=True, depth=1)

    def inline(self, element: Element, *, hidden: bool = False, ground: bool = False) -> "_Text":
        """The text of a paragraph or span."""
        hidden = hidden or self.styles.hides(element, ground=ground)
        pieces = _Text()
        pieces.add(element.text, hidden)
        for child in element:
            self._inline_child(child, pieces, hidden, ground)
            pieces.add(child.tail, hidden)
        return pieces

    def _inline_child(self, child: Element, pieces: "_Text", hidden: bool, ground: bool) -> None:
        name = local(child)
        if name == "s":
            pieces.add(" " * min(_MOST_BLANKS, _number(child, "c")), hidden)
        elif name == "tab":
            pieces.add(" ", hidden)
        elif name == "line-break":
            pieces.add("\n", hidden)
        elif name == "note":
            texts = [self.inline(p, hidden=hidden, ground=ground) for p in child.iter() if local(p) == "p"]
            pieces.add(f" ({' '.join(text.seen for text in texts)})", hidden)
            pieces.add(" ".join(text.hidden for text in texts), True)
        elif name in ("hidden-text", "hidden-paragraph"):
            pieces.add("".join(child.itertext()) or child.get(_string_value(child)), True)
        elif name not in _SKIPPED and name not in ("text-box", "frame", "custom-shape"):
            pieces.join(self.inline(child, hidden=hidden, ground=ground))


@dataclass(slots=True)
class _Text:
    seen: str = ""
    hidden: str = ""

    def add(self, text: str | None, hidden: bool) -> None:
        """Append to one of the two."""
        if hidden:
            self.hidden += text or ""
        else:
            self.seen += text or ""

    def join(self, other: "_Text") -> None:
        """Append both."""
        self.seen += other.seen
        self.hidden += other.hidden


def _attribute(element: Element, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.endswith(f"}}{name}")), "")


def _string_value(element: Element) -> str:
    return next((key for key in element.attrib if key.endswith("}string-value")), "")


def _number(element: Element, name: str) -> int:
    value = _attribute(element, name)
    return int(value) if value.isdigit() else 1


def _is_hidden_section(element: Element) -> bool:
    return local(element) == "hidden-paragraph" or _attribute(element, "display") == "none"


def _sheets(root: Element, reader: _Reader) -> Iterator[Part]:
    for table in (e for e in root.iter() if local(e) == "table" and e.tag.endswith("table:1.0}table")):
        name = _attribute(table, "name") or "Sheet"
        if reader.styles.hides(table):
            text = " ".join(" ".join(e.itertext()) for e in _rows(table))
            yield conceal(Part(label=f"{name} (hidden)", text=""), [text], mark="Hidden sheet")
        else:
            yield from _sheet(table, name, reader)


def _sheet(table: Element, name: str, reader: _Reader) -> Iterator[Part]:
    columns = _hidden_columns(table)
    rows: list[list[str]] = []
    hidden: list[str] = []
    for row in _rows(table):
        gone = _attribute(row, "visibility") in ("collapse", "filter")
        cells: list[str] = []
        for cell in row:
            text = reader.inline_all(cell) if len(cell) else _Text()
            repeated = min(
                _number(cell, "number-columns-repeated"), _MOST_REPEATED if text.seen else _MOST_REPEATED * 20
            )
            if gone or len(cells) in columns:
                text = _Text("", f"{text.seen} {text.hidden}")
            hidden.append(text.hidden)
            cells += [text.seen] * repeated
            reader.count(repeated if text.seen else 1)
        if any(cells):
            again = min(_number(row, "number-rows-repeated"), _MOST_REPEATED)
            reader.count((again - 1) * len(cells))
            rows += [cells] * again
    parts = sheet.table(rows, label=name)
    first = conceal(parts[0] if parts else Part(label=name, text="", rows=True), hidden, mark="Hidden cells")
    yield from (part for part in (first, *parts[1:]) if part.text)


def _rows(table: Element) -> Iterator[Element]:
    for child in table:
        if local(child) == "table-row":
            yield child
        elif local(child) in ("table-rows", "table-header-rows", "table-row-group"):
            yield from _rows(child)


def _hidden_columns(table: Element) -> frozenset[int]:
    found: set[int] = set()
    at = 0
    for column in (e for e in table.iter() if local(e) == "table-column"):
        repeated = min(_number(column, "number-columns-repeated"), 20_000)
        if _attribute(column, "visibility") in ("collapse", "filter"):
            found.update(range(at, at + repeated))
        at += repeated
    return frozenset(found)


def _slides(root: Element, reader: _Reader) -> Iterator[Part]:
    for number, page in enumerate((e for e in root.iter() if e.tag.endswith("drawing:1.0}page")), 1):
        blocks: list[Block] = []
        for child in page:
            if local(child) == "notes":
                notes = [block.text for block in reader.boxes(child) if not block.hidden and block.text.strip()]
                blocks += [Block("Speaker notes: " + "\n".join(notes))] if notes else []
            else:
                title = _attribute(child, "class") == "title"
                blocks += [replace(b, kind="heading") if title else b for b in reader.boxes(child)]
        label = f"Slide {number}"
        texts = flow(blocks)
        part = replace(texts[0], label=label) if texts else Part(label=label, text="")
        if reader.styles.hides(page):
            part = conceal(Part(label=f"{label} (hidden)", text=""), [part.text], mark="Hidden slide")
        yield part
