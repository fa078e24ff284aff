"""Collections: who may read and change what, asked of the library and of the index, on each engine."""

import io
from uuid import UUID

import pytest

from docchat.documents import sql_collections
from docchat.documents.scope import PERSONAL, Scope
from docchat.documents.sql_collections import Collections
from docchat.errors import Conflict, DocChatError, InvalidInput, NotAllowed, NotFound, TooLarge
from docchat.types import Document, DocumentState, new_id

from .conftest import House

PEOPLE = ("owner", "writer", "reader", "left", "stranger")
WORDS = b"The Wutach flows through a gorge."


@pytest.fixture
def collections(house: House) -> Collections:
    return Collections(house.database)


def shared(collections: Collections, name: str = "Team") -> UUID:
    """A collection of `owner`, with a writer, a reader and one who has left."""
    made = collections.create(owner="owner", name=name)
    for user, role in (("writer", "writer"), ("reader", "reader"), ("left", "writer")):
        collections.put_member(owner="owner", collection_id=made.id, user_id=user, role=role)
    collections.remove_member(owner="left", collection_id=made.id, user_id="left")
    return made.id


def put(house: House, owner: str, collection: UUID | None, data: bytes = WORDS, name: str = "a.txt") -> Document:
    stream = io.BytesIO(data)
    added = house.library.add(owner=owner, name=name, stream=stream, media_type="", collection=collection)
    house.worker.run_due()
    return house.library.get(owner=owner, document_id=added.id)


def hits(house: House, user: str, **scope: object) -> set[UUID]:
    found = house.index.search(scope=Scope(user, **scope), question="Wutach gorge")  # type: ignore[arg-type]
    return {one.chunk.document_id for one in found}


def outcome(call: object) -> str:
    try:
        call()  # type: ignore[operator]
    except DocChatError as error:
        return error.code
    return "ok"


EXPECTED = {
    # reads, lists, finds, uploads, deletes, renames the collection, invites, deletes the collection
    "owner": ("ok", True, True, "ok", "ok", "ok", "ok", "ok"),
    "writer": ("ok", True, True, "ok", "ok", "not_allowed", "not_allowed", "not_allowed"),
    "reader": ("ok", True, True, "not_allowed", "not_allowed", "not_allowed", "not_allowed", "not_allowed"),
    "left": ("not_found", False, False, *["not_found"] * 5),
    "stranger": ("not_found", False, False, *["not_found"] * 5),
}


@pytest.mark.parametrize("who", PEOPLE)
def test_what_each_may_do(house: House, collections: Collections, who: str) -> None:
    team = shared(collections)
    document = put(house, "writer", team)
    assert (document.state, document.collection) == (DocumentState.READY, team)
    library = house.library
    before = house.files()
    verbs = (
        lambda: library.get(owner=who, document_id=document.id),
        lambda: library.page(owner=who, document_id=document.id, number=1),
        lambda: b"".join(library.original(owner=who, document_id=document.id)),
    )
    reads = {outcome(verb) for verb in verbs}
    listed = document.id in {one.id for one in library.list(owner=who, collection=None).items}
    found = document.id in hits(house, who)
    uploads = outcome(
        lambda: library.add(owner=who, name="b.txt", stream=io.BytesIO(b"b"), media_type="", collection=team)
    )
    if uploads != "ok":
        assert house.files() == before, "nothing of a refused file is kept"
    changes = {outcome(lambda: library.retry(owner=who, document_id=document.id))}
    changes.add(outcome(lambda: library.delete(owner=who, document_id=document.id)))
    assert (outcome(lambda: library.get(owner="owner", document_id=document.id)) == "ok") is (changes != {"ok"})
    renames = outcome(lambda: collections.rename(owner=who, collection_id=team, name="Renamed"))
    invites = outcome(lambda: collections.put_member(owner=who, collection_id=team, user_id="new", role="reader"))
    deletes = outcome(lambda: collections.delete(owner=who, collection_id=team))
    (read,), (changed,) = reads, changes
    assert (read, listed, found, uploads, changed, renames, invites, deletes) == EXPECTED[who]


