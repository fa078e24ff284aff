"""Collections: shared libraries with an owner, readers and writers."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select, update

from ..db import receipts
from ..db.engine import Database
from ..db.schema import collection, collection_member, document
from ..errors import Conflict, InvalidInput, NotAllowed, NotFound, TooLarge
from ..jobs.queue import put
from ..types import Access, Collection, Member, Receipt, new_id, utc_now
from . import sql_access, sql_removal
from .sql_access import Shelf

LONGEST_NAME = 200
MOST_MEMBERS = 1000
_ROLES = ("reader", "writer")


class Collections:
    """Makes, lists and rules collections. `owner` is who asks; a foreign collection and an unknown one are NotFound.

    What a member may do is asked anew for each request: who is removed has nothing from the next one on.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, *, owner: str, name: str) -> Collection:
        """A new collection without documents. Raises InvalidInput, TooLarge for its name."""
        values = {"id": new_id(), "owner": owner, "name": _checked(name), "created_at": utc_now()}
        with self._database.write() as connection:
            connection.execute(insert(collection).values(values))
            return _one(connection, sql_access.shelf(connection, owner, values["id"]))  # type: ignore[arg-type]

    def list(self, *, owner: str) -> tuple[Collection, ...]:
        """Every collection that `owner` rules or has joined, by name."""
        with self._database.read() as connection:
            found = _all(connection, sql_access.shelves(connection, owner))
        return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.created_at)))

    def get(self, *, owner: str, collection_id: UUID) -> Collection:
        """One collection. Raises NotFound."""
        with self._database.read() as connection:
            return _one(connection, sql_access.shelf(connection, owner, collection_id))

    def check_writer(self, *, owner: str, collection_id: UUID) -> None:
        """Raise NotFound or NotAllowed unless `owner` may upload to the collection."""
        with self._database.read() as connection:
            sql_access.shelf(connection, owner, collection_id, need="writer")

    def named(self, *, owner: str, name: str) -> Collection:
        """The one collection of this name that `owner` may read. Raises NotFound, Conflict when there are several."""
        found = [one for one in self.list(owner=owner) if one.name == name]
        if not found:
            raise NotFound(f"There is no collection named {name!r}.")
        if len(found) > 1:
            raise Conflict("There are several collections of this name: say which by its id.", code="many_of_a_name")
        return found[0]

    def rename(self, *, owner: str, collection_id: UUID, name: str) -> Collection:
        """Give a collection another name. Raises NotFound, NotAllowed for all but its owner."""
        name = _checked(name)
        with self._database.write() as connection:
            found = sql_access.shelf(connection, owner, collection_id, need="owner")
            connection.execute(update(collection).where(collection.c.no == found.no).values(name=name))
            return _one(connection, found)

    def put_member(self, *, owner: str, collection_id: UUID, user_id: str, role: str, name: str = "") -> Collection:
        """Let somebody read a collection, or write to it; a member gets the role given last.

        Raises NotFound, NotAllowed for all but its owner, InvalidInput for an unknown role or the owner as a member.
        """
        if role not in _ROLES:
            raise InvalidInput("The role must be 'reader' or 'writer'.", code="unknown_role")
        if user_id == owner:
            raise InvalidInput("You own this collection already.", code="own_collection")
        with self._database.write() as connection:
            sql_access.lock(connection, collection_id)
            found = sql_access.shelf(connection, owner, collection_id, need="owner")
            there = collection_member.c.collection_no == found.no
            count = connection.execute(select(func.count()).where(there)).scalar_one()
            changed = update(collection_member).where(there, collection_member.c.user_id == user_id)
            if not connection.execute(changed.values(role=role, name=name or user_id)).rowcount:
                if count >= MOST_MEMBERS:
                    raise Conflict(f"A collection has at most {MOST_MEMBERS} members.", code="too_many_members")
                values = {"collection_no": found.no, "user_id": user_id, "role": role, "name": name or user_id}
                connection.execute(insert(collection_member).values(values))
            return _one(connection, found)

    def remove_member(self, *, owner: str, collection_id: UUID, user_id: str) -> None:
        """Take a member out; a member may leave. One who is none is no error.

        Raises NotFound, NotAllowed for a member who would take out another.
        """
        with self._database.write() as connection:
            found = sql_access.shelf(connection, owner, collection_id)
            if found.access != "owner" and user_id != owner:
                raise NotAllowed("Only the owner of a collection may take others out of it.")
            gone = collection_member.c.collection_no == found.no, collection_member.c.user_id == user_id
            connection.execute(delete(collection_member).where(*gone))

    def delete(self, *, owner: str, collection_id: UUID) -> Receipt:
        """Delete a collection with all its documents: nobody finds or reads them from here on, a job takes them away.

        Raises NotFound, NotAllowed for all but its owner.
        """
        with self._database.write() as connection:
            sql_access.lock(connection, collection_id)
            found = sql_access.shelf(connection, owner, collection_id, need="owner")
            here = document.c.collection_no == found.no
            rows = connection.execute(select(document.c.id, document.c.pages, document.c.passages).where(here)).all()
            runs = sql_removal.passage_runs(connection, here)
            members = delete(collection_member).where(collection_member.c.collection_no == found.no)
            counts = {
                "collections": 1,
                "members": connection.execute(members).rowcount,
                "documents": len(rows),
                "originals": len(rows),
                "pages": sum(row.pages for row in rows),
                "passages": sum(row.passages for row in rows),
            }
            written = Receipt(new_id(), None, "collection", counts, utc_now(), document_id=collection_id)
            scope = {"documents": [row.id.hex for row in rows], "rows": list(runs.items())}
            receipts.write(connection, written, owner=owner, scope=scope)
            ended = {"deleted_at": written.created_at, "name": ""}
            connection.execute(update(collection).where(collection.c.no == found.no).values(ended))
            put(connection, kind="drop_collection", subject=str(collection_id))
        return written


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise InvalidInput("A collection needs a name.", code="empty_name")
    if len(name) > LONGEST_NAME:
        raise TooLarge(f"A name has at most {LONGEST_NAME} characters.", code="name_too_long")
    return name


def _one(connection: Connection, found: Shelf) -> Collection:
    return _all(connection, {found.id: found})[0]


def _all(connection: Connection, found: Mapping[UUID, Shelf]) -> Sequence[Collection]:
    access: dict[int, Access] = {shelf.no: shelf.access for shelf in found.values()}
    sums = (
        select(
            document.c.collection_no,
            func.count().label("documents"),
            func.coalesce(func.sum(document.c.passages), 0).label("passages"),
        )
        .where(document.c.collection_no.in_(access))
        .group_by(document.c.collection_no)
    )
    counts: dict[int, Any] = {row.collection_no: row for row in connection.execute(sums)}
    ruled = [no for no, may in access.items() if may == "owner"]
    query = select(collection_member).where(collection_member.c.collection_no.in_(ruled))
    members: dict[int, list[Member]] = {}
    for row in connection.execute(query.order_by(collection_member.c.name, collection_member.c.user_id)):
        members.setdefault(row.collection_no, []).append(Member(row.user_id, row.name, row.role))
    return [
        Collection(
            row.id,
            row.name,
            access[row.no],
            int(counts[row.no].documents) if row.no in counts else 0,
            int(counts[row.no].passages) if row.no in counts else 0,
            row.created_at,
            tuple(members.get(row.no, ())),
        )
        for row in connection.execute(select(collection).where(collection.c.no.in_(access)))
    ]
