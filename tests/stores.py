"""Databases with docchat's tables on the tests' PostgreSQL, emptied between tests: to make one takes far longer."""

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg import sql

from docchat.db.engine import Database
from docchat.db.migrate import STEPS, migrate

if TYPE_CHECKING:
    from .conftest import PostgresServer

Connection = psycopg.Connection[Any]

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
# All that a test could have changed of the tables themselves.
_SHAPE = """
SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
  SELECT table_name || column_name || data_type || is_nullable || coalesce(column_default, '') AS line
    FROM information_schema.columns WHERE table_schema = 'public'
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT proname FROM pg_proc LEFT JOIN pg_depend ON objid = pg_proc.oid AND deptype = 'e'
    WHERE pronamespace = 'public'::regnamespace AND objid IS NULL
) AS lines"""
_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"""


class Stores:
    """Lends databases, and takes them back."""

    def __init__(self, server: "PostgresServer") -> None:
        self._server = server
        self._spare: list[str] = []
        self._tables: list[str] = []
        self._shape = ""

    def lend(self) -> str:
        """The SQLAlchemy URL of a database that `migrate` was run on, and nothing else."""
        if self._spare:
            return self._spare.pop()
        url = self._server.create()
        database = Database(url)
        migrate(database)
        database.close()
        with self._connected(url) as connection:
            self._tables = [name for (name,) in connection.execute(_TABLES)]
            self._shape = self._shape_of(connection)
            self._empty(connection)
        return url

    def take_back(self, url: str) -> None:
        """Empty a database for the next test; one that is not what it was is dropped."""
        try:
            with self._connected(url) as connection:
                self._empty(connection)
                whole = self._shape_of(connection) == self._shape
        except psycopg.Error:
            whole = False
        if whole:
            self._spare.append(url)
        else:
            self._server.drop(url)

    def _empty(self, connection: Connection) -> None:
        connection.execute("SET lock_timeout = '2s'")
        connection.execute(_OTHERS)
        for (name,) in connection.execute(_TABLES).fetchall():
            if name not in self._tables:
                connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(name)))
        kept = [sql.Identifier(name) for name in self._tables if name != "store_meta"]
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(sql.SQL(", ").join(kept)))
        # Without its id, for `migrate` to make it a store of its own.
        connection.execute("DELETE FROM store_meta")
        connection.execute("INSERT INTO store_meta (key, value) VALUES ('schema', %s)", [str(len(STEPS))])

    def _shape_of(self, connection: Connection) -> str:
        row = connection.execute(_SHAPE).fetchone()
        return str(row[0]) if row else ""

    def _connected(self, url: str) -> Connection:
        place = urlsplit(url)
        host = parse_qs(place.query)["host"][0]
        return psycopg.connect(host=host, user="docchat", dbname=place.path.strip("/"), autocommit=True)
