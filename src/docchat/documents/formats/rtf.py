"""Rich text (.rtf) by the standard library: characters in the encoding of their font, tables, hidden text apart."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ...errors import Unreadable
from .. import tables
from .part import Block, Part, flow

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)|[\r\n]+"
)
_CHARSETS = {
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030", 136: "big5", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_PAGES = {"cp10000": "mac_roman", "cp10006": "mac_greek", "cp10007": "mac_cyrillic", "cp65001": "utf-8"}
_BLANKS = {
    b"tab": "\t", b"line": "\n", b"emdash": "\u2014", b"endash": "\u2013", b"lquote": "\u2018", b"rquote": "\u2019",
    b"ldblquote": "\u201c", b"rdblquote": "\u201d", b"bullet": "\u2022", b"emspace": " ", b"enspace": " ",
    b"qmspace": " ", b"softline": "\n",
}  # fmt: skip
_SKIPPED = frozenset(
    b"""fonttbl colortbl stylesheet info pict header headerl headerr headerf footer footerl footerr footerf object
    listtable listoverridetable revtbl rsidtbl generator themedata colorschememapping datastore latentstyles xmlnstbl
    fldinst bkmkstart bkmkend filetbl mmathPr passwordhash annotation atnid atnauthor atnref panose falt pntext
    listtext nonshppict template wgrffmtfilter""".split()
)
_READ_STARRED = frozenset((b"shptxt", b"shpinst", b"shprslt", b"htmltag", b"mhtmltag", b"fldrslt"))
_PALE = 0xF0
_SMALLEST = 4  # half points
_DEEPEST = 2000


@dataclass(slots=True)
class _State:
    """What a group inherits and gives back at its end."""

    skip: bool = False
    encoding: str = ""
    hidden: bool = False
    white: bool = False
    tiny: bool = False
    shaded: bool = False
    unicode_skip: int = 1
    note: bool = False


@dataclass(slots=True)
class _Out:
    blocks: list[Block] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    in_table: bool = False
    heading: bool = False


def read(data: bytes) -> tuple[Part, ...]:
    """The parts of a text. Raises Unreadable: damaged, too_complex."""
    parser = _Parser(data)
    parser.run()
    return flow(parser.out.blocks)


class _Parser:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._state = _State()
        self._stack: list[_State] = []
        self._fonts = _fonts(data)
        self._colours = _colours(data)
        self._headings = _headings(data)
        self._default = _default(data)
        font = re.search(rb"\\deff(\d+)", data[:4096])
        self._first_font = self._state.encoding = self._fonts.get(int(font[1]) if font else 0, "")
        self._pending = bytearray()  # characters of a legacy encoding that are not decoded yet
        self._drop = 0  # characters that only older readers show
        self._star = self._fresh = False  # `\\*` was just read; a group has just begun
        self.out = _Out()

    def run(self) -> None:
        """Read everything into `out`."""
        at = 0
        while match := _TOKEN.match(self._data, at):
            at = match.end()
            word, number, code, symbol, brace, text = match.groups()
            if code:
                self._byte(int(code, 16))
            elif text:
                self._bytes(text)
            else:
                self._flush()
                if brace:
                    self._brace(brace)
                elif word:
                    at += self._word(word, int(number) if number else None)
                elif symbol:
                    self._symbol(symbol)
                    continue
            self._fresh = brace == b"{"
        self._flush()
        self._paragraph()

    def _brace(self, brace: bytes) -> None:
        self._star = False
        self._drop = 0
        if brace == b"{":
            if len(self._stack) > _DEEPEST:
                raise Unreadable("This document is nested too deep.", code="too_complex")
            self._stack.append(replace(self._state))
        elif self._stack:
            ended, self._state = self._state, self._stack.pop()
            if ended.note and not self._state.note:
                self._add(")")

    def _word(self, word: bytes, number: int | None) -> int:
        """Obey a control word; how many bytes behind it to pass over."""
        state = self._state
        starred, self._star = self._star and self._fresh, False
        if word == b"bin":
            return max(0, number or 0)
        if word in _SKIPPED or (starred and word not in _READ_STARRED):
            state.skip = True
        elif word in _BLANKS:
            self._add(_BLANKS[word])
        elif word == b"u" and number is not None:
            self._add(chr(number % 65536))
            self._drop = state.unicode_skip
        elif word == b"uc":
            state.unicode_skip = max(0, min(number or 0, 20))
        elif word == b"footnote":
            state.note = True
            self._add(" (")
        elif not state.skip and not self._layout(word, number):
            self._look(word, number)
        return 0

    def _layout(self, word: bytes, number: int | None) -> bool:
        out = self.out
        if word in (b"par", b"sect", b"page"):
            if self._state.note or (out.in_table and word == b"par"):
                self._add(" ")
            else:
                self._paragraph()
        elif word == b"pard":
            out.in_table = out.heading = False
        elif word == b"intbl":
            out.in_table = True
        elif word in (b"cell", b"nestcell"):
            out.cells.append(self._taken())
        elif word in (b"row", b"nestrow"):
            self._row()
        elif word == b"s" and number is not None:
            out.heading = number in self._headings
        elif word == b"outlinelevel":
            out.heading = number is not None and number < 9
        else:
            return False
        return True

    def _look(self, word: bytes, number: int | None) -> None:
        state = self._state
        if word == b"f" and number is not None:
            state.encoding = self._fonts.get(number, "")
        elif word == b"v":
            state.hidden = number != 0
        elif word == b"cf":
            state.white = number in self._colours
        elif word == b"fs":
            state.tiny = number is not None and 0 < number <= _SMALLEST
        elif word in (b"cb", b"chcbpat", b"cbpat", b"highlight", b"clcbpat"):
            state.shaded = bool(number) and number not in self._colours
        elif word == b"plain":
            state.hidden = state.white = state.tiny = False
            state.encoding = self._first_font

    def _symbol(self, symbol: bytes) -> None:
        self._star = symbol == b"*"
        if self._star:
            return
        self._fresh = False
        if symbol in (b"\\", b"{", b"}"):
            self._add(symbol.decode())
        elif symbol in (b"~", b"_"):
            self._add(" " if symbol == b"~" else "-")
        elif symbol in (b"\n", b"\r"):
            self._paragraph()

    def _byte(self, value: int) -> None:
        if self._drop:
            self._drop -= 1
        else:
            self._pending.append(value)

    def _bytes(self, text: bytes) -> None:
        if self._drop:
            dropped = min(self._drop, len(text))
            self._drop -= dropped
            text = text[dropped:]
        self._pending += text

    def _flush(self) -> None:
        if self._pending:
            encoding = self._state.encoding or self._default
            self._add(self._pending.decode(encoding, "replace"))
            self._pending.clear()

    def _add(self, text: str) -> None:
        state = self._state
        if state.skip:
            return
        unseen = state.hidden or state.tiny or (state.white and not state.shaded)
        (self.out.hidden if unseen else self.out.text).append(text)

    def _taken(self) -> str:
        # Half characters of a pair come one by one.
        text = "".join(self.out.text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        self.out.text.clear()
        return text

    def _paragraph(self) -> None:
        out = self.out
        if out.cells:
            self._row()
        self._secret()
        out.blocks.append(Block(self._taken(), "heading" if out.heading else "text"))

    def _row(self) -> None:
        out = self.out
        self._secret()
        out.blocks.append(Block(tables.render([out.cells]), "row"))
        out.cells.clear()
        out.in_table = False

    def _secret(self) -> None:
        if self.out.hidden:
            self.out.blocks.append(Block("".join(self.out.hidden), hidden=True))
            self.out.hidden.clear()


def _group(data: bytes, name: bytes) -> bytes:
    """The content of the first group of a name, at most 1 MB."""
    start = data.find(b"{\\" + name)
    if start < 0:
        return b""
    depth = 0
    for match in re.compile(rb"\\.|[{}]", re.DOTALL).finditer(data, start, start + 1_000_000):
        depth += (match[0] == b"{") - (match[0] == b"}")
        if not depth:
            return data[start : match.end()]
    return data[start : start + 1_000_000]


def _fonts(data: bytes) -> dict[int, str]:
    found: dict[int, str] = {}
    table = _group(data, b"fonttbl")
    for match in re.finditer(rb"\\f(\d+)((?:\\(?!f\d)[a-z]+-?\d* ?|\{[^{}]*\}|[^\\{};]){0,60})", table):
        charset = re.search(rb"\\fcharset(\d+)", match[2])
        page = re.search(rb"\\cpg(\d+)", match[2])
        name = f"cp{int(page[1])}" if page else _CHARSETS.get(int(charset[1])) if charset else None
        if name:
            found[int(match[1])] = _known(name)
    # Fonts without Latin letters of their own are read as the document is.
    return {
        number: name
        for number, name in found.items()
        if name and not (name == "cp1252" and b"\\ansicpg" in data[:2000])
    }


def _known(name: str) -> str:
    try:
        return codecs.lookup(_PAGES.get(name, name)).name
    except LookupError:
        return ""


def _default(data: bytes) -> str:
    match = re.search(rb"\\ansicpg(\d+)", data[:4096])
    if match:
        return _known(f"cp{int(match[1])}") or "cp1252"
    if b"\\mac" in data[:64]:
        return "mac_roman"
    return "cp437" if re.search(rb"\\pc\b", data[:64]) else "cp850" if b"\\pca" in data[:64] else "cp1252"


def _colours(data: bytes) -> frozenset[int]:
    """The numbers of the colours that are white or almost."""
    pale = set()
    for number, entry in enumerate(_group(data, b"colortbl").partition(b"colortbl")[2].split(b";")):
        values = [int(value) for value in re.findall(rb"\\(?:red|green|blue)(\d+)", entry)]
        if len(values) == 3 and min(values) >= _PALE:
            pale.add(number)
    return frozenset(pale)


def _headings(data: bytes) -> frozenset[int]:
    return frozenset(_heading_styles(_group(data, b"stylesheet")))


def _heading_styles(sheet: bytes) -> Iterator[int]:
    for match in re.finditer(rb"\{\\s(\d+)([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}", sheet):
        name = match[2].rpartition(b" ")[0].rpartition(b"\\")[2] + match[2][-40:]
        if re.search(rb"\\outlinelevel[0-8]\b", match[2]) or re.search(rb"(?:heading \d|Title);?$", name.strip(), re.I):
            yield int(match[1])