@pytest.mark.parametrize("who", ["left", "stranger"])
def test_a_foreign_collection_is_an_unknown_one(house: House, collections: Collections, who: str) -> None:
    team, unknown = shared(collections), new_id()
    document = put(house, "owner", team)
    for one, other in ((team, unknown),):
        messages = []
        for collection_id in (one, other):
            with pytest.raises(NotFound) as caught:
                collections.get(owner=who, collection_id=collection_id)
            with pytest.raises(NotFound):
                house.library.list(owner=who, collection=collection_id)
            with pytest.raises(NotFound):
                house.library.check(Scope(who, collections=(collection_id,)))
            messages.append(caught.value.message)
        assert messages[0] == messages[1]
    with pytest.raises(NotFound):
        house.library.check(Scope(who, documents=(document.id,)))
    assert hits(house, who, collections=(team,)) == set()
    assert hits(house, who, documents=(document.id,)) == set()
    assert house.index.frequencies(scope=Scope(who), terms=["wutach"]) == (0, {"wutach": 0})


def test_taking_somebody_out_is_felt_by_the_next_question(house: House, collections: Collections) -> None:
    team = shared(collections)
    document = put(house, "writer", team)
    assert hits(house, "writer") == hits(house, "reader") == {document.id}
    collections.remove_member(owner="owner", collection_id=team, user_id="writer")
    collections.remove_member(owner="owner", collection_id=team, user_id="reader")
    for who in ("writer", "reader"):  # also who uploaded it: it belongs to the collection
        assert hits(house, who) == set()
        with pytest.raises(NotFound):
            house.library.page(owner=who, document_id=document.id, number=1)
    assert hits(house, "owner") == {document.id}
    collections.put_member(owner="owner", collection_id=team, user_id="reader", role="writer")
    assert hits(house, "reader") == {document.id}


def test_who_is_taken_out_while_uploading_leaves_nothing(house: House, collections: Collections) -> None:
    team = shared(collections)

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            collections.put_member(owner="owner", collection_id=team, user_id="writer", role="reader")
            return super().read(size)

    with pytest.raises(NotAllowed):
        house.library.add(owner="writer", name="a.txt", stream=Slow(WORDS), media_type="", collection=team)
    assert house.files() == set()
    assert house.count("document") == 0


def test_a_member_may_leave_and_take_out_nobody_else(collections: Collections) -> None:
    team = shared(collections)
    with pytest.raises(NotAllowed):
        collections.remove_member(owner="writer", collection_id=team, user_id="reader")
    collections.remove_member(owner="writer", collection_id=team, user_id="writer")
    assert [one.user_id for one in collections.get(owner="owner", collection_id=team).members] == ["reader"]
    assert collections.get(owner="reader", collection_id=team).members == ()


def test_a_question_is_asked_of_what_was_chosen(house: House, collections: Collections) -> None:
    team, other = shared(collections), shared(collections, "Other")
    own = put(house, "reader", None)
    first, second = put(house, "owner", team), put(house, "writer", team)
    third = put(house, "owner", other)
    everything = {own.id, first.id, second.id, third.id}
    assert hits(house, "reader") == everything
    assert hits(house, "reader", collections=(team,)) == {first.id, second.id}
    assert hits(house, "reader", collections=(team, other)) == everything - {own.id}
    assert hits(house, "reader", collections=(PERSONAL,)) == {own.id}
    assert hits(house, "reader", documents=(second.id, own.id)) == {second.id, own.id}
    assert hits(house, "reader", collections=(PERSONAL,), documents=(second.id, own.id)) == {own.id}
    total, counts = house.index.frequencies(scope=Scope("reader", (team,)), terms=["wutach"])
    assert (total, counts) == (2, {"wutach": 2})
    assert house.index.frequencies(scope=Scope("reader", None, (own.id,)), terms=["wutach"])[0] == 1
    house.library.check(Scope("reader", (team, PERSONAL), (own.id,)))


