"""My data over HTTP: what there is, the archive, and an erasure that leaves nothing, through faults and kills."""

import io
import json
import os
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import inspect, select, text, update

from docchat.db.schema import SESSION_OWNED, chat_session, job, receipt
from docchat.documents import sql_removal
from docchat.errors import StoreUnavailable
from docchat.extension import build_services
from docchat.keys.keyring import SlotState
from docchat.people.erasing import Erasing
from docchat.people.sql_erasing import SqlErasing
from docchat.server.verify.proof import prove
from docchat.sessions.sql_bulk import SqlBulk
from docchat.types import Draft, Feedback
from docchat.web.state import Services

from .conftest import Host

SECRET = "zyxnevertold"
MINE, OTHERS = "id-of-test", "id-of-other"
DAY = 86_400


def fill(services: Services, owner: str, other: str) -> dict[str, UUID]:
    """One of everything for `owner`, shared with `other`; plain text of it is told by the word SECRET and the owner."""
    word = f"{SECRET} {owner}"
    session = services.store.create(owner=owner, title=word)
    said = services.store.append(
        owner=owner, session_id=session.id, drafts=[Draft("user", word), Draft("assistant", word)]
    )
    services.store.feedback.put(
        owner=owner, session_id=session.id, message_id=said[1].id, feedback=Feedback("up", word)
    )
    services.store.drafts.put(owner=owner, session_id=session.id, text=word)
    services.attachments.add(
        owner=owner, session_id=session.id, name="a.txt", stream=io.BytesIO(word.encode()), media_type="text/plain"
    )
    cleared = services.store.create(owner=owner, title=word)
    services.clearing.delete(owner=owner, session_id=cleared.id)
    history = services.store.create(owner=owner, title=word)
    services.store.append(owner=owner, session_id=history.id, drafts=[Draft("user", word)])
    services.clearing.clear_history(owner=owner, session_id=history.id)
    document = add(services, owner, word)
    team = services.collections.create(owner=owner, name=word)
    services.collections.put_member(owner=owner, collection_id=team.id, user_id=other, role="writer")
    shared = add(services, owner, f"shared {word}", team.id)
    with services.database.write() as connection:
        connection.execute(
            text("INSERT INTO usage (owner, day, answers, tokens) VALUES (:owner, :day, 1, 7)"),
            [{"owner": owner, "day": day} for day in (19_000, int(time.time()) // DAY)],
        )
        connection.execute(
            text(
                "INSERT INTO followed_file (owner, place, path, size, modified, sha256, adopted)"
                " VALUES (:owner, '', :path, 1, 1, '', 0)"
            ),
            {"owner": owner, "path": f"/home/{word}.txt"},
        )
    return {"session": session.id, "document": document, "team": team.id, "shared": shared, "cleared": cleared.id}


def add(services: Services, owner: str, words: str, collection: UUID | None = None) -> UUID:
    stream = io.BytesIO(f"The report says {words}. ".encode() * 20)
    return services.library.add(
        owner=owner, name=f"{words}.txt", stream=stream, media_type="text/plain", collection=collection
    ).id


@pytest.fixture
def full(make_host: Callable[..., Host]) -> Host:
    """A host in which two people have one of everything, and clears can be undone for a day."""
    return filled(make_host(DOCCHAT_CLEAR_UNDO_SECONDS=DAY))


def filled(host: Host) -> Host:
    fill(host.services, MINE, OTHERS)
    there = fill(host.services, OTHERS, MINE)
    add(host.services, MINE, "given", there["team"])
    host.services.worker.run_due()
    return host


def tables(services: Services, owner: str) -> dict[str, int]:
    """How many rows of each table name the owner, or hold the owner's words, sealed rows by the numbers of chats."""
    found: dict[str, int] = {}
    word = f"{SECRET} {owner}".encode()
    with services.database.read() as connection:
        numbers = set(connection.execute(select(chat_session.c.no).where(chat_session.c.owner == owner)).scalars())
        for name in inspect(connection).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{name}"')).mappings():
                values = [str(value).encode() if not isinstance(value, bytes) else value for value in row.values()]
                mine = any(word in value or value == owner.encode() for value in values)
                if name in {table.name for table in SESSION_OWNED}:
                    number = next(row[key] for key in ("session_no", "no", "id") if key in row)
                    mine |= number in numbers or (number >> 24) in numbers
                found[name] = found.get(name, 0) + mine
    return {name: count for name, count in found.items() if count}


def left_in_files(services: Services, owner: str) -> list[str]:
    """The files in which the owner's words stand."""
    word = f"{SECRET} {owner}".encode()
    files = [path for path in services.settings.data_dir.rglob("*") if path.is_file()]
    return [str(path) for path in files if word in path.read_bytes()]


def key_states(services: Services, owner: str) -> set[SlotState]:
    with services.database.read() as connection:
        rows = connection.execute(
            select(chat_session.c.meta_slot, chat_session.c.history_slot).where(chat_session.c.owner == owner)
        )
        slots = [slot for row in rows for slot in row if slot is not None]
        pending = connection.execute(select(receipt.c.scope).where(receipt.c.owner == owner)).scalars()
        slots += [slot for scope in pending for slot in (scope or {}).get("slots", [])]
    return set(services.keyring.states(slots=slots))


STAYS = {"chat_session", "receipt"}
"""Tombstones, and ids with numbers."""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_erasing_leaves_nothing_of_one_person_and_all_of_another(
    make_host: Callable[..., Host], request: pytest.FixtureRequest, kind: str
) -> None:
    url = "" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    full = filled(make_host(DOCCHAT_CLEAR_UNDO_SECONDS=DAY, DOCCHAT_DATABASE_URL=url))
    services, client = full.services, full.client("test")
    before = tables(services, OTHERS), key_states(services, OTHERS)
    assert url or left_in_files(services, MINE)
    assert {"message", "feedback", "draft", "attachment", "document", "chunk", "usage", "collection"} <= set(
        tables(services, MINE)
    )
    for body in (None, {}, {"all": 1}, {"all": False}, {"everything": True}):
        assert client.post("/api/mine/erase", json=body).status_code == 400
    answer = client.post("/api/mine/erase", json={"all": True})

    # At the moment of the answer nothing can be read, also with the key of an undo, and nothing is found.
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["success"] is True
    assert key_states(services, MINE) == {SlotState.DESTROYED}
    assert client.get("/api/sessions").get_json()["sessions"] == []
    assert client.get("/api/documents").get_json()["documents"] == []
    found = answer.get_json()["receipt"]
    assert (found["action"], found["state"]) == ("erase", "done")
    counts = found["counts"]
    assert (counts["sessions"], counts["messages"], counts["documents"]) == (2, 2, 2)
    assert (counts["attachments"], counts["collections"], counts["memberships"]) == (1, 1, 1)
    assert (counts["members"], counts["followed_files"], counts["usage_days"]) == (1, 1, 2)
    for one in client.get("/api/mine/archive"), client.get("/api/mine"):
        assert SECRET.encode() not in one.data
    held = client.get("/api/mine").get_json()["holds"]
    assert not any(number for kind, number in held.items() if kind != "receipts")

    services.worker.run_due()
    assert set(tables(services, MINE)) == STAYS
    services.database.checkpoint()
    assert left_in_files(services, MINE) == []
    again = client.get(f"/api/receipts/{answer.headers['Docchat-Receipt']}").get_json()
    assert again == found
    undone = [client.post(f"/api/receipts/{one}/undo").status_code for one in _receipts(services, MINE)]
    assert set(undone) == {409}
    proof = prove(services, UUID(found["id"]))
    assert proof.proven, proof.findings

    # The other person lost only the membership in a collection that is gone.
    rows, states = tables(services, OTHERS), key_states(services, OTHERS)
    assert rows.pop("collection_member", 0) == before[0].pop("collection_member") - 1
    assert rows.pop("document") == before[0].pop("document") + 1  # what was given to their collection is theirs
    assert (rows, states) == (before[0], before[1])


def _receipts(services: Services, owner: str) -> list[UUID]:
    with services.database.read() as connection:
        return list(connection.execute(select(receipt.c.id).where(receipt.c.owner == owner)).scalars())


def test_what_is_made_later_is_not_meant_and_a_second_click_is_the_same(full: Host) -> None:
    services = full.services
    receipt_id = services.people.erasing.rows.begin(owner=MINE)
    assert services.people.erasing.rows.begin(owner=MINE) == receipt_id  # while the first goes on
    later = services.store.create(owner=MINE, title="later")
    document = add(services, MINE, "later")
    make_due(services)
    services.worker.run_due()
    assert services.people.erasing.rows.receipt(receipt_id).state == "done"
    assert [one.id for one in services.store.list(owner=MINE).items] == [later.id]
    assert [one.id for one in services.library.list(owner=MINE).items] == [document]
    assert not prove(services, receipt_id).findings


def make_due(services: Services) -> None:
    """Let every job be due now."""
    with services.database.write() as connection:
        connection.execute(
            update(job).values(run_at=text(str(int(time.time() * 1e6) - 1)), lease=None, lease_until=None)
        )


KILLS: dict[str, tuple[type | Any, str]] = {
    "stored": (SqlErasing, "slots"),
    "keys": (SqlErasing, "leave"),
    "left": (SqlErasing, "withdraw"),
    "withdrawn": (Erasing, "_settle"),
    "settled": (SqlBulk, "next_batch"),
    "buried": (sql_removal, "unfinished"),
    "files": (sql_removal, "remove_some"),
    "rows": (SqlErasing, "end"),
}


def test_kills_one_after_another_are_finished_by_the_background(full: Host) -> None:
    """Each try goes on where the one before was killed, and is killed a step later."""
    services = full.services
    services.worker.stop()
    services.database.close()
    services.keyring.close()
    for place, name in KILLS.values():
        child = os.fork()
        if child == 0:  # pragma: no cover  (another process)
            setattr(place, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
            services.people.erasing.erase(owner=MINE)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, name
    fresh = build_services(services.settings, serving=True)
    try:
        make_due(fresh)
        fresh.worker.run_due()
        assert set(tables(fresh, MINE)) == STAYS
        assert key_states(fresh, MINE) == {SlotState.DESTROYED}
        fresh.database.checkpoint()
        assert left_in_files(fresh, MINE) == []
        assert tables(fresh, OTHERS)["document"] >= 2
        counts = [one.counts for one in fresh.people.holdings.receipts(owner=MINE) if one.action == "erase"]
        assert [(one["sessions"], one["messages"], one["documents"]) for one in counts] == [(2, 2, 2)]
    finally:
        fresh.library.close()
        fresh.database.close()
        fresh.keyring.close()


def test_a_broken_store_is_never_a_success(full: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    services, client = full.services, full.client("test")

    def broken(*_: object, **__: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as faults:
        faults.setattr(type(services.keyring), "destroy", broken)
        answer = client.post("/api/mine/erase", json={"all": True})
        assert (answer.status_code, answer.get_json()["code"]) == (503, "erase_unfinished")
    assert client.get("/api/mine").get_json()["erasing"]["state"] == "running"
    with monkeypatch.context() as faults:
        faults.setattr(SqlErasing, "leave", broken)
        assert client.post("/api/mine/erase", json={"all": True}).status_code == 503
        assert key_states(services, MINE) == {SlotState.DESTROYED}  # the keys are first, those of an undo too
    with monkeypatch.context() as faults:
        faults.setattr(SqlBulk, "bury", broken)
        answer = client.post("/api/mine/erase", json={"all": True})
        assert (answer.status_code, answer.get_json()["success"]) == (202, False)
        assert key_states(services, MINE) == {SlotState.DESTROYED}
    make_due(services)
    services.worker.run_due()
    assert client.get("/api/mine").get_json()["erasing"] is None
    assert set(tables(services, MINE)) == STAYS


def test_todays_count_stays_while_a_limit_needs_it(make_host: Callable[..., Host]) -> None:
    host = make_host(DOCCHAT_ANSWERS_PER_DAY=3)
    services = host.services
    fill(services, MINE, OTHERS)
    assert host.client("test").post("/api/mine/erase", json={"all": True}).status_code == 200
    services.worker.run_due()
    assert len(services.usage.of(owner=MINE)) == 1
    make_due(services)
    services.worker.run_due()
    assert not services.usage.of(owner=MINE)


def test_the_archive_has_everything_that_is_ones_own(full: Host) -> None:
    answer = full.client("test").get("/api/mine/archive")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(set(names)) == len(names)
        assert not any(name.startswith("/") or ".." in name for name in names)
        inside = {name: archive.read(name) for name in names}
    chats = [json.loads(inside[name]) for name in names if name.startswith("chats/") and name.endswith(".json")]
    assert sorted(len(chat["messages"]) for chat in chats) == [0, 2]  # the cleared one is in no archive
    told = next(chat for chat in chats if chat["messages"])
    assert told["messages"][1]["feedback"] == {"rating": "up", "comment": f"{SECRET} {MINE}"}
    assert [inside[name] for name in names if name.endswith("/1 a.txt")] == [f"{SECRET} {MINE}".encode()]
    assert [inside[name] for name in names if name.endswith(" not sent.txt")] == [f"{SECRET} {MINE}".encode()]
    originals = [name for name in names if name.startswith("documents/")]
    assert len(originals) == 2  # the own one, and the one of the own collection
    assert all(inside[name].startswith(b"The report says") for name in originals)
    assert json.loads(inside["about/left_out.json"]) == []
    assert sorted(one["access"] for one in json.loads(inside["about/collections.json"])) == ["owner", "writer"]
    assert len(json.loads(inside["about/use.json"])) == 2
    assert f"{SECRET} {OTHERS}".encode() not in b"".join(
        data for name, data in inside.items() if name != "about/collections.json"
    )


def test_an_archive_under_way_gets_nothing_of_a_cleared_chat(make_host: Callable[..., Host]) -> None:
    services = make_host().services
    chats = [services.store.create(owner=MINE, title=f"chat {number}") for number in range(3)]
    noise = os.urandom(300_000).hex()
    for chat in chats:
        services.store.append(owner=MINE, session_id=chat.id, drafts=[Draft("user", noise)])
    pieces: Iterator[bytes] = services.people.archive.stream(owner=MINE, username="test")
    seen = next(pieces)
    services.clearing.delete(owner=MINE, session_id=chats[1].id)  # not its turn yet: left out
    rest = b"".join(pieces)
    with zipfile.ZipFile(io.BytesIO(seen + rest)) as archive:
        assert sum(name.endswith(".md") for name in archive.namelist()) == 2
    pieces = services.people.archive.stream(owner=MINE, username="test")
    next(pieces)
    services.clearing.delete(owner=MINE, session_id=chats[0].id)  # in the middle of its own bytes
    with pytest.raises(ConnectionResetError):
        next(pieces)


def test_everything_is_said_before(full: Host) -> None:
    told = full.client("test").get("/api/mine").get_json()
    holds = told["holds"]
    assert (holds["sessions"], holds["messages"], holds["documents"], holds["collections"]) == (2, 2, 2, 1)
    assert (holds["members"], holds["memberships"], holds["given"], holds["withheld"]) == (1, 1, 1, 2)
    assert holds["bytes"] > 100
    assert told["erasing"] is None
