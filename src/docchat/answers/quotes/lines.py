"""The lines of a page and what each of them looks like: a table row, a list item, a field, a heading, plain text."""

import re
from dataclasses import dataclass
from typing import Literal

Look = Literal["blank", "rule", "row", "item", "field", "title", "plain"]

_BULLET = re.compile(r"(?:[-*+•‣◦▪\u2013—·●○■□✓➢❖\uf0b7]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])\s+(?=\S)")
_RULE = re.compile(r"[\s|:+=_-]+")
_DASHES = re.compile(r"[-=_]{3}")
_FIELD = re.compile(r"[^\W\d_][\w/()&.'-]{0,30}(?: [\w/()&.'-]{1,30}){0,4}:\s+\S")
_MARKDOWN_TITLE = re.compile(r"#{1,6}\s+(?=\S)")
_SENTENCE_END = re.compile(r"[.!?…。\uff01\uff1f؟।][\"'”\u2019)\]]*$")
TITLE_CHARS = 100
"""A heading is a line of at most this many characters."""


@dataclass(frozen=True, slots=True)
class Line:
    """The characters [start, end) of a page without surrounding blanks, and what they look like."""

    start: int
    end: int
    text: str
    look: Look


def lines_of(text: str, start: int = 0, end: int | None = None) -> list[Line]:
    """Every line of `text[start:end]`, blank ones too, in order, with offsets in `text`."""
    found: list[Line] = []
    at = start
    for raw in text[start:end].splitlines(keepends=True):
        stripped = raw.strip()
        begin = at + (len(raw) - len(raw.lstrip())) if stripped else at
        begin, stripped, look = _look(begin, stripped)
        found.append(Line(begin, begin + len(stripped), stripped, look))
        at += len(raw)
    return found


def _look(start: int, text: str) -> tuple[int, str, Look]:
    if not text:
        return start, text, "blank"
    if _RULE.fullmatch(text) and _DASHES.search(text):
        return start, text, "rule"
    if cells_of(text):
        return start, text, "row"
    title = _MARKDOWN_TITLE.match(text)
    if title:
        return start + title.end(), text[title.end() :], "title"
    bullet = _BULLET.match(text)
    if bullet:
        return start + bullet.end(), text[bullet.end() :], "item"
    return start, text, "field" if _FIELD.match(text) else "plain"


def cells_of(text: str) -> tuple[str, ...]:
    """The cells of a table row written with bars or tabs; () when the line is no such row."""
    if "\t" in text:
        parts = text.split("\t")
    elif text.startswith("|") or " | " in text:
        parts = text.strip("|").split("|")
    else:
        return ()
    cells = tuple(" ".join(part.split()) for part in parts)
    return cells if len(cells) > 1 else ()


def is_row(line: str) -> bool:
    """Whether a line is a row of a table, its cells parted by bars or tabs."""
    return bool(cells_of(line.strip("\n")))


def ends_sentence(text: str) -> bool:
    """Whether the text ends as a sentence does."""
    return bool(_SENTENCE_END.search(text))


def may_be_title(text: str) -> bool:
    """Whether a line that stands alone reads as a heading: short, no full stop, not a continuation."""
    if len(text) > TITLE_CHARS or text[-1] in ".!?,;…。\uff01\uff1f、" or not any(c.isalpha() for c in text):
        return False
    return not text[0].islower()
