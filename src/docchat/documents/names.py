"""File names as clients send them, made fit to be shown; nothing is ever stored under them."""

import mimetypes
import re
import unicodedata

LONGEST_NAME = 255
NAMELESS = "unnamed"
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_TEXTS = frozenset(
    ["txt", "md", "markdown", "html", "htm", "xhtml", "csv", "tsv", "json", "jsonl", "eml", "mbox", "log"]
)
_JOINERS = "\u200c\u200d"  # needed inside words of some scripts and inside emoji
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,80}/[a-z0-9][a-z0-9.+-]{0,120}")
UNKNOWN_TYPE = "application/octet-stream"
DRAWN = frozenset({"application/pdf", "image/png", "image/jpeg"})
"""Media types of the files whose pages can be shown as pictures."""


def shown_name(name: str) -> str:
    """The last part of a path, without control, direction and unassigned characters, at most 255 characters."""
    name = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = "".join(
        c for c in name.replace("\n", " ").replace("\t", " ") if c in _JOINERS or unicodedata.category(c) not in _HIDDEN
    )
    name = " ".join(name.split())
    if len(name) > LONGEST_NAME:
        stem, dot, extension = name.rpartition(".")
        kept = f"{dot}{extension}" if dot and len(extension) <= 16 else ""
        name = (stem if kept else name)[: LONGEST_NAME - len(kept)] + kept
    return name if name.strip(". ") else NAMELESS


def is_pdf(start: bytes, name: str) -> bool:
    """Whether a file is a PDF: by its mark, which may stand behind up to a kilobyte of anything.

    In a text it has to be what the text begins with: one that is about PDFs is none.
    """
    at = start[:1024].find(b"%PDF-")
    if at < 0:
        return False
    return not start[:at].strip() or name.rpartition(".")[2].lower() not in _TEXTS


def media_type(name: str, declared: str, start: bytes) -> str:
    """What kind of file it is: by its first bytes for PDF, else what was declared, else by its name."""
    if is_pdf(start, name):
        return "application/pdf"
    declared = declared.partition(";")[0].strip().lower()
    if declared in ("", UNKNOWN_TYPE, "application/pdf") or not _MEDIA_TYPE.fullmatch(declared):
        declared = mimetypes.guess_type(name, strict=False)[0] or UNKNOWN_TYPE
    return UNKNOWN_TYPE if declared == "application/pdf" else declared
