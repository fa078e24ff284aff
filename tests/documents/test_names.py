"""File names as clients send them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docchat.documents.names import LONGEST_NAME, media_type, shown_name


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../x.txt", "x.txt"),
        ("..\\..\\x.txt", "x.txt"),
        ("/etc/x.txt", "x.txt"),
        ("\u202egnp.txt", "gnp.txt"),
        ("a\x00b.txt", "ab.txt"),
        ("line\nbreak.txt", "line break.txt"),
        ("x.txt ", "x.txt"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("résumé — 简历 سيرة.txt", "résumé — 简历 سيرة.txt"),
        ("📄 notes.txt", "📄 notes.txt"),
        ("<img src=x onerror=1>.txt", "<img src=x onerror=1>.txt"),
        ("a" * 300 + ".txt", "a" * 251 + ".txt"),
    ],
)
def test_shown_name(sent: str, shown: str) -> None:
    assert shown_name(sent) == shown


@given(st.text(max_size=400))
def test_any_name_becomes_fit(name: str) -> None:
    shown = shown_name(name)
    assert 0 < len(shown) <= LONGEST_NAME
    assert "/" not in shown
    assert shown_name(shown) == shown


def test_media_type_believes_the_content() -> None:
    assert media_type("x.txt", "text/plain", b"%PDF-1.4") == "application/pdf"
    assert media_type("x.pdf", "application/pdf", b"hello") == "application/octet-stream"
    assert media_type("x.csv", "", b"a,b") == "text/csv"
    assert media_type("x", "text/html\r\nX: y", b"") == "application/octet-stream"
