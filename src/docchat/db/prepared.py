"""Statements of the hot path, compiled once for each engine and run on the driver's own cursor.

SQLAlchemy Core builds an execution context for every call, which takes longer than SQLite takes to run a statement
by its primary key. The statements themselves are written in Core like all others.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Insert, Select, Update
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

_Convert = Callable[[Any], Any] | None


class _Compiled:
    """A statement for one dialect: its text, and how its parameters and its rows are converted."""

    def __init__(self, statement: Any, names: tuple[str, ...] | None, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=names)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101  (DML and SELECT compile to nothing else)
        self.text = compiled.string
        self.positional = bool(compiled.positional)
        order = compiled.positiontup or list(compiled.binds)
        self.binds: list[tuple[str, Any, _Convert]] = [
            (name, compiled.binds[name].value, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in order
        ]
        columns = list(getattr(statement, "selected_columns", ()) or getattr(statement, "exported_columns", ()))
        self.converters: list[_Convert] = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
        ]
        self.row: Any = namedtuple("PreparedRow", [column.key for column in columns])  # type: ignore[misc]

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """What the driver takes for these values; a bound constant keeps its own."""
        found = [
            (name, value if convert is None else convert(value))
            for name, default, convert in self.binds
            for value in (values.get(name, default),)
        ]
        return [value for _, value in found] if self.positional else dict(found)


class Prepared:
    """A statement without lists among its parameters. Raises SQLAlchemy's DBAPIError, as Core does.

    `names` are the columns of an INSERT that names none itself.
    """

    def __init__(
        self, statement: Select[Any] | Insert | Update | Delete, *, names: tuple[str, ...] | None = None
    ) -> None:
        self._statement = statement
        self._names = names
        self._compiled: dict[str, _Compiled] = {}

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Run it; the number of rows it changed."""
        compiled = self._for(connection.dialect)
        with _cursor(connection, compiled) as cursor:
            cursor.execute(compiled.text, compiled.parameters(values))
            return int(cursor.rowcount)

    def execute_many(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it once for each of `rows`."""
        compiled = self._for(connection.dialect)
        with _cursor(connection, compiled) as cursor:
            cursor.executemany(compiled.text, [compiled.parameters(values) for values in rows])

    def one_or_none(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Run it; its first row, with columns as attributes, or None."""
        compiled = self._for(connection.dialect)
        with _cursor(connection, compiled) as cursor:
            cursor.execute(compiled.text, compiled.parameters(values))
            row = cursor.fetchone()
        if row is None:
            return None
        pairs = zip(row, compiled.converters, strict=True)
        return compiled.row._make(value if convert is None else convert(value) for value, convert in pairs)

    def _for(self, dialect: Dialect) -> _Compiled:
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _Compiled(self._statement, self._names, dialect)
        return compiled


@contextmanager
def _cursor(connection: Connection, compiled: _Compiled) -> Iterator[DBAPICursor]:
    error_class = connection.dialect.loaded_dbapi.Error
    cursor = connection.connection.cursor()
    try:
        yield cursor
    except error_class as error:
        raise DBAPIError.instance(compiled.text, None, error, error_class, dialect=connection.dialect) from error
    finally:
        cursor.close()
