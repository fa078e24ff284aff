"""While a long document is read its row says how far that is; before and afterwards there is nothing to say."""

import io
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from docchat.documents import ingest_round
from docchat.documents.cutting import batches
from docchat.documents.formats.part import Part
from docchat.documents.sandbox import Sandbox
from docchat.documents.sql_documents import begin, note_progress, store
from docchat.types import DocumentState, Progress

from .conftest import House

_STAND_IN = f"""#!{sys.executable}
import sys
print("level" if "tsv" in sys.argv else "List of available languages (1):\\neng")
print("5\\t1\\t1\\t1\\t1\\t1\\t10\\t10\\t80\\t20\\t90\\tread")
"""


def _fax(pages: int) -> bytes:
    entries = struct.pack("<HHHII", 2, 256, 3, 1, 8) + struct.pack("<HHII", 257, 3, 1, 8)
    size = len(entries) + 4
    follows = [8 + size * n for n in range(1, pages)] + [0]
    return b"II*\x00" + struct.pack("<I", 8) + b"".join(entries + struct.pack("<I", at) for at in follows)


def test_a_long_document_says_how_much_of_it_is_stored(house: House) -> None:
    library = house.library
    added = library.add(owner="ada", name="a.txt", stream=io.BytesIO(b"x"), media_type="")
    assert added.progress is None
    claimed = begin(house.database, house.index, added.id)
    assert claimed is not None
    assert library.get(owner="ada", document_id=added.id).progress == Progress(0, None)
    note_progress(house.database, claimed, pages=700, of=900)
    assert library.get(owner="ada", document_id=added.id).progress == Progress(700, 900)
    said: list[Progress | None] = []
    for batch in batches([Part(label="", text=f"Number {number} of them. " * 60) for number in range(900)]):
        assert store(house.database, house.index, claimed, batch)
        found = library.get(owner="ada", document_id=added.id)
        said.append(found.progress)
    counts = [one.pages for one in said[:-1] if one is not None]
    assert len(counts) == len(said) - 1 >= 2
    assert counts == sorted(set(counts))
    assert {one.of for one in said[:-1] if one is not None} == {900}
    assert (found.state, found.pages, said[-1]) == (DocumentState.READY, 900, None)
    note_progress(house.database, claimed, pages=1, of=2)
    assert library.get(owner="ada", document_id=added.id) == found


def test_a_document_that_failed_has_no_progress(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_round, "_TOLD_SECONDS", 0.0)
    read = house.library.sandbox.read

    def reading(content: object, *, told: Callable[[int, int], None], **rest: object) -> object:
        told(3, 9)
        (row,) = house.library.list(owner="ada").items
        seen.append(row.progress)
        return read(content, **rest)  # type: ignore[arg-type]

    seen: list[Progress | None] = []
    monkeypatch.setattr(house.library.sandbox, "read", reading)
    failed = house.add("a.pdf", b"no PDF")
    assert seen == [Progress(3, 9)]
    assert (failed.state, failed.progress, failed.pages) == (DocumentState.FAILED, None, 0)


def test_pictures_are_counted_while_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "tesseract"
    program.write_text(_STAND_IN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = Sandbox(seconds=20.0, memory=1 << 30)
    told: list[tuple[int, int]] = []
    try:
        parts = sandbox.read([_fax(3)], name="fax.tif", told=lambda done, of: told.append((done, of)))
    finally:
        sandbox.close()
    assert len(parts) == 3
    assert told == [(0, 3), (1, 3), (2, 3)]
