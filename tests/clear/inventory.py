"""Everything that is stored, as the engine tells it: every table with all rows, and which of them are a chat's."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import create_engine, inspect, text

from docchat.db.schema import SESSION_OWNED

from .ground import Ground

OF_A_SESSION = frozenset(table.name for table in SESSION_OWNED)
"""Tables whose rows go with a chat."""

NOT_OF_A_SESSION = {
    "store_meta": "what the database says of itself",
    "chat_session": "the tombstone: id, owner, slots, times, successor and receipt",
    "receipt": "ids and counts",
    "job": "ids",
    "chat_model": "models that an administrator has connected, the keys of their servers sealed",
    "usage": "how many answers and tokens an owner had on a day",
    "document": "a person's library, which has its own delete",
    "document_page": "a person's library",
    "chunk": "a person's library",
    "chunk_text": "a person's library",
    "chunk_words": "a person's library",
    "chunk_vector": "a person's library",
    "followed_file": "which files of a person's folders are in the library",
    "original_part": "a person's library",
    "collection": "names of shared libraries, which have their own delete",
    "collection_member": "who may use a shared library",
    "account": "names and password hashes",
    "sqlite_sequence": "SQLite's own",
    "keyring_meta": "what the keyring says of itself",
    "session_key": "wrapped keys, overwritten by a clear",
    "key_residue": "which partitions hold what is left of destroyed keys",
}
"""Tables that hold nothing of a chat but ids, and why."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Inventory:
    """All tables of all databases of a store, with all rows."""

    tables: dict[str, Rows]

    @classmethod
    def of(cls, ground: Ground) -> "Inventory":
        """Read everything, past docchat's own code."""
        tables: dict[str, Rows] = {}
        urls = [ground.settings[name] for name in ("DOCCHAT_DATABASE_URL", "DOCCHAT_KEYRING_URL") if ground.settings]
        for url in urls or [f"sqlite:///{ground.data_dir / 'docchat.sqlite3'}"]:
            engine = create_engine(url)
            try:
                with engine.connect() as connection:
                    for name in inspect(connection).get_table_names():
                        rows = connection.execute(text(f'SELECT * FROM "{name}"')).mappings().all()
                        tables[name] = [dict(row) for row in rows]
            finally:
                engine.dispose()
        return cls(tables)

    @property
    def unclassified(self) -> list[str]:
        """Tables of which nobody has said whether their rows belong to a chat."""
        return [name for name in self.tables if _family(name) not in OF_A_SESSION | NOT_OF_A_SESSION.keys()]

    def holding(self, *patterns: bytes) -> list[str]:
        """The cells in which one of these bytes stands."""
        return [
            f"{name}.{column}"
            for name, rows in self.tables.items()
            for row in rows
            for column, value in row.items()
            if any(pattern in _bytes(value) for pattern in patterns)
        ]


def _family(name: str) -> str:
    """The table a partition or a full-text index's shadow belongs to."""
    for stem in (*OF_A_SESSION, *NOT_OF_A_SESSION):
        rest = name.removeprefix(f"{stem}_")
        if rest != name and (rest.isdigit() or rest in ("data", "idx", "docsize", "config", "content")):
            return stem
    return name


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return str(value).encode()
