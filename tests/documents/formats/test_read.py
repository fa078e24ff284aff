"""Every other format, and which reader a file gets."""

# ruff: noqa: RUF001  (texts in many scripts are the subject)
from pathlib import Path

import pytest

from docchat.documents import tables
from docchat.documents.formats import read
from docchat.documents.formats.part import PART_CHARS
from docchat.errors import Unreadable

from .. import samples


def _text(data: bytes, name: str) -> str:
    return "\n----\n".join(part.text for part in read(data, name))


def _code(data: bytes, name: str) -> str:
    with pytest.raises(Unreadable) as refused:
        read(data, name)
    assert refused.value.message
    return refused.value.code


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("Größe, façade".encode(), "Größe, façade"),
        ("Größe, façade, naïve".encode("latin-1"), "Größe, façade, naïve"),
        ("“quoted” – 5 €".encode("cp1252"), "“quoted” – 5 €"),
        ("harbour office".encode("utf-16"), "harbour office"),
        ("harbour office".encode("utf-16-le"), "harbour office"),
        ("harbour office".encode("utf-16-be"), "harbour office"),
        ("\ufeffharbour".encode(), "harbour"),
        ("日本語の文書です。検索できます。".encode("shift_jis"), "日本語の文書です。検索できます。"),
        ("日本語の文書です。検索できます。".encode("euc_jp"), "日本語の文書です。検索できます。"),
        ("日本語の文書です。".encode("iso2022_jp"), "日本語の文書です。"),
        ("这是一个关于数据库管理的中文文件。".encode("gb18030"), "这是一个关于数据库管理的中文文件。"),
        ("這是一個關於資料庫管理的中文文件。".encode("big5"), "這是一個關於資料庫管理的中文文件。"),
        ("데이터베이스 관리에 대한 문서입니다.".encode("cp949"), "데이터베이스 관리에 대한 문서입니다."),
        ("Это документ о работе порта и сборах.".encode("cp1251"), "Это документ о работе порта и сборах."),
        ("Это документ о работе порта и сборах.".encode("koi8_r"), "Это документ о работе порта и сборах."),
        (b"begin\x00\x01middle\x07 end", "beginmiddle end"),
        ("cafe\u0301 \u202eRTL\u202c a\u200bb".encode(), "cafe\u0301 RTL ab"),
    ],
)
def test_plain_text_in_any_encoding(data: bytes, expected: str) -> None:
    assert _text(data, "a.txt") == expected


def test_hard_wrapped_text_is_joined() -> None:
    wrapped = (
        "The harbour office of Larnmouth opens every working day at a quarter past seven and it\n"
        "closes at twenty to seven. On holidays it stays closed unless the harbour master says\n"
        "otherwise.\n\nFees:\n- berth\n- crane\n"
    )
    assert _text(wrapped.encode(), "a.txt") == (
        "The harbour office of Larnmouth opens every working day at a quarter past seven and it closes at twenty to"
        " seven. On holidays it stays closed unless the harbour master says otherwise.\n\nFees:\n- berth\n- crane"
    )


def test_long_texts_become_several_parts() -> None:
    parts = read(b"A paragraph of some length for the test.\n\n" * 4000, "a.txt")
    assert [part.label for part in parts] == [f"Part {n}" for n in range(1, len(parts) + 1)]
    assert len(parts) > 2
    assert all(len(part.text) < PART_CHARS + 100 for part in parts)


def test_markdown() -> None:
    part = read(
        b"---\ntitle: Fees\n---\n# Harbour *fees*\n\n"
        b"A **berth** costs [13,000](http://x/(y)) crowns;\nsee `fee_table`.\n\n"
        b"- one\n- two\n\n| Kind | Fee |\n|---|---|\n| Crane | 5 |\n\n```\ncode_here = 1\n```\n<!-- hidden -->\nlast\n",
        "fees.md",
    )[0]
    assert part.text == (
        "title: Fees\n\nHarbour fees\n\nA berth costs 13,000 crowns; see fee_table.\n- one\n- two\n\n"
        "Kind | Fee\nCrane | 5\n\ncode_here = 1\n\nlast"
    )
    assert [part.text[slice(*h)] for h in part.headings] == ["Harbour fees"]


def test_html_shows_what_a_reader_sees() -> None:
    part = read(
        b"<html><head><title>T</title><style>p{}</style><script>alert(1)</script></head><body>"
        b"<h1>Harbour <em>notice</em></h1><p>Opens at&nbsp;07:15.<!-- no --></p><p style='display: none'>QUINCE</p>"
        b"<p hidden>QUINCE</p><p style='font-size:0;color:#fff'>QUINCE <b>QUINCE</b></p>"
        b"<p style='font-size:0.9em'>small</p>"
        b"<table><tr><th>Kind<th>Fee</tr><tr><td>Crane</td><td></td><td>5</td></tr></table><ul><li>one<li>two</ul>"
        b"<p>un<b>closed<p>next</body></html>",
        "a.html",
    )[0]
    assert "QUINCE" not in part.visible
    assert part.text.endswith("[Hidden text: QUINCE / QUINCE QUINCE]")
    assert part.text.startswith("Harbour notice\n\nOpens at 07:15.\n\nsmall")
    assert "Kind | Fee\nCrane | | 5" in part.text
    assert part.visible.endswith("one\ntwo\n\nunclosed\n\nnext")
    assert [part.text[slice(*h)] for h in part.headings] == ["Harbour notice"]


