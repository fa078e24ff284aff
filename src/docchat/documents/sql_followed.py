"""What is known of the files of folders: which document each became, and by what a change of it is seen."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, or_, select, update

from ..db.engine import Database
from ..db.schema import collection, document, followed_file
from ..types import DocumentState
from .sql_intake import Beside, Taken

_LEAVING = -1
"""Stands for the size of a file that is gone, once its document is being deleted because of that."""
_BATCH = 500
_COLUMNS = followed_file.c
_HELD = tuple(document.c[name] for name in ("id", "name", "sha256", "size", "state", "error", "pages", "passages"))
_THERE = document.c.state != DocumentState.DELETED


@dataclass(frozen=True, slots=True)
class Place:
    """Whose library, or which collection, a folder goes to."""

    owner: str
    collection: UUID | None = None

    @property
    def key(self) -> str:
        """As it stands in the table."""
        return "" if self.collection is None else self.collection.hex


@dataclass(frozen=True, slots=True)
class Known:
    """A file as it was last seen. Without a document: that was deleted by hand. `modified` 0: to be read again.

    `adopted`: the document was there before, and does not go with the file.
    """

    path: str
    size: int
    modified: int
    sha256: str
    document_id: UUID | None
    replaces: UUID | None = None
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A document that the place holds."""

    id: UUID
    name: str
    sha256: str
    size: int
    state: DocumentState
    error: str | None = None
    pages: int = 0
    passages: int = 0
    followed: bool = False
    """It was made for a file of a folder."""


class Followed:
    """The files that one place follows."""

    def __init__(self, database: Database, place: Place) -> None:
        self._database = database
        self._place = place

    def known(self) -> dict[str, Known]:
        """Every file, by its path; by `hashed` of it when its document was deleted by hand."""
        query = select(*(_COLUMNS[name] for name in Known.__slots__)).where(self._here())
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {row.path: Known(**{**row._mapping, "adopted": bool(row.adopted)}) for row in rows}

    def held(self) -> list[Held]:
        """Every document of the place."""
        within: ColumnElement[bool] = document.c.collection_no.is_(None)
        if self._place.collection is not None:
            wanted = select(collection.c.no).where(collection.c.id == self._place.collection)
            within = document.c.collection_no == wanted.scalar_subquery()
        else:
            within = and_(within, document.c.owner == self._place.owner)
        mine = exists().where(_COLUMNS.document_id == document.c.id, _COLUMNS.adopted == 0)
        query = select(*_HELD, mine.label("followed")).where(within, _THERE).order_by(document.c.no)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [_held(row, followed=bool(row.followed)) for row in rows]

    def states(self, document_ids: Sequence[UUID]) -> dict[UUID, Held]:
        """How far these documents are; those that are deleted are left out."""
        found: dict[UUID, Held] = {}
        for start in range(0, len(document_ids), _BATCH):
            query = select(*_HELD).where(document.c.id.in_(document_ids[start : start + _BATCH]), _THERE)
            with self._database.read() as connection:
                found |= {row.id: _held(row) for row in connection.execute(query)}
        return found

    def beside(self, files: Callable[[Sequence[Taken]], Iterable[Known]]) -> Beside:
        """What an intake is to write beside its documents: the files that these come from."""
        return lambda connection, taken: self.note_in(connection, files(taken))

    def note(self, files: Iterable[Known], *, forget: Iterable[str] = ()) -> None:
        """Remember files as they are now, in place of what was known under their paths and under `forget`."""
        with self._database.write() as connection:
            self.note_in(connection, files, forget=forget)

    def note_in(self, connection: Connection, files: Iterable[Known], *, forget: Iterable[str] = ()) -> None:
        """The same in the caller's write transaction."""
        noted = list(files)
        # A file that is back is not one that was deleted by hand any more.
        paths = [path for file in noted for path in (file.path, hashed(file.path))] + list(forget)
        for start in range(0, len(paths), _BATCH):
            gone = _COLUMNS.path.in_(paths[start : start + _BATCH])
            connection.execute(delete(followed_file).where(self._here(), gone))
        if noted:
            connection.execute(insert(followed_file), [self._values(file) for file in noted])

    def mark_leaving(self, path: str) -> None:
        """Say that the file is gone and its document is about to be deleted: nothing of it is kept then."""
        with self._database.write() as connection:
            connection.execute(
                update(followed_file).where(self._here(), _COLUMNS.path == path).values(size=_LEAVING, modified=0)
            )

    def _here(self) -> ColumnElement[bool]:
        return and_(_COLUMNS.owner == self._place.owner, _COLUMNS.place == self._place.key)

    def _values(self, file: Known) -> dict[str, Any]:
        named = {name: getattr(file, name) for name in Known.__slots__}
        return {"owner": self._place.owner, "place": self._place.key, **named, "adopted": int(file.adopted)}


def _held(row: Any, *, followed: bool = False) -> Held:
    named = {column.name: getattr(row, column.name) for column in _HELD}
    return Held(**{**named, "state": DocumentState(row.state)}, followed=followed)


def hashed(path: str) -> str:
    """What stands for a path of which nothing is to be kept."""
    return "sha256:" + hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()


def forget(connection: Connection, document_id: UUID) -> None:
    """Keep nothing that tells of a document, in the transaction that deletes it, but that its files are to be left."""
    mine = or_(_COLUMNS.document_id == document_id, _COLUMNS.replaces == document_id)
    for row in connection.execute(select(followed_file).where(mine)).all():
        this = and_(_COLUMNS.owner == row.owner, _COLUMNS.place == row.place, _COLUMNS.path == row.path)
        if row.replaces == document_id:
            connection.execute(update(followed_file).where(this).values(replaces=None))
        if row.document_id == document_id:
            connection.execute(delete(followed_file).where(this))
            if row.size != _LEAVING:
                values = {**row._mapping, "path": hashed(row.path), "sha256": "", "document_id": None, "replaces": None}
                there = and_(_COLUMNS.owner == row.owner, _COLUMNS.place == row.place, _COLUMNS.path == values["path"])
                connection.execute(delete(followed_file).where(there))
                connection.execute(insert(followed_file), values)
