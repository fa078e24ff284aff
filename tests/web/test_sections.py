"""Sections of a document over HTTP: listed, asked by themselves, cleared by name."""

import io
import json
import threading
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from docchat.documents import sql_sections
from docchat.errors import ClearUnfinished, StoreUnavailable
from docchat.sessions import sections as chats_of_sections
from docchat.testing import FakeModel, use_model
from docchat.types import Draft

from .conftest import Host
from .test_routes import everything
from .test_sse import parse

BRIDGE = "The bridge over the river was opened in 1932. It is made of steel and it has two towers of granite."
TOWER = "The tower of the town was built in 1611. It is made of brick, and a clock with four faces is at its top."
TEXT = f"# Bridges\n\n{BRIDGE}\n\n# Towers\n\n{TOWER}\n\n[Hidden text: not to be seen]\n"


def upload(host: Host, text: str = TEXT, *, name: str = "town.md", owner: str = "test", **more: str) -> str:
    data = {"files": (io.BytesIO(text.encode()), name), **more}
    response = host.client(owner).post("/api/documents", data=data, content_type="multipart/form-data")
    host.services.worker.run_due()
    return str(response.get_json()["documents"][0]["id"])


@pytest.fixture
def document(host: Host) -> str:
    """A document with two headings on its one page."""
    return upload(host)


def sections(client: FlaskClient, document: str) -> dict[str, dict[str, object]]:
    return {one["title"]: one for one in client.get(f"/api/documents/{document}/sections").get_json()["sections"]}


def chat(client: FlaskClient, document: str, section: object) -> dict[str, object]:
    response = client.post(f"/api/documents/{document}/sections/{section}/chat")
    assert response.status_code == 200, response.text
    return dict(response.get_json())


def ask(client: FlaskClient, session: object, question: str) -> tuple[dict[str, object], list[dict[str, object]]]:
    """The final message and the citations of an answer."""
    response = client.post(f"/api/sessions/{session}/ask", json={"question": question})
    events = [(kind, json.loads(data)) for _, kind, data in parse(response.data)]
    assert events[-1][0] == "done", events
    return events[-1][1]["message"], [data for kind, data in events if kind == "citation"]


def test_pages_and_headings_are_listed_with_their_chats(host: Host, client: FlaskClient, document: str) -> None:
    found = client.get(f"/api/documents/{document}/sections").get_json()
    assert found["next"] is None
    bridges, towers = (one for one in found["sections"] if one["kind"] == "heading")
    page = client.get(f"/api/documents/{document}/pages/1").get_json()["text"]
    assert page[bridges["start"] : bridges["end"]] == f"Bridges\n\n{BRIDGE}"
    assert (towers["page"], towers["last"], towers["session"]) == (1, 1, None)
    assert found["sections"][0]["section"] == "p1"
    made = chat(client, document, bridges["section"])
    assert (made["document"], made["section"], made["message_count"]) == (document, bridges["section"], 0)
    assert sections(client, document)["Bridges"]["session"] == made["id"]
    start = page.index("1611")
    chosen = chat(client, document, f"s1-{start}-{start + 4}")
    assert sections(client, document)["1611"]["session"] == chosen["id"]
    listed = client.get(f"/api/sessions?document={document}").get_json()
    assert [one["id"] for one in listed["sessions"]] == [chosen["id"], made["id"]]
    assert client.get(f"/api/sessions?document={uuid4()}").get_json() == {"sessions": [], "next": None}
    assert host.client("other").get(f"/api/sessions?document={document}").get_json()["sessions"] == []


def test_opening_finds_the_same_chat_and_leaves_the_cookie(client: FlaskClient, document: str) -> None:
    current = client.post("/api/sessions", json={}).get_json()["id"]
    made = chat(client, document, "p1")
    assert chat(client, document, "p1") == made
    ask(client, made["id"], "When was the bridge opened?")
    assert client.get("/api/status").get_json()["current"] == current
    about = client.get(f"/api/sessions/{made['id']}").get_json()["about"]
    assert (about["name"], about["page"], about["deleted"]) == ("town.md", 1, False)
    assert client.get(f"/api/sessions/{current}").get_json()["about"] is None


