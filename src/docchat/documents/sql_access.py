"""Who may read and change which documents: the one choke point of the library, its collections and the index."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    bindparam,
    false,
    literal,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)

from ..db.schema import collection, collection_member, document
from ..errors import NotAllowed, NotFound
from ..types import Access, DocumentState
from .scope import PERSONAL, Scope

_USER: BindParameter[str] = bindparam("user")
_LIVE = collection.c.deleted_at.is_(None)
# One that is deleted belongs to nobody and to no collection; its rows are on their way out.
_THERE = document.c.state != DocumentState.DELETED
_JOINED = union_all(
    select(collection.c.no, collection.c.id, literal("owner").label("access")).where(
        collection.c.owner == _USER, _LIVE
    ),
    select(collection.c.no, collection.c.id, collection_member.c.role.label("access"))
    .join(collection, collection.c.no == collection_member.c.collection_no)
    .where(collection_member.c.user_id == _USER, _LIVE),
)
# The same for a search of everything, which asks for the ids of joined ones alone: to make hundreds takes longer.
_NUMBERED = union_all(
    select(collection.c.no, type_coerce(null(), collection.c.id.type).label("id")).where(
        collection.c.owner == _USER, _LIVE
    ),
    select(collection.c.no, collection.c.id)
    .join(collection, collection.c.no == collection_member.c.collection_no)
    .where(collection_member.c.user_id == _USER, _LIVE, collection.c.owner != _USER),
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A collection that somebody may read, as a row's number and what may be done with it."""

    no: int
    id: UUID
    access: Access


@dataclass(frozen=True, slots=True)
class Reach:
    """What a scope comes to: the indexed words that stand for it, and the numbers of chosen documents (None: all)."""

    tokens: tuple[str, ...]
    documents: tuple[int, ...] | None
    condition: ColumnElement[bool]


def shelves(connection: Connection, user: str) -> dict[UUID, Shelf]:
    """Every collection that `user` owns or has joined, as it is at this moment."""
    found = [Shelf(row.no, row.id, row.access) for row in connection.execute(_JOINED, {"user": user})]
    # Should somebody be owner and member at once, the owner's row comes first and counts.
    return {shelf.id: shelf for shelf in reversed(found)}


def shelf(connection: Connection, user: str, collection_id: UUID, *, need: Access = "reader") -> Shelf:
    """A collection of the user. Raises NotFound for a foreign one as for an unknown, NotAllowed for too weak a role."""
    found = shelves(connection, user).get(collection_id)
    if found is None:
        raise NotFound
    if _RANKS.index(found.access) < _RANKS.index(need):
        raise NotAllowed
    return found


def lock(connection: Connection, collection_id: UUID, *, shared: bool = False) -> None:
    """Hold a collection's row till the caller's transaction ends: before it is looked at, not to be late."""
    query = select(collection.c.no).where(collection.c.id == collection_id)
    connection.execute(query.with_for_update(read=shared))


def hold(connection: Connection, user: str, collection_id: UUID) -> Shelf:
    """A collection that the user may write to, not to be deleted before the caller's transaction ends."""
    lock(connection, collection_id, shared=True)
    return shelf(connection, user, collection_id, need="writer")


def load(
    connection: Connection, user: str, document_id: UUID, columns: Iterable[Any], *, change: bool = False
) -> RowMapping:
    """The row of a document that `user` may read, with `change` one that the user may change, locked till the end.

    Raises NotFound for a foreign document as for an unknown one, NotAllowed for one that can only be read.
    """
    mine = shelves(connection, user)
    query = select(document.c.collection_no.label("within"), *columns).where(
        document.c.id == document_id, _readable(user, [one.no for one in mine.values()])
    )
    row = connection.execute(query.with_for_update(of=document) if change else query).first()
    if row is None:
        raise NotFound
    if change and any(one.no == row.within and one.access == "reader" for one in mine.values()):
        raise NotAllowed
    return row._mapping


def readable(connection: Connection, user: str, collection_id: UUID | None = None) -> ColumnElement[bool]:
    """The condition for rows of `document` that `user` may read: all, or those of one collection (PERSONAL: the own).

    Raises NotFound for a collection that is not the user's to read.
    """
    if collection_id is None:
        return _readable(user, [one.no for one in shelves(connection, user).values()])
    if collection_id == PERSONAL:
        return _own(user)
    return document.c.collection_no == shelf(connection, user, collection_id).no


def reach(connection: Connection, scope: Scope) -> Reach:
    """What the owner of `scope` may search of it now. What is not the owner's to read is left out."""
    chosen, named = _chosen(connection, scope)
    own = scope.collections is None or PERSONAL in scope.collections
    condition = _readable(scope.owner, chosen, own=own)
    tokens = (owner_token(scope.owner),) * own + tuple(map(collection_token, named))
    if len(named) < len(chosen):
        tokens += (holder_token(scope.owner),)
    if not scope.documents:
        return Reach(tokens, None, condition)
    query = (
        select(document.c.no, collection.c.id)
        .outerjoin(collection)
        .where(document.c.id.in_(scope.documents), condition)
    )
    rows = connection.execute(query).all()
    numbers = tuple(no for no, _ in rows)
    # Fewer words stand for a few documents than for all: no passage of another collection is looked at.
    tokens = tuple(
        dict.fromkeys(owner_token(scope.owner) if within is None else collection_token(within) for _, within in rows)
    )
    return Reach(tokens, numbers, and_(condition, document.c.no.in_(numbers)))


def _chosen(connection: Connection, scope: Scope) -> tuple[list[int], list[UUID]]:
    """The numbers of the collections that a scope comes to, and the ids of those that are words of their own in it.

    One word stands for all collections of one's own, however many they are.
    """
    if scope.collections is None:
        rows = connection.execute(_NUMBERED, {"user": scope.owner}).all()
        return [row.no for row in rows], [row.id for row in rows if row.id is not None]
    mine = shelves(connection, scope.owner)
    chosen = [one for key, one in mine.items() if key in scope.collections]
    return [one.no for one in chosen], [one.id for one in chosen]


def owner_token(owner: str) -> str:
    """The word that stands for an owner in the index: no word of any text, and it does not tell the owner's id."""
    return "_o" + hashlib.sha256(owner.encode()).hexdigest()[:32]


def collection_token(collection_id: UUID) -> str:
    """The word that stands for a collection in the index."""
    return "_c" + collection_id.hex


def holder_token(owner: str) -> str:
    """The word that stands for all collections of an owner in the index."""
    return "_h" + hashlib.sha256(owner.encode()).hexdigest()[:32]


def tokens_of(connection: Connection, owner: str, collection_id: UUID | None) -> str:
    """The words, parted by blanks, that a document's passages are indexed under: its collection's, else its owner's."""
    if collection_id is None:
        return owner_token(owner)
    holder = connection.execute(select(collection.c.owner).where(collection.c.id == collection_id)).scalar_one()
    return f"{collection_token(collection_id)} {holder_token(holder)}"


_RANKS: tuple[Access, ...] = ("reader", "writer", "owner")


def _own(user: str) -> ColumnElement[bool]:
    return and_(document.c.owner == user, document.c.collection_no.is_(None), _THERE)


def _readable(user: str, numbers: Collection[int], *, own: bool = True) -> ColumnElement[bool]:
    conditions = [_own(user)] * own + [document.c.collection_no.in_(numbers)] * bool(numbers)
    return or_(*conditions) if conditions else false()
