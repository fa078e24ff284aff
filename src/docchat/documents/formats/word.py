"""Word documents (.docx, .docm, .dotx) by the standard library: text as printed, notes in place, hidden runs apart."""

import base64
import binascii
import io
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ...errors import Unreadable
from .. import tables
from . import encoding, web
from .archive import member
from .ooxml import Element, attribute, check, is_pale, local, main_part, optional, relations, tree
from .part import Block, Part, flow
from .spans import SAID_AGAIN, Cell, Spans, span_of

_DROPPED = frozenset(("del", "moveFrom", "instrText", "delText", "pPr", "sectPr", "tblPr", "tblGrid", "trPr", "rubyPr"))
_HEADING = re.compile(
    r"(?:heading|title|subtitle|überschrift|titre|título|titolo)\b|(?:heading|title)\d*$", re.IGNORECASE
)
_SMALLEST = 4  # half points; smaller letters are not for reading
_LONGEST_NOTE = 4000
_DEEPEST = 60
_WRAPPERS = frozenset(("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag"))
_FILLS = frozenset(("solidFill", "gradFill", "blipFill", "pattFill", "fillRef", "fill"))


@dataclass(slots=True)
class _Style:
    heading: bool = False
    hidden: bool = False
    pale: bool = False
    shaded: bool = False


@dataclass(slots=True)
class _Text:
    """The text of a paragraph that is being read, and of its runs that nobody sees."""

    seen: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    boxes: list[tuple[Element, bool]] = field(default_factory=list)  # text boxes, and whether they have a ground


def read(archive: zipfile.ZipFile) -> tuple[Part, ...]:
    """The text, then comments, then headers and footers. Raises Unreadable: damaged, locked, too_complex."""
    check(archive)
    name = main_part(archive, "word/document.xml")
    reader = _Reader(archive, name)
    body = next((child for child in tree(archive, name) if local(child) == "body"), None)
    if body is None:
        raise Unreadable("This document is damaged: it has no text.", code="damaged")
    parts = list(flow(tuple(reader.blocks(body))))
    parts += flow(tuple(reader.comments()), label="Comments")
    return (*parts, *flow(tuple(reader.margins()), label="Header and footer"))


def unflatten(data: bytes) -> zipfile.ZipFile:
    """A document that was saved as one XML file, as the archive it stands for. Raises Unreadable: damaged."""
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(out, "w") as packed:
            for part in ElementTree.fromstring(data):  # noqa: S314
                for child in part:
                    text = base64.b64decode(child.text or "") if local(child) == "binaryData" else b""
                    text = ElementTree.tostring(child[0]) if local(child) == "xmlData" and len(child) else text
                    packed.writestr((attribute(part, "name") or "").lstrip("/"), text)
        return zipfile.ZipFile(out)
    except (ElementTree.ParseError, binascii.Error, ValueError) as error:
        raise Unreadable("This document is damaged: its text cannot be read.", code="damaged") from error


def _value(element: Element | None, name: str) -> str | None:
    """The `val` of a child, empty when it has none, None when there is no such child."""
    for child in element if element is not None else ():
        if local(child) == name:
            return attribute(child, "val") or ""
    return None


def _is_on(element: Element | None, name: str) -> bool:
    return (_value(element, name) or ("0" if _value(element, name) is None else "1")) not in ("0", "false", "off")


def _child(element: Element | None, name: str) -> Element | None:
    return next((child for child in element if local(child) == name), None) if element is not None else None


def _style(element: Element, base: _Style) -> _Style:
    """What a style says, over what it is based on."""
    runs, paragraph = _child(element, "rPr"), _child(element, "pPr")
    level, named = _value(paragraph, "outlineLvl"), _value(element, "name") or ""
    return _Style(
        heading=base.heading or bool(_HEADING.match(named)) or level in tuple("012345678"),
        hidden=base.hidden or _is_on(runs, "vanish"),
        pale=base.pale or is_pale(_value(runs, "color")),
        shaded=base.shaded or any(_has_ground(e) for e in element.iter() if local(e).endswith("Pr")),
    )


def _has_ground(properties: Element | None) -> bool:
    shade = _child(properties, "shd")
    fill = attribute(shade, "fill") if shade is not None else None
    return (fill not in (None, "", "auto") and not is_pale(fill)) or _value(properties, "highlight") not in (
        None,
        "none",
        "white",
    )


