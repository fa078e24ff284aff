"""Fixtures of the documents room: a library over each engine, a shared sandbox, and files made on the spot."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from docchat.config import Settings
from docchat.db.engine import Database
from docchat.documents import sql_index
from docchat.documents.files import make_files
from docchat.documents.index import Index
from docchat.documents.ingest import handlers
from docchat.documents.library import Library
from docchat.documents.sandbox import Sandbox
from docchat.jobs.worker import Worker
from docchat.types import Document


@dataclass
class House:
    """A library with its worker; `add` takes bytes and reads them at once."""

    database: Database
    index: Index
    library: Library
    worker: Worker
    settings: Settings

    def add(self, name: str, data: bytes, owner: str = "ada") -> Document:
        added = self.library.add(owner=owner, name=name, stream=io.BytesIO(data), media_type="")
        self.worker.run_due()
        return self.library.get(owner=owner, document_id=added.id)

    def count(self, table: str) -> int:
        with self.database.read() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    def files(self) -> set[UUID]:
        return set(self.library.files.ids())


@pytest.fixture
def make_house(database: Database, data_dir: Path) -> Iterator[Callable[..., House]]:
    """Builds a House over the test's database; settings may be given by name."""
    made: list[House] = []

    def make(**given: object) -> House:
        settings = Settings(data_dir=data_dir, worker="external", **given)  # type: ignore[arg-type]
        with database.write() as connection:
            sql_index.create(connection)
        index = sql_index.make_index(database)
        library = Library(database, make_files(database, settings), index, settings)
        house = House(database, index, library, Worker(database, handlers(library, settings)), settings)
        made.append(house)
        return house

    yield make
    for house in made:
        house.library.close()


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """A House with the default settings, once on each engine."""
    return make_house()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox with ordinary limits, for tests that do not hurt it."""
    sandbox = Sandbox(seconds=20.0, memory=1 << 30)
    yield sandbox
    sandbox.close()
