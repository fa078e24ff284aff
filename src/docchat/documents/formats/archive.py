"""Zip-based documents: which kind it is, and refusal of bombs and of names that leave the folder."""

import io
import struct
import zipfile
import zlib

from ...errors import Unreadable

MOST_ENTRIES = 20_000
_LARGE = 64 * 1024 * 1024
_RATIO = 100
_LARGEST_TOTAL = 1024 * 1024 * 1024
_MIMETYPES = {
    "application/epub+zip": "epub",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.text-template": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.spreadsheet-template": "ods",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/vnd.oasis.opendocument.presentation-template": "odp",
    "application/vnd.oasis.opendocument.graphics": "odp",
}


def open_archive(data: bytes) -> zipfile.ZipFile:
    """The archive after a look at its directory. Raises Unreadable: damaged, too_complex, locked."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError, struct.error) as error:
        raise Unreadable("This file is damaged: its archive cannot be opened.", code="damaged") from error
    if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > _LARGEST_TOTAL:
        raise Unreadable("This file unpacks to far more than its size. It was not read.", code="too_complex")
    for entry in entries:
        if entry.file_size > _LARGE and entry.file_size > _RATIO * max(1, entry.compress_size):
            raise Unreadable("This file unpacks to far more than its size. It was not read.", code="too_complex")
        if entry.filename.startswith(("/", "\\")) or ".." in entry.filename.replace("\\", "/").split("/"):
            raise Unreadable("This file holds names that lead out of its folder. It was not read.", code="damaged")
    return archive


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a member. Raises Unreadable: damaged, locked."""
    return locked_member(archive, name, None)


def locked_member(archive: zipfile.ZipFile, name: str, password: str | None) -> bytes:
    """The bytes of a member that may be locked. Raises Unreadable: damaged, locked, unsupported."""
    try:
        # As much as the directory says: asked for all, zipfile unpacks what is there, however much that is.
        with archive.open(name, pwd=password.encode() if password is not None else None) as opened:
            return opened.read(archive.getinfo(name).file_size)
    except RuntimeError as error:
        if password is not None:
            raise Unreadable("This password does not open the file.", code="locked") from error
        raise Unreadable(
            "This file is locked with a password. Give the password to have it read.", code="locked"
        ) from error
    except NotImplementedError as error:
        raise Unreadable("This file is packed in a way that is not supported.", code="unsupported") from error
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, struct.error) as error:
        raise Unreadable("This file is damaged: a part of it cannot be read.", code="damaged") from error


def kind(archive: zipfile.ZipFile) -> str:
    """docx, xlsx, xlsb, pptx, odt, ods, odp, epub, or zip for an archive that is no document."""
    names = set(archive.namelist())
    if "mimetype" in names:
        found = _MIMETYPES.get(member(archive, "mimetype")[:100].decode("ascii", "replace").strip())
        if found:
            return found
    if "META-INF/container.xml" in names:
        return "epub"
    if "xl/workbook.bin" in names:
        return "xlsb"
    for folder, main, name in (
        ("word/", "word/document.xml", "docx"),
        ("xl/", "xl/workbook.xml", "xlsx"),
        ("ppt/", "ppt/presentation.xml", "pptx"),
    ):
        if main in names or ("[Content_Types].xml" in names and any(entry.startswith(folder) for entry in names)):
            return name
    return "zip"
