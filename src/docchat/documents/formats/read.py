"""Which reader fits a file: its content decides, its name only helps where content cannot tell."""

import re
from collections.abc import Callable

from ...errors import Unreadable
from . import archive, encoding, mail, markdown, odf, office, pdf, sheet, web
from .part import Block, Part, clean, flow
from .wrap import unwrap

LONGEST_TEXT = 20_000_000
"""Characters of text in all parts together; a file that gives more is refused."""
_DEEPEST = 3

_NOT_TEXT = (
    b"\x7fELF", b"MZ", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ", b"\x00asm", b"SQLite format 3",
    b"\xca\xfe\xba\xbe", b"\x28\xb5\x2f\xfd",
)  # fmt: skip
_PICTURES = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF", b"\x00\x00\x01\x00",
    b"8BPS",
)  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS = (
    ("EncryptedPackage", "locked"), ("WordDocument", "doc"), ("PowerPoint Document", "ppt"), ("Workbook", "xls"),
    ("Book", "xls"), ("__substg1.0_", "msg"),
)  # fmt: skip
_BINARY_NAMES = {
    "docx": "a Word document", "docm": "a Word document", "doc": "a Word document", "pptx": "a PowerPoint file",
    "ppt": "a PowerPoint file", "xlsx": "an Excel file", "xlsm": "an Excel file", "xls": "an Excel file",
    "odt": "an OpenDocument file", "ods": "an OpenDocument file", "odp": "an OpenDocument file", "epub": "an e-book",
    "rtf": "a rich text file", "msg": "an Outlook message",
}  # fmt: skip
_ODD = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ufffd]")
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)


def read(data: bytes, name: str) -> tuple[Part, ...]:
    """The parts of a file that have text or a place in the page count.

    Raises Unreadable with code empty_file, not_a_pdf, wrong_type, unsupported, locked, damaged, too_complex or no_text
    and a message for people.
    """
    parts = _read(data, name, 0)
    if sum(len(part.text) for part in parts) > LONGEST_TEXT:
        raise Unreadable("This file holds more text than one document may have. Please split it.", code="too_complex")
    if not any(part.text.strip() for part in parts):
        raise Unreadable(
            "No text was found in this file. Scanned pages and pictures cannot be read yet.", code="no_text"
        )
    return parts


def _read(data: bytes, name: str, depth: int) -> tuple[Part, ...]:
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if not data:
        raise Unreadable("This file is empty.", code="empty_file")
    if b"%PDF-" in data[:1024]:
        return pdf.read(data)
    if extension == "pdf":
        raise Unreadable(
            "This file is named .pdf but is not a PDF. Give it its proper ending and upload it again.", code="not_a_pdf"
        )
    if data.startswith(b"PK\x03\x04") or data.startswith(b"PK\x05\x06"):
        return _zip(data)
    if data.startswith(_OLE):
        return _ole(data)
    if data.lstrip()[:5] == b"{\\rtf":
        return office.read(data, "rtf")
    if data.startswith(_PICTURES) and extension not in ("txt", "md", "csv"):
        raise Unreadable("This is a picture. Pictures cannot be read yet.", code="no_text")
    if data.startswith(_NOT_TEXT):
        raise Unreadable("Files of this kind cannot be read.", code="unsupported")
    return _text(data, extension, depth)


def _zip(data: bytes) -> tuple[Part, ...]:
    opened = archive.open_archive(data)
    kind = archive.kind(opened)
    if kind == "zip":
        raise Unreadable("This is an archive. Unpack it and upload the files that are in it.", code="unsupported")
    if kind == "odt":
        return odf.read(data)
    if kind not in office.MIME:
        raise Unreadable("Files of this kind cannot be read.", code="unsupported")
    return office.read(data, kind)


def _ole(data: bytes) -> tuple[Part, ...]:
    for stream, kind in _OLE_STREAMS:
        if stream.encode("utf-16-le") in data:
            if kind == "locked":
                raise Unreadable(
                    "This file is locked with a password. Save it without the password and upload it again.",
                    code="locked",
                )
            return office.read(data, kind)
    raise Unreadable("Files of this kind cannot be read.", code="unsupported")


def _text(data: bytes, extension: str, depth: int) -> tuple[Part, ...]:
    flat_word = b"xmlPackage" in data[:2000]
    if flat_word:
        return office.read(data, "docx")
    if extension in _BINARY_NAMES:
        raise Unreadable(
            f"This file is named .{extension} but is not {_BINARY_NAMES[extension]}. "
            "Give it its proper ending and upload it again.",
            code="wrong_type",
        )
    if extension == "mbox" or (data.startswith(b"From ") and mail.looks_like_mail(data.partition(b"\n")[2])):
        return mail.read_box(data, reader=_attachment_reader(depth))
    if extension == "eml" or mail.looks_like_mail(data):
        return mail.read(data, reader=_attachment_reader(depth))
    text = encoding.decode(data, declared=web.charset(data))
    sample = text[:20_000]
    if len(_ODD.findall(sample)) > 0.05 * len(sample) + 8:
        raise Unreadable("Files of this kind cannot be read.", code="unsupported")
    if extension in ("csv", "tsv", "tab"):
        return sheet.read(text)
    if extension in ("html", "htm", "xhtml") or _HTML_START.match(text[:4096]):
        return web.read(text)
    if extension in ("md", "markdown", "mdown"):
        return markdown.read(text)
    return flow([Block(paragraph) for paragraph in re.split(r"\n[ \t]*\n", unwrap(clean(text)))])


def _attachment_reader(depth: int) -> Callable[[bytes, str], tuple[Part, ...]]:
    def reader(data: bytes, name: str) -> tuple[Part, ...]:
        if depth >= _DEEPEST:
            raise Unreadable("Messages are attached too deep.", code="too_complex")
        return _read(data, name, depth + 1)

    return reader
