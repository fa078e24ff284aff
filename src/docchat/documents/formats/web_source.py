"""The source of a page before it is parsed: comments and declarations taken out, in one pass however they are broken.

The standard library's parser looks through the rest of the page for the end of each of them, and takes what has none
for text; a browser shows nothing of it.
"""

import re

LONE = "\ue002"
"""Stands for a `<` that begins no tag; invisible characters are dropped from a text later, so none of it is lost."""

_LONE = re.compile("<(?![a-zA-Z/!?])")
_TAG = re.compile("<[a-zA-Z/!?]")
# A comment or declaration, or an element whose text is no markup.
_SPOT = re.compile(r"<(?:!--|!\[CDATA\[|[!?]|/(?![a-zA-Z])|(script|style)(?![\w-]))", re.I)
_COMMENT_END = re.compile(r"(?<=<!--)-?>|--!?>")
_SUBSET = re.compile(r"\s*(?:<\?[^>]*>\s*)?<!doctype[^>\[]*(\[[^\]]*\]\s*>)", re.I)


def markup(text: str) -> str:
    """The tags and the text of a page's source, with LONE for each `<` that is neither."""
    if match := _SUBSET.match(text):
        text = f"{text[: match.start(1)]}>{text[match.end() :]}"
    text = _LONE.sub(LONE, _whole_tags(text))
    pieces: list[str] = []
    kept = at = 0
    sections_end = True
    while match := _SPOT.search(text, at):
        start = match.start()
        if match[1]:
            found = re.compile(f"</{match[1]}", re.I).search(text, match.end())
            at = found.start() if found else len(text)
            continue
        if match[0] == "<!--":
            found = _COMMENT_END.search(text, match.end())
            end = found.end() if found else len(text)
        else:
            is_section = sections_end and match[0].startswith("<![")
            if is_section and text.find("]]>", start) < 0:
                is_section = sections_end = False
            end = _after(text, "]]>" if is_section else ">", start)
        pieces.append(text[kept:start])
        kept = at = end
    return "".join([*pieces, text[kept:]])


def _whole_tags(text: str) -> str:
    """The text without a tag at its end that is never closed."""
    match = _TAG.search(text, text.rfind(">") + 1)
    return text[: match.start()] if match else text


def _after(text: str, mark: str, at: int) -> int:
    found = text.find(mark, at)
    return found + len(mark) if found >= 0 else len(text)
