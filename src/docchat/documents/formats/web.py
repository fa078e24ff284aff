"""HTML to flowing text: what a reader of the page sees, with headings and rows; hidden text apart, no scripts."""

import re
from collections import Counter
from html.parser import HTMLParser

from .. import tables
from .part import Block, Part, flow
from .spans import Cell, Spans, span_of
from .web_hidden import Looks
from .web_source import LONE, markup

_SKIPPED = frozenset(
    re.findall(
        r"\w+",
        "script style noscript template head svg math object iframe datalist canvas audio video",
    )
)
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        """option dialog p div section article main header footer aside nav ul ol dl dd dt li blockquote pre
        figure figcaption table thead tbody tfoot tr caption h1 h2 h3 h4 h5 h6 form fieldset legend address
        details summary hr body html br""",
    )
)
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
# Tags that have no end.
_EMPTY = frozenset(re.findall(r"\w+", "area base br col embed hr img input link meta param source track wbr frame"))
_BLANKS = re.compile(r"[^\S ]\s*| \s+")  # all but a single space
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
    """The blocks of an HTML text, those that a reader does not see marked as hidden."""
    parser = _Reader()
    parser.feed(markup(text))
    parser.close()
    parser.finish()
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
        self._looks = Looks()
        self._sheet: list[str] = []
        self._hidden = ""  # the element that is passed over
        self._inside: Counter[str] = Counter()  # elements open inside it, and itself
        self._open: Counter[str] = Counter()  # other elements that are open
        self._secret: list[str] | None = None  # the text of the hidden element, None when it is not for reading
        self._row: list[Cell] | None = None
        self._cell_spans = (1, 1)
        self._spans = Spans()

    def updatepos(self, i: int, j: int) -> int:
        """Where the parser is, without its line, which nobody asks for."""
        return j

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._in_title = not self.title
        if self._hidden == "p" and tag in _BLOCKS:
            self._end_hidden()
        if self._hidden:
            self._inside[tag] += tag not in _EMPTY
            return
        if tag not in _EMPTY:
            if self._skips(tag, dict(attrs)):
                return
            self._open[tag] += 1
        if tag in ("td", "th"):
            if "".join(self._text).strip():
                self._cell()
            self._text.clear()
            given = dict(attrs)
            self._cell_spans = span_of(given.get("colspan")), span_of(given.get("rowspan"))
        elif tag == "br":
            self._text.append("\n")
        elif tag in _BLOCKS:
            self._open_block(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if self._hidden:
            if self._inside[tag] > 0:
                self._inside[tag] -= 1
                if not self._inside[self._hidden]:
                    self._end_hidden()
                return
            if not self._open[tag] > 0:
                return
            self._end_hidden()  # what is around it ends, and it was never closed
        self._open[tag] -= self._open[tag] > 0
        self._looks.closed(tag)
        if tag in ("td", "th"):
            self._cell()
        elif tag == "tr":
            self._end_row()
        elif tag in _BLOCKS and self._row is None:
            self.flush()
        if tag == "pre":
            self._pre = max(0, self._pre - 1)

    def _skips(self, tag: str, attrs: dict[str, str | None]) -> bool:
        """Whether an element is passed over; one that is hidden keeps its text apart."""
        if tag == "head":
            return True
        if tag in _SKIPPED or (attrs.get("aria-hidden") or "").lower() == "true":
            self._secret = None
        elif self._looks.opened(tag, attrs):
            self._secret = []
        else:
            return False
        self._hidden = tag
        self._inside = Counter((tag,))
        return True

    def _end_hidden(self) -> None:
        if self._hidden == "style":
            self._looks.add("".join(self._sheet))
            self._sheet.clear()
        elif self._secret is not None:
            self._looks.closed(self._hidden)
            self.found.append(Block(" ".join(self._secret), hidden=True))
        self._hidden, self._secret = "", None

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        data = data.replace(LONE, "<")
        if self._in_title and not self.title:
            self.title = " ".join(data.split())
        elif self._hidden == "style":
            self._sheet.append(data)
        elif self._hidden and self._secret is not None:
            self._secret.append(data)
        elif not self._hidden and not self._in_title:
            self._text.append(data if self._pre else _BLANKS.sub(" ", data))

    def _open_block(self, tag: str) -> None:
        if tag == "table":
            self._spans = Spans()
        if tag == "tr":
            self._end_row()
            self.flush()
            self._row = []
        elif self._row is not None:
            self._text.append(" ")
        else:
            self.flush()
            self._heading, self._item = tag in _HEADINGS, tag in ("li", "option")
        self._pre += tag == "pre"

    def _cell(self) -> None:
        if self._row is not None:
            self._row.append(Cell(" ".join("".join(self._text).split()), *self._cell_spans))
            self._cell_spans = 1, 1
            self._text.clear()

    def _end_row(self) -> None:
        if self._row is not None:
            if "".join(self._text).strip():
                self._cell()
            self._text.clear()
            row, self._row = self._spans.lay(self._row), None
            if any(row):
                self.found.append(Block(tables.render([row]), "row"))

    def finish(self) -> None:
        """End what is still open."""
        if self._hidden:
            self._end_hidden()
        self.flush()

    def flush(self) -> None:
        """End the block that is being collected."""
        self._end_row()
        if self._text:
            self._end_text()
        self._heading = self._item = False

    def _end_text(self) -> None:
        text = "".join(self._text).strip("\n ")
        self._text.clear()
        if text.strip():
            self.found.append(Block(text, "heading" if self._heading else "item" if self._item else "text"))
