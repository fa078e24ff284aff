"""Text of pictures by tesseract, a program of its own that is run on one picture at a time inside the sandbox."""

import ctypes
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import Unreadable
from . import pdf, pdf_layout, pictures
from .part import Part, clean
from .pdf_layout import Line
from .read import inner

_DPI = 200
_MOST_LANGUAGES = 4
_LEAST_SURE = 30.0  # per cent; below are smears and drawings
_LONGEST_OUTPUT = 16 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
_NO_LANGUAGES = ("osd", "equ")


@dataclass(frozen=True, slots=True)
class Engine:
    """The program, its languages (`eng+deu`, empty: its first four), and the seconds it may take for a picture."""

    program: str
    languages: str
    seconds: float


def read(data: bytes, place: Sequence[str], *, password: str | None, engine: Engine) -> Part:
    """The text and boxes of the picture that stands at `place` in a file. Raises Unreadable."""
    for name in place[:-1]:
        data, password = inner(data, name), None
    number = int(place[-1])
    if b"%PDF-" in data[:1024]:
        data, number = pdf.scan(data, number=number, dpi=_DPI, password=password), 1
    else:
        pictures.read(data)  # its size was checked when it was uploaded; the check costs nothing
    text, boxes = pdf_layout.assemble(_lines(_run(engine, data, number)))
    return Part(label="", text=text, boxes=boxes)


def _run(engine: Engine, data: bytes, number: int) -> str:
    names = engine.languages or _installed(engine)
    command = [
        engine.program,
        "stdin",
        "stdout",
        "-l",
        names,
        "--dpi",
        str(_DPI),
        "-c",
        f"tessedit_page_number={number - 1}",
    ]
    return _output([*command, "tsv"], data, engine.seconds)


def _installed(engine: Engine) -> str:
    """All languages that tesseract has, at most four; English first, for it is what it was made with."""
    lines = _output([engine.program, "--list-langs"], b"", engine.seconds).split("\n")[1:]
    names = sorted((name for name in map(str.strip, lines) if name and name not in _NO_LANGUAGES), key=_last)
    return "+".join(names[:_MOST_LANGUAGES]) or "eng"


def _last(name: str) -> tuple[bool, bool, str]:
    return ("/" in name, name != "eng", name)


def _output(command: list[str], data: bytes, seconds: float) -> str:
    try:
        done = subprocess.run(  # noqa: S603  (a fixed command; the file is its input only)
            command, input=data, capture_output=True, timeout=seconds, check=False, preexec_fn=_limit
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unreadable("The text of a picture could not be read.", code="ocr_failed") from error
    if done.returncode or len(done.stdout) > _LONGEST_OUTPUT:
        raise Unreadable("The text of a picture could not be read.", code="ocr_failed")
    return done.stdout.decode("utf-8", "replace")


def _limit() -> None:
    """It ends with the child that runs it. The limits of that child are inherited, memory for each by itself."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _lines(table: str) -> list[Line]:
    """Lines with their edges from tesseract's table of words."""
    width = height = 1.0
    found: dict[tuple[str, ...], list[tuple[str, float, float, float, float]]] = {}
    for row in table.split("\n")[1:]:
        cells = row.split("\t")
        if len(cells) < 12:
            continue
        left, top, wide, high = (float(cell) for cell in cells[6:10])
        if cells[0] == "1":
            width, height = max(1.0, wide), max(1.0, high)
        elif cells[0] == "5" and cells[11].strip() and float(cells[10]) >= _LEAST_SURE:
            word = (cells[11].strip(), left, top, left + wide, top + high)
            found.setdefault(tuple(cells[1:5]), []).append(word)
    lines = []
    for words in found.values():
        text = clean(" ".join(word[0] for word in words))
        edges = (
            min(word[1] for word in words) / width, min(word[2] for word in words) / height,
            max(word[3] for word in words) / width, max(word[4] for word in words) / height,
        )  # fmt: skip
        if text:
            hyphen = len(text) > 2 and text[-1] == "-" and text[-2].isalpha()
            lines.append(Line(text[:-1] if hyphen else text, edges, hyphen))
    return lines
