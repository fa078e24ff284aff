"""Lines that a writer or printer broke at the margin, joined to paragraphs again."""

import re

_LIST_ITEM = re.compile(
    r"(?:[-*+\u2022\u25e6\u25aa\u2023\u2013\u2014o\u00b7\u25cf\u25cb\u25a0\u25a1\u27a2\u2713]"
    r"|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)])\s"
)
_NO_BLANKS = re.compile("[\u3000-\u9fff\uf900-\ufaff\uff00-\uffef]")


def starts_item(line: str) -> bool:
    """Whether a line begins a list item."""
    return _LIST_ITEM.match(line) is not None


def continues(line: str, following: str, room: float, width: float) -> bool:
    """Whether `following` goes on with the sentence of `line`.

    `room` is how many characters were free at the end of `line`, `width` how many fit a line: the break was forced
    when the first word of `following` had no place, or when the sentence plainly goes on in small letters.
    """
    if not line or not following or starts_item(following):
        return False
    first = following.split(None, 1)[0]
    if _NO_BLANKS.match(following):
        return room < 2
    if len(first) + 1 > room + 1:
        return True
    return following[0].islower() and (line[-1].isalpha() or line[-1] in ",;-\u2013") and room < width * 0.4


def glue(line: str, following: str) -> str:
    """What stands between two joined lines: a blank, or nothing where the script has none."""
    if _NO_BLANKS.match(line[-1:]) and _NO_BLANKS.match(following):
        return ""
    return " "


def unwrap(text: str) -> str:
    """Join the hard-wrapped lines of a plain text; texts whose lines are whole paragraphs come back unchanged."""
    lines = text.split("\n")
    lengths = sorted(len(line) for line in lines if line.strip())
    if len(lengths) < 3:
        return text
    width = lengths[int(len(lengths) * 0.9)]
    if not 40 <= width <= 160 or lengths[-1] > 3 * width:
        return text
    joined: list[str] = []
    previous = ""
    for number, line in enumerate(lines):
        if previous and line and continues(previous, line, width - len(previous), width):
            joined.append(glue(previous, line))
        elif number:
            joined.append("\n")
        joined.append(line)
        previous = line
    return "".join(joined)
