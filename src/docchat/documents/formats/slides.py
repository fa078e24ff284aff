"""PowerPoint files (.pptx, .ppsx, .potx) by the standard library: slides in order, tables, notes, hidden text apart."""

import zipfile
from collections.abc import Iterator
from dataclasses import replace

from .. import tables
from .ooxml import Element, attribute, check, is_pale, local, main_part, optional, related, relations, tree
from .part import Block, Part, bounded, conceal, flow
from .spans import Cell, Spans, span_of

MOST_SLIDES = 5000
_TITLES = ("title", "ctrTitle")
_FURNITURE = ("sldNum", "dt", "hdr")
_SMALLEST = 200  # hundredths of a point
_DEEPEST = 40


def read(archive: zipfile.ZipFile) -> tuple[Part, ...]:
    """A part `Slide n` for each slide; notes and comments follow the text of theirs. Raises Unreadable."""
    check(archive)
    name = main_part(archive, "ppt/presentation.xml")
    targets = relations(archive, name)
    deck = tree(archive, name)
    size = next((child for child in deck if local(child) == "sldSz"), None)
    room = (_number(size, "cx"), _number(size, "cy")) if size is not None else (0, 0)
    listed = [child for group in deck if local(group) == "sldIdLst" for child in group][:MOST_SLIDES]

    def read_one(number: int, entry: Element) -> Part:
        identity = next((v for k, v in entry.attrib.items() if k.endswith("}id")), "")
        path = targets.get(identity, ("", ""))[1]
        root = optional(archive, path)
        return _slide(archive, path, root, number, room) if root is not None else Part(f"Slide {number}", "")

    return bounded(read_one(number, entry) for number, entry in enumerate(listed, 1))


def _slide(archive: zipfile.ZipFile, path: str, root: Element, number: int, room: tuple[int, int]) -> Part:
    label = f"Slide {number}"
    blocks = list(_shapes(root, room, plain=_is_plain(archive, path, root)))
    for diagram in related(archive, path, "diagramData"):
        blocks += _loose(optional(archive, diagram))
    for chart in related(archive, path, "chart"):
        blocks += _loose(optional(archive, chart))
    blocks += _notes(archive, path)
    blocks += _comments(archive, path)
    part = _joined(flow(blocks), label)
    if attribute(root, "show") in ("0", "false"):
        return conceal(Part(label=f"{label} (hidden)", text=""), [part.text], mark="Hidden slide")
    return part


def _joined(parts: tuple[Part, ...], label: str) -> Part:
    """One part of a slide's text, however long: its number is the slide's."""
    if len(parts) < 2:
        return replace(parts[0], label=label) if parts else Part(label=label, text="")
    text = "\n\n".join(part.visible for part in parts)
    return conceal(Part(label=label, text=text), [part.text[slice(*h)] for part in parts for h in part.hidden])


def _number(element: Element, name: str) -> int:
    try:
        return int(element.get(name) or 0)
    except ValueError:
        return 0


def _shapes(element: Element, room: tuple[int, int], *, plain: bool, depth: int = 0) -> Iterator[Block]:
    """Blocks of the shapes of a slide or group. `plain`: white letters without a ground of their own are not seen."""
    for child in element:
        name = local(child)
        if name == "sp":
            yield from _shape(child, room, plain and not _has_fill(child), grouped=depth > 2)
        elif name == "tbl":
            yield from _table(child)
        elif name == "AlternateContent" and len(child):
            yield from _shapes(child[0], room, plain=plain, depth=depth + 1)
        elif name not in ("txBody", "pic", "extLst", "timing", "transition") and depth < _DEEPEST:
            yield from _shapes(child, room, plain=plain, depth=depth + 1)


def _shape(shape: Element, room: tuple[int, int], plain: bool, *, grouped: bool) -> Iterator[Block]:
    holder = next((e for e in shape.iter() if local(e) == "ph"), None)
    kind = (holder.get("type") or "body") if holder is not None else ""
    if kind in _FURNITURE:
        return
    properties = next((e for e in shape.iter() if local(e) == "cNvPr"), None)
    gone = properties is not None and properties.get("hidden") in ("1", "true")
    gone = gone or (not grouped and _is_outside(shape, room))
    for body in (child for child in shape if local(child) == "txBody"):
        for paragraph in (child for child in body if local(child) == "p"):
            seen, hidden = _paragraph(paragraph, plain)
            if gone:
                seen, hidden = "", f"{seen} {hidden}"
            yield Block(seen, "heading" if kind in _TITLES else "text")
            yield Block(hidden, hidden=True)


def _paragraph(paragraph: Element, plain: bool) -> tuple[str, str]:
    seen: list[str] = []
    hidden: list[str] = []
    for child in paragraph:
        name = local(child)
        if name == "br":
            seen.append("\n")
        elif name in ("r", "fld"):
            text = "".join(e.text or "" for e in child if local(e) == "t")
            (hidden if _is_unseen(child, plain) else seen).append(text)
        elif name in ("m", "AlternateContent"):
            seen += [e.text or "" for e in child.iter() if local(e) == "t"]
    return "".join(seen), "".join(hidden)