def test_eight_at_once_open_one_chat(host: Host, document: str) -> None:
    barrier, found = threading.Barrier(8), []

    def click() -> None:
        client = host.client("test")
        barrier.wait()
        found.append(chat(client, document, "p1")["id"])

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_an_answer_quotes_its_section_alone(host: Host, client: FlaskClient, document: str) -> None:
    upload(host, f"The bridge was opened in 1999, says another.\n\n{TOWER}", name="another.md")
    found = sections(client, document)
    bridges, towers = (chat(client, document, found[name]["section"])["id"] for name in ("Bridges", "Towers"))
    answer, citations = ask(client, bridges, "When was the bridge over the river opened?")
    assert "1932" in str(answer["text"])
    assert {one["document"] for one in citations} == {document}
    page = client.get(f"/api/documents/{document}/pages/1").get_json()["text"]
    for one in citations:
        assert page[one["start"] : one["end"]] == one["quote"]  # type: ignore[misc]
        assert found["Bridges"]["start"] <= one["start"] < one["end"] <= found["Bridges"]["end"]  # type: ignore[operator]
    answer, citations = ask(client, bridges, "When was the tower of the town built?")
    assert answer["refused"]
    assert "1611" not in str(answer)
    assert citations == []
    for one in answer["nearest"]:  # type: ignore[attr-defined]
        assert found["Bridges"]["start"] <= one["start"] < one["end"] <= found["Bridges"]["end"]
    assert "1611" in str(ask(client, towers, "When was the tower of the town built?")[0]["text"])


@pytest.mark.parametrize("until", [" It is made", " of steel", " of granite"])
def test_an_answer_never_reaches_beyond_the_selection(client: FlaskClient, document: str, until: str) -> None:
    page = client.get(f"/api/documents/{document}/pages/1").get_json()["text"]
    start, end = page.index("bridge over"), page.index(until)
    made = chat(client, document, f"s1-{start}-{end}")
    answer, citations = ask(client, made["id"], "When was the bridge over the river opened, and what is it made of?")
    assert bool(citations) is not answer["refused"]
    for told in ("The bridge", "granite", "1611"):
        assert told not in str(answer["text"])
    assert all(start <= one["start"] < one["end"] <= end for one in citations)  # type: ignore[operator]
    if until == " It is made":
        assert "1932" in str(answer["text"])


def test_turns_that_are_replaced_stay_in_the_section(host: Host, client: FlaskClient, document: str) -> None:
    current = client.post("/api/sessions", json={}).get_json()["id"]
    made = chat(client, document, sections(client, document)["Bridges"]["section"])
    ask(client, made["id"], "When was the bridge over the river opened?")
    question, answer = client.get(f"/api/sessions/{made['id']}").get_json()["messages"]
    path = f"/api/sessions/{made['id']}/messages"
    again = client.post(f"{path}/{answer['id']}/regenerate", json={})
    assert "1932" in again.text
    edited = client.post(f"{path}/{question['id']}/edit", json={"question": "When was the tower of the town built?"})
    assert "event: done" in edited.text
    assert "1611" not in edited.text
    kept = client.get(f"/api/sessions/{made['id']}").get_json()
    assert [message["refused"] for message in kept["messages"]] == [False, True]
    assert (kept["document"], kept["about"]["title"]) == (document, "Bridges")
    assert client.get("/api/status").get_json()["current"] == current


def test_a_model_is_shown_its_section_alone(host: Host, client: FlaskClient, document: str) -> None:
    upload(host, f"Another bridge over the river.\n\n{TOWER}", name="another.md")
    model = FakeModel("It was opened in 1932 [1].")
    use_model(host.app, model)
    made = chat(client, document, sections(client, document)["Bridges"]["section"])
    answer, citations = ask(client, made["id"], "When was the bridge over the river opened, and the tower built?")
    assert answer["mode"] == "model"
    assert [one["document"] for one in citations] == [document]
    told = "".join(message.content for prompt in model.asked for message in prompt)
    assert "The bridge over the river was opened" in told
    for outside in ("1611", "Towers", "Another bridge", "not to be seen"):
        assert outside not in told


def test_a_long_section_is_searched_and_a_word_outside_is_not_found(host: Host, client: FlaskClient) -> None:
    filling = [
        f"Item {number} of the inventory is a chair of oak, which stands in room {number}." for number in range(400)
    ]
    text = "\n\n".join(
        ["# Inventory", *filling[:200], "The purple elephant sleeps in the cellar.", *filling[200:], "# Rest", TOWER]
    )
    document = upload(host, text)
    found = sections(client, document)
    made = chat(client, document, found["Inventory"]["section"])
    assert "cellar" in str(ask(client, made["id"], "Where does the purple elephant sleep?")[0]["text"])
    assert ask(client, made["id"], "When was the tower of the town built?")[0]["refused"]


