"""The tables of a keyring in a database of its own.

On PostgreSQL the keys lie in many small partitions, because taking what is left of a destroyed key out of the files
means to rewrite its table, and nobody can open a key of that table meanwhile.
"""

from collections.abc import Sequence

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    bindparam,
    func,
    inspect,
    literal,
    select,
    text,
)

PARTITIONS = 32
SEQUENCE = "session_key_slot_seq"
FEW = 64

metadata = MetaData()
_Number = BigInteger().with_variant(Integer(), "sqlite")

# store_id, keyring_id, and of the current master key its number (master_number) and a check of it (master).
keyring_meta = Table(
    "keyring_meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", String(64), nullable=False),
)

# The same records as in the slot file. A destroyed key stays as a marker without its bytes.
session_key = Table(
    "session_key",
    metadata,
    Column("slot", _Number, primary_key=True, autoincrement=True),
    Column("state", SmallInteger, nullable=False),
    Column("master", Integer, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
    postgresql_partition_by="HASH (slot)",
)

# What is still in the files of a PostgreSQL server. Written in the transaction that overwrites keys, only ever inserted
# and deleted, so concurrent clears never wait for one another.
# relation: the partition whose old row versions hold bytes of keys, and the transaction that made them old;
# 0: the write-ahead log, and its position (in bytes) up to which it holds bytes of keys.
key_residue = Table(
    "key_residue",
    metadata,
    Column("relation", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
)


def create_tables(connection: Connection) -> None:
    """Make what is missing, in the caller's transaction."""
    is_new = not inspect(connection).has_table(session_key.name)
    metadata.create_all(connection)
    if is_new and connection.dialect.name == "postgresql":
        for number in range(PARTITIONS):
            connection.execute(
                text(
                    f"CREATE TABLE session_key_{number} PARTITION OF session_key "
                    f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
                )
            )


def is_among(slots: Sequence[int], *, in_text: bool = False) -> ColumnElement[bool]:
    """Whether a key's slot is one of these.

    A few numbers, or with `in_text` any, stand in the text of the query: PostgreSQL then looks at (and waits for) their
    partitions alone, and SQLite has no limit to their count. Many are one array, which PostgreSQL joins with the table.
    """
    if in_text or len(slots) <= FEW:
        return session_key.c.slot.in_(
            bindparam("slots", list(slots), expanding=True, literal_execute=True, unique=True)
        )
    return session_key.c.slot.in_(select(func.unnest(literal(list(slots), ARRAY(BigInteger)))))
