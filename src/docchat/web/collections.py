"""Views of collections: make, list, rename, share, leave, delete."""

from uuid import UUID

from flask import Response, jsonify
from flask.typing import ResponseReturnValue

from ..documents.scope import PERSONAL
from ..errors import NotFound
from . import forms, receipts, shapes
from .auth import owner, parse_id, username
from .state import services


def index() -> ResponseReturnValue:
    """Every collection of the caller, owned or joined, by name."""
    found = services().collections.list(owner=owner())
    return {"collections": [shapes.collection(item) for item in found]}


def create() -> ResponseReturnValue:
    """A new collection of the caller's."""
    fields = forms.texts(required=("name",))
    return jsonify(shapes.collection(services().collections.create(owner=owner(), name=fields["name"]))), 201


def read(collection_id: UUID) -> ResponseReturnValue:
    """One collection."""
    return jsonify(shapes.collection(services().collections.get(owner=owner(), collection_id=collection_id)))


def rename(collection_id: UUID) -> ResponseReturnValue:
    """Give a collection another name."""
    name = forms.texts(required=("name",))["name"]
    found = services().collections.rename(owner=owner(), collection_id=collection_id, name=name)
    return jsonify(shapes.collection(found))


def delete(collection_id: UUID) -> Response:
    """Delete a collection with all its documents."""
    forms.texts()
    receipt = services().collections.delete(owner=owner(), collection_id=collection_id)
    services().worker.wake()
    return receipts.success(receipt)


def put_member(collection_id: UUID, member: str) -> ResponseReturnValue:
    """Let somebody read or write; `member` is a name where the application knows people by names, else an id."""
    role = forms.texts(required=("role",))["role"]
    services().collections.get(owner=owner(), collection_id=collection_id)  # a stranger learns nothing of names
    found = services().collections.put_member(
        owner=owner(), collection_id=collection_id, user_id=_user(member), role=role, name=member
    )
    return jsonify(shapes.collection(found))


def remove_member(collection_id: UUID, member: str) -> ResponseReturnValue:
    """Take somebody out by id or name; a member may leave."""
    forms.texts()
    known = services().collections.get(owner=owner(), collection_id=collection_id)
    if member in (username(), owner()) and known.access != "owner":
        user_id = owner()
    else:
        user_id = member if member in {one.user_id for one in known.members} else _user(member)
    services().collections.remove_member(owner=owner(), collection_id=collection_id, user_id=user_id)
    return {"success": True}


def named(value: str | None) -> UUID | None:
    """The collection that a form or a query names, PERSONAL for `personal`, None for none. Raises NotFound."""
    if not value:
        return None
    found = PERSONAL if value == shapes.PERSONAL_NAME else parse_id(value)
    if found is None:
        raise NotFound
    return found


def _user(member: str) -> str:
    find = services().user.find
    found = member if find is None else find(member)
    if found is None:
        raise NotFound("There is nobody of this name.")
    return found
