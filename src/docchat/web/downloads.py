"""Files for the browser to save: never shown in the page's origin, with a name that no header can be broken by."""

import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

from flask import Response

_LONGEST_NAME = 150
_UNWANTED = frozenset('/\\"<>:|?*')
_UNQUOTED = "!#$&+-.^_`|~"  # what RFC 5987 lets stand


def attachment(body: bytes | Iterable[bytes], *, name: str, media_type: str, size: int | None = None) -> Response:
    """A response that the browser saves as `name`; `size` in bytes for a body that is not in memory."""
    response = Response(body, content_type=media_type)
    name = safe_name(name)
    if name.isascii():
        names = {"filename": name}
    else:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        names = {"filename": safe_name(plain), "filename*": f"UTF-8''{quote(name, safe=_UNQUOTED)}"}
    response.headers.set("Content-Disposition", "attachment", **names)
    if size is not None:
        response.headers["Content-Length"] = str(size)
    return response


def safe_name(name: str) -> str:
    """A file name without folders, control and direction characters, with its ending kept."""
    kept = "".join(letter if letter.isprintable() and letter not in _UNWANTED else " " for letter in name)
    kept = " ".join(kept.split()).strip(". ")
    stem, dot, suffix = kept.rpartition(".")
    if dot and stem and len(suffix) <= 10:
        return f"{stem[:_LONGEST_NAME].rstrip()}.{suffix}"
    return kept[:_LONGEST_NAME].strip(". ") or "file"
