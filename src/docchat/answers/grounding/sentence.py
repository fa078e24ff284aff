"""The sentence of an answer that is being written: where it begins and ends, and which marks stand in it."""

import re
from collections.abc import Sequence

_MARKED = "\0"
"""Stands for each character of a mark, so that places stay those of the text said."""
_LONGEST = 1500
_CLAIM_CHARS = 600
_TAIL_CHARS = 40
_STOP = re.compile(r"[.!?\u2026]+[\"'\u201d\u2019)\]*_]*\Z")
_WIDE_STOP = re.compile("[。\uff01\uff1f।]+[\"'\u201d\u2019)」』\uff09*_]*\\Z")
_CLOSERS = "\"'\u201d\u2019)]」』\uff09*_。\uff01\uff1f।"
_NO_STOP = re.compile(
    # Abbreviations, initials, and the number of a list item or a day in the languages that write "5. Mai".
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|No|Nos|Art|Fig|Sec|Vol|vs|approx|ca|cf|e\.g|i\.e|z\.B|Nr|Abs|bzw|[^\W\d_])"
    r"|(?:^|\s)\d{1,2})\.\Z"
)
_LIST_NUMBER = re.compile(r"\A\s*(?:>\s*)*\d{1,3}[.)](?=\s)")


class Sentence:
    """A sentence in the making; `start` is its place in the text said, `marks` are the passages it cites."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.marks: list[int] = []
        self.waiting: list[int] = []
        self._shown = ""
        self._after_mark = 0

    @property
    def text(self) -> str:
        """The text with blanks where marks stand."""
        return self._shown.replace(_MARKED, " ")

    @property
    def countable(self) -> str:
        """The text with blanks in the place of a list item's number."""
        return _LIST_NUMBER.sub(lambda found: " " * len(found.group()), self.text, count=1)

    def part(self) -> str:
        """What the next mark stands behind: the text since the last one, of a bounded length."""
        return self._shown[self._after_mark :].replace(_MARKED, " ")[-_CLAIM_CHARS:]

    def add(self, text: str) -> None:
        """Words go on."""
        self._shown += text

    def add_blank(self, blank: str, said: int) -> None:
        """A blank goes on; before the first word it moves the sentence to the place `said`."""
        if self._shown:
            self._shown += blank
        else:
            self.start = said

    def mark(self, length: int, numbers: Sequence[int]) -> None:
        """A mark of so many characters stands here."""
        self._shown += _MARKED * length
        self._after_mark = len(self._shown)
        self.marks += [number for number in numbers if number not in self.marks]

    def tail(self) -> tuple[int, int]:
        """The place of what follows the last mark."""
        return self._after_mark, len(self._shown)

    def ended(self, blank: str, token: str) -> bool:
        """Whether the sentence is over when `token` follows it after `blank`."""
        if not self._shown:
            return False
        if "\n" in blank or (blank and len(self._shown) > _LONGEST):
            return True
        tail = self._shown[-_TAIL_CHARS:].rstrip(_MARKED + " ")
        if _WIDE_STOP.search(tail):
            return token[0] not in _CLOSERS
        return bool(blank and _STOP.search(tail) and not token[0].islower() and not _NO_STOP.search(tail))
