"""How docchat's rows lie in SQLite's files, and what a keyring in SQL keeps of destroyed keys."""

from collections.abc import Iterator, Sequence

from sqlalchemy import URL, Connection, make_url, select, text

from ...db.engine import Database
from ...keys.sql import SqlKeyring
from ...keys.sql_tables import is_among, session_key
from ...web.state import Services
from .wanted import KeyTable, Layout

_MANY = 5000


def sqlite_path(url: URL | str) -> str:
    """The file of a SQLite URL; empty for anything else."""
    parsed = make_url(url) if url else None
    if parsed is None or parsed.get_backend_name() != "sqlite":
        return ""
    return parsed.database or ""


def layout(database: Database) -> Layout:
    """Where the columns stand that the look at SQLite's pages asks for; columns added later stand at the end."""
    if not database.is_sqlite:
        return Layout(0, 0, 0)
    with database.read() as connection:
        session = _columns(connection, "chat_session")
        message, *attached = (len(_columns(connection, name)) for name in ("message", "attachment", "attachment_part"))
        named = {name: _columns(connection, name) for name in ("chunk", "document_page", "chunk_vector")}
        found = [(len(names), names.index("document_no")) for names in named.values() if "document_no" in names]
        return Layout(
            message,
            session.index("title"),
            session.index("cleared_at"),
            tuple(attached),
            tuple(found),
            len(_columns(connection, "chunk_words_content")),
        )


def key_table() -> KeyTable:
    """The same of a keyring's table."""
    names = [column.name for column in session_key.columns]
    return KeyTable(len(names), names.index("wrapped"))


def residue(services: Services, slots: Sequence[int]) -> Iterator[tuple[str, str]]:
    """What a keyring in SQL still holds of destroyed keys."""
    if not isinstance(services.keyring, SqlKeyring):
        return
    database = Database(services.settings.keyring_url, timeout=services.settings.store_timeout_seconds)
    try:
        for start in range(0, len(slots), _MANY):
            some = slots[start : start + _MANY]
            query = select(session_key.c.slot, session_key.c.wrapped).where(is_among(some))
            with database.read() as connection:
                rows = connection.execute(query).all()
            yield from ((f"key slot {row.slot}", "bytes of the key are left") for row in rows if any(row.wrapped))
    finally:
        database.close()
    if slots and services.keyring.shared and (waiting := services.keyring.residue.standing().waiting):
        yield (
            "the keyring's server",
            f"old versions of destroyed keys may be in {waiting} places of its files; a job takes them out as far as "
            "the server permits (docchat keys status)",
        )


def _columns(connection: Connection, table: str) -> list[str]:
    return [row.name for row in connection.execute(text(f"PRAGMA table_info({table})"))]
