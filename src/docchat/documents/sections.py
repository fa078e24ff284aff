"""The sections of a document that can be asked by themselves: its pages, its headings, and ranges that were selected.

A section is named by its place alone: `p3` is page 3, `h3-120` the heading at character 120 of page 3 with all that
stands below it, `s3-120-260` these characters of page 3. Headings are told from the text, helped by those that the
document's reader knew; two readings of the same pages give the same sections.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..types import PageText
from .formats.part import concealed

Kind = Literal["page", "heading", "selection"]

LONGEST = 100
"""Pages that a heading's section has at most."""
AROUND = 2
"""Pages before and behind a page that tell whether its first and last line are the same on all."""
UNNUMBERED = 7
"""Level of a heading that does not say its own: its section ends at the next heading of any level."""

_TITLE_CHARS = 100
_TITLE_WORDS = 14
_LONG_LINE = 45
_MOST_ON_A_PAGE = 40
_EDGE = 3
_ID = re.compile(r"p([1-9]\d{0,6})|h([1-9]\d{0,6})-(0|[1-9]\d{0,8})|s([1-9]\d{0,6})-(0|[1-9]\d{0,8})-([1-9]\d{0,8})")
_LINE = re.compile(r"[^\n]+")
_HASHES = re.compile(r"(#{1,6})\s+(?=\S)")
_NUMBERED = re.compile(r"(?:§\s*)?(\d{1,3}(?:\.\d{1,3}){0,4})[.)]?\s+(?=[^\W\d_])")
_NAMED = re.compile(
    r"(?:chapter|part|article|section|annex|appendix|kapitel|teil|artikel|anhang|chapitre|partie|annexe|cap[ií]tulo"
    r"|parte|art[ií]culo|anexo|capitolo|articolo|allegato|hoofdstuk|bijlage|глава|часть|статья)\s+(?:\d+|[IVXLC]+|[A-Z])\b",
    re.IGNORECASE,
)
_BULLET = re.compile(r"[-*+•‣◦▪\u2013—·●○■□]\s")
_STOP = ".!?,;:…。\uff01\uff1f؟।、"
_DIGITS = re.compile(r"\d+")
_LEADERS = re.compile(r"(?:\. ?){4}|…{2}|_{4}")


@dataclass(frozen=True, slots=True)
class Place:
    """What the id of a section says: its kind, its page (1-based) and, where it has them, its characters there."""

    kind: Kind
    page: int
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document: from character `start` of page `page` to before character `end` of page `last`.

    `level` is a heading's, 1 (highest) to 7, and 0 for pages and selections.
    """

    id: str
    kind: Kind
    title: str
    page: int
    start: int
    last: int
    end: int
    level: int = 0

    def span(self, number: int, length: int) -> tuple[int, int]:
        """The characters of page `number`, which has `length` of them, that belong to it; (0, 0) for none."""
        if not self.page <= number <= self.last:
            return 0, 0
        start = self.start if number == self.page else 0
        end = self.end if number == self.last else length
        return start, max(start, min(end, length))


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading and where it stands; its own line ends at `end`."""

    page: int
    start: int
    end: int
    title: str
    level: int


Known = Mapping[int, Collection[str]]
"""The headings that a reader found, as it wrote them, by page."""


def place_of(section_id: str) -> Place | None:
    """What an id means; None when it is none. Each place has one id."""
    found = _ID.fullmatch(section_id)
    if found is None:
        return None
    page, heading, start, chosen, begin, end = (None if item is None else int(item) for item in found.groups())
    if page is not None:
        return Place("page", page)
    if heading is not None and start is not None:
        return Place("heading", heading, start)
    if chosen is None or begin is None or end is None or begin >= end:
        return None
    return Place("selection", chosen, begin, end)


def visible(text: str) -> str:
    """The part of a page's text that is asked: without what nobody sees who opens the file."""
    hidden = concealed(text)
    return text[: hidden[0][0]].rstrip() if hidden else text


def page_section(page: PageText) -> Section:
    """The section that a page is."""
    title = page.label or f"Part {page.number}"
    return Section(f"p{page.number}", "page", title, page.number, 0, page.number, len(visible(page.text)))


def selection(page: PageText, start: int, end: int) -> Section | None:
    """The section that a range of a page is; None when nothing can be read in it."""
    text = visible(page.text)[start:end]
    words = " ".join(text.split())
    if not words or end > len(page.text):
        return None
    title = words if len(words) <= _TITLE_CHARS else words[: _TITLE_CHARS - 1].rstrip() + "…"
    number = page.number
    return Section(f"s{number}-{start}-{end}", "selection", title, number, start, number, start + len(text.rstrip()))