@pytest.mark.parametrize("section", ["p2", "h1-1", "s1-0-99999", "p01", "x", "h1-0-1"])
def test_a_section_that_is_none_is_404(client: FlaskClient, document: str, section: str) -> None:
    for path in ("chat", "chat/clear"):
        assert client.post(f"/api/documents/{document}/sections/{section}/{path}").status_code == 404
    assert client.get(f"/api/sessions?document={document}").get_json()["sessions"] == []


def test_a_file_is_attached_to_no_chat_about_a_section(client: FlaskClient, document: str) -> None:
    made = chat(client, document, "p1")
    files = {"files": (io.BytesIO(b"some text"), "a.txt")}
    response = client.post(f"/api/sessions/{made['id']}/attachments", data=files, content_type="multipart/form-data")
    assert (response.status_code, response.get_json()["code"]) == (409, "section_chat")


def clear(client: FlaskClient, document: str, section: object) -> tuple[dict[str, object], str | None, str]:
    response = client.post(f"/api/documents/{document}/sections/{section}/chat/clear")
    assert response.status_code == 200, response.text
    return response.get_json(), response.headers.get("Docchat-Receipt"), response.headers["Docchat-Successor"]


def test_a_clear_by_section_is_a_clear_by_id(host: Host, client: FlaskClient, document: str) -> None:
    made = chat(client, document, "p1")
    ask(client, made["id"], "When was the bridge opened?")
    body, receipt, successor = clear(client, document, "p1")
    assert body == {"success": True}
    told = client.get(f"/api/receipts/{receipt}").get_json()
    assert (told["action"], told["session"], told["successor"]) == ("clear", made["id"], successor)
    assert told["counts"]["messages"] == 2
    gone = client.get(f"/api/sessions/{made['id']}")
    assert (gone.status_code, gone.get_json()["successor"]) == (410, successor)
    new = client.get(f"/api/sessions/{successor}").get_json()
    assert (new["messages"], new["title"], new["document"], new["section"]) == ([], "", document, "p1")
    assert new["created_at"] == new["updated_at"]
    assert chat(client, document, "p1")["id"] == successor
    for _ in range(2):  # the second click of a double click
        assert clear(client, document, "p1") == (body, receipt, successor)
    by_id = client.post(f"/api/sessions/{made['id']}/clear")
    assert (by_id.headers["Docchat-Receipt"], by_id.headers["Docchat-Successor"]) == (receipt, successor)
    ask(client, successor, "When was the bridge opened?")
    assert clear(client, document, "p1")[1] not in (None, receipt)


def test_the_cookie_moves_only_when_it_names_the_cleared_chat(client: FlaskClient, document: str) -> None:
    made = chat(client, document, "p1")
    ask(client, made["id"], "When was the bridge opened?")
    current = client.post("/api/sessions", json={}).get_json()["id"]
    response = client.post(f"/api/documents/{document}/sections/p1/chat/clear")
    assert "Set-Cookie" not in response.headers
    ask(client, response.headers["Docchat-Successor"], "When was the bridge opened?")
    with client.session_transaction() as cookie:
        assert cookie["chat_session_id"] == current
        cookie["chat_session_id"] = response.headers["Docchat-Successor"]
    _, _, successor = clear(client, document, "p1")
    assert client.get("/api/status").get_json()["current"] == successor


def test_the_clear_of_the_cookie_never_hands_out_a_chat_about_a_section(client: FlaskClient, document: str) -> None:
    made = chat(client, document, "p1")
    client.post("/api/sessions/clear")
    current = client.get("/api/status").get_json()["current"]
    assert current != made["id"]
    assert client.get(f"/api/sessions/{current}").get_json()["document"] is None


def test_without_a_chat_there_is_nothing_to_clear(host: Host, client: FlaskClient, document: str) -> None:
    body, receipt, successor = clear(client, document, "p1")
    assert (body, receipt) == ({"success": True}, None)
    assert clear(client, document, "p1") == (body, None, successor)
    assert chat(client, document, "p1")["id"] == successor
    other = host.client("other")
    assert other.post(f"/api/documents/{document}/sections/p1/chat/clear").status_code == 404
    assert client.post(f"/api/documents/{uuid4()}/sections/p1/chat/clear").status_code == 404


