"""What is left of destroyed keys in the files of a PostgreSQL server, and how it is taken out.

An overwritten row leaves its old version in the table until that is rewritten (a plain VACUUM frees the version and
leaves its bytes), and in the write-ahead log until a checkpoint lets go of the segment. `key_residue` says where there
is any: the partitions with old versions, and the position of the log up to which it holds bytes of keys.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from ..db.engine import Database, translate

logger = logging.getLogger(__name__)

_LOCK_MILLISECONDS = 100
"""Longest wait for a partition somebody reads (a dump): whoever opens a key waits behind us meanwhile."""
_STATEMENT_MILLISECONDS = 120_000
_LOCK_NOT_AVAILABLE = "55P03"

_DIRTY = text(
    "SELECT DISTINCT relation, relation::oid::regclass::text AS name FROM key_residue JOIN pg_class ON oid = relation"
)
# VACUUM FULL freezes all it keeps: relfrozenxid is then the oldest transaction anybody could still see. Old versions
# made before it are gone; those made after it may be kept for a snapshot that is still open, and are not forgotten.
_FORGET = text("""
    WITH horizon AS (
        SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint - age(relfrozenxid) AS xid
        FROM pg_class WHERE oid = :relation
    ), gone AS (
        DELETE FROM key_residue USING horizon WHERE relation = :relation AND position < horizon.xid RETURNING relation
    ), noted AS (
        INSERT INTO key_residue (relation, position)
        SELECT DISTINCT 0, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint FROM gone
    )
    SELECT count(*) FROM key_residue, horizon WHERE relation = :relation AND position >= horizon.xid
""")
_RECYCLED = text(
    "SELECT count(*) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' "
    "AND name > pg_walfile_name(pg_current_wal_insert_lsn())"
)
# Held back by a replica, an archiver or wal_keep_size.
_HELD = text(
    "SELECT count(*) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' "
    "AND substr(name, 9) <= substr(pg_walfile_name('0/0'::pg_lsn + :position), 9)"
)
_MOST_RECYCLED = 16
"""A server that keeps more of them (a large min_wal_size) writes over the others in its own time."""
_LOG_UP_TO = text("SELECT max(position) FROM key_residue WHERE relation = 0")
_FORGET_LOG = text("""
    WITH kept AS (
        SELECT pg_wal_lsn_diff(redo_lsn, '0/0')::bigint AS since,
            (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size') AS segment
        FROM pg_control_checkpoint()
    )
    DELETE FROM key_residue USING kept
    WHERE relation = 0 AND position <= :position AND position / segment < since / segment
""")
_RIGHTS = text("""
    SELECT
        (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'session_key'::regclass) AS may_rewrite,
        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
            OR EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_checkpoint' AND pg_has_role(oid, 'USAGE'))
            AS may_checkpoint,
        has_function_privilege('pg_switch_wal()', 'EXECUTE') AS may_switch,
        has_function_privilege('pg_control_checkpoint()', 'EXECUTE') AS may_look,
        has_function_privilege('pg_ls_waldir()', 'EXECUTE') AS may_list,
        current_setting('wal_recycle', true) = 'off' AS log_is_removed,
        current_setting('archive_mode') <> 'off' AS archives,
        (SELECT count(*) FROM pg_replication_slots) AS replicas,
        (SELECT count(*) FROM key_residue) AS waiting
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """What a PostgreSQL server permits and keeps, as far as bytes of destroyed keys go."""

    may_rewrite: bool
    """The tables are ours: old row versions are taken out."""
    may_checkpoint: bool
    may_switch: bool
    may_look: bool
    may_list: bool
    log_is_removed: bool
    """wal_recycle is off: a segment of the log that is let go of is removed, not kept to be written over later."""
    archives: bool
    replicas: int
    waiting: int
    """Places known to hold bytes of destroyed keys."""

    @property
    def lets_log_go(self) -> bool:
        """Whether what the log holds of destroyed keys can be taken out when we ask."""
        may = self.may_checkpoint and self.may_switch and self.may_look
        return may and (self.log_is_removed or self.may_list)


class Residue:
    """Finds and takes out what destroyed keys have left in the files of the keyring's PostgreSQL server."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._has_told = False

    def rewrite(self) -> bool:
        """Rewrite what has to be, and let go of the log. False when something is still there afterwards.

        Cheap when there is nothing to do. Nobody can open a key of a partition while it is being rewritten.
        """
        with self._database.read() as connection:
            if not connection.execute(text("SELECT EXISTS (SELECT FROM key_residue)")).scalar_one():
                return True
        with self._connection() as connection:
            dirty = connection.execute(_DIRTY).all()
            clean = [self._rewrite_partition(connection, row.relation, row.name) for row in dirty]
            return self._let_go_of_log(connection) and all(clean)

    def standing(self) -> Standing:
        """What the server permits and keeps, for `docchat keys status`."""
        with self._database.read() as connection:
            row = connection.execute(_RIGHTS).one()
        return Standing(**row._mapping)

    def _rewrite_partition(self, connection: Connection, relation: int, name: str) -> bool:
        try:
            connection.execute(text(f"VACUUM (FULL) {name}"))
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            return False
        return int(connection.execute(_FORGET, {"relation": relation}).scalar_one()) == 0

    def _let_go_of_log(self, connection: Connection) -> bool:
        position = connection.execute(_LOG_UP_TO).scalar_one()
        if position is None:
            return True
        rights = Standing(**connection.execute(_RIGHTS).one()._mapping)
        # The switch first: the checkpoint then begins in a segment that holds nothing of it.
        if rights.may_switch:
            connection.execute(text("SELECT pg_switch_wal()"))
        if rights.may_checkpoint:
            connection.execute(text("CHECKPOINT"))
            self._write_over_recycled(connection, rights)
        if not rights.lets_log_go and not self._has_told:
            self._has_told = True
            logger.warning(
                "the keyring's server does not let its log go when we ask: destroyed keys stay in it, wrapped, until "
                "it does so by itself; docchat keys status says what to grant"
            )
        if not rights.may_look or not (rights.log_is_removed or (rights.may_list and rights.may_switch)):
            return False  # segments are kept to be written over later, and nobody tells us when that was
        if rights.may_list and connection.execute(_HELD, {"position": position}).scalar_one():
            return False
        connection.execute(_FORGET_LOG, {"position": position})
        return connection.execute(_LOG_UP_TO).scalar_one() is None

    def _write_over_recycled(self, connection: Connection, rights: Standing) -> None:
        """Fill the segments that were let go of, and are kept under the names of later ones, with zeros."""
        if rights.log_is_removed or not (rights.may_switch and rights.may_list):
            return
        recycled = int(connection.execute(_RECYCLED).scalar_one())
        for _ in range(min(recycled, _MOST_RECYCLED) + 1 if recycled else 0):
            # A switch fills the rest of its segment; it needs something to be in it.
            connection.execute(text("SELECT pg_logical_emit_message(false, 'docchat', '')"))
            connection.execute(text("SELECT pg_switch_wal()"))

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A connection of its own, outside of any transaction (VACUUM needs that), which waits for no lock for long."""
        seconds = max(2, int(self._database.timeout))
        engine = create_engine(
            self._database.url,
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
            connect_args={
                "connect_timeout": seconds,
                "keepalives_idle": 2,
                "keepalives_interval": 1,
                "keepalives_count": 2,
                "options": f"-c lock_timeout={_LOCK_MILLISECONDS} -c statement_timeout={_STATEMENT_MILLISECONDS}",
            },
        )
        try:
            with engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise translate(error) from error
        finally:
            engine.dispose()