def test_html_by_content_and_by_its_own_charset() -> None:
    page = '<!DOCTYPE html><meta charset="windows-1251"><p>Блокнот</p>'.encode("cp1251")
    assert _text(page, "page") == "Блокнот"
    assert len(_text(b"<div>" * 60_000 + b"deep", "a.html")) == 4


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv(delimiter: str) -> None:
    data = f'Kind{delimiter}Note{delimiter}Fee\nCrane{delimiter}"a{delimiter} ""b""\nc"{delimiter}5\nshort\n'.encode()
    part = read(data, "fees.csv")[0]
    note = f'a{delimiter} "b" c'.replace("\t", "")
    assert part.rows
    assert part.text.replace("a  ", "a ") == f"Kind | Note | Fee\nCrane | {note} | 5\nshort"
    assert tables.heads(part.text) == ("Kind", "Note", "Fee")


def test_mail_with_attachments() -> None:
    inner = samples.mail("inner body", subject="Inner")
    parts = read(
        samples.mail(
            "The room closes at 16:00.",
            attachments={"fees.csv": b"Kind,Fee\nCrane,5\n", "photo.png": b"\x89PNG\r\n\x1a\n", "old.eml": inner},
        ),
        "a.eml",
    )
    assert [part.label for part in parts] == ["Message", "Attachment fees.csv", "Attachment old.eml, Message"]
    assert parts[0].text.startswith("Harbour hours\n\nFrom: Records Desk <records@example.org>\nTo: ")
    assert "The room closes at 16:00." in parts[0].text
    assert parts[1].rows
    assert "inner body" in parts[2].text


def test_mailbox_and_messages_without_an_ending() -> None:
    box = b"".join(b"From me Mon Nov 16 09:30:00 2026\n" + samples.mail(f"body {n}") + b"\n\n" for n in range(3))
    assert [part.label for part in read(box, "box.mbox")] == ["Message 1", "Message 2", "Message 3"]
    assert "body 0" in _text(samples.mail("body 0"), "unknown")


def test_mail_attached_for_ever_ends() -> None:
    data = samples.mail("core")
    for _ in range(8):
        data = samples.mail("shell", attachments={"m.eml": data})
    assert 2 <= len(read(data, "a.eml")) <= 5


def test_odt_keeps_links_tables_and_headings() -> None:
    part = read(
        samples.odt(
            "<text:h>Policy</text:h><text:p>If you are <text:a xlink:href='x'>next of kin</text:a>,<text:s text:c='2'/>"
            "write<text:line-break/>to us.</text:p><text:list><text:list-item><text:p>one</text:p></text:list-item>"
            "</text:list><table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
            "<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>"
        ),
        "a.odt",
    )[0]
    assert part.text == "Policy\n\nIf you are next of kin, write\nto us.\none\n\na | b"
    assert [part.text[slice(*h)] for h in part.headings] == ["Policy"]


def test_docx_and_rtf_by_content() -> None:
    assert _text(samples.docx(["Harbour notice", "Opens at 07:15."]), "a.docx") == "Harbour notice\n\nOpens at 07:15."
    assert _text(samples.docx(["Named wrongly"]), "a.txt") == "Named wrongly"
    assert _text(rb"{\rtf1\ansi Harbour \b notice\b0\par}", "a.rtf") == "Harbour notice"


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.txt", "empty_file"),
        (b"text", "a.pdf", "not_a_pdf"),
        (b"\x89PNG\r\n\x1a\n", "a.pdf", "not_a_pdf"),
        (b"%PDF-1.4", "a.txt", "damaged"),
        (b"PK\x03\x04rest", "a.docx", "damaged"),
        (b"text", "a.docx", "wrong_type"),
        (b"MZ\x90\x00" + bytes(200), "a.docx", "unsupported"),
        (b"\x7fELF" + bytes(200), "a", "unsupported"),
        (bytes(range(256)) * 20, "a.bin", "unsupported"),
        (samples.archive({"a": bytes(range(256)) * 9}), "a.zip", "unsupported"),
        (samples.archive({"mimetype": b"application/epub+zip", "../x": b"y"}), "a.epub", "damaged"),
        (samples.archive({"word/document.xml": bytes(100 << 20)}), "a.docx", "too_complex"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "a.docx", "locked"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "a.doc", "damaged"),
        (b" \n\t\n", "a.txt", "no_text"),
        (b"<script>x</script>", "a.html", "no_text"),
    ],
)
def test_what_cannot_be_read(data: bytes, name: str, code: str) -> None:
    assert _code(data, name) == code


def test_no_entity_is_expanded_or_fetched() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    with pytest.raises(Unreadable):
        read(
            samples.archive(
                {
                    "mimetype": "application/vnd.oasis.opendocument.text",
                    "content.xml": f'<?xml version="1.0"?>{bomb}]><x>&j;</x>',
                }
            ),
            "a.odt",
        )
    outside = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>before &f; after</x>'
    with pytest.raises(Unreadable):
        read(samples.archive({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": outside}), "a.odt")


def test_slides_begin_and_end_where_they_do() -> None:
    """The demo deck: its curly quotes take more bytes than characters, and no slide may run into the next."""
    deck = Path(__file__).parents[3] / "demo" / "docs" / "event-code-of-conduct.pptx"
    slides = read(deck.read_bytes(), deck.name)
    assert [part.label for part in slides] == [f"Slide {number}" for number in range(1, 8)]
    assert [part.text.split("\n")[0] for part in slides[2:]] == [
        "Encouraged behavior",
        "Unacceptable behavior",
        "Responsibility",
        "Reporting an incident",
        "Credit",
    ]
    assert slides[5].text.endswith("to feel safe for the duration of the Event.")
