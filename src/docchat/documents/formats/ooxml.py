"""What Word and PowerPoint files have in common: members as XML trees, relations between them, colours."""

import posixpath
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator

from ...errors import Unreadable
from .archive import member

Element = ElementTree.Element

LARGEST_XML = 192 * 1024 * 1024
"""Bytes of XML in a file, unpacked; more is refused before any of it is read."""
_RELATION = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_PALE = 0xF0
_ENTITIES = tuple("<!ENTITY".encode(name) for name in ("ascii", "utf-16-le", "utf-16-be"))


def check(archive: zipfile.ZipFile) -> None:
    """Raises Unreadable with code too_complex when there is more XML than is read."""
    if sum(entry.file_size for entry in archive.infolist() if _is_xml(entry.filename)) > LARGEST_XML:
        raise Unreadable("This file unpacks to more text than one document may have.", code="too_complex")


def _is_xml(name: str) -> bool:
    return name.lower().endswith((".xml", ".rels", ".bin"))


def tree(archive: zipfile.ZipFile, name: str) -> Element:
    """A member as a tree. Raises Unreadable: damaged, also when it declares entities."""
    data = member(archive, name)
    if b"<!DOCTYPE" in data[:4096] or any(word in data for word in _ENTITIES):
        raise Unreadable("This document is damaged: its text declares entities.", code="damaged")
    try:
        return ElementTree.fromstring(data)  # noqa: S314  (expat: no entities from outside, none expanded)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Unreadable("This document is damaged: its text cannot be read.", code="damaged") from error


def optional(archive: zipfile.ZipFile, name: str) -> Element | None:
    """A member as a tree, None when it is missing or broken."""
    try:
        return tree(archive, name) if name in archive.NameToInfo else None
    except Unreadable:
        return None


def relations(archive: zipfile.ZipFile, name: str) -> dict[str, tuple[str, str]]:
    """Kind (last word) and member of each relation of a member, by id. Relations to the outside are left out."""
    folder, base = posixpath.split(name)
    root = optional(archive, posixpath.join(folder, "_rels", f"{base}.rels"))
    found = {}
    for relation in root.iter(_RELATION) if root is not None else ():
        if relation.get("TargetMode") == "External":
            continue
        target = relation.get("Target") or ""
        path = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
        found[relation.get("Id") or ""] = ((relation.get("Type") or "").rpartition("/")[2], path)
    return found


def related(archive: zipfile.ZipFile, name: str, kind: str) -> Iterator[str]:
    """The members of a kind that a member is related to."""
    return (path for found, path in relations(archive, name).values() if found == kind)


def main_part(archive: zipfile.ZipFile, fallback: str) -> str:
    """The member that a file says is its document."""
    found = next(related(archive, "", "officeDocument"), fallback)
    return found if found in archive.NameToInfo else fallback


def local(element: Element) -> str:
    """The name of an element without its name space."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: Element, name: str) -> str | None:
    """An attribute whatever its name space."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return value
    return None


def is_pale(colour: str | None) -> bool:
    """Whether a colour like FFFFFF is white or almost."""
    try:
        value = bytes.fromhex((colour or "").lstrip("#")[-6:])
    except ValueError:
        return False
    return len(value) == 3 and min(value) >= _PALE
