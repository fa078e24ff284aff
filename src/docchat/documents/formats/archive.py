"""Zip-based documents: which kind it is, and refusal of bombs and of names that leave the folder."""

import io
import zipfile

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
    "application/vnd.oasis.opendocument.presentation": "odp",
}


def open_archive(data: bytes) -> zipfile.ZipFile:
    """The archive after a look at its directory. Raises Unreadable: damaged, too_complex, locked."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
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
    try:
        return archive.read(name)
    except RuntimeError as error:
        raise Unreadable("This file is locked with a password.", code="locked") from error
    except (KeyError, zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError) as error:
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
    for folder, name in (("word/", "docx"), ("xl/", "xlsx"), ("ppt/", "pptx")):
        if any(entry.startswith(folder) for entry in names):
            return name
    return "zip"
