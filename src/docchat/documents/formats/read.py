"""Which reader fits a file: its content decides, its name only helps where content cannot tell."""

import re
from collections.abc import Callable
from dataclasses import replace

from ...errors import Unreadable
from ..names import is_pdf
from . import (
    archive,
    bundle,
    encoding,
    epub,
    legacy,
    mail,
    markdown,
    odf,
    pdf,
    pictures,
    rtf,
    sheet,
    slides,
    structured,
    web,
    word,
    workbook,
)
from .compound import START as COMPOUND
from .part import LONGEST_TEXT, NO_TEXT, TOO_LONG, Part, bounded, clean, flow, paragraphs

_DEEPEST = 3
_LONGEST_LABEL = 300

_NOT_TEXT = (
    b"\x7fELF", b"MZ", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ", b"\x00asm", b"SQLite format 3",
    b"\xca\xfe\xba\xbe", b"\x28\xb5\x2f\xfd", b"RIFF", b"OggS", b"fLaC", b"ID3", b"\x1aE\xdf\xa3",
)  # fmt: skip
_BINARY_NAMES = {
    "docx": "a Word document", "docm": "a Word document", "doc": "a Word document", "pptx": "a PowerPoint file",
    "ppt": "a PowerPoint file", "xlsx": "an Excel file", "xlsm": "an Excel file", "xls": "an Excel file",
    "odt": "an OpenDocument file", "ods": "an OpenDocument file", "odp": "an OpenDocument file", "epub": "an e-book",
    "rtf": "a rich text file", "msg": "an Outlook message", "zip": "a zip archive", "png": "a picture",
    "jpg": "a picture", "jpeg": "a picture", "tif": "a picture", "tiff": "a picture", "gif": "a picture",
    "bmp": "a picture", "webp": "a picture",
}  # fmt: skip
_TABLES = ("csv", "tsv", "tab")
_PLAIN_NAMES = ("txt", "md", "csv", "tsv", "json", "log")
_ODD = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ufffd]")
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)


def read(data: bytes, name: str, *, password: str | None = None) -> tuple[Part, ...]:
    """The parts of a file that have text or a place in the page count. `password` opens a locked file.

    Raises Unreadable with code empty_file, not_a_pdf, wrong_type, unsupported, locked, damaged, too_complex or no_text
    and a message for people.
    """
    if password is not None:
        password = password.encode("utf-8", "ignore").decode()
    parts = bounded(_read(data, name, 0, password))
    if not any(part.visible.strip() or part.scan for part in parts):
        raise Unreadable(NO_TEXT, code="no_text")
    return tuple(map(_named, parts))


def _named(part: Part) -> Part:
    """The part with a clean label: it may hold a name that the file gave to a sheet or member."""
    if len(part.label) <= _LONGEST_LABEL and part.label.isascii() and part.label.isprintable():
        return part
    return replace(part, label=" ".join(clean(part.label[:_LONGEST_LABEL]).split()))


def read_share(data: bytes, *, password: str | None, share: tuple[int, int]) -> tuple[Part, ...]:
    """A share of the pages of a PDF, as of `pdf.read`; one without text is no error."""
    return tuple(map(_named, pdf.read(data, password=password, share=share)))


def inner(data: bytes, name: str) -> bytes:
    """What a file holds under a name: a member of an archive, an attachment of a message. Raises Unreadable."""
    if data.startswith(b"PK"):
        return bundle.inner(data, name)
    return mail.inner(data, name)


def _read(data: bytes, name: str, depth: int, password: str | None) -> tuple[Part, ...]:
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if not data:
        raise Unreadable("This file is empty.", code="empty_file")
    if is_pdf(data, name):
        return pdf.read(data, password=password)
    if extension == "pdf":
        raise Unreadable(
            "This file is named .pdf but is not a PDF. Give it its proper ending and upload it again.", code="not_a_pdf"
        )
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(data, depth, password)
    if data.startswith(COMPOUND):
        return legacy.read(data, password=password, reader=lambda inside: _zip(inside, depth, None))
    if data.lstrip()[:5] == b"{\\rtf":
        return rtf.read(data)
    if pictures.is_picture(data) and extension not in _PLAIN_NAMES:
        return pictures.read(data)
    if data.startswith(_NOT_TEXT):
        raise Unreadable("Files of this kind cannot be read.", code="unsupported")
    return _text(data, extension, depth)


def _zip(data: bytes, depth: int, password: str | None) -> tuple[Part, ...]:
    opened = archive.open_archive(data)
    kind = archive.kind(opened)
    if kind == "docx":
        return word.read(opened)
    if kind == "pptx":
        return slides.read(opened)
    if kind == "xlsx":
        return workbook.read(opened, data)
    if kind == "xlsb":
        return legacy.read_binary(opened, data)
    if kind == "epub":
        return epub.read(opened)
    if kind in ("odt", "ods", "odp"):
        return odf.read(opened, kind)
    if depth:
        raise Unreadable("An archive inside a file is not opened.", code="unsupported")
    return bundle.read(opened, reader=_inside(depth), password=password)


def _text(data: bytes, extension: str, depth: int) -> tuple[Part, ...]:
    if b"xmlPackage" in data[:2000]:
        return word.read(word.unflatten(data))
    if extension in _BINARY_NAMES:
        raise Unreadable(
            f"This file is named .{extension} but is not {_BINARY_NAMES[extension]}. "
            "Give it its proper ending and upload it again.",
            code="wrong_type",
        )
    if extension == "mbox" or (data.startswith(b"From ") and mail.looks_like_mail(data.partition(b"\n")[2])):
        return mail.read_box(data, reader=_inside(depth))
    if extension == "eml" or mail.looks_like_mail(data):
        return mail.read(data, reader=_inside(depth))
    text = encoding.decode(data, declared=web.charset(data))
    sample = text[:20_000]
    if len(_ODD.findall(sample)) > 0.05 * len(sample) + 8:
        raise Unreadable("Files of this kind cannot be read.", code="unsupported")
    return _plain(text, extension)


def _plain(text: str, extension: str) -> tuple[Part, ...]:
    if extension in ("json", "jsonl", "ndjson", "geojson") and (records := structured.read(text)) is not None:
        return records
    if extension in ("html", "htm", "xhtml") or (extension not in _TABLES and _HTML_START.match(text[:4096])):
        return web.read(text)
    if len(text) > LONGEST_TEXT:
        raise Unreadable(TOO_LONG, code="too_complex")
    if extension in _TABLES:
        return sheet.read(text)
    if extension in ("md", "markdown", "mdown"):
        return markdown.read(text)
    return flow(paragraphs(text))


def _inside(depth: int) -> Callable[[bytes, str], tuple[Part, ...]]:
    def reader(data: bytes, name: str) -> tuple[Part, ...]:
        if depth >= _DEEPEST:
            raise Unreadable("Messages are attached too deep.", code="too_complex")
        return _read(data, name, depth + 1, None)

    return reader
