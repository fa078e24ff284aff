"""HTML to flowing text: what a reader of the page sees, with headings and table rows; never scripts or hidden parts."""

import re
from html.parser import HTMLParser

from .. import tables
from .part import Block, Part, flow

_SKIPPED = frozenset(
    re.findall(
        r"\w+",
        "script style noscript template head svg math object iframe select button datalist dialog canvas audio video",
    )
)
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        """p div section article main header footer aside nav ul ol dl dd dt li blockquote pre figure figcaption table
        thead tbody tfoot tr caption h1 h2 h3 h4 h5 h6 form fieldset legend address details summary hr body html br""",
    )
)
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
# Tags that have no end.
_EMPTY = frozenset(re.findall(r"\w+", "area base br col embed hr img input link meta param source track wbr frame"))
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d]*[1-9])", re.I
)
_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*(?:[\"']\s*)?([\w.:-]+)|<\?xml[^>]{0,100}encoding=[\"']([\w.:-]+)", re.I
)


def charset(data: bytes) -> str:
    """The charset a page declares, empty if none."""
    match = _CHARSET.search(data[:65536])
    name = (match[1] or match[2]) if match else b""
    return name.decode("ascii", "replace")


def read(text: str, *, label: str = "") -> tuple[Part, ...]:
    """The parts of an HTML text."""
    return flow(blocks(text), label=label)


def blocks(text: str) -> list[Block]:
    """The visible blocks of an HTML text."""
    parser = _Reader()
    parser.feed(text)
    parser.close()
    parser.flush()
    if parser.title and not any(block.kind == "heading" for block in parser.found):
        parser.found.insert(0, Block(parser.title, "heading"))
    return parser.found


class _Reader(HTMLParser):
    """Collects blocks. Knows of open elements only where it must: hidden ones, cells, preformatted text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Block] = []
        self.title = ""
        self._text: list[str] = []
        self._heading = self._item = self._in_title = False
        self._pre = 0
        self._hidden: list[str] = []  # the hidden element and what of its kind is open inside it
        self._row: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._in_title = not self.title
        if self._hidden:
            if tag == self._hidden[0]:
                self._hidden.append(tag)
            return
        if tag not in _EMPTY and (tag in _SKIPPED or _is_hidden(dict(attrs))):
            if tag != "head":
                self._hidden.append(tag)
            return
        if tag in ("td", "th"):
            if "".join(self._text).strip():
                self._cell()
            self._text.clear()
        elif tag == "br":
            self._text.append("\n")
        elif tag in _BLOCKS:
            self._open_block(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if self._hidden:
            if tag == self._hidden[0]:
                self._hidden.pop()
            return
        if tag in ("td", "th"):
            self._cell()
        elif tag == "tr":
            self._end_row()
        elif tag in _BLOCKS and self._row is None:
            self.flush()
        if tag == "pre":
            self._pre = max(0, self._pre - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if self._in_title and not self.title:
            self.title = " ".join(data.split())
        elif not self._hidden and not self._in_title:
            self._text.append(data if self._pre else re.sub(r"\s+", " ", data))

    def _open_block(self, tag: str) -> None:
        if tag == "tr":
            self._end_row()
            self.flush()
            self._row = []
        elif self._row is not None:
            self._text.append(" ")
        else:
            self.flush()
            self._heading, self._item = tag in _HEADINGS, tag == "li"
        self._pre += tag == "pre"

    def _cell(self) -> None:
        if self._row is not None:
            self._row.append("".join(self._text))
            self._text.clear()

    def _end_row(self) -> None:
        if self._row is not None:
            if "".join(self._text).strip():
                self._cell()
            self._text.clear()
            row, self._row = self._row, None
            if any(cell.strip() for cell in row):
                self.found.append(Block(tables.render([row]), "row"))

    def flush(self) -> None:
        """End the block that is being collected."""
        self._end_row()
        text = "".join(self._text).strip("\n ")
        self._text.clear()
        if text.strip():
            self.found.append(Block(text, "heading" if self._heading else "item" if self._item else "text"))
        self._heading = self._item = False


def _is_hidden(attrs: dict[str, str | None]) -> bool:
    if "hidden" in attrs or (attrs.get("aria-hidden") or "").lower() == "true":
        return True
    return bool(_HIDDEN.search(attrs.get("style") or ""))
