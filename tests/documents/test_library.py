"""The library: take in, list, read, delete; and every way in which reading may go wrong."""

import io
from collections.abc import Callable, Iterable
from uuid import uuid4

import pytest
from sqlalchemy import text

from docchat.documents import sql_documents
from docchat.documents.ingest import Ingest
from docchat.documents.scope import Scope
from docchat.errors import InvalidInput, NotFound, StoreUnavailable, TooLarge
from docchat.jobs.queue import Job
from docchat.jobs.worker import MAX_ATTEMPTS
from docchat.types import DocumentState

from . import samples
from .conftest import House


def _job(subject: object, attempts: int = 2) -> Job:
    return Job(1, "ingest", str(subject), attempts, uuid4())


def _beat() -> None:
    return None


def test_from_upload_to_passages(house: House) -> None:
    queued = house.library.add(
        owner="ada", name="../notes.txt", stream=io.BytesIO(b"First.\n\nSecond."), media_type="text/plain"
    )
    assert (queued.name, queued.state, queued.size) == ("notes.txt", DocumentState.QUEUED, 15)
    with pytest.raises(NotFound):
        house.library.page(owner="ada", document_id=queued.id, number=1)
    house.worker.run_due()
    ready = house.library.get(owner="ada", document_id=queued.id)
    assert (ready.state, ready.pages, ready.passages) == (DocumentState.READY, 1, 1)
    assert house.library.page(owner="ada", document_id=queued.id, number=1).text == "First.\n\nSecond."
    assert b"".join(house.library.original(owner="ada", document_id=queued.id)) == b"First.\n\nSecond."


def test_passages_are_exact_pieces_of_their_page(house: House) -> None:
    lines = [(72, 760 - 14 * n, f"Line {n} of the page tells about berth number {n}.") for n in range(45)]
    added = house.add("pages.pdf", samples.pdf([lines, lines[:3]]))
    assert (added.pages, added.media_type) == (2, "application/pdf")
    hits = house.index.search(scope=Scope("ada"), question="berth number", limit=50)
    assert len(hits) == added.passages > 2
    for hit in hits:
        page = house.library.page(owner="ada", document_id=added.id, number=hit.chunk.page)
        assert page.text[hit.chunk.start : hit.chunk.end] == hit.chunk.text
        assert hit.chunk.label == page.label == f"Page {hit.chunk.page}"
        assert any(box.start < hit.chunk.end and box.end > hit.chunk.start for box in page.boxes)


def test_empty_and_too_large_are_refused_and_leave_nothing(make_house: Callable[..., House]) -> None:
    house = make_house(max_upload_bytes=1000)
    with pytest.raises(InvalidInput) as refused:
        house.library.add(owner="ada", name="x.txt", stream=io.BytesIO(b""), media_type="")
    assert refused.value.code == "empty_file"
    with pytest.raises(TooLarge):
        house.library.add(owner="ada", name="x.txt", stream=io.BytesIO(bytes(1001)), media_type="")
    assert house.count("document") == house.count("job") == 0
    assert house.files() == set()


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("text.pdf", b"only text", "not_a_pdf"),
        ("locked.pdf", samples.pdf([[(72, 700, "secret")]], password="tiger"), "locked"),
        ("scan.pdf", samples.pdf([[]]), "no_text"),
        ("broken.pdf", b"%PDF-1.4\ngarbage", "damaged"),
        ("page.docx", b"<html><body>x</body></html>", "wrong_type"),
        ("set.zip", samples.archive({"a.exe": b"MZ" + bytes(60)}), "unsupported"),
        ("photo.psd", b"8BPS" + bytes(60), "unsupported"),
    ],
)
def test_what_cannot_be_read_says_why_and_stops_nothing(house: House, name: str, data: bytes, code: str) -> None:
    failed = house.add(name, data)
    assert (failed.state, failed.error_code) == (DocumentState.FAILED, code)
    assert failed.error
    assert failed.error.endswith(".")
    assert house.count("job") == 0
    assert house.add("fine.txt", b"fine").state is DocumentState.READY


def test_retry_reads_a_failed_document_again(house: House) -> None:
    failed = house.add("text.pdf", b"only text")
    again = house.library.retry(owner="ada", document_id=failed.id)
    assert (again.state, again.error) == (DocumentState.QUEUED, None)
    assert house.worker.run_due() == 1
    assert house.library.get(owner="ada", document_id=failed.id).state is DocumentState.FAILED
    ready = house.add("fine.txt", b"fine")
    assert house.library.retry(owner="ada", document_id=ready.id) == ready
    assert house.worker.run_due() == 0


