"""The models that an administrator has connected, as rows; the key of each is sealed under a key of the keyring."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ...db.engine import Database
from ...db.schema import chat_model
from ...errors import Cleared, Conflict, InvalidInput, KeyDamaged, NotFound, StoreError
from ...keys.cipher import seal, unseal
from ...keys.keyring import Keyring
from ...types import new_id, utc_now
from .registry import ConnectedModel

MOST_MODELS = 50
_MAX_LABEL, _MAX_NAME, _MAX_URL, _MAX_KEY = 100, 200, 500, 4096
_LEAST_TOKENS, _MOST_TOKENS = 512, 10_000_000
_COLUMNS = chat_model.c
_Made = list[int]  # slots that were made in a transaction
_LIST = select(chat_model).order_by(_COLUMNS.place, _COLUMNS.created_at, _COLUMNS.id)


class SqlModels:
    """Connected models. A key goes in and never comes out but for a request to its own server.

    Each key has a slot of the keyring to itself: who deletes the model, or replaces the key, destroys it.
    """

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    def list(self) -> tuple[ConnectedModel, ...]:
        """All of them, in the administrator's order."""
        with self._database.read() as connection:
            return tuple(map(_model, connection.execute(_LIST).all()))

    def get(self, *, model_id: UUID) -> ConnectedModel:
        """One of them. Raises NotFound."""
        with self._database.read() as connection:
            return _model(_find(connection, model_id))

    def open_key(self, model: ConnectedModel) -> str:
        """The key of its server, empty for none. Raises InvalidInput (key_gone) when it has to be typed in again."""
        if model.slot is None:
            return ""
        query = select(_COLUMNS.sealed_key).where(_COLUMNS.id == model.id, _COLUMNS.slot == model.slot)
        with self._database.read() as connection:
            sealed = connection.execute(query).scalar_one_or_none()
        if sealed is None:
            raise NotFound
        try:
            key = self._keyring.open(session_id=model.id, slot=model.slot)
            return unseal(key, bytes(sealed), context=_context(model.id)).decode()
        except (Cleared, KeyDamaged) as error:
            raise InvalidInput(
                "The key of this model's server is lost. An administrator has to type it in again.", code="key_gone"
            ) from error

    def add(
        self, *, label: str, url: str, name: str, key: str = "", context_tokens: int = 4096, enabled: bool = True
    ) -> ConnectedModel:
        """Connect a model, as the last of the list. Raises InvalidInput, Conflict (too_many_models)."""
        new = ConnectedModel(new_id(), label, url, name, context_tokens, enabled, None, utc_now())
        new = checked(new)
        with self._writing() as (connection, made):
            count, last = connection.execute(select(func.count(), func.max(_COLUMNS.place))).one()
            if count >= MOST_MODELS:
                raise Conflict(f"There are {MOST_MODELS} models already.", code="too_many_models")
            slot, sealed = self._sealed(new.id, key, made)
            values = {**_values(new), "id": new.id, "created_at": new.created_at, "slot": slot, "sealed_key": sealed}
            connection.execute(insert(chat_model).values(place=(last or 0) + 1, **values))
        return replace(new, slot=slot)

    def change(self, changed: ConnectedModel, *, key: str | None = None) -> ConnectedModel:
        """Store all fields of a model; `key` None leaves the key as it is, an empty one takes it away.

        A key is only ever sent to the server it was typed in for: with another address it has to come again. Raises
        NotFound, InvalidInput.
        """
        changed = checked(changed)
        with self._writing() as (connection, made):
            before = _model(_find(connection, changed.id, lock=True))
            values = _values(changed)
            slot = before.slot
            if key is None and slot is not None and server_of(before.url) != server_of(changed.url):
                raise InvalidInput("Type the key in again: it belongs to another server.", code="key_again")
            if key is not None:
                slot, sealed = self._sealed(changed.id, key, made)
                values |= {"slot": slot, "sealed_key": sealed}
            connection.execute(update(chat_model).where(_COLUMNS.id == changed.id).values(values))
        if key is not None and before.slot is not None:
            with suppress(StoreError):  # no row names it any more: the sweep of such keys takes it
                self._keyring.destroy(slots=(before.slot,))
        return replace(changed, slot=slot)

    def order(self, ids: Sequence[UUID]) -> None:
        """Put the models into this order; those that are not named come after. Raises NotFound."""
        with self._database.write() as connection:
            known = connection.execute(_LIST.with_only_columns(_COLUMNS.id)).scalars().all()
            if not set(ids) <= set(known):
                raise NotFound
            for place, model_id in enumerate(dict.fromkeys([*ids, *known]), 1):
                connection.execute(update(chat_model).where(_COLUMNS.id == model_id).values(place=place))

    def delete(self, *, model_id: UUID) -> None:
        """Take a model away. Its key is destroyed before the row goes. Raises NotFound."""
        with self._database.write() as connection:
            before = _model(_find(connection, model_id, lock=True))
            if before.slot is not None:
                self._keyring.destroy(slots=(before.slot,))
            connection.execute(delete(chat_model).where(_COLUMNS.id == model_id))

    def _sealed(self, model_id: UUID, key: str, made: _Made) -> tuple[int | None, bytes | None]:
        if not key:
            return None, None
        if len(key) > _MAX_KEY or not key.isprintable() or not key.isascii() or " " in key:
            raise InvalidInput("A key is printable ASCII without blanks.", code="bad_key")
        made += self._keyring.create(session_id=model_id, count=1)
        opened = self._keyring.open(session_id=model_id, slot=made[-1])
        return made[-1], seal(opened, key.encode(), context=_context(model_id))

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, _Made]]:
        """A write transaction, and a list for slots made in it: destroyed when it fails, since no row has them."""
        made: _Made = []
        try:
            with self._database.write() as connection:
                yield connection, made
        except BaseException:
            with suppress(StoreError):
                self._keyring.destroy(slots=made)
            raise


