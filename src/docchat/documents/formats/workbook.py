"""Excel workbooks (.xlsx, .xlsm): what is hidden is taken out before the cells are read, and read apart.

Hidden are sheets, rows and columns that are, cells formatted to show nothing, and white letters without a ground.
"""

import io
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator, Mapping

from ...errors import Unreadable
from . import office
from .archive import member
from .ooxml import Element, check, is_pale, local, main_part, optional, related, relations, tree
from .part import Block, Part, conceal, flow

MOST_CELLS = 2_000_000
"""Cells of a workbook that is read."""
_LARGE = 1024 * 1024
_MARKS = (b"hidden=", b"zeroHeight=", b'width="0"', b'ht="0"')
_YES = ("1", "true")
_NOTHING = ";;;"
_SEPARATORS = re.compile(r"(?:\s*\|)+\s*|\n")
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_WIDEST = 16_384


def read(archive: zipfile.ZipFile, data: bytes) -> tuple[Part, ...]:
    """The parts of the sheets in order, with hidden text apart and comments behind. Raises Unreadable."""
    check(archive)
    sheets = _sheets(archive)
    _count(archive, [path for path, _ in sheets.values()])
    unseen = _unseen_formats(archive)
    seen, hidden = _split(archive, [path for path, state in sheets.values() if not state], unseen)
    shown = office.sheets(_packed(archive, seen) if hidden else data, "xlsx")
    emptied = {path: ElementTree.tostring(_empty_sheet()) for path, _ in sheets.values()}
    secret = office.sheets(_packed(archive, emptied | hidden), "xlsx") if hidden else {}
    parts: list[Part] = []
    for name, (path, state) in sheets.items():
        texts = [_SEPARATORS.sub(" | ", part.text) for part in secret.get(name, ())]
        found = shown.get(name, ())
        if state:
            texts = [part.text for part in found]
            found = (conceal(Part(label=f"{name} (hidden)", text=""), texts, mark="Hidden sheet"),)
        elif texts:
            first = found[0] if found else Part(label=name, text="", rows=True)
            found = (conceal(first, texts, mark="Hidden cells"), *found[1:])
        parts += (part for part in found if part.text)
        parts += () if state else flow(tuple(_comments(archive, path)), label=f"{name}, comments")
    return tuple(parts)


def _sheets(archive: zipfile.ZipFile) -> dict[str, tuple[str, bool]]:
    """Member of each sheet by its name, and whether it is hidden, in the order of the tabs."""
    book = main_part(archive, "xl/workbook.xml")
    targets = relations(archive, book)
    found: dict[str, tuple[str, bool]] = {}
    for entry in (e for group in tree(archive, book) if local(group) == "sheets" for e in group):
        identity = next((value for key, value in entry.attrib.items() if key.endswith("}id")), "")
        hidden = entry.get("state", "visible") != "visible"
        found[entry.get("name") or ""] = (targets.get(identity, ("", ""))[1], hidden)
    return found


def _count(archive: zipfile.ZipFile, paths: list[str]) -> None:
    """Raises Unreadable when the sheets have more than MOST_CELLS cells. Counted as bytes, not parsed."""
    cells = 0
    for path in paths:
        entry = archive.NameToInfo.get(path)
        if entry is not None and entry.file_size > _LARGE:
            data = member(archive, path)
            cells += data.count(b"<c ") + data.count(b"<c>")
    if cells > MOST_CELLS:
        raise Unreadable(f"This workbook has more than {MOST_CELLS:,} cells. Please split it.", code="too_complex")


def _unseen_formats(archive: zipfile.ZipFile) -> tuple[frozenset[str], frozenset[str]]:
    """Which cell formats show nothing at all, and which are white letters on no ground."""
    root = optional(archive, "xl/styles.xml")
    if root is None:
        return frozenset(), frozenset()
    groups = {local(child): list(child) for child in root}
    codes = {e.get("numFmtId"): (e.get("formatCode") or "").replace('"', "") for e in groups.get("numFmts", ())}
    fonts = [_is_white(font) for font in groups.get("fonts", ())]
    fills = [_is_ground(fill) for fill in groups.get("fills", ())]
    blank, white = set(), set()
    for number, cell in enumerate(groups.get("cellXfs", ())):
        if codes.get(cell.get("numFmtId")) == _NOTHING:
            blank.add(str(number))
        if _at(fonts, cell.get("fontId")) and not _at(fills, cell.get("fillId")):
            white.add(str(number))
    return frozenset(blank), frozenset(white)