def _is_unseen(run: Element, plain: bool) -> bool:
    for properties in (child for child in run if local(child) == "rPr"):
        if 0 < _number(properties, "sz") <= _SMALLEST:
            return True
        for fill in (child for child in properties if local(child) == "solidFill"):
            colour = next(iter(fill), None)
            pale = colour is not None and (
                (local(colour) == "srgbClr" and is_pale(colour.get("val")))
                or (local(colour) == "schemeClr" and colour.get("val") == "bg1" and not len(colour))
            )
            if pale and plain:
                return True
        if any(local(child) == "noFill" for child in properties):
            return not any(local(child) == "ln" for child in properties)
    return False


def _has_fill(shape: Element) -> bool:
    for child in shape:
        if local(child) == "style":
            return True
        if local(child) == "spPr" and any(local(e).endswith("Fill") and local(e) != "noFill" for e in child):
            return True
    return False


def _is_outside(shape: Element, room: tuple[int, int]) -> bool:
    """Whether a shape stands wholly beside its slide."""
    frame = next((e for e in shape.iter() if local(e) == "xfrm"), None)
    if frame is None or not all(room):
        return False
    place = {local(child): child for child in frame}
    if "off" not in place or "ext" not in place:
        return False
    x, y = _number(place["off"], "x"), _number(place["off"], "y")
    wide, high = _number(place["ext"], "cx"), _number(place["ext"], "cy")
    return x >= room[0] or y >= room[1] or x + wide <= 0 or y + high <= 0


def _table(table: Element) -> Iterator[Block]:
    spans = Spans()
    for row in (child for child in table if local(child) == "tr"):
        cells = []
        for cell in (child for child in row if local(child) == "tc"):
            if {cell.get("hMerge"), cell.get("vMerge")}.isdisjoint(("1", "true")):
                text = " ".join("".join(_paragraph(p, False)) for p in cell.iter() if local(p) == "p")
                cells.append(Cell(text, span_of(cell.get("gridSpan")), span_of(cell.get("rowSpan"))))
        yield Block(tables.render([spans.lay(cells)]), "row")


def _loose(root: Element | None) -> list[Block]:
    """Texts of a diagram, or the title, names and values of a chart."""
    if root is None:
        return []
    if any(local(element) == "chart" for element in root):
        texts = [e.text or "" for e in root.iter() if local(e) in ("t", "v")]
        return [Block(" ".join(texts), "line")] if texts else []
    paragraphs = ("".join(t.text or "" for t in p.iter() if local(t) == "t") for p in root.iter() if local(p) == "p")
    return [Block(text, "item") for text in paragraphs]


def _notes(archive: zipfile.ZipFile, path: str) -> Iterator[Block]:
    """The speaker's notes, named as such: they are not on the slide."""
    for notes in related(archive, path, "notesSlide"):
        root = optional(archive, notes)
        texts = []
        for shape in (e for e in root.iter() if local(e) == "sp") if root is not None else ():
            holder = next((e for e in shape.iter() if local(e) == "ph"), None)
            if holder is not None and (holder.get("type") or "body") == "body":
                texts += ["".join(_paragraph(p, False)) for p in shape.iter() if local(p) == "p"]
        if any(text.strip() for text in texts):
            yield Block("Speaker notes: " + "\n".join(text for text in texts if text.strip()))


def _comments(archive: zipfile.ZipFile, path: str) -> Iterator[Block]:
    for kind in ("comments", "comment"):
        for name in related(archive, path, kind):
            root = optional(archive, name)
            for comment in (e for e in root.iter() if local(e) == "cm") if root is not None else ():
                text = " ".join(e.text or "" for e in comment.iter() if local(e) in ("text", "t"))
                if text.strip():
                    yield Block(f"Comment: {text}", "line")


def _is_plain(archive: zipfile.ZipFile, path: str, root: Element) -> bool:
    """Whether a slide's ground is white and nothing but text stands on it, from the slide up to its master."""
    grounds: list[str] = []
    for _ in range(3):
        if any(local(e) == "pic" for e in root.iter()):
            return False
        grounds += _ground(root)
        above = next((p for kind in ("slideLayout", "slideMaster") for p in related(archive, path, kind)), "")
        parent = optional(archive, above)
        if parent is None:
            break
        path, root = above, parent
    if grounds:
        return grounds[0] == "white"
    return local(root) == "sldMaster" or not grounds


def _ground(root: Element) -> list[str]:
    for background in (e for e in root.iter() if local(e) == "bg"):
        for element in background.iter():
            if local(element) == "srgbClr":
                return ["white" if is_pale(element.get("val")) else "dark"]
            if local(element) == "schemeClr":
                return ["white" if element.get("val") == "bg1" else "dark"]
            if local(element) in ("gradFill", "blipFill", "pattFill"):
                return ["dark"]
    return []