def checked(model: ConnectedModel) -> ConnectedModel:
    """The model with its texts trimmed. Raises InvalidInput (bad_url, bad_label, bad_name, bad_window)."""
    label, name, url = " ".join(model.label.split()), model.name.strip(), model.url.strip().rstrip("/")
    if not 0 < len(label) <= _MAX_LABEL:
        raise InvalidInput(f"A model needs a label of 1 to {_MAX_LABEL} characters.", code="bad_label")
    if len(name) > _MAX_NAME:
        raise InvalidInput(f"A model's name has at most {_MAX_NAME} characters.", code="bad_name")
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or len(url) > _MAX_URL or not url.isprintable() or "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidInput(
            "The address must be an http or https URL, for example http://127.0.0.1:8080/v1.", code="bad_url"
        )
    if not _LEAST_TOKENS <= model.context_tokens <= _MOST_TOKENS:
        raise InvalidInput(f"The window must be {_LEAST_TOKENS:,} tokens or more.", code="bad_window")
    return replace(model, label=label, name=name, url=url)


def server_of(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what a key belongs to."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _values(model: ConnectedModel) -> dict[str, object]:
    return {
        "label": model.label,
        "url": model.url,
        "name": model.name,
        "context_tokens": model.context_tokens,
        "enabled": int(model.enabled),
    }


def _find(connection: Connection, model_id: UUID, *, lock: bool = False) -> Row[Any]:
    query = select(chat_model).where(_COLUMNS.id == model_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound
    return row


def _model(row: Row[Any]) -> ConnectedModel:
    return ConnectedModel(
        id=row.id,
        label=row.label,
        url=row.url,
        name=row.name,
        context_tokens=row.context_tokens,
        enabled=bool(row.enabled),
        slot=row.slot,
        created_at=row.created_at,
    )


def _context(model_id: UUID) -> bytes:
    return b"model key" + model_id.bytes
