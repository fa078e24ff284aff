"""Zip archives of documents, JSON, and messages with what is attached to them."""

import binascii
import io
import json
import zipfile

import pytest

from docchat.documents.formats import bundle, read
from docchat.errors import Unreadable

from .. import samples
from .builders import docx, paragraph


def _code(data: bytes, name: str) -> str:
    with pytest.raises(Unreadable) as refused:
        read(data, name)
    return refused.value.code


def test_each_file_of_an_archive_is_read_under_its_name() -> None:
    data = samples.archive(
        {
            "notes/fees.csv": "Kind,Fee\nCrane,5\n",
            "hours.docx": docx(paragraph("Opens at 07:15.")),
            "plan.pdf": samples.pdf([[(72, 700, "First")], [(72, 700, "Second")]]),
            "inner.zip": samples.archive({"a.txt": "never"}),
            "tool.exe": b"MZ" + bytes(300),
            "__MACOSX/._fees.csv": "rubbish",
            "empty.txt": "",
        }
    )
    parts = read(data, "all.zip")
    assert [part.label for part in parts] == [
        "Files in this archive",
        "notes/fees.csv",
        "hours.docx",
        "plan.pdf, Page 1",
        "plan.pdf, Page 2",
    ]
    assert parts[1].rows
    assert "never" not in "".join(part.text for part in parts)
    assert parts[0].text.split("\n") == [
        "notes/fees.csv",
        "hours.docx",
        "plan.pdf",
        "inner.zip (not read: An archive inside a file is not opened.)",
        "tool.exe (not read: Files of this kind cannot be read.)",
        "empty.txt (not read: This file is empty.)",
    ]


def test_names_of_an_archive_are_shown_clean() -> None:
    parts = read(samples.archive({"a\u202eb\nc.txt": "x", "dir\\d.txt": "y"}), "a.zip")
    assert [part.label for part in parts[1:]] == ["ab c.txt", "dir/d.txt"]


def test_old_names_are_read_in_their_encoding() -> None:
    data = samples.archive({"AAAAAAAA.txt": "x"}).replace(b"AAAAAAAA", "ひらがな".encode("cp932"))
    assert read(data, "a.zip")[1].label == "ひらがな.txt"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (samples.archive({f"{n}.txt": "x" for n in range(bundle.MOST_MEMBERS + 1)}), "too_complex"),
        (samples.archive({f"{n}.txt": bytes(60 << 20) for n in range(5)}), "too_complex"),
        (samples.archive({"../../x.txt": "x"}), "damaged"),
        (samples.archive({"/etc/x.txt": "x"}), "damaged"),
        (samples.archive({"x.exe": b"MZ" + bytes(99)}), "unsupported"),
        (samples.archive({}), "unsupported"),
        (samples.archive({"a.txt": "x" * 999}).replace(b"\x01\x02", b"\x01\x03", 1), "damaged"),
    ],
)
def test_archives_that_are_refused(data: bytes, code: str) -> None:
    assert _code(data, "a.zip") == code


def test_json_records_are_a_table() -> None:
    records = [{"kind": "Crane", "fee": 5, "days": ["Mon", "Tue"]}, {"kind": "Berth", "fee": None, "open": True}]
    for data in (json.dumps(records), "\n".join(map(json.dumps, records))):
        part = read(data.encode(), "fees.json")[0]
        assert part.text == "kind | fee | days | open\nCrane | 5 | Mon, Tue\nBerth | | | true"
        assert part.rows


def test_json_values_carry_their_path() -> None:
    data = {
        "office": {"name": "Larnmouth", "hours": {"opens": "07:15"}},
        "fees": [{"kind": "Crane"}, {"kind": "Berth"}],
    }
    part = read(json.dumps(data).encode(), "a.json")[0]
    assert part.text == "office\n\noffice.name: Larnmouth\noffice.hours.opens: 07:15\n\nfees\n\nkind\nCrane\nBerth"
    assert [part.text[slice(*h)] for h in part.headings] == ["office", "fees"]
    assert read(b"{broken", "a.json")[0].text == "{broken"
    assert _code(b"[" * 200_000, "a.json") in ("too_complex", "damaged")


def test_what_is_attached_and_not_read_is_named() -> None:
    data = samples.mail(
        "Here.", attachments={"tool.exe": b"MZ" + bytes(99), "fees.zip": samples.archive({"a.txt": "5"})}
    )
    parts = read(data, "a.eml")
    assert "Attachment tool.exe was not read. Files of this kind cannot be read." in parts[0].text
    assert [part.label for part in parts] == ["Message"]
    assert "Attachment fees.zip was not read. An archive inside a file is not opened." in parts[0].text


def test_a_locked_archive_opens_with_its_password() -> None:
    # "hello" stored under the password "tiger" in the old way of zip; made with Info-ZIP's scheme below.
    data = _locked_zip(b"Opens at 07:15.", b"tiger")
    assert _code(data, "a.zip") == "locked"
    with pytest.raises(Unreadable) as refused:
        read(data, "a.zip", password="lion")
    assert refused.value.code == "locked"
    assert read(data, "a.zip", password="tiger")[1].text == "Opens at 07:15."


def _locked_zip(content: bytes, password: bytes) -> bytes:
    """A zip of one stored member, encrypted as PKWARE's first scheme prescribes."""
    table = [_crc_of(n) for n in range(256)]
    keys = [0x12345678, 0x23456789, 0x34567890]

    def crc(byte: int, value: int) -> int:
        return (value >> 8) ^ table[(value ^ byte) & 0xFF]

    def update(byte: int) -> None:
        keys[0] = crc(byte, keys[0])
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc(keys[1] >> 24, keys[2])

    def encrypt(byte: int) -> int:
        mask = (keys[2] | 2) & 0xFFFF
        update(byte)
        return byte ^ ((mask * (mask ^ 1)) >> 8) & 0xFF

    for byte in password:
        update(byte)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", bytes(12) + content)
    data = bytearray(out.getvalue())
    check = binascii.crc32(content)
    body = bytes(encrypt(byte) for byte in bytes(11) + bytes([check >> 24]) + content)
    start = data.index(b"a.txt") + 5
    data[start : start + len(body)] = body
    for head, flags, crc_at, size_at in ((0, 6, 14, 22), (data.index(b"PK\x01\x02"), 8, 16, 24)):
        data[head + flags] |= 1
        data[head + crc_at : head + crc_at + 4] = check.to_bytes(4, "little")
        data[head + size_at : head + size_at + 4] = len(content).to_bytes(4, "little")
    return bytes(data)


def _crc_of(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
    return value
