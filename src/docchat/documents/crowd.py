"""Which files may be read several to a child: small ones that no reader but Python's own has to do with.

A bug in a reader written in C or Rust could let a file touch what is read after it in the same process.
"""

import re

LARGEST = 256 * 1024
_NAMES = frozenset(
    ("html", "htm", "xhtml", "md", "markdown", "mdown", "txt", "text", "csv", "tsv", "tab", "rst", "log")
)
_STARTS = (b"PK", b"\xd0\xcf\x11\xe0", b"{\\rtf", b"From ")
_MAIL = re.compile(rb"\s*[A-Za-z][A-Za-z0-9-]{1,40}:[ \t]")


def may_share(name: str, content: bytes) -> bool:
    """Whether this file may share a child with others; its content counts as much as its name."""
    if len(content) > LARGEST or name.rpartition(".")[2].lower() not in _NAMES:
        return False
    head = content[:4096]
    if b"\0" in head or head.lstrip().startswith(_STARTS) or b"%PDF-" in head or b"xmlPackage" in head:
        return False
    # What looks like a message may have anything attached.
    return _MAIL.match(head) is None