def test_the_clear_of_a_section_leaves_every_other_chat(host: Host, client: FlaskClient, document: str) -> None:
    one, two = chat(client, document, "p1"), chat(client, document, sections(client, document)["Towers"]["section"])
    for made in (one, two):
        ask(client, made["id"], "When was the tower built?")
    clear(client, document, "p1")
    assert client.get(f"/api/sessions/{two['id']}").get_json()["message_count"] == 2
    assert client.get(f"/api/sessions/{one['id']}").status_code == 410


def test_a_race_of_eight_is_one_clear(host: Host, client: FlaskClient, document: str) -> None:
    made = chat(client, document, "p1")
    ask(client, made["id"], "When was the bridge opened?")
    barrier, found = threading.Barrier(8), []

    def click() -> None:
        one = host.client("test")
        barrier.wait()
        found.append(clear(one, document, "p1")[1:])

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1, found
    assert found[0][0] is not None


def test_an_undone_clear_brings_the_chat_back_to_its_section(make_host: Callable[..., Host]) -> None:
    host = make_host(DOCCHAT_CLEAR_UNDO_SECONDS=30)
    client, document = host.client("test"), upload(host)
    made = chat(client, document, "p1")
    ask(client, made["id"], "When was the bridge opened?")
    _, receipt, _ = clear(client, document, "p1")
    assert clear(client, document, "p1")[1] == receipt
    assert client.post(f"/api/receipts/{receipt}/undo").get_json() == {"success": True, "session": made["id"]}
    assert chat(client, document, "p1")["id"] == made["id"]
    assert sections(client, document)[str(sections_title(client, document))]["session"] == made["id"]


def sections_title(client: FlaskClient, document: str) -> object:
    return client.get(f"/api/documents/{document}/sections").get_json()["sections"][0]["title"]