class _Reader:
    """Reads the body, notes and margins of one document. `shaded` says that the ground is dark or coloured."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive = archive
        self._relations = relations(archive, name)
        self._styles = self._read_styles()
        self._notes = {kind: self._read_notes(kind) for kind in ("footnote", "endnote")}

    def _member(self, kind: str) -> Element | None:
        path = next((path for found, path in self._relations.values() if found == kind), None)
        return optional(self._archive, path or f"word/{kind}.xml")

    def _read_styles(self) -> dict[str, _Style]:
        root = self._member("styles")
        elements = {
            attribute(style, "styleId") or "": style
            for style in (root if root is not None else ())
            if local(style) == "style"
        }
        found: dict[str, _Style] = {}
        for name in elements:
            chain: dict[str, Element] = {}  # from the style up to what it is based on
            while name in elements and name not in found and name not in chain:
                chain[name] = elements[name]
                name = _value(elements[name], "basedOn") or ""
            base = found.get(name, _Style())
            for step, element in reversed(chain.items()):
                base = found[step] = _style(element, base)
        return found

    def _read_notes(self, kind: str) -> dict[str, Element]:
        root = self._member(f"{kind}s")
        return {
            attribute(note, "id") or "": note
            for note in (root if root is not None else ())
            if local(note) == kind and (attribute(note, "type") or "normal") == "normal"
        }

    def comments(self) -> Iterator[Block]:
        """Each comment with who wrote it."""
        root = self._member("comments")
        for comment in root if root is not None else ():
            text = " ".join(block.text for block in self.blocks(comment) if not block.hidden)
            if text.strip():
                yield Block(f"{attribute(comment, 'author') or 'Comment'}: {text}", "line")

    def margins(self) -> Iterator[Block]:
        """What stands in headers and footers, each text once."""
        seen: set[str] = set()
        for kind, path in self._relations.values():
            root = optional(self._archive, path) if kind in ("header", "footer") else None
            for block in self.blocks(root) if root is not None else ():
                if block.text not in seen:
                    seen.add(block.text)
                    yield Block(block.text, "line", block.hidden)

    def blocks(self, element: Element, *, shaded: bool = False, depth: int = 0) -> Iterator[Block]:
        """Paragraphs, items and table rows of a body, cell, note or text box."""
        if depth > _DEEPEST:
            raise Unreadable("This document is nested too deep.", code="too_complex")
        for child in element:
            name = local(child)
            if name == "p":
                yield from self._paragraph(child, shaded, depth)
            elif name == "tbl":
                yield from self._table(child, shaded, depth)
            elif name == "altChunk":
                yield from self._chunk(attribute(child, "id") or "")
            elif name == "AlternateContent":
                yield from self.blocks(_chosen(child), shaded=shaded, depth=depth + 1)
            elif name not in _DROPPED:
                yield from self.blocks(child, shaded=shaded, depth=depth + 1)

    def _paragraph(self, element: Element, shaded: bool, depth: int) -> Iterator[Block]:
        properties = _child(element, "pPr")
        style = self._styles.get(_value(properties, "pStyle") or "", _Style())
        text = _Text()
        self._runs(element, text, shaded or style.shaded or _has_ground(properties), style, depth)
        heading = style.heading or (_value(properties, "outlineLvl") or "9") < "9"
        kind: Literal["heading", "item", "text"] = "text"
        if heading:
            kind = "heading"
        elif _child(properties, "numPr") is not None:
            kind = "item"
        yield Block("".join(text.seen), kind)
        if text.hidden:
            yield Block("".join(text.hidden), hidden=True)
        for box, ground in text.boxes:
            yield from self.blocks(box, shaded=ground, depth=depth + 1)

    def _runs(self, element: Element, text: _Text, shaded: bool, style: _Style, depth: int) -> None:
        if depth > _DEEPEST:
            raise Unreadable("This document is nested too deep.", code="too_complex")
        for child in element:
            name = local(child)
            if name == "r":
                self._run(child, text, shaded, style, depth)
            elif name == "AlternateContent":
                self._runs(_chosen(child), text, shaded, style, depth + 1)
            elif name == "t":  # of a formula
                text.seen.append(child.text or "")
            elif name not in _DROPPED:
                self._runs(child, text, shaded, style, depth + 1)

    def _run(self, run: Element, text: _Text, shaded: bool, style: _Style, depth: int) -> None:
        properties = _child(run, "rPr")
        to = text.hidden if self._is_hidden(properties, style, shaded) else text.seen
        for child in _unfolded(run):
            name = local(child)
            if name == "t":
                to.append(child.text or "")
            elif name in ("tab", "ptab"):
                to.append(" ")
            elif name in ("br", "cr"):
                to.append("\n")
            elif name == "noBreakHyphen":
                to.append("-")
            elif name in ("footnoteReference", "endnoteReference"):
                to.append(self._note(name.removesuffix("Reference"), attribute(child, "id") or "", depth))
            elif name in ("drawing", "pict", "object"):
                text.boxes += [(box, _is_filled(child)) for box in _boxes(child)]
            elif name == "ruby":
                for base in (element for element in child if local(element) == "rubyBase"):
                    self._runs(base, text, shaded, style, depth + 1)

    def _is_hidden(self, properties: Element | None, style: _Style, shaded: bool) -> bool:
        run = self._styles.get(_value(properties, "rStyle") or "", _Style())
        vanishes = _value(properties, "vanish")
        if _is_on(properties, "vanish") or (vanishes is None and (style.hidden or run.hidden)):
            return True
        size = _value(properties, "sz") or ""
        if size.isdigit() and int(size) <= _SMALLEST:
            return True
        colour = _value(properties, "color")
        pale = is_pale(colour) if colour is not None else style.pale or run.pale
        return pale and not (shaded or run.shaded or _has_ground(properties))

    def _note(self, kind: str, number: str, depth: int) -> str:
        note = self._notes[kind].get(number)
        if note is None:
            return ""
        text = " ".join(b.text.strip() for b in self.blocks(note, depth=depth + 10) if not b.hidden)
        return f" ({text.strip()[:_LONGEST_NOTE]})" if text.strip() else ""

    def _table(self, table: Element, shaded: bool, depth: int) -> Iterator[Block]:
        style = self._styles.get(_value(_child(table, "tblPr"), "tblStyle") or "", _Style())
        above: dict[int, str] = {}  # by column, what reaches down from the rows before
        for row in _within(table, "tr"):
            cells: list[str] = []
            for cell in _within(row, "tc"):
                properties = _child(cell, "tcPr")
                ground = shaded or style.shaded or _has_ground(properties)
                blocks = list(self.blocks(cell, shaded=ground, depth=depth + 1))
                yield from (block for block in blocks if block.hidden)
                text = " ".join(block.text for block in blocks if not block.hidden)
                merged = _child(properties, "vMerge")
                if merged is not None and attribute(merged, "val") != "restart":
                    text = text or above.get(len(cells), "")
                above[len(cells)] = text if merged is not None and len(text) <= SAID_AGAIN else ""
                cells += Spans().lay([Cell(text, span_of(_value(properties, "gridSpan")))])
            yield Block(tables.render([cells]), "row")

    def _chunk(self, identity: str) -> Iterator[Block]:
        """A file of another format that stands in the text."""
        _, path = self._relations.get(identity, ("", ""))
        if path in self._archive.NameToInfo and path.lower().endswith((".htm", ".html", ".xhtml", ".txt", ".mht")):
            data = member(self._archive, path)
            yield from web.blocks(encoding.decode(data, declared=web.charset(data)))


def _within(element: Element, name: str) -> Iterator[Element]:
    """The rows of a table or the cells of a row, also those in content controls; not those of tables inside it."""
    for child in element:
        if local(child) == name:
            yield child
        elif local(child) in _WRAPPERS:
            yield from _within(child, name)


def _boxes(element: Element) -> Iterator[Element]:
    """The text boxes of a shape, without those that stand inside others."""
    for child in element:
        if local(child) == "txbxContent":
            yield child
        else:
            yield from _boxes(_chosen(child) if local(child) == "AlternateContent" else child)


def _chosen(element: Element) -> Element:
    """The variant of a content that is shown: the first that is offered."""
    return next((child for child in element if len(child)), element)


def _unfolded(run: Element) -> Iterator[Element]:
    for child in run:
        yield from _chosen(child) if local(child) == "AlternateContent" else (child,)


def _is_filled(shape: Element) -> bool:
    """Whether a shape has a ground of its own, so that white letters on it are seen."""
    inside = {id(element) for box in shape.iter() if local(box) == "txbxContent" for element in box.iter()}
    return any(
        (local(element) in _FILLS and attribute(element, "idx") != "0") or bool(attribute(element, "fillcolor"))
        for element in shape.iter()
        if id(element) not in inside
    )
