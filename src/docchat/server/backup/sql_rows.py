"""Rows as values of JSON and back: the same text whichever engine they came from."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, LargeBinary, Row, Table, Uuid

from ...db.schema import EPOCH, MICROSECOND, Instant


def encoded(table: Table, row: Row[Any]) -> dict[str, Any]:
    """The columns of a row, without those that are empty."""
    found = ((column, row._mapping[column.name]) for column in table.columns)
    return {column.name: _encode(column, value) for column, value in found if value is not None}


def decoded(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """A row for an insert, every column named; what an older backup does not know is left out."""
    return {
        column.name: _decode(column, values.get(column.name))
        for column in table.columns
        if column.name in values or column.nullable
    }


def _encode(column: Column[Any], value: Any) -> Any:
    if isinstance(value, datetime):
        return (value - EPOCH) // MICROSECOND
    if isinstance(value, UUID):
        return str(value)
    if isinstance(column.type, LargeBinary):
        return b64encode(value).decode()
    return value


def _decode(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, Instant):
        return EPOCH + value * MICROSECOND
    if isinstance(column.type, Uuid):
        return UUID(value)
    if isinstance(column.type, LargeBinary):
        return b64decode(value)
    return value
