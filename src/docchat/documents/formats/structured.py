"""JSON and JSON lines: lists of records as tables, everything else as lines with the path to each value."""

import json
from collections.abc import Iterator
from typing import TypeGuard

from ...errors import Unreadable
from . import sheet
from .part import Block, Part, flow

Value = dict[str, "Value"] | list["Value"] | str | int | float | bool | None

_MOST_COLUMNS = 200
_LEAST_RECORDS = 2
_DEEPEST = 100


def read(text: str) -> tuple[Part, ...] | None:
    """The parts of a JSON text, None when it is not JSON. Raises Unreadable: too_complex."""
    found = _parsed(text)
    if found is None:
        return None
    value = found[0]
    if _is_table(value):
        return sheet.table(_rows(value), label="")
    return flow(tuple(_blocks(value, "", 0)))


def _parsed(text: str) -> tuple[Value] | None:
    try:
        return (json.loads(text),)
    except RecursionError as error:
        raise Unreadable("This file is nested too deep.", code="too_complex") from error
    except ValueError:
        pass
    try:
        records = [json.loads(line) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError):
        return None
    return (records,) if records else None


def _is_table(value: Value) -> TypeGuard[list[dict[str, Value]]]:
    """Whether a value is a list of records with simple values."""
    if not isinstance(value, list) or len(value) < _LEAST_RECORDS:
        return False
    names: set[str] = set()
    for record in value:
        if not isinstance(record, dict) or any(isinstance(v, dict) or _is_nested(v) for v in record.values()):
            return False
        names.update(record)
    return 0 < len(names) <= _MOST_COLUMNS


def _is_nested(value: Value) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict | list) for item in value)


def _rows(records: list[dict[str, Value]]) -> list[list[str]]:
    names = list(dict.fromkeys(name for record in records for name in record))
    return [names, *([_plain(record.get(name)) for name in names] for record in records)]


def _plain(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return str(value)


def _blocks(value: Value, path: str, depth: int) -> Iterator[Block]:
    if depth > _DEEPEST:
        raise Unreadable("This file is nested too deep.", code="too_complex")
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict | list) and inner and not path and not _is_simple(inner):
                yield Block(name, "heading")
            yield from _blocks(inner, f"{path}.{name}" if path else name, depth + 1)
    elif _is_table(value):
        yield from (Block(" | ".join(" ".join(cell.split()) for cell in row), "row") for row in _rows(value))
    elif isinstance(value, list) and not _is_simple(value):
        for number, inner in enumerate(value, 1):
            yield from _blocks(inner, f"{path}[{number}]", depth + 1)
    else:
        text = _plain(value)
        if text:
            yield Block(f"{path}: {text}" if path else text, "line")


def _is_simple(value: Value) -> bool:
    return isinstance(value, list) and not _is_nested(value)
