"""Pictures and scanned pages: with a stand-in for tesseract on the path, without one, and with one that fails."""

# ruff: noqa: E501  (a program in a string)
import os
import struct
import sys
import textwrap
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docchat.documents.formats import read
from docchat.documents.sandbox import Sandbox
from docchat.errors import Unreadable

from . import samples
from .formats.builders import raw_pdf

# Says what it was given: languages, page, and the first bytes of the picture; and tries to leave something behind.
_STAND_IN = """
    import os, resource, struct, sys
    if "--list-langs" in sys.argv:
        print("List of available languages (3):\\nosd\\nfra\\neng")
        sys.exit(0)
    data = sys.stdin.buffer.read()
    try:
        with open({trace!r}, "w") as file:
            file.write("left behind")
    except OSError:
        pass
    page = next(word for word in sys.argv if word.startswith("tessedit_page_number"))
    kind = "png" if data[:4] == b"\\x89PNG" else "tiff" if data[:2] in (b"II", b"MM") else "other"
    words = ["read", sys.argv[sys.argv.index("-l") + 1], page, kind, str(resource.getrlimit(resource.RLIMIT_FSIZE)[0])]
    rows = ["level\\tpage\\tblock\\tpar\\tline\\tword\\tleft\\ttop\\twidth\\theight\\tconf\\ttext", "1\\t1\\t0\\t0\\t0\\t0\\t0\\t0\\t1000\\t500\\t-1\\t"]
    rows += [f"5\\t1\\t1\\t1\\t1\\t{{n}}\\t{{100 * n}}\\t50\\t80\\t20\\t90\\t{{word}}" for n, word in enumerate(words, 1)]
    rows += ["5\\t1\\t1\\t1\\t1\\t9\\t900\\t50\\t80\\t20\\t4\\tsmear"]
    print("\\n".join(rows))
"""


def _install(folder: Path, program: str) -> Path:
    path = folder / "tesseract"
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(program)}")
    path.chmod(0o755)
    return path


@pytest.fixture
def make_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Sandboxes that are closed at the end."""
    made: list[Sandbox] = []

    def make(**given: object) -> Sandbox:
        made.append(Sandbox(**{"seconds": 20.0, "memory": 1 << 30, **given}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.close()


@pytest.fixture
def tesseract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in on the path; what it tries to write is `trace` beside it."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return _install(tmp_path, _STAND_IN.format(trace=str(tmp_path / "trace")))


@pytest.fixture
def no_tesseract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path without tesseract."""
    monkeypatch.setenv("PATH", str(tmp_path))


def _png(width: int = 4, height: int = 4) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\x00" * 40)) + chunk(b"IEND", b"")


def _tiff(pages: int) -> bytes:
    entries = struct.pack("<HHHII", 2, 256, 3, 1, 8) + struct.pack("<HHII", 257, 3, 1, 8)
    size = len(entries) + 4
    follows = [8 + size * n for n in range(1, pages)] + [0]
    return b"II*\x00" + struct.pack("<I", 8) + b"".join(entries + struct.pack("<I", at) for at in follows)


def _scan() -> bytes:
    """A PDF of one page that is nothing but a picture."""
    picture = (
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>"
        b"\nstream\n\xff\nendstream"
    )
    return raw_pdf(b"q 612 0 0 792 0 0 cm /I Do Q", objects=[picture], resources=b"/XObject << /I 6 0 R >>")


@pytest.mark.usefixtures("tesseract")
def test_a_picture_is_read_with_its_boxes(make_sandbox: Callable[..., Sandbox], tmp_path: Path) -> None:
    part = make_sandbox().read([_png()], name="photo.png")[0]
    assert (part.label, part.text) == ("Picture", "read eng+fra tessedit_page_number=0 png 0")
    assert [(box.start, box.end) for box in part.boxes] == [(0, len(part.text))]
    assert (part.boxes[0].left, part.boxes[0].top, part.boxes[0].bottom) == (0.1, 0.1, 0.14)
    trace = tmp_path / "trace"
    assert not trace.exists() or trace.read_bytes() == b""  # no process of the sandbox can write a byte


