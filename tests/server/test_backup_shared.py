"""Backups hold collections with their documents, and the sealed attachments of chats."""

from io import BytesIO
from pathlib import Path

import pytest

from docchat.documents.scope import Scope
from docchat.errors import Cleared
from docchat.server.backup.content import back_up_content
from docchat.server.backup.keys import back_up_keys
from docchat.server.backup.restore import Request, restore
from docchat.types import DocumentState

from .test_backup import Houses, houses

__all__ = ["houses"]

RIVER = b"The Wutach flows through a gorge to the Rhine."


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql+sql", "sqlite")])
def test_collections_and_attachments_move(houses: Houses, tmp_path: Path, source: str, target: str) -> None:
    services = houses.open(houses.settings(source, "old"))
    team = services.collections.create(owner="ann", name="Team")
    empty = services.collections.create(owner="ann", name="Empty")
    services.collections.put_member(owner="ann", collection_id=team.id, user_id="bob", role="reader", name="Bob")
    given = {"stream": BytesIO(RIVER), "media_type": "", "collection": team.id}
    document = services.library.add(owner="ann", name="river.txt", **given)  # type: ignore[arg-type]
    chats = [services.store.create(owner="ann", title="Chat") for _ in range(2)]
    for chat in chats:
        services.attachments.add(
            owner="ann", session_id=chat.id, name="SECRETname.txt", stream=BytesIO(b"SECRETtext " * 9), media_type=""
        )
    services.worker.run_due()
    late = services.attachments.add(
        owner="ann", session_id=chats[0].id, name="late.txt", stream=BytesIO(b"SECRETlate"), media_type=""
    )
    back_up_content(services, tmp_path / "content.tar")
    back_up_keys(services, tmp_path / "keys.tar")
    assert b"SECRET" not in (tmp_path / "content.tar").read_bytes()
    houses.close()
    new = houses.settings(target, "new")
    restore(new, Request(content=tmp_path / "content.tar", keys=tmp_path / "keys.tar", accept_lost_clears=True))
    again = houses.open(new)
    assert [(one.id, one.documents, len(one.members)) for one in again.collections.list(owner="ann")] == [
        (empty.id, 0, 0),
        (team.id, 1, 1),
    ]
    for user, there in (("bob", {document.id}), ("eve", set())):
        found = again.library.index.search(scope=Scope(user), question="Wutach gorge")
        assert {hit.chunk.document_id for hit in found} == there
    again.worker.run_due()
    rows = again.attachments.rows
    files = rows.opened(owner="ann", session_id=chats[0].id)
    assert [(file.document.name, file.document.state) for file in files] == [
        ("SECRETname.txt", DocumentState.READY),
        ("late.txt", DocumentState.READY),
    ]
    assert files[1].document.id == late.id
    more = {"name": "more.txt", "stream": BytesIO(b"more words"), "media_type": ""}
    again.attachments.add(owner="ann", session_id=chats[0].id, **more)  # type: ignore[arg-type]
    again.worker.run_due()
    receipt = again.clearing.clear(owner="ann", session_id=chats[0].id).receipt
    assert receipt is not None
    assert (receipt.counts["attachments"], receipt.counts["passages"]) == (3, 3)


def test_a_collection_that_is_being_deleted_stays_deleted(houses: Houses, tmp_path: Path) -> None:
    settings = houses.settings("sqlite", "house")
    services = houses.open(settings)
    team = services.collections.create(owner="ann", name="Team")
    given = {"stream": BytesIO(RIVER), "media_type": "", "collection": team.id}
    services.library.add(owner="ann", name="river.txt", **given)  # type: ignore[arg-type]
    services.worker.run_due()
    services.collections.delete(owner="ann", collection_id=team.id)
    back_up_content(services, tmp_path / "content.tar")
    assert b"Wutach" not in (tmp_path / "content.tar").read_bytes()
    houses.close()
    restore(settings, Request(content=tmp_path / "content.tar", replace=True))
    services = houses.open(settings)
    services.worker.run_due()
    with services.database.read() as connection:
        for table in ("collection", "document", "chunk", "chunk_words"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0


def test_an_attachment_of_a_chat_cleared_since_stays_gone(houses: Houses, tmp_path: Path) -> None:
    settings = houses.settings("sqlite", "house")
    services = houses.open(settings)
    chat = services.store.create(owner="ann", title="Chat")
    services.attachments.add(
        owner="ann", session_id=chat.id, name="a.txt", stream=BytesIO(b"words"), media_type="text/plain"
    )
    services.worker.run_due()
    back_up_content(services, tmp_path / "content.tar")
    services.clearing.clear(owner="ann", session_id=chat.id)
    houses.close()
    restore(settings, Request(content=tmp_path / "content.tar", replace=True))
    services = houses.open(settings)
    with pytest.raises(Cleared):
        services.attachments.rows.list(owner="ann", session_id=chat.id)
    services.worker.run_due()
    with services.database.read() as connection:
        for table in ("attachment", "attachment_part"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0