@pytest.mark.parametrize("state", ["queued", "reading"])
def test_retry_reads_a_document_whose_job_was_given_up(house: House, state: str) -> None:
    queued = house.library.add(owner="ada", name="a.txt", stream=io.BytesIO(b"alpha"), media_type="")
    with house.database.write() as connection:
        connection.execute(text("UPDATE document SET state = :state"), {"state": state})
        connection.execute(text("UPDATE job SET failed_at = run_at, attempts = 5"))
    assert house.worker.run_due() == 0
    again = house.library.retry(owner="ada", document_id=queued.id)
    assert again.state is DocumentState.QUEUED
    assert house.worker.run_due() == 1
    assert house.library.get(owner="ada", document_id=queued.id).state is DocumentState.READY


def test_another_owner_and_an_unknown_id_are_the_same(house: House) -> None:
    added = house.add("a.pdf", samples.pdf([[(72, 700, "mine")]]))
    for owner, document_id in (("bob", added.id), ("ada", uuid4())):
        for act in (
            lambda **ids: house.library.get(**ids),
            lambda **ids: house.library.delete(**ids),
            lambda **ids: house.library.retry(**ids),
            lambda **ids: house.library.original(**ids),
            lambda **ids: house.library.page(**ids, number=1),
            lambda **ids: house.library.page_image(**ids, number=1, width=100),
        ):
            with pytest.raises(NotFound):
                act(owner=owner, document_id=document_id)
    assert house.library.list(owner="bob").items == ()
    assert house.library.get(owner="ada", document_id=added.id) == added


def test_delete_takes_everything(house: House) -> None:
    added = house.add("a.pdf", samples.pdf([[(72, 700, "mine")]]))
    house.library.delete(owner="ada", document_id=added.id)
    for table in ("document", "document_page", "chunk", "chunk_words", "original_part"):
        assert house.count(table) == 0, table
    assert house.files() == set()
    with house.database.read() as connection:
        kinds = set(connection.execute(text("SELECT kind FROM job")).scalars())
    assert {"reclaim", "remove_original"} <= kinds
    house.worker.run_due()
    with pytest.raises(NotFound):
        house.library.delete(owner="ada", document_id=added.id)


def test_delete_before_it_was_read(house: House) -> None:
    queued = house.library.add(owner="ada", name="a.txt", stream=io.BytesIO(b"alpha"), media_type="")
    house.library.delete(owner="ada", document_id=queued.id)
    house.worker.run_due()
    Ingest(house.library, house.settings)(_job(queued.id), _beat)
    assert house.count("document") == house.count("chunk") == 0


def test_deleted_while_being_read_does_not_come_back(house: House) -> None:
    queued = house.library.add(owner="ada", name="a.txt", stream=io.BytesIO(b"alpha"), media_type="")

    def delete_now() -> None:
        if house.count("document"):
            house.library.delete(owner="ada", document_id=queued.id)

    Ingest(house.library, house.settings)(_job(queued.id), delete_now)
    for table in ("document", "document_page", "chunk", "chunk_words"):
        assert house.count(table) == 0, table


def test_reading_again_changes_nothing(house: House) -> None:
    added = house.add("a.txt", b"alpha beta " * 400)
    Ingest(house.library, house.settings)(_job(added.id), _beat)
    assert house.library.get(owner="ada", document_id=added.id) == added
    assert house.count("chunk") == added.passages


def test_a_try_that_broke_off_is_done_over(house: House) -> None:
    queued = house.library.add(owner="ada", name="a.txt", stream=io.BytesIO(b"alpha beta. " * 60_000), media_type="")

    class Stop(Exception):
        pass

    calls = iter(range(10))

    def break_off() -> None:
        if next(calls) == 2:
            raise Stop

    ingest = Ingest(house.library, house.settings)
    with pytest.raises(Stop):
        ingest(_job(queued.id), break_off)
    assert house.library.get(owner="ada", document_id=queued.id).state is DocumentState.READING
    assert house.index.search(scope=Scope("ada"), question="alpha") == ()
    ingest(_job(queued.id, attempts=2), _beat)
    ready = house.library.get(owner="ada", document_id=queued.id)
    assert ready.state is DocumentState.READY
    assert (house.count("chunk"), house.count("document_page")) == (ready.passages, ready.pages)
    assert ready.pages > 1