def test_a_clear_that_fails_says_so_and_is_finished(
    host: Host, client: FlaskClient, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = chat(client, document, "p1")
    ask(client, made["id"], "When was the bridge opened?")
    graves = host.services.clearing._graves
    monkeypatch.setattr(chats_of_sections, "_PATIENCE_SECONDS", 0.1)

    def broken(*_: object, **__: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(type(graves), "bury", broken)
        response = client.post(f"/api/documents/{document}/sections/p1/chat/clear")
        assert (response.status_code, response.get_json()["code"]) == (503, ClearUnfinished().code)
        assert client.get(f"/api/sessions/{made['id']}").status_code == 410
        assert client.post(f"/api/documents/{document}/sections/p1/chat").status_code == 410
    body, receipt, successor = clear(client, document, "p1")
    assert body == {"success": True}
    assert receipt is not None
    assert chat(client, document, "p1")["id"] == successor


def test_history_memory_and_bulk_keep_or_end_the_binding(client: FlaskClient, document: str) -> None:
    made = chat(client, document, "p1")
    for relative in ("history", "memory"):
        ask(client, made["id"], "When was the bridge opened?")
        assert client.post(f"/api/sessions/{made['id']}/{relative}/clear").status_code == 200
        kept = client.get(f"/api/sessions/{made['id']}").get_json()
        assert (kept["document"], kept["section"]) == (document, "p1")
    exported = json.loads(client.get(f"/api/sessions/{made['id']}/export?format=json").text)
    assert (exported["document"], exported["section"]) == (document, "p1")
    client.post("/api/sessions/bulk/clear", json={"all": True})
    assert client.get(f"/api/sessions?document={document}").get_json()["sessions"] == []
    assert chat(client, document, "p1")["id"] != made["id"]


def test_a_reader_of_a_shared_document_has_a_chat_of_their_own(host: Host, client: FlaskClient) -> None:
    team = client.post("/api/collections", json={"name": "Town"}).get_json()["id"]
    document, reader = upload(host, collection=team), host.client("other")
    assert reader.post(f"/api/documents/{document}/sections/p1/chat").status_code == 404
    member = f"/api/collections/{team}/members/{host.users['other'].id}"
    assert client.put(member, json={"role": "reader"}).status_code == 200
    mine, theirs = chat(client, document, "p1"), chat(reader, document, "p1")
    assert mine["id"] != theirs["id"]
    assert "1932" in str(ask(reader, theirs["id"], "When was the bridge opened?")[0]["text"])
    assert client.get(f"/api/sessions/{theirs['id']}").status_code == 404
    clear(client, document, "p1")
    assert reader.get(f"/api/sessions/{theirs['id']}").get_json()["message_count"] == 2
    client.delete(member)
    assert_gone(reader, document, str(theirs["id"]))


def test_a_deleted_document_leaves_the_chat_to_its_owner(client: FlaskClient, document: str) -> None:
    made = chat(client, document, "p1")
    ask(client, made["id"], "When was the bridge opened?")
    client.delete(f"/api/documents/{document}")
    assert_gone(client, document, str(made["id"]))


def assert_gone(client: FlaskClient, document: str, session: str) -> None:
    """A chat whose document cannot be read any more: it stays, says so, answers so, and can be cleared."""
    told = client.get(f"/api/sessions/{session}").get_json()
    assert told["message_count"] == 2
    assert (told["document"], told["section"]) == (document, "p1")
    assert (told["about"]["deleted"], told["about"]["name"], told["about"]["title"]) == (True, "", "")
    assert told["messages"][1]["citations"][0]["deleted"]
    answer, citations = ask(client, session, "When was the bridge opened?")
    assert answer["refused"]
    assert "deleted, or is not shared with you any more" in str(answer["text"])
    assert citations == []
    assert client.get(f"/api/documents/{document}/sections").status_code == 404
    assert client.post(f"/api/documents/{document}/sections/p1/chat").status_code == 404
    body, receipt, successor = clear(client, document, "p1")
    assert body == {"success": True}
    assert receipt is not None
    assert clear(client, document, "p1") == (body, receipt, successor)
    assert client.get(f"/api/sessions/{session}").status_code == 410


def test_a_document_that_is_not_read_yet_has_no_sections(host: Host, client: FlaskClient) -> None:
    data = {"files": (io.BytesIO(TEXT.encode()), "late.md")}
    document = client.post("/api/documents", data=data, content_type="multipart/form-data").get_json()["documents"][0][
        "id"
    ]
    assert client.get(f"/api/documents/{document}/sections").status_code == 404
    assert client.post(f"/api/documents/{document}/sections/p1/chat").status_code == 404


def test_only_places_are_stored(host: Host, client: FlaskClient, document: str) -> None:
    page = client.get(f"/api/documents/{document}/pages/1").get_json()["text"]
    start = page.index("granite")
    made = chat(client, document, f"s1-{start}-{start + 7}")
    with host.services.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM chat_session").mappings().all()
    assert any(row["section"] == f"s1-{start}-{start + 7}" for row in rows)
    assert "granite" not in str([dict(row) for row in rows])
    assert made["title"] == ""


def test_many_pages_are_listed_in_parts(host: Host, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    things = everything(host)
    assert client.get(f"/api/documents/{things.document_id}/sections?page=2").status_code == 404
    assert client.get(f"/api/documents/{things.document_id}/sections?page=0").status_code == 400
    document = upload(
        host, "\n\n".join(f"# About {word}\n\n{'Words of it. ' * 3000}" for word in ("a", "be", "cat", "dear"))
    )
    whole = client.get(f"/api/documents/{document}/sections").get_json()["sections"]
    monkeypatch.setattr(sql_sections, "PAGES", 1)
    found, page = [], 1
    while page is not None:
        part = client.get(f"/api/documents/{document}/sections?page={page}").get_json()
        found += part["sections"]
        page = part["next"]
    assert found == whole
    assert len({one["section"] for one in found}) == len(found) > 4


def test_a_late_answer_to_a_cleared_section_is_410(host: Host, client: FlaskClient, document: str) -> None:
    made = chat(client, document, "p1")
    owner = host.users["test"].id
    store = host.services.store
    store.append(owner=owner, session_id=UUID(str(made["id"])), drafts=[Draft("user", "hello")])
    _, _, successor = clear(client, document, "p1")
    late = client.post(f"/api/sessions/{made['id']}/ask", json={"question": "too late"})
    assert (late.status_code, late.get_json()["code"], late.get_json()["successor"]) == (410, "cleared", successor)
    assert client.get(f"/api/sessions/{successor}").get_json()["messages"] == []