def outline(pages: Sequence[PageText], known: Known, *, first: int, last: int) -> tuple[Section, ...]:
    """The pages `first` to `last` and the headings on them, in order; a page comes before its headings.

    `pages` follow one another; those around `first` to `last` tell where headings end and which lines stand on every
    page. Headings with nothing below them are left out.
    """
    texts = {page.number: visible(page.text) for page in pages}
    found = [heading for page in pages for heading in _headings(page.number, texts, known.get(page.number, ()))]
    sections = {heading: _below(heading, found[place + 1 :], texts) for place, heading in enumerate(found)}
    listed: list[Section] = []
    for page in pages:
        if first <= page.number <= last:
            listed.append(page_section(page))
            mine = (sections[heading] for heading in found if heading.page == page.number)
            listed += [section for section in mine if section is not None]
    return tuple(listed)


def _below(heading: _Heading, others: Sequence[_Heading], texts: Mapping[int, str]) -> Section | None:
    """The section of a heading: to the next of its level; None when there is nothing in it."""
    after = next((one for one in others if one.level <= heading.level), None)
    last = min(max(texts), heading.page + LONGEST - 1)
    end = len(texts[last])
    if after is not None and after.page <= last:
        last, end = after.page, after.start
        if not texts[last][:end].strip() and last > heading.page:  # it ends with the page before
            last = max(number for number in texts if number < last)
            end = len(texts[last])
    inside = [
        texts[number][heading.end if number == heading.page else 0 : end if number == last else None]
        for number in texts
        if heading.page <= number <= last
    ]
    if not any(text.strip() for text in inside):
        return None
    end = len(texts[last][:end].rstrip())
    id = f"h{heading.page}-{heading.start}"
    return Section(id, "heading", heading.title, heading.page, heading.start, last, end, heading.level)


def _headings(number: int, texts: Mapping[int, str], known: Collection[str]) -> Iterator[_Heading]:
    """The headings of a page: lines that a reader knew, that are numbered, or that stand alone before a text."""
    text = texts[number]
    lines = [found for found in _LINE.finditer(text) if found.group().strip()]
    running = _edges(texts, number)
    named = {_folded(title) for title in known}
    seen = 0
    for place, found in enumerate(lines):
        line = found.group().strip()
        edge = place < _EDGE or place >= len(lines) - _EDGE
        if len(line) > 2 * _TITLE_CHARS or (edge and _folded(line) in running):
            continue
        after = lines[place + 1] if place + 1 < len(lines) else None
        alone = place == 0 or text[lines[place - 1].end() : found.start()].count("\n") > 1
        if not (_is_known(line, named) or (alone and _may_be_heading(line) and _leads(text, found, after, line))):
            continue
        start = found.start() + len(found.group()) - len(found.group().lstrip())
        title = _HASHES.sub("", line, count=1)[:_TITLE_CHARS]
        yield _Heading(number, start, found.end(), title, _level(line))
        seen += 1
        if seen == _MOST_ON_A_PAGE:
            return


def _edges(texts: Mapping[int, str], number: int) -> set[str]:
    """The first and last lines of the pages around this one: what stands there and here is no heading."""
    found: set[str] = set()
    for other in range(number - AROUND, number + AROUND + 1):
        lines = [line for line in texts.get(other, "").split("\n") if line.strip()] if other != number else []
        found.update(_folded(line) for line in (*lines[:_EDGE], *lines[-_EDGE:]))
    return found


def _folded(line: str) -> str:
    """A line without its case and blanks, to compare it with others, and without the page's number in it."""
    counted = _NUMBERED.match(line) or _NAMED.match(line)
    return " ".join((line if counted else _DIGITS.sub("", line)).casefold().split())


def _is_known(line: str, named: Collection[str]) -> bool:
    folded = _folded(line)
    return bool(folded) and folded in named


def _may_be_heading(line: str) -> bool:
    """Whether a line that stands alone reads as a heading: a few words, and neither a sentence, an item nor a row."""
    if len(line) > _TITLE_CHARS or len(line.split()) > _TITLE_WORDS or line[-1] in _STOP or "\t" in line:
        return False
    if " | " in line or line[0] == "|" or _BULLET.match(line) or _LEADERS.search(line):
        return False
    return any(char.isalpha() for char in line) and not line[0].islower()


def _leads(text: str, found: re.Match[str], after: re.Match[str] | None, line: str) -> bool:
    """Whether a text follows: at once and longer than a heading is, or apart and no heading itself."""
    if _HASHES.match(line) or _NUMBERED.match(line) or _NAMED.match(line):
        return True
    if after is None:
        return False
    follows = after.group().strip()
    if text[found.end() : after.start()].count("\n") < 2:
        return len(follows) >= _LONG_LINE
    return follows[-1] in _STOP or len(follows) >= 2 * _LONG_LINE or not _may_be_heading(follows)


def _level(line: str) -> int:
    """How high a heading is, from what it says itself: its marks, its number, or capitals alone."""
    if hashes := _HASHES.match(line):
        return len(hashes.group(1))
    if numbered := _NUMBERED.match(line):
        return numbered.group(1).count(".") + 1
    return 1 if _NAMED.match(line) or line.isupper() else UNNUMBERED
