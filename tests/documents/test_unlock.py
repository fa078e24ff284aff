"""A locked document is read with its password, once; the password is in no table, file or log afterwards."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from docchat.documents.scope import Scope
from docchat.errors import Conflict, NotFound, Unreadable
from docchat.types import DocumentState

from . import samples
from .conftest import House

_PASSWORD = "tiger-Larnmouth-1907"


def test_it_waits_for_its_password_and_is_found_after_it(house: House) -> None:
    document = house.add("hours.pdf", samples.pdf([[(72, 700, "The office opens at 07:15.")]], password=_PASSWORD))
    assert (document.state, document.error_code) == (DocumentState.FAILED, "locked")
    with pytest.raises(Unreadable) as refused:
        house.library.unlock(owner="ada", document_id=document.id, password="wrong")
    assert refused.value.code == "locked"
    assert house.library.get(owner="ada", document_id=document.id) == document
    assert not house.index.search(scope=Scope(owner="ada"), question="When does the office open?", limit=5)

    opened = house.library.unlock(owner="ada", document_id=document.id, password=_PASSWORD)
    assert (opened.state, opened.error_code, opened.error, opened.pages) == (DocumentState.READY, None, None, 1)
    assert house.library.page(owner="ada", document_id=document.id, number=1).text == "The office opens at 07:15."
    found = house.index.search(scope=Scope(owner="ada"), question="When does the office open?", limit=5)
    assert [hit.chunk.document_id for hit in found] == [document.id]
    assert house.library.unlock(owner="ada", document_id=document.id, password="any") == opened
    assert house.count("document_page") == house.count("chunk") == 1


def test_nothing_keeps_the_password(house: House, data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    document = house.add("hours.pdf", samples.pdf([[(72, 700, "The office opens at 07:15.")]], password=_PASSWORD))
    house.library.unlock(owner="ada", document_id=document.id, password=_PASSWORD)
    with house.database.read() as connection:
        for table in ("document", "job", "document_page", "chunk"):
            rows = connection.execute(text(f"SELECT * FROM {table}")).all()
            assert _PASSWORD not in repr(rows)
    for path in data_dir.rglob("*"):
        assert not path.is_file() or _PASSWORD.encode() not in path.read_bytes()
    assert _PASSWORD not in caplog.text


def test_only_who_may_change_it_and_only_while_it_waits(house: House) -> None:
    document = house.add("hours.pdf", samples.pdf([[(72, 700, "x")]], password=_PASSWORD))
    with pytest.raises(NotFound):
        house.library.unlock(owner="eve", document_id=document.id, password=_PASSWORD)
    broken = house.add("broken.pdf", b"%PDF-1.4\ngarbage")
    with pytest.raises(Conflict) as refused:
        house.library.unlock(owner="ada", document_id=broken.id, password=_PASSWORD)
    assert refused.value.code == "not_locked"


def test_a_reading_that_fails_halfway_leaves_it_waiting(
    make_house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house()
    document = house.add("hours.pdf", samples.pdf([[(72, 700, "x")]], password=_PASSWORD))

    def stop(*_: object) -> None:
        raise RuntimeError("stopped")

    monkeypatch.setattr("docchat.documents.sql_documents.store_some", stop)
    with pytest.raises(RuntimeError):
        house.library.unlock(owner="ada", document_id=document.id, password=_PASSWORD)
    assert house.library.get(owner="ada", document_id=document.id) == document
