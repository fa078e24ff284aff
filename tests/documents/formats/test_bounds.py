"""Files that are made to take long, to fill the memory, or to be taken for another kind: each costs what its size does.

What a child's limits of time and memory would end anyway is refused here sooner, or read in one pass.
"""

import io
import random
import sys
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from docchat.documents import tables
from docchat.documents.cutting import batches
from docchat.documents.formats import part, pdf_streams, read, sheet, slides, web
from docchat.documents.formats.archive import member, open_archive
from docchat.documents.formats.encoding import decode
from docchat.documents.names import media_type
from docchat.errors import Unreadable

from .. import samples
from .builders import docx, opendocument, paragraph, pptx, raw_pdf, shape


def _code(data: bytes, name: str) -> str:
    with pytest.raises(Unreadable) as refused:
        read(data, name)
    return refused.value.code


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Counts this thread's own work: another program's costs it nothing."""
    before = time.thread_time()
    yield
    assert time.thread_time() - before < seconds


@pytest.mark.parametrize("piece", ["<!--", "<![CDATA[", "<a ", "<", "</ ", "<?x", "<script>"])
def test_a_page_of_beginnings_is_read_in_one_pass(piece: str) -> None:
    page = "<html><body><p>Opens at 07:15.</p>" + piece * 300_000
    with _within(3):
        assert read(page.encode(), "a.html")[0].text.startswith("Opens at 07:15.")


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("a<!-- x -->b", "ab"),
        ("a<!-->b", "ab"),
        ("a<!--->b", "ab"),
        ("a<!-- x --!>b", "ab"),
        ("a<!-- never closed b", "a"),
        ("a <b>c</b> d <a href='", "a c d"),
        ("<![CDATA[ a > b ]]>c", "c"),
        ("<!DOCTYPE l [<!ENTITY a 'b'>]><p>&a; c</p>", "&a; c"),
        ("<?xml version='1.0'?><!DOCTYPE html><p>c</p>", "c"),
        ("<style>p{content:'<!--'}</style><p>c</p><!-- d -->", "c"),
        ("<script>'<!--'</script><p>c</p>", "c"),
        ("1 < 2 <p>and 3<4</p>", "1 < 2\n\nand 3<4"),
    ],
)
def test_a_page_shows_what_a_browser_shows(source: str, seen: str) -> None:
    assert "\n\n".join(part.text for part in web.read(source)) == seen


def test_a_deck_is_given_up_when_it_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = slides._slide

    def counted(*arguments: object) -> part.Part:
        asked.append(1)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(slides, "_slide", counted)
    monkeypatch.setattr(part, "LONGEST_TEXT", 2_500)
    assert _code(pptx([shape("word " * 200)] * 20), "a.pptx") == "too_complex"
    assert len(asked) == 3


def test_a_text_is_measured_before_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["docchat.documents.formats.read"], "LONGEST_TEXT", 1000)
    for name in ("a.txt", "a.csv", "a.md"):
        assert _code(b"one, two\n" * 200, name) == "too_complex"
        assert read(b"one, two\n" * 20, name)


def test_a_table_has_so_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MOST_CELLS", 100)
    assert _code(b"a,b,c,d\n" * 26, "a.csv") == "too_complex"
    assert len(read(b"a,b,c,d\n" * 24, "a.csv")) == 1


def test_the_streams_of_a_pdf_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = zlib.compress(bytes(2_000_000), 9)
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed)
    data = raw_pdf(b"BT /F1 12 Tf 72 720 Td (Opens at 07:15.) Tj ET", objects=[stream] * 5)
    assert read(data, "a.pdf")[0].text == "Opens at 07:15."
    monkeypatch.setattr(pdf_streams, "LARGEST_TOTAL", 9_000_000)
    assert _code(data, "a.pdf") == "too_complex"


def test_a_member_is_unpacked_as_far_as_it_says() -> None:
    data = samples.archive({"a.txt": bytes(30_000_000)})
    for mark, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = data.index(mark) + place
        data = data[:at] + (10).to_bytes(4, "little") + data[at + 4 :]
    opened: zipfile.ZipFile = open_archive(data)
    tracemalloc.start()
    with pytest.raises(Unreadable) as refused:
        member(opened, "a.txt")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.code == "damaged"
    assert peak < 1_000_000


def test_styles_that_inherit_from_one_another_are_followed_once() -> None:
    count = 4000
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="S{n}"><w:basedOn w:val="S{n + 1}"/></w:style>' for n in range(count)
    )
    last = f'<w:style w:type="paragraph" w:styleId="S{count}"><w:rPr><w:vanish/></w:rPr></w:style>'
    body = paragraph("Opens at 07:15.") + paragraph("secret", style="S0")
    with _within(3):
        (found,) = read(docx(body, styles=styles + last), "a.docx")
    assert found.visible == "Opens at 07:15."
    loop = (
        '<w:style w:styleId="A"><w:basedOn w:val="B"/></w:style><w:style w:styleId="B"><w:basedOn w:val="A"/></w:style>'
    )
    assert read(docx(paragraph("seen", style="A"), styles=loop), "a.docx")[0].text == "seen"


def test_the_same_in_an_opendocument() -> None:
    count = 4000
    styles = "".join(
        f'<style:style style:name="S{n}" style:family="paragraph" style:parent-style-name="S{n + 1}"/>'
        for n in range(count)
    )
    styles += (
        f'<style:style style:name="S{count}" style:family="paragraph">'
        '<style:text-properties text:display="none"/></style:style>'
    )
    body = "<text:p>Opens at 07:15.</text:p>" + '<text:p text:style-name="S0">secret</text:p>' * 2000
    with _within(3):
        (found,) = read(opendocument("text", body, styles=styles), "a.odt")
    assert found.visible == "Opens at 07:15."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_found_wherever_they_are_declared(encoding: str) -> None:
    data = docx(paragraph("&a;"))
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    declared = f'<!--{"x" * 5000}--><!DOCTYPE l [<!ENTITY a "words">]>'
    text = f'<?xml version="1.0" encoding="{encoding}"?>{declared}{members["word/document.xml"].decode()}'
    members["word/document.xml"] = text.encode(encoding)
    assert _code(samples.archive(members), "a.docx") == "damaged"


def test_what_stands_beside_every_passage_is_short() -> None:
    """A heading, a label or a row of column heads is indexed with each passage: a long one a thousand times."""
    heading = "head " * 5000
    page = f"<h1>{heading}</h1>" + "<p>A paragraph of some words that are said again.</p>" * 500
    found = [passage for batch in batches(read(page.encode(), "a.html")) for passage in batch.passages]
    assert max(len(passage.words.label) for passage in found) < 2000
    columns = "\n".join([" | ".join(f"column{n}" for n in range(5000)), "1 | 2", "3 | 4"])
    assert tables.header(columns) is None
    deep = "/".join(["folder"] * 200)
    assert all(len(part.label) <= 300 for part in read(samples.archive({f"{deep}/a.txt": "words"}), "a.zip"))


def test_a_text_about_pdfs_is_no_pdf() -> None:
    words = b"A file of this format begins with %PDF-1.7 and ends with %%EOF."
    for name in ("a.md", "a.txt", "a.html", "a.csv"):
        assert "begins with" in read(words, name)[0].text
        assert media_type(name, "", words) != "application/pdf"
    data = samples.pdf([[(72, 700, "Opens at 07:15.")]])
    for name, before in (("a.txt", b""), ("a.txt", b"\n\n"), ("a.pdf", b"junk\n"), ("a", b"junk\n")):
        assert read(before + data, name)[0].text == "Opens at 07:15."
        assert media_type(name, "", before + data) == "application/pdf"


def test_escapes_that_lead_nowhere_are_no_crash() -> None:
    noise = random.Random(3).randbytes(200_000)  # Python's decoder of ISO 2022 gives up on it with a RuntimeError
    with pytest.raises(RuntimeError):
        noise.decode("iso2022_jp_2", "replace")
    assert decode(noise)
    assert _code(noise, "a.txt") == "unsupported"
