"""Attachments of chats over every pair of database and keyring: sealed, counted, and gone with the chat."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import select

from docchat.db.schema import attachment, attachment_part, job
from docchat.errors import Cleared, Conflict, NotFound
from docchat.sessions import sql_attachment_intake
from docchat.sessions.attachment_parts import AttachedPassage
from docchat.sessions.sql_attachment_intake import AttachmentIntake
from docchat.sessions.sql_attachment_reading import AttachmentReading
from docchat.sessions.sql_attachment_rows import JOB
from docchat.sessions.sql_attachments import SqlAttachments
from docchat.types import Box, Document, DocumentState, Draft, PageText, ReceiptState

from .conftest import House, build

SECRET = "SECRETplanted"
PAGES = [PageText(number, f"Page {number}", f"{SECRET} page {number}", (Box(0, 3, 0, 0, 1, 0.5),)) for number in (1, 2)]
PASSAGES = [AttachedPassage(number, 0, 6, f"Page {number}", SECRET, "secretpl", "", "") for number in (1, 2)]


class Files(SqlAttachments):
    """Attachments with how they come in and how they are read."""

    def __init__(self, house: House) -> None:
        super().__init__(house.database, house.keyring)
        self.intake = AttachmentIntake(house.database, house.keyring)
        self.reading = AttachmentReading(house.database, house.keyring)


@pytest.fixture
def files(house: House) -> Files:
    return Files(house)


def attach(files: Files, session_id: UUID, *, read: bool = True, owner: str = "ada") -> Document:
    pieces = iter([f"{SECRET} {number}".encode() * 20 for number in range(6)])
    added = files.intake.add(
        owner=owner, session_id=session_id, name=f"{SECRET}.pdf", media_type="application/pdf", pieces=pieces
    )
    if read:
        reading = files.reading.begin(attachment_id=added.id)
        assert reading is not None
        assert reading.document.state is DocumentState.QUEUED
        files.reading.store(reading, PAGES[:1], PASSAGES[:1], last=False)
        files.reading.store(reading, PAGES[1:], PASSAGES[1:], last=True)
    return added


def stored(house: House) -> list[bytes]:
    with house.database.read() as connection:
        cells = list(connection.execute(select(attachment.c.sealed)).scalars())
        return [bytes(cell) for cell in cells + list(connection.execute(select(attachment_part.c.data)).scalars())]


def chat(house: House, owner: str = "ada") -> UUID:
    return house.store.create(owner=owner, title="Chat").id


def test_what_is_attached_is_sealed_and_can_be_read(house: House, files: Files) -> None:
    session_id = chat(house)
    added = attach(files, session_id)
    found = files.get(owner="ada", session_id=session_id, attachment_id=added.id)
    assert (found.name, found.state, found.pages, found.passages) == (f"{SECRET}.pdf", DocumentState.READY, 2, 2)
    assert found.size == added.size > 0
    assert files.list(owner="ada", session_id=session_id) == (found,)
    ids = {"owner": "ada", "session_id": session_id, "attachment_id": added.id}
    assert [files.page(**ids, number=number) for number in (1, 2)] == PAGES  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        files.page(**ids, number=3)  # type: ignore[arg-type]
    assert b"".join(files.original(**ids)).count(SECRET.encode()) == 120  # type: ignore[arg-type]
    opened = files.opened(owner="ada", session_id=session_id)
    assert [(one.document.id, list(one.passages)) for one in opened] == [(added.id, PASSAGES)]
    cells = stored(house)
    assert len(cells) == 1 + 6 + 4
    assert not any(SECRET.encode() in cell or b"application/pdf" in cell for cell in cells)


def test_nobody_else_gets_it(house: House, files: Files) -> None:
    session_id, other, theirs = chat(house), chat(house), chat(house, "bob")
    added = attach(files, session_id)
    for owner, at in (("bob", session_id), ("bob", theirs), ("ada", other)):
        ids = {"owner": owner, "session_id": at, "attachment_id": added.id}
        for verb in (files.get, files.original, files.delete):
            with pytest.raises(NotFound):
                verb(**ids)  # type: ignore[operator]
        with pytest.raises(NotFound):
            files.page(**ids, number=1)  # type: ignore[arg-type]
    assert files.opened(owner="ada", session_id=other) == files.opened(owner="bob", session_id=theirs) == ()
    for owner, at in (("bob", theirs), ("ada", other)):
        beside = attach(files, at, owner=owner)
        assert [one.document.id for one in files.opened(owner=owner, session_id=at)] == [beside.id]
        assert [one.id for one in files.list(owner=owner, session_id=at)] == [beside.id]
    with pytest.raises(NotFound):
        files.opened(owner="bob", session_id=session_id)
    with pytest.raises(NotFound):
        attach(files, session_id, owner="bob")


@pytest.mark.parametrize("verb", ["clear", "delete"])
def test_it_goes_with_its_chat(house: House, files: Files, verb: str) -> None:
    session_id, other = chat(house), chat(house)
    kept = attach(files, other)
    added, waiting = attach(files, session_id), attach(files, session_id, read=False)
    if verb == "clear":
        receipt = house.clearing.clear(owner="ada", session_id=session_id).receipt
    else:
        receipt = house.clearing.delete(owner="ada", session_id=session_id)
    assert receipt is not None
    assert (receipt.counts["attachments"], receipt.counts["passages"]) == (2, 2)
    for call in (
        lambda: files.list(owner="ada", session_id=session_id),
        lambda: files.opened(owner="ada", session_id=session_id),
        lambda: files.page(owner="ada", session_id=session_id, attachment_id=added.id, number=1),
        lambda: attach(files, session_id),
    ):
        with pytest.raises(Cleared):
            call()  # type: ignore[no-untyped-call]
    assert files.reading.begin(attachment_id=waiting.id) is None
    with house.database.read() as connection:
        subjects = connection.execute(select(job.c.subject).where(job.c.kind == JOB)).scalars().all()
    assert str(waiting.id) not in subjects
    house.worker.run_due()
    with house.database.read() as connection:
        assert connection.execute(select(attachment.c.id)).scalars().all() == [kept.id]
        assert len(connection.execute(select(attachment_part.c.id)).all()) == 10
    assert len(files.opened(owner="ada", session_id=other)) == 1


def test_a_cleared_history_keeps_it(house: House, files: Files) -> None:
    session_id = chat(house)
    house.store.append(owner="ada", session_id=session_id, drafts=[Draft("user", "q")])
    attach(files, session_id)
    before = stored(house)
    receipt = house.clearing.clear_history(owner="ada", session_id=session_id).receipt
    house.worker.run_due()
    assert receipt is not None
    assert "attachments" not in receipt.counts
    assert stored(house) == before
    assert len(files.opened(owner="ada", session_id=session_id)) == 1


def test_many_chats_cleared_at_once_count_theirs(house: House, files: Files) -> None:
    from docchat.sessions.sql_bulk import BulkScope

    for _ in range(3):
        attach(files, chat(house))
    kept = attach(files, chat(house, "bob"), owner="bob")
    receipt = house.bulk.clear(owner="ada", scope=BulkScope(everything=True))
    assert (receipt.counts["attachments"], receipt.counts["passages"]) == (3, 6)
    house.worker.run_due()
    with house.database.read() as connection:
        assert connection.execute(select(attachment.c.id)).scalars().all() == [kept.id]


def test_an_undo_brings_it_back_and_reads_on(house: House) -> None:
    patient = build(house.database, house.keyring, undo_seconds=60)
    files = Files(house)
    session_id = chat(house)
    ready, waiting = attach(files, session_id), attach(files, session_id, read=False)
    receipt = patient.clearing.clear(owner="ada", session_id=session_id).receipt
    assert receipt is not None
    assert receipt.state is ReceiptState.PENDING
    with pytest.raises(Cleared):
        files.opened(owner="ada", session_id=session_id)
    patient.clearing.undo(owner="ada", receipt_id=receipt.id)
    assert [one.document.id for one in files.opened(owner="ada", session_id=session_id)] == [ready.id]
    with house.database.read() as connection:
        subjects = connection.execute(select(job.c.subject).where(job.c.kind == JOB)).scalars().all()
    assert str(waiting.id) in subjects
    assert files.reading.begin(attachment_id=waiting.id) is not None


def test_one_is_deleted_and_the_counters_know(house: House, files: Files) -> None:
    session_id = chat(house)
    first, second = attach(files, session_id), attach(files, session_id)
    receipt = files.delete(owner="ada", session_id=session_id, attachment_id=first.id)
    assert (receipt.action, receipt.counts) == ("attachment", {"attachments": 1, "pages": 2, "passages": 2})
    assert house.clearing.receipt(owner="ada", receipt_id=receipt.id).document_id == first.id
    assert [one.id for one in files.list(owner="ada", session_id=session_id)] == [second.id]
    cleared = house.clearing.clear(owner="ada", session_id=session_id).receipt
    assert cleared is not None
    assert (cleared.counts["attachments"], cleared.counts["passages"]) == (1, 2)


def test_a_file_that_breaks_off_is_not_kept(house: House, files: Files) -> None:
    session_id = chat(house)

    def broken() -> Iterator[bytes]:
        yield from [b"piece"] * 9
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        files.intake.add(owner="ada", session_id=session_id, name="a", media_type="text/plain", pieces=broken())
    assert files.list(owner="ada", session_id=session_id) == ()
    assert stored(house) == []


def test_half_a_file_of_a_crash_is_swept(house: House, files: Files) -> None:
    session_id = chat(house)
    added = attach(files, session_id)
    with house.database.write() as connection:
        half = {"state": "receiving", "created_at": added.created_at - 2 * sql_attachment_intake._LATE}
        connection.execute(attachment.update().values(half))
    assert files.list(owner="ada", session_id=session_id) == ()
    assert files.opened(owner="ada", session_id=session_id) == ()
    assert files.intake.sweep() == 1
    assert stored(house) == []


def test_a_chat_has_so_many(house: House, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_attachment_intake, "MOST", 2)
    session_id = chat(house)
    for _ in range(2):
        attach(files, session_id)
    with pytest.raises(Conflict, match="2 attachments"):
        attach(files, session_id)
    assert len(files.list(owner="ada", session_id=session_id)) == 2


def test_an_attachment_that_cannot_be_read_says_why(house: House, files: Files) -> None:
    session_id = chat(house)
    added = attach(files, session_id, read=False)
    files.reading.fail(attachment_id=added.id, message=f"{SECRET} message", code="damaged")
    found = files.get(owner="ada", session_id=session_id, attachment_id=added.id)
    assert (found.state, found.error, found.error_code) == (DocumentState.FAILED, f"{SECRET} message", "damaged")
    assert not any(SECRET.encode() in cell for cell in stored(house))


def test_one_that_failed_is_made_ready_once(house: House, files: Files) -> None:
    session_id = chat(house)
    added = attach(files, session_id, read=False)
    ids = {"owner": "ada", "session_id": session_id, "attachment_id": added.id}
    many = [AttachedPassage(1, 0, 6, "Page 1", f"{SECRET} {number}", "secretpl", "", "") for number in range(900)]

    def store(wanted: str) -> None:
        files.reading.store_late(
            **ids,  # type: ignore[arg-type]
            pages=PAGES,
            passages=many,
            wanted=lambda known: known.error_code == wanted,
        )

    store("locked")
    assert files.get(**ids).state is DocumentState.QUEUED  # type: ignore[arg-type]
    files.reading.fail(attachment_id=added.id, message="It is locked.", code="locked")
    store("damaged")
    assert files.get(**ids).state is DocumentState.FAILED  # type: ignore[arg-type]
    for _ in range(2):
        store("locked")
    found = files.get(**ids)  # type: ignore[arg-type]
    assert (found.state, found.error, found.error_code) == (DocumentState.READY, None, None)
    assert (found.pages, found.passages) == (2, 900)
    assert [files.page(**ids, number=number) for number in (1, 2)] == PAGES  # type: ignore[arg-type]
    assert list(files.opened(owner="ada", session_id=session_id)[0].passages) == many
    assert not any(SECRET.encode() in cell for cell in stored(house))
    receipt = house.clearing.clear(owner="ada", session_id=session_id).receipt
    assert receipt is not None
    assert receipt.counts["passages"] == 900
    with pytest.raises(Cleared):
        store("locked")


def test_what_a_question_was_asked_of_is_sealed_with_it(house: House) -> None:
    session_id, one, two = chat(house), UUID(int=7), UUID(int=8)
    asked = Draft("user", "q", collections=(one,), documents=(two,))
    plain = Draft("user", "q", collections=())
    house.store.append(owner="ada", session_id=session_id, drafts=[asked, plain, Draft("user", "q")])
    found = house.store.messages(owner="ada", session_id=session_id).items
    assert [(item.collections, item.documents) for item in found] == [((one,), (two,)), ((), ()), (None, ())]
