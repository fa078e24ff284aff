"""Markdown to flowing text: headings found, marks of markup taken off, tables as rows."""

import html
import re
from collections.abc import Iterator

from .. import tables
from .part import Block, Part, flow
from .web_hidden import hidden_element
from .wrap import unwrap

_HEADING = re.compile(r"#{1,6}\s")
_UNDERLINE = re.compile(r"(=+|-+)\s*$")
_RULE = re.compile(r"(?:[-*_]\s*){3,}$")
_FENCE = re.compile(r"(?:```|~~~)")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s+")
_QUOTE = re.compile(r"(?:>\s?)+")
_TABLE = re.compile(r"\|.*\|$")
_TABLE_RULE = re.compile(r"\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?$")
_CELL_END = re.compile(r"(?<!\\)\|")
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_IMAGE = re.compile(r"!\[([^\[\]\n]*)\](?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)|\[[^\]\n]*\])")
_LINK = re.compile(r"\[([^\[\]\n]*)\](?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)|\[[^\]\n]*\])")
_REFERENCE = re.compile(r"\[[^\]\n]+\]:\s*\S+.*$")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]+)>")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,500}>")
_STRONG = re.compile(r"(\*\*|__|~~)(?=\S)((?:(?!\1).)+)(?<=\S)\1")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])|(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])")
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_ELEMENT = re.compile(
    r"<([a-z]\w*)(\s[^<>]*(?:hidden|style\s*=|color\s*=)[^<>]*)>(.{0,5000}?)</\1\s*>", re.DOTALL | re.I
)
_FENCED = re.compile(r"^((?:```|~~~).*?^(?:```|~~~)[^\n]*$)", re.MULTILINE | re.DOTALL)
_STASH = re.compile("\ue000(\\d+)\ue001")


def read(text: str, *, label: str = "") -> tuple[Part, ...]:
    """The parts of a Markdown text."""
    return flow(tuple(blocks(text)), label=label)


def blocks(text: str) -> Iterator[Block]:
    """Headings, paragraphs, list items, code lines and table rows of a Markdown text; hidden HTML elements apart."""
    text = _without_comments(_FRONT_MATTER.sub(r"\1\n\n", text.replace("\r\n", "\n")))
    text, hidden = _without_hidden(text) if _ELEMENT.search(text) else (text, [])
    yield from (Block(_TAG.sub("", piece), hidden=True) for piece in hidden)
    yield from _seen(text)


def _seen(text: str) -> Iterator[Block]:
    paragraph: list[str] = []
    fenced = False
    for line in [*text.split("\n"), ""]:
        bare = _QUOTE.sub("", line.strip(), count=1) if not fenced else line.rstrip()
        if _FENCE.match(bare.strip()):
            yield from _paragraph(paragraph)
            fenced = not fenced
            continue
        if fenced:
            yield Block(bare, "line")
            continue
        if paragraph and _UNDERLINE.match(bare) and len(paragraph) == 1 and not _ITEM.match(paragraph[0]):
            yield Block(inline(paragraph.pop()), "heading")
            continue
        starts = bool(_HEADING.match(bare) or _ITEM.match(bare) or _TABLE.match(bare) or not bare)
        if starts or _RULE.match(bare) or _REFERENCE.match(bare):
            yield from _paragraph(paragraph)
        if _HEADING.match(bare):
            yield Block(inline(bare.lstrip("#").rstrip("#").strip()), "heading")
        elif _TABLE.match(bare):
            if not _TABLE_RULE.match(bare):
                yield Block(_row(bare), "row")
        elif bare and not _RULE.match(bare) and not _REFERENCE.match(bare):
            paragraph.append(bare)


def _without_comments(text: str) -> str:
    """The text without comments; one that is never closed is text."""
    kept = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept.append(text[at:start])
        at = end + 3
    return "".join([*kept, text[at:]])


def _without_hidden(text: str) -> tuple[str, list[str]]:
    """The text without hidden HTML elements, and what stood in them. Code is left as it is."""
    hidden: list[str] = []

    def visible(match: re.Match[str]) -> str:
        if not hidden_element(match[1], match[2]):
            return match[0]
        hidden.append(match[3])
        return ""

    pieces = _FENCED.split(text)
    pieces[::2] = [_ELEMENT.sub(visible, piece) for piece in pieces[::2]]
    return "".join(pieces), hidden


def _paragraph(lines: list[str]) -> Iterator[Block]:
    if lines:
        text = unwrap("\n".join(lines)) if len(lines) > 2 else " ".join(lines)
        yield Block(inline(text), "item" if _ITEM.match(lines[0]) else "text")
        lines.clear()


def _row(line: str) -> str:
    return tables.render([[inline(cell.strip()) for cell in _CELL_END.split(line.strip()[1:-1])]])


def inline(text: str) -> str:
    """A line without the marks of emphasis, links, pictures, code and HTML tags."""
    kept: list[str] = []

    def stash(value: str) -> str:
        kept.append(value)
        return f"\ue000{len(kept) - 1}\ue001"

    text = _CODE.sub(lambda match: stash(match[2].strip()), text)
    text = _ESCAPE.sub(lambda match: stash(match[1]), text)
    text = _AUTOLINK.sub(lambda match: stash(match[1]), text)
    for _ in range(2):  # a picture inside a link
        text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    text = html.unescape(_TAG.sub("", text))
    text = _EMPHASIS.sub(lambda match: match[1] or match[2], _STRONG.sub(r"\2", _STRONG.sub(r"\2", text)))
    return _STASH.sub(lambda match: kept[int(match[1])] if int(match[1]) < len(kept) else "", text)
