"""What the styles of an OpenDocument file hide: text that is not displayed, white or tiny, sheets and slides."""

from collections.abc import Sequence
from dataclasses import dataclass

from .ooxml import Element, is_pale, local

_FAMILIES = {
    "p": "paragraph", "h": "paragraph", "table": "table", "table-cell": "table-cell", "page": "drawing-page",
}  # fmt: skip


@dataclass(slots=True)
class _Style:
    parent: str = ""
    hidden: bool | None = None
    pale: bool | None = None
    ground: bool | None = None


class Styles:
    """The styles of a document by name and family, each with what it inherits."""

    def __init__(self, roots: Sequence[Element]) -> None:
        self._styles: dict[tuple[str, str], _Style] = {}
        self._known: dict[tuple[str, str], _Style] = {}
        for root in roots:
            for element in (e for e in root.iter() if local(e) == "style"):
                self._styles[_of(element, "family"), _of(element, "name")] = _style(element)

    def hides(self, element: Element, *, ground: bool = False) -> bool:
        """Whether an element's own style hides what is in it. On a `ground` of its own white letters are seen."""
        name = _of(element, "style-name")
        if not name:
            return False
        found = self._resolved(_FAMILIES.get(local(element), "text"), name)
        return bool(found.hidden) or (bool(found.pale) and not found.ground and not ground)

    def has_ground(self, element: Element) -> bool:
        """Whether an element's own style gives it a ground that is not white."""
        return bool(self._resolved(_FAMILIES.get(local(element), "text"), _of(element, "style-name")).ground)

    def _resolved(self, family: str, name: str) -> _Style:
        chain: dict[str, _Style] = {}  # from the style up to what it inherits from
        while (family, name) in self._styles and (family, name) not in self._known and name not in chain:
            chain[name] = self._styles[family, name]
            name = chain[name].parent
        found = self._known.get((family, name), _Style())
        for step, style in reversed(chain.items()):
            found = self._known[family, step] = _Style(
                hidden=found.hidden if style.hidden is None else style.hidden,
                pale=found.pale if style.pale is None else style.pale,
                ground=found.ground if style.ground is None else style.ground,
            )
        return found


def _of(element: Element, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.endswith(f"}}{name}")), "")


def _style(element: Element) -> _Style:
    found = _Style(parent=_of(element, "parent-style-name"))
    for properties in element:
        kind = local(properties)
        if kind == "text-properties":
            found.hidden = _text_hidden(properties, found.hidden)
            colour = _of(properties, "color")
            found.pale = is_pale(colour) if colour else found.pale
        elif kind == "table-properties" and _of(properties, "display"):
            found.hidden = _of(properties, "display") == "false"
        elif kind == "drawing-page-properties" and _of(properties, "visibility"):
            found.hidden = _of(properties, "visibility") == "hidden"
        if kind in ("text-properties", "paragraph-properties", "graphic-properties", "table-cell-properties"):
            ground = _of(properties, "background-color") or _of(properties, "fill-color")
            found.ground = (ground != "transparent" and not is_pale(ground)) if ground else found.ground
    return found


def _text_hidden(properties: Element, before: bool | None) -> bool | None:
    display, size = _of(properties, "display"), _of(properties, "font-size")
    if display:
        return display == "none"
    if size.endswith("pt"):
        try:
            return float(size[:-2]) <= 2
        except ValueError:
            return before
    return before
