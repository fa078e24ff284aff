"""Which pieces of an answer claim something: no heading, greeting, question, lead-in or refusal does."""

import re

from ...documents.terms import terms

_LEAST_TERMS = 2
_MARKDOWN = re.compile(r"^\s*(?:>\s*|[-*+]\s+|\d{1,3}[.)](?:\s+|\Z)|#{1,6}\s+)+|[*_`]+")
_HEADING = re.compile(r"\s*(?:#{1,6}\s|(?:\*\*|__)[^*_]+(?:\*\*|__):?\s*\Z)")
_RULE = re.compile(r"\s*\|?[\s|:*_=-]*\Z")
_FRAME = re.compile(
    # Words about the answer and its sources rather than about their subject.
    r"\W*(?:"
    r"(?:hello|hi|dear|thanks?|thank you|sure|certainly|of course|absolutely|great question|you.re welcome|sorry"
    r"|i.m sorry|i apologi[sz]e|unfortunately, (?:i|the|your)|please let me know|let me know|feel free|i hope"
    r"|i.m happy|i am happy"
    r"|if you (?:have|need|want|would like)|is there anything|here (?:is|are)|below (?:is|are)|the following"
    r"|in (?:summary|conclusion|short)[,:]? *$|overall[,:]? *$)\b"
    r"|(?:i|we) (?:do not|don.t|cannot|can.t|could not|couldn.t|am not|am unable|was unable|did not|didn.t|have no)\b"
    r"|(?:(?:your|the|these|those|any of the|none of the) (?:\w+ ){0,2}(?:documents?|passages?|sources?|texts?"
    r"|contexts?)|(?:the|this) information|there is no (?:information|mention)) (?:[\w ]{0,30} )?"
    r"(?:do(?:es)? not|don.t|doesn.t|did not|didn.t|is not|isn.t|are not|aren.t|cannot|says? nothing) (?:\w+ )?(?:say"
    r"|state|mention|contain|provide"
    r"|specify|specified|tell|include|provided|mentioned|stated|given|answer|discuss|give|have|hold|explicitly)"
    r"|there is no (?:information|mention|statement)\b"
    r"|die dokumente|leider\b|entschuldigung|hier (?:ist|sind)|voici\b|d.sol|aqu. (?:est|tien)|lo siento"
    r")",
    re.IGNORECASE,
)
_ENDS_OPEN = re.compile(r"[:\uff1a][*_\s]*\Z")
_ASKS = re.compile(r"[?\uff1f\u061f][*_\s]*\Z")
_LEAD_IN_TERMS = 14


def plain(text: str) -> str:
    """The text without the signs of Markdown that stand around words."""
    return _MARKDOWN.sub(" ", text).strip()


def is_row(text: str) -> bool:
    """Whether this is a row of a table: a mark behind it would break the table."""
    return text.lstrip().startswith("|")


def is_claim(text: str) -> bool:
    """Whether a sentence of an answer, as it stands there with its Markdown, says something that can be wrong."""
    text = " ".join(text.split())  # a long run of blanks takes some patterns the square of its length
    if _HEADING.match(text) or _RULE.match(text) or _ASKS.search(text):
        return False
    body = plain(text)
    found = terms(body)
    if _FRAME.match(body) or (_ENDS_OPEN.search(text) and len(found) <= _LEAD_IN_TERMS):
        return False
    return len(set(found)) >= _LEAST_TERMS or any(char.isdigit() for char in body)


def says_enough(text: str) -> bool:
    """Whether there is enough to compare a passage with."""
    body = plain(text)
    return len(set(terms(body))) >= _LEAST_TERMS or any(char.isdigit() for char in body)


def is_fence(text: str) -> bool:
    """Whether this begins or ends a block of code."""
    return text.lstrip().startswith(("```", "~~~"))