def _at(values: list[bool], index: str | None) -> bool:
    return bool(index and index.isdigit() and int(index) < len(values) and values[int(index)])


def _is_white(font: Element) -> bool:
    return any(
        local(e) == "color" and (is_pale(e.get("rgb")) or (e.get("theme") == "0" and not e.get("tint"))) for e in font
    )


def _is_ground(fill: Element) -> bool:
    """Whether a fill is seen: a pattern or gradient that is not white."""
    for pattern in fill:
        if local(pattern) == "gradientFill":
            return True
        colours = [e for e in pattern if local(e) == "fgColor"]
        if pattern.get("patternType", "none") != "none":
            return not colours or not (is_pale(colours[0].get("rgb")) or colours[0].get("theme") == "0")
    return False


def _split(
    archive: zipfile.ZipFile, paths: list[str], unseen: tuple[frozenset[str], frozenset[str]]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """For sheets with hidden cells, the sheet without them, and the sheet with nothing else."""
    seen: dict[str, bytes] = {}
    hidden: dict[str, bytes] = {}
    blank, white = unseen
    for path in paths:
        if path not in archive.NameToInfo:
            continue
        data = member(archive, path)
        formats = blank | (frozenset() if b"<tablePart" in data else white)
        if any(mark in data for mark in _MARKS) or any(f's="{number}"'.encode() in data for number in formats):
            pair = _halves(tree(archive, path), formats)
            if pair is not None:
                seen[path], hidden[path] = pair
    return seen, hidden


def _halves(root: Element, formats: frozenset[str]) -> tuple[bytes, bytes] | None:
    columns = _hidden_columns(root)
    rows = [row for group in root if local(group) == "sheetData" for row in group]
    default = any(local(e) == "sheetFormatPr" and e.get("zeroHeight") in _YES for e in root)
    seen, hidden = _empty_sheet(), _empty_sheet()
    found = False
    for row in rows:
        gone = row.get("hidden") in _YES or row.get("ht") == "0" or (default and row.get("hidden") is None)
        kept, taken = (ElementTree.SubElement(half[0], row.tag, row.attrib) for half in (seen, hidden))
        for cell in row:
            secret = gone or _column(cell.get("r") or "") in columns or cell.get("s") in formats
            (taken if secret else kept).append(cell)
            found = found or (secret and len(cell) > 0)
    return (ElementTree.tostring(seen), ElementTree.tostring(hidden)) if found else None


def _empty_sheet() -> Element:
    root = ElementTree.Element(f"{{{_MAIN}}}worksheet")
    ElementTree.SubElement(root, f"{{{_MAIN}}}sheetData")
    return root


def _hidden_columns(root: Element) -> frozenset[int]:
    found: set[int] = set()
    for column in (e for group in root if local(group) == "cols" for e in group):
        if column.get("hidden") in _YES or column.get("width") == "0":
            first, last = (int(column.get(name) or 0) for name in ("min", "max"))
            found.update(range(first, min(last, _WIDEST) + 1))
    return frozenset(found)


def _column(reference: str) -> int:
    number = 0
    for letter in reference.upper():
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - 64
    return number


def _packed(archive: zipfile.ZipFile, changed: Mapping[str, bytes]) -> bytes:
    """The archive with some sheets exchanged and without pictures."""
    ElementTree.register_namespace("", _MAIN)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for entry in archive.infolist():
            if not entry.filename.startswith(("xl/media/", "xl/drawings/", "xl/charts/")) and not entry.is_dir():
                packed.writestr(entry.filename, changed.get(entry.filename) or member(archive, entry.filename))
    return out.getvalue()


def _comments(archive: zipfile.ZipFile, path: str) -> Iterator[Block]:
    for name in related(archive, path, "comments"):
        root = optional(archive, name)
        for comment in (e for e in root.iter() if local(e) == "comment") if root is not None else ():
            text = "".join(e.text or "" for e in comment.iter() if local(e) == "t")
            if text.strip():
                yield Block(f"{comment.get('ref')}: {' '.join(text.split())}", "line")
