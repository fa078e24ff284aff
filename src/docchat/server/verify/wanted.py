"""What the raw look is to search for, as it travels to the process that looks."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Chat:
    """Rows that must not stand anywhere: messages first to last, or the chat's own row in an earlier state.

    `whole` is False when only the history went: then the chat's own row lives on.
    """

    id: str
    no: int
    first: int
    last: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a deleted document: its number, and first and last of each run of its passages."""

    no: int
    chunks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """How rows look on a page: numbers of columns of a message and of what attachments have, and where in a chat's row
    the title and the end stand."""

    message_columns: int
    title: int
    cleared_at: int
    attached_columns: tuple[int, ...] = ()
    with_document: tuple[tuple[int, int], ...] = ()
    """Tables whose rows name their document's number: number of columns, and where it stands."""
    indexed_columns: int = 0
    """Of a row of the index's own text."""


@dataclass(frozen=True, slots=True)
class KeyTable:
    """How a keyring's rows look on a page of SQLite: number of columns, and where the wrapped key stands."""

    columns: int
    wrapped: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """One look at the files. Paths are empty where there is no such file."""

    chats: tuple[Chat, ...]
    slots: tuple[int, ...]
    documents: tuple[str, ...]
    rows: tuple[Rows, ...]
    data_dir: str
    database: str
    layout: Layout
    slot_file: str
    keyring: str
    key_table: KeyTable

    def dump(self) -> str:
        """As a line of text."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, line: str) -> "Wanted":
        """From `dump`."""
        values = json.loads(line)
        return cls(
            chats=tuple(Chat(**chat) for chat in values.pop("chats")),
            slots=tuple(values.pop("slots")),
            documents=tuple(values.pop("documents")),
            rows=tuple(Rows(row["no"], tuple(map(tuple, row["chunks"]))) for row in values.pop("rows")),
            layout=Layout(**values.pop("layout")),
            key_table=KeyTable(**values.pop("key_table")),
            **values,
        )
