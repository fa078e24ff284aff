"""What a request may bring: JSON bodies of texts, limits of lists. Anything else is refused with 400."""

import json
from collections.abc import Mapping
from typing import NoReturn
from uuid import UUID

from flask import request

from ..errors import InvalidInput, NotFound
from .auth import parse_id

MAX_PAGE = 100
MOST_IDS = 1000


def texts(*, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> dict[str, str]:
    """The fields of the JSON body, every one a text. Raises InvalidInput for anything else.

    An empty body is an empty object, whatever its type says: browsers send that to routes without fields.
    """
    fields = values(optional=required + optional)
    for name in required:
        if name not in fields:
            raise InvalidInput(f"The field {name!r} is missing.", code="missing_field")
    return {name: text(name, value) for name, value in fields.items()}


def values(*, optional: tuple[str, ...]) -> dict[str, object]:
    """The fields of the JSON body as they came. Raises InvalidInput for any other field."""
    fields = _body()
    for name in fields:
        if name not in optional:
            raise InvalidInput("The request has a field that is not known here.", code="unknown_field")
    return fields


def ids(name: str, value: object, *, words: Mapping[str, UUID] | None = None) -> tuple[UUID, ...]:
    """A list of at most 1,000 ids from a body; each of `words` stands for an id. One that is malformed is unknown.

    Raises InvalidInput, NotFound.
    """
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidInput(f"The field {name!r} must be a list of ids.", code="wrong_type")
    if not 0 < len(value) <= MOST_IDS:
        raise InvalidInput(f"The field {name!r} must have 1 to {MOST_IDS:,} ids.", code="bad_scope")
    return tuple(dict.fromkeys(_id(item, words or {}) for item in value))


def limit(default: int) -> int:
    """The query's `limit`, from 1 to 100."""
    return number("limit", default, 1, MAX_PAGE)


def number(name: str, default: int, least: int, most: int) -> int:
    """A whole number from the query. Raises InvalidInput outside its bounds."""
    value = request.args.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and len(value) <= 9 and least <= int(value) <= most):
        raise InvalidInput(f"The parameter {name!r} must be a number from {least} to {most}.")
    return int(value)


def cursor() -> str | None:
    """The query's `cursor`, None for the first page."""
    return request.args.get("cursor") or None


def _id(text: str, words: Mapping[str, UUID]) -> UUID:
    found = words.get(text) or parse_id(text)
    if found is None:
        raise NotFound
    return found


def _body() -> dict[str, object]:
    data = request.get_data(cache=False)
    if not data.strip():
        return {}
    if not request.is_json:
        raise InvalidInput("The body must be JSON, with Content-Type: application/json.", code="not_json")
    try:
        body = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The body is not valid JSON.", code="broken_json") from error
    if not isinstance(body, dict):
        raise InvalidInput("The body must be a JSON object.", code="not_an_object")
    return body


def text(name: str, value: object) -> str:
    """A field's value as text. Raises InvalidInput for anything else."""
    if not isinstance(value, str):
        raise InvalidInput(f"The field {name!r} must be a text.", code="wrong_type")
    # Half a surrogate pair cannot be written as UTF-8, and PostgreSQL stores no NUL.
    if "\0" in value or (not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)):
        raise InvalidInput(f"The field {name!r} holds a character that is not text.", code="not_text")
    return value


def truth(name: str, value: object) -> bool:
    """A field's value as true or false. Raises InvalidInput for anything else."""
    if not isinstance(value, bool):
        raise InvalidInput(f"The field {name!r} must be true or false.", code="wrong_type")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
