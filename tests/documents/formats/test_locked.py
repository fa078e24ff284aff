"""Files locked with a password: they ask for it, and open with it."""

from pathlib import Path

import pytest

from docchat.documents.formats import read
from docchat.errors import Unreadable

from .. import samples

_FILES = Path(__file__).with_name("files")


@pytest.mark.parametrize(
    ("data", "name", "password", "words"),
    [
        (samples.pdf([[(72, 700, "Opens at 07:15.")]], password="tiger"), "a.pdf", "tiger", "Opens at 07:15."),
        ((_FILES / "locked-standard.docx").read_bytes(), "a.docx", "solrcell", "password protected Word document"),
        ((_FILES / "locked-agile.xlsx").read_bytes(), "a.xlsx", "tika", "Encrypted Excel spreadsheet"),
    ],
)
def test_locked(data: bytes, name: str, password: str, words: str) -> None:
    for tried in (None, "wrong", "", "f\u00e4lsch\ud800"):
        with pytest.raises(Unreadable) as refused:
            read(data, name, password=tried)
        assert refused.value.code == "locked"
        assert ("Give the password" in refused.value.message) == (tried is None)
    assert words in read(data, name, password=password)[0].text


def test_a_password_for_an_open_file_is_not_needed() -> None:
    assert read(samples.pdf([[(72, 700, "Open")]]), "a.pdf", password="any")[0].text == "Open"
    assert read(b"Open", "a.txt", password="any")[0].text == "Open"


def test_a_locked_opendocument_says_so() -> None:
    data = samples.archive(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "META-INF/manifest.xml": "<manifest><encryption-data/></manifest>",
            "content.xml": b"\x00\x01",
        }
    )
    with pytest.raises(Unreadable) as refused:
        read(data, "a.odt")
    assert refused.value.code == "locked"