def test_two_readers_never_mix_their_pages(house: House) -> None:
    queued = house.library.add(owner="ada", name="a.txt", stream=io.BytesIO(b"alpha beta. " * 60_000), media_type="")
    ingest = Ingest(house.library, house.settings)
    inner = iter([True])

    def second_reader() -> None:
        if next(inner, False):
            ingest(_job(queued.id), _beat)

    with pytest.raises(Exception, match="read twice"):
        ingest(_job(queued.id), second_reader)
    ready = house.library.get(owner="ada", document_id=queued.id)
    assert ready.state is DocumentState.READY
    assert house.count("chunk") == ready.passages


def test_the_last_try_ends_as_failed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    queued = house.library.add(owner="ada", name="a.txt", stream=io.BytesIO(b"alpha"), media_type="")

    def away(*args: object, **kwargs: object) -> bool:
        raise StoreUnavailable

    ingest = Ingest(house.library, house.settings)
    with monkeypatch.context() as patched:
        patched.setattr(sql_documents, "store", away)
        with pytest.raises(StoreUnavailable):
            ingest(_job(queued.id), _beat)
        assert house.library.get(owner="ada", document_id=queued.id).state is DocumentState.READING
        with pytest.raises(StoreUnavailable):
            ingest(_job(queued.id, attempts=MAX_ATTEMPTS), _beat)
    assert house.library.get(owner="ada", document_id=queued.id).error_code == "reader_failed"


def test_a_missing_original_is_told(house: House) -> None:
    queued = house.library.add(owner="ada", name="a.txt", stream=io.BytesIO(b"alpha"), media_type="")
    house.library.files.delete(document_id=queued.id)
    house.worker.run_due()
    assert house.library.get(owner="ada", document_id=queued.id).error_code == "file_missing"


def test_originals_without_a_document_are_swept(house: House) -> None:
    kept = house.add("a.txt", b"alpha")
    orphan = uuid4()
    house.library.files.put(document_id=orphan, stream=io.BytesIO(b"secret"), limit=10)
    assert house.library.sweep_orphans() == 0
    assert house.files() == {kept.id, orphan}
    assert house.library.sweep_orphans(older_than_seconds=0) == 1
    assert house.files() == {kept.id}
    assert house.library.sweep_orphans(older_than_seconds=0) == 0
    assert b"".join(house.library.original(owner="ada", document_id=kept.id)) == b"alpha"


def test_list_pages_newest_first(house: House) -> None:
    added = [
        house.library.add(owner="ada", name=f"{n}.txt", stream=io.BytesIO(b"x"), media_type="").id for n in range(5)
    ]
    seen, cursor = [], None
    while True:
        page = house.library.list(owner="ada", cursor=cursor, limit=2)
        seen += [item.id for item in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == added[::-1]
    for bad in ("x", "1", "1-", "-1-1-", "f" * 40 + "-1", "zz-1", "1-8000000000000000", "1-" + "f" * 40):
        with pytest.raises(InvalidInput) as refused:
            house.library.list(owner="ada", cursor=bad)
        assert refused.value.code == "bad_cursor"
    assert house.library.list(owner="ada", cursor="1-7fffffffffffffff").items == ()


def test_page_image(house: House) -> None:
    added = house.add("a.pdf", samples.pdf([[(72, 700, "mine")]]))
    image = house.library.page_image(owner="ada", document_id=added.id, number=1, width=400)
    assert image.startswith(b"\x89PNG")
    assert int.from_bytes(image[16:20], "big") == 400
    with pytest.raises(NotFound):
        house.library.page_image(owner="ada", document_id=added.id, number=2, width=400)
    plain = house.add("a.txt", b"alpha")
    with pytest.raises(NotFound):
        house.library.page_image(owner="ada", document_id=plain.id, number=1, width=400)


def test_a_picture_of_a_document_deleted_meanwhile_is_not_given(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    added = house.add("a.pdf", samples.pdf([[(72, 700, "One line.")]]))

    def deleted(content: Iterable[bytes], **_: object) -> bytes:
        drawn = b"".join(content)
        house.library.delete(owner="ada", document_id=added.id)
        return drawn

    monkeypatch.setattr(house.library.sandbox, "render", deleted)
    with pytest.raises(NotFound):
        house.library.page_image(owner="ada", document_id=added.id, number=1, width=400)
