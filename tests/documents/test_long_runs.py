"""Documents of one thing repeated are read, indexed and ranked in time that grows with their length."""

import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from docchat.documents.chunk import split
from docchat.documents.formats import encoding, mail, markdown, part, web, wrap
from docchat.documents.formats.read import read
from docchat.documents.rank import Candidate, rank
from docchat.documents.terms import terms
from docchat.types import Chunk

LENGTH = 20_000
SECONDS = 1.0
READERS: dict[str, Callable[[str], object]] = {
    "terms": terms,
    "split": split,
    "markdown": markdown.read,
    "markdown lines": lambda text: markdown.read(text.replace(" ", "\n")),
    "clean": part.clean,
    "unwrap": wrap.unwrap,
    "mail": lambda text: mail.looks_like_mail(text.encode()),
    "charset": lambda text: web.charset(b"<meta charset= " + text.encode()),
    "guess": lambda text: encoding.decode(text.encode() + b"\xff"),
    "read": lambda text: read(f"<!-- a -->{text}".encode(), "a.txt"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "repeated",
    [
        "-",
        "a",
        "ae",
        "1,",
        "\u0301\u0316",
        "中",
        "[",
        "![",
        "<!--",
        "<!---->",
        "**",
        "**a ",
        "`",
        "# ",
        "#",
        "<http://",
        " ",
    ],
)
def test_a_long_run_costs_little(reader: str, repeated: str) -> None:
    for before, after in (("", "x"), ("# a", " b c")):
        text = before + repeated * (LENGTH // len(repeated)) + after
        begun = time.process_time()
        READERS[reader](text)
        assert time.process_time() - begun < SECONDS


def test_a_long_word_that_has_a_suffix() -> None:
    begun = time.process_time()
    terms("ae" * (LENGTH // 2) + "ness " + "ae" * (LENGTH // 2) + "ing")
    assert time.process_time() - begun < SECONDS


def test_unwrapping_a_long_paragraph() -> None:
    lines = ["word " * 15 + "and"] * 40_000
    begun = time.process_time()
    assert "\n" not in wrap.unwrap("\n".join(lines))
    assert time.process_time() - begun < SECONDS


def test_the_same_two_words_again_and_again() -> None:
    asked = terms("ab cd " * 1300)
    body = terms("ab cd " * 400)
    chunk = Chunk(1, uuid4(), "a.txt", 1, "", 0, 1, "x")
    begun = time.process_time()
    found = rank(asked, [Candidate(chunk, body, (), (), ())] * 50, telling={"ab": 1.0, "cd": 1.0}, limit=3)
    assert time.process_time() - begun < SECONDS
    assert len(found) == 3


def test_marks_of_markdown_still_go() -> None:
    text = (
        "# Head #\n\n**bold** and `code` and ``a`b`` and ![alt](u) and [link](v) <!-- gone --> kept <!-- open\n\n## C#"
    )
    blocks = list(markdown.blocks(text))
    assert [block.text for block in blocks if block.kind == "heading"] == ["Head", "C"]
    assert blocks[1].text == "bold and code and a`b and alt and link  kept <!-- open"
