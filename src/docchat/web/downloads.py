"""Files for the browser to save, with a name that no header can be broken by; pictures and PDFs also to look at."""

import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

from flask import Response, request

_LONGEST_NAME = 150
_UNWANTED = frozenset('/\\"<>:|?*')
_UNQUOTED = "!#$&+-.^_`|~"  # what RFC 5987 lets stand
_SHOWN = frozenset({"application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp"})
"""What browsers show themselves and run nothing of as a page of this site, whatever the bytes really are (nosniff)."""


def original(body: bytes | Iterable[bytes], *, name: str, media_type: str, size: int) -> Response:
    """What somebody has uploaded, to save, without its own type: it must never be shown as a page of this site.

    Asked for with `?show=1` what browsers show safely comes with its type, to be looked at.
    """
    if request.args.get("show") != "1" or media_type not in _SHOWN:
        return attachment(body, name=name, media_type="application/octet-stream", size=size)
    response = attachment(body, name=name, media_type=media_type, size=size)
    saved = response.headers["Content-Disposition"]
    response.headers["Content-Disposition"] = saved.replace("attachment", "inline", 1)
    return response


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
