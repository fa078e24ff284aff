"""Which elements of a page a reader does not see: by attributes, by style, by the page's own style sheets."""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

_MOST_CSS = 500_000  # characters of style sheets that are looked at
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SIMPLE = re.compile(r"(?:[a-z][a-z0-9]*)?(?:[.#][\w-]+)?", re.IGNORECASE)
_NOTHING = re.compile(r"0*\.?0+(?:px|pt|em|rem|%|vw|vh)?|1px")
_FAR = re.compile(r"-\d{3,}(?:\.\d+)?(?:px|em|rem|pt|vw|%)?")
_PALE = re.compile(
    r"#(?:f{3,4}|f{6}|f{8}|(?:[ef][c-f0-9]){3})|white|ivory|snow|ghostwhite|floralwhite|transparent"
    r"|rgba?\(\s*(?:2[45]\d\s*,\s*){2}2[45]\d\s*(?:,[^)]*)?\)|rgba\([^)]*,\s*0(?:\.0+)?\s*\)|hsla?\([^)]*,\s*(?:9[5-9]|100)%.*\)"
)
_NO_GROUND = re.compile(r"none|initial|inherit|unset|transparent|0|0 0")
_GROUNDS = ("background", "background-color", "background-image")
_SHAPELESS = frozenset(("html", "body"))

Attributes = Mapping[str, str | None]


class Looks:
    """What the style sheets of a page say, as far as simple selectors (`p`, `.note`, `#menu`, `p.note`) go."""

    def __init__(self) -> None:
        self._rules: dict[str, dict[str, str]] = {}
        self._room = _MOST_CSS
        self._grounds: list[tuple[str, int]] = []

    def add(self, css: str) -> None:
        """A style sheet. What stands under a condition (`@media …`) is left out."""
        css, self._room = css[: self._room], max(0, self._room - len(css))
        for selectors, body in _rules(_COMMENT.sub("", css)):
            for selector in selectors.split(","):
                if _SIMPLE.fullmatch(selector.strip()):
                    self._rules.setdefault(selector.strip().lower(), {}).update(_declarations(body))

    def opened(self, tag: str, attributes: Attributes) -> bool:
        """Whether an element that begins is hidden. Also keeps in mind which elements have a ground of their own."""
        if not (attributes or self._rules or self._grounds):
            return tag == "dialog"
        style = self._style(tag, attributes)
        grounded = bool(style or attributes) and _has_ground(style, attributes)
        if self._grounds and self._grounds[-1][0] == tag:
            self._grounds[-1] = (tag, self._grounds[-1][1] + 1)
        elif grounded:
            self._grounds.append((tag, 1))
        if "hidden" in attributes or (tag == "dialog" and "open" not in attributes) or (style and _is_gone(style)):
            return True
        if grounded or self._grounds or tag in _SHAPELESS:
            return False
        colour = style.get("color", (attributes.get("color") or "").lower() if tag == "font" else "")
        return bool(colour and _PALE.fullmatch(colour))

    def closed(self, tag: str) -> None:
        """An element ended."""
        if self._grounds and self._grounds[-1][0] == tag:
            _, depth = self._grounds.pop()
            if depth > 1:
                self._grounds.append((tag, depth - 1))

    def _style(self, tag: str, attributes: Attributes) -> dict[str, str]:
        style: dict[str, str] = {}
        if self._rules:
            names = [f".{name}" for name in (attributes.get("class") or "").lower().split()]
            names += [f"#{(attributes.get('id') or '').strip().lower()}"]
            for selector in (tag, *names, *(tag + name for name in names)):
                style.update(self._rules.get(selector, {}))
        inline = attributes.get("style")
        if inline:
            style.update(_declarations(inline))
        return style


def hidden_element(tag: str, attributes: str) -> bool:
    """Whether an element that stands alone is hidden, by its own attributes."""
    parser = _Attributes()
    parser.feed(f"<{tag}{attributes}>")
    return Looks().opened(tag.lower(), parser.found)


class _Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: Attributes = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found = dict(attrs)


def _rules(css: str) -> Iterator[tuple[str, str]]:
    """Selectors and declarations of the rules that stand under no condition."""
    at = 0
    while (start := css.find("{", at)) >= 0:
        selectors = css[at:start].rpartition(";")[2].strip()
        end = _closing(css, start) if selectors.startswith("@") else css.find("}", start)
        if end < 0:
            return
        if not selectors.startswith("@"):
            yield selectors, css[start + 1 : end]
        at = end + 1


def _closing(css: str, start: int) -> int:
    depth = 0
    for match in re.compile("[{}]").finditer(css, start):
        depth += 1 if match[0] == "{" else -1
        if not depth:
            return match.start()
    return -1


def _declarations(text: str) -> dict[str, str]:
    found = {}
    for declaration in text.split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            found[name.strip().lower()] = value.lower().partition("!")[0].strip()
    return found


def _has_ground(style: Mapping[str, str], attributes: Attributes) -> bool:
    grounds = [style[name] for name in _GROUNDS if name in style] if style else []
    if "bgcolor" in attributes or "background" in attributes:
        grounds += [str(attributes[name]).lower() for name in ("bgcolor", "background") if attributes.get(name)]
    return any(ground and not _PALE.fullmatch(ground) and not _NO_GROUND.fullmatch(ground) for ground in grounds)


def _is_gone(style: Mapping[str, str]) -> bool:
    if style.get("display") == "none" or style.get("visibility") in ("hidden", "collapse"):
        return True
    if any(_NOTHING.fullmatch(style.get(name, "")) for name in ("font-size", "opacity", "zoom")):
        return True
    if any(_FAR.fullmatch(style.get(name, "")) for name in ("left", "top", "right", "text-indent", "margin-left")):
        return True
    small = any(_NOTHING.fullmatch(style.get(name, "")) for name in ("width", "height", "max-height", "max-width"))
    if small and style.get("overflow", "").startswith(("hidden", "clip")):
        return True
    clip = f"{style.get('clip', '')} {style.get('clip-path', '')}".replace(" ", "")
    return "rect(0" in clip or "rect(1px" in clip or "inset(50%" in clip or "inset(100%" in clip