@pytest.mark.usefixtures("tesseract")
def test_a_scanned_page_is_drawn_and_read(make_sandbox: Callable[..., Sandbox]) -> None:
    part = make_sandbox(languages="deu").read([_scan()], name="scan.pdf")[0]
    assert (part.label, part.text) == ("Page 1 (scan)", "read deu tessedit_page_number=0 png 0")


@pytest.mark.usefixtures("tesseract")
def test_pages_of_a_picture_and_pictures_inside_other_files(make_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = make_sandbox(languages="eng")
    pages = sandbox.read([_tiff(3)], name="fax.tif")
    assert [part.label for part in pages] == ["Page 1 (scan)", "Page 2 (scan)", "Page 3 (scan)"]
    assert [f"tessedit_page_number={n} tiff" in part.text for n, part in enumerate(pages)] == [True] * 3
    packed = sandbox.read(
        [samples.archive({"notes.txt": "plain", "in/photo.png": _png(), "scan.pdf": _scan()})], name="a.zip"
    )
    assert [part.label for part in packed[1:]] == ["notes.txt", "in/photo.png (scan)", "scan.pdf, Page 1 (scan)"]
    assert all("read eng" in part.text for part in packed[2:])
    mail = sandbox.read([samples.mail("See below.", attachments={"photo.png": _png()})], name="a.eml")
    assert "read eng" in mail[1].text


@pytest.mark.usefixtures("tesseract")
def test_a_picture_with_an_endless_name_leaves_the_others_their_reader(make_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = make_sandbox(languages="eng")
    sandbox.read([b"plain"], name="a.txt")
    helper = sandbox._zygote
    packed = samples.archive({"notes.txt": "plain", f"{'p' * 20_000}.png": _png()})
    parts = sandbox.read([packed], name="a.zip")
    assert parts[1].text == "plain"
    assert parts[2].visible == ""
    assert sandbox._zygote is helper


@pytest.mark.usefixtures("no_tesseract")
def test_without_tesseract_it_says_so(make_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = make_sandbox()
    for data, name in ((_png(), "photo.png"), (_scan(), "scan.pdf")):
        with pytest.raises(Unreadable) as refused:
            sandbox.read([data], name=name)
        assert refused.value.code == "needs_ocr"
        assert "tesseract" in refused.value.message
    parts = sandbox.read([samples.archive({"notes.txt": "plain", "photo.png": _png()})], name="a.zip")
    assert parts[2].visible == ""
    assert parts[2].text.startswith("[Note: This page is a picture. Its text was not read, because tesseract")


@pytest.mark.usefixtures("tesseract")
def test_it_can_be_switched_off(make_sandbox: Callable[..., Sandbox]) -> None:
    with pytest.raises(Unreadable) as refused:
        make_sandbox(languages="off").read([_png()], name="photo.png")
    assert refused.value.code == "needs_ocr"


@pytest.mark.parametrize("program", ["import sys; sys.exit(1)", "import time; time.sleep(60)", "print('rubbish')"])
def test_a_recognition_that_fails_takes_nothing_with_it(
    program: str, make_sandbox: Callable[..., Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(tmp_path, program)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    sandbox = make_sandbox(seconds=3.0, languages="eng")
    parts = sandbox.read([samples.archive({"notes.txt": "plain", "photo.png": _png()})], name="a.zip")
    assert parts[1].text == "plain"
    assert parts[2].visible == ""
    with pytest.raises(Unreadable) as refused:
        sandbox.read([_png()], name="photo.png")
    assert refused.value.code == "no_text"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_png(30_000, 30_000), "too_complex"),
        (
            b"\xff\xd8\xff\xe0\x00\x04xx\xff\xc0\x00\x11\x08" + struct.pack(">HH", 60_000, 60_000) + bytes(20),
            "too_complex",
        ),
        (b"GIF89a" + struct.pack("<HH", 65_000, 65_000), "too_complex"),
        (b"BM" + bytes(16) + struct.pack("<ii", 50_000, -50_000), "too_complex"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(8) + b"\xff\xff\x00\xff\xff\x00", "too_complex"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"\xff\xd8\xff\xe0", "damaged"),
        (b"II*\x00\xff\xff\xff\x00", "damaged"),
        (b"8BPS" + bytes(40), "unsupported"),
    ],
)
def test_pictures_are_measured_before_they_are_unpacked(data: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(data, "photo.png")
    assert refused.value.code == code
