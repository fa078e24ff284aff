"""E-books (.epub) by the standard library: the chapters in reading order, each named by its first heading."""

import posixpath
import urllib.parse
import zipfile
from collections.abc import Iterator

from ...errors import Unreadable
from . import encoding, web
from .archive import member
from .ooxml import Element, check, local, optional, tree
from .part import Block, Part, bounded, flow

_TEXTS = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "application/xml", "text/xml")
_LONGEST_LABEL = 80


def read(archive: zipfile.ZipFile) -> tuple[Part, ...]:
    """The parts of the chapters. Raises Unreadable: damaged, locked, too_complex."""
    check(archive)
    _refuse_locked(archive)
    name = _package(archive)
    parts = bounded(_chapters(archive, name))
    if not parts:
        raise Unreadable("No text was found in this e-book.", code="no_text")
    return parts


def _chapters(archive: zipfile.ZipFile, name: str) -> Iterator[Part]:
    title = _title(archive, name)
    for path in _spine(archive, name):
        blocks = web.blocks(_page(archive, path))
        heading = next((block.text for block in blocks if block.kind == "heading" and not block.hidden), "")
        if title and blocks:
            if all(title not in block.text for block in blocks[:5]):
                blocks.insert(0, Block(title, "heading"))
            title = ""
        yield from flow(blocks, label=" ".join(heading.split())[:_LONGEST_LABEL])


def _page(archive: zipfile.ZipFile, path: str) -> str:
    try:
        data = member(archive, path)
    except Unreadable:
        return ""  # one missing chapter does not take the others with it
    return encoding.decode(data, declared=web.charset(data))


def _refuse_locked(archive: zipfile.ZipFile) -> None:
    root = optional(archive, "META-INF/encryption.xml")
    names = (e.get("URI") or "" for e in root.iter() if local(e) == "CipherReference") if root is not None else ()
    if any(name.lower().endswith((".xhtml", ".html", ".htm", ".xml")) for name in names):
        raise Unreadable("This e-book is locked by its seller and cannot be read.", code="locked")


def _package(archive: zipfile.ZipFile) -> str:
    container = optional(archive, "META-INF/container.xml")
    for element in container.iter() if container is not None else ():
        if local(element) == "rootfile" and (element.get("full-path") or "") in archive.NameToInfo:
            return element.get("full-path") or ""
    found = next((name for name in archive.namelist() if name.endswith(".opf")), None)
    if found is None:
        raise Unreadable("This e-book is damaged: it has no list of its chapters.", code="damaged")
    return found


def _spine(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    """The members in reading order; those that the order leaves out follow."""
    root = tree(archive, name)
    folder = posixpath.dirname(name)
    items: dict[str, str] = {}
    for item in (e for e in root.iter() if local(e) == "item"):
        path = posixpath.normpath(posixpath.join(folder, urllib.parse.unquote(item.get("href") or "")))
        if item.get("media-type") in _TEXTS and "nav" not in (item.get("properties") or "").split():
            items[item.get("id") or ""] = path
    order = [e.get("idref") or "" for e in root.iter() if local(e) == "itemref"]
    for identity in dict.fromkeys([*(i for i in order if i in items), *(() if order else items)]):
        if items[identity] in archive.NameToInfo:
            yield items[identity]


def _title(archive: zipfile.ZipFile, name: str) -> str:
    root: Element = tree(archive, name)
    return next((" ".join((e.text or "").split()) for e in root.iter() if local(e) == "title"), "")