def test_others_passages_do_not_crowd_the_candidates(house: House, collections: Collections) -> None:
    """The scope is a word of the query: a filter after it would leave none of the candidates."""
    team = shared(collections)
    mine = put(house, "owner", team, b"Somewhere the Wutach has a gorge, it is said in passing among other matters.")
    for number in range(3):
        rows = "\n\n".join(f"Wutach gorge. Wutach gorge {row}. " + "x" * 700 for row in range(60))
        put(house, "stranger", None, rows.encode(), name=f"{number}.txt")
    assert house.count("chunk") > 150
    for who in ("owner", "reader"):
        assert hits(house, who) == {mine.id}
        assert hits(house, who, collections=(team,)) == {mine.id}
    tokens = {"sqlite": "SELECT DISTINCT owner FROM chunk_words", "postgresql": None}[
        "sqlite" if house.database.is_sqlite else "postgresql"
    ]
    if tokens is not None:
        with house.database.read() as connection:
            found = set(connection.exec_driver_sql(tokens).scalars())
        assert f"_c{team.hex}" in {word for words in found for word in words.split()}
        assert not any("stranger" in one for one in found)


def test_a_deleted_collection_takes_its_documents_along(house: House, collections: Collections) -> None:
    team = shared(collections)
    documents = [put(house, "writer", team) for _ in range(3)]
    own = put(house, "writer", None)
    waiting = house.library.add(owner="writer", name="q.txt", stream=io.BytesIO(WORDS), media_type="", collection=team)
    receipt = collections.delete(owner="owner", collection_id=team)
    assert receipt.action == "collection"
    assert receipt.document_id == team
    assert receipt.counts == {
        "collections": 1,
        "members": 2,
        "documents": 4,
        "originals": 4,
        "pages": 3,
        "passages": 3,
    }
    for who in ("owner", "writer", "reader"):  # at once, before any job has run
        assert hits(house, who) == ({own.id} if who == "writer" else set())
        assert collections.list(owner=who) == ()
        with pytest.raises(NotFound):
            house.library.get(owner=who, document_id=documents[0].id)
    with pytest.raises(NotFound):
        collections.delete(owner="owner", collection_id=team)
    house.worker.run_due()
    assert house.files() == {own.id}
    assert [house.count(table) for table in ("collection", "collection_member", "document", "chunk")] == [0, 0, 1, 1]
    assert house.count("chunk_words") == 1
    assert waiting.id not in house.files()


def test_names_and_roles_are_checked(collections: Collections, monkeypatch: pytest.MonkeyPatch) -> None:
    made = collections.create(owner="owner", name="  Team \n one ")
    assert made.name == "Team one"
    for name, kind in (("  ", InvalidInput), ("x" * 201, TooLarge)):
        with pytest.raises(kind):
            collections.create(owner="owner", name=name)
    for user, role in (("bob", "owner"), ("bob", ""), ("owner", "reader")):
        with pytest.raises(InvalidInput):
            collections.put_member(owner="owner", collection_id=made.id, user_id=user, role=role)
    collections.put_member(owner="owner", collection_id=made.id, user_id="bob", role="reader", name="Bob")
    changed = collections.put_member(owner="owner", collection_id=made.id, user_id="bob", role="writer", name="Bob")
    assert [(one.user_id, one.name, one.role) for one in changed.members] == [("bob", "Bob", "writer")]
    monkeypatch.setattr(sql_collections, "MOST_MEMBERS", 1)
    with pytest.raises(Conflict):
        collections.put_member(owner="owner", collection_id=made.id, user_id="eve", role="reader")
    assert collections.named(owner="bob", name="Team one").id == made.id
    collections.create(owner="bob", name="Team one")
    with pytest.raises(Conflict):
        collections.named(owner="bob", name="Team one")
    with pytest.raises(NotFound):
        collections.named(owner="eve", name="Team one")
