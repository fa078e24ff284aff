"""OpenDocument texts (.odt) by the standard library: paragraphs, headings, lists, tables, links and notes."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Literal

from ...errors import Unreadable
from .. import tables
from .archive import member, open_archive
from .part import Block, Part, flow

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_SKIPPED = {
    f"{_TEXT}tracked-changes",
    f"{_TEXT}sequence-decls",
    f"{_TEXT}variable-decls",
    "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}annotation",
    "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}title",
}
_MOST_BLANKS = 100


def read(data: bytes) -> tuple[Part, ...]:
    """The parts of a text document. Raises Unreadable: damaged, locked, too_complex."""
    archive = open_archive(data)
    if b"encryption-data" in (
        member(archive, "META-INF/manifest.xml") if _has(archive, "META-INF/manifest.xml") else b""
    ):
        raise Unreadable("This document is locked with a password. Save it without one.", code="locked")
    try:
        root = ElementTree.fromstring(member(archive, "content.xml"))  # noqa: S314
    except ElementTree.ParseError as error:
        raise Unreadable("This document is damaged: its text cannot be read.", code="damaged") from error
    return flow(tuple(_blocks(root)))


def _has(archive: object, name: str) -> bool:
    return name in getattr(archive, "NameToInfo", {})


def _blocks(element: ElementTree.Element, *, kind: Literal["text", "item"] = "text") -> Iterator[Block]:
    if element.tag in _SKIPPED:
        return
    if element.tag == f"{_TEXT}h":
        yield Block(_inline(element), "heading")
    elif element.tag == f"{_TEXT}p":
        yield Block(_inline(element), kind)
        for frame in element.iter("{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}text-box"):
            for child in frame:
                yield from _blocks(child)
    elif element.tag == f"{_TABLE}table-row":
        row = [" ".join(_inline(p) for p in cell.iter(f"{_TEXT}p")) for cell in element]
        yield Block(tables.render([row]), "row")
    else:
        for child in element:
            yield from _blocks(child, kind="item" if element.tag == f"{_TEXT}list-item" else kind)


def _inline(element: ElementTree.Element) -> str:
    pieces = [element.text or ""]
    for child in element:
        if child.tag == f"{_TEXT}s":
            pieces.append(" " * min(_MOST_BLANKS, int(child.get(f"{_TEXT}c") or 1)))
        elif child.tag == f"{_TEXT}tab":
            pieces.append(" ")
        elif child.tag == f"{_TEXT}line-break":
            pieces.append("\n")
        elif child.tag == f"{_TEXT}note":
            pieces += [" (", "".join(_inline(p) for p in child.iter(f"{_TEXT}p")), ")"]
        elif child.tag not in _SKIPPED and not child.tag.endswith("}text-box"):
            pieces.append("" if child.tag.endswith("}frame") else _inline(child))
        pieces.append(child.tail or "")
    return "".join(pieces)
