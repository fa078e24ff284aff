"""Accounts of the standalone server: names and argon2 hashes in the content database."""

import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import ColumnElement, Connection, Row, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..db.engine import Database
from ..db.schema import account
from ..errors import InvalidInput, NotFound
from ..types import new_id, utc_now

MAX_NAME_CHARS = 64
MAX_PASSWORD_CHARS = 1024

_hasher = PasswordHasher()  # RFC 9106, low memory: 64 MiB, about 0.1 s
_AT_ONCE = threading.BoundedSemaphore(2)  # a burst of sign-ins must not take all memory and processors


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in. `id` owns the chats and documents; `epoch` grows when all sign-ins are to end."""

    id: UUID
    name: str
    admin: bool
    disabled: bool
    epoch: int
    created_at: datetime


class Accounts:
    """Makes, checks and changes accounts. Every verb is one transaction."""

    def __init__(self, database: Database, *, min_length: int) -> None:
        self._database = database
        self.min_length = min_length

    def add(self, *, name: str, password: str, admin: bool = False) -> Account:
        """A new account. Raises InvalidInput with code `bad_name`, `name_taken`, or one of `set_password`."""
        name = _checked_name(name)
        secret = _hash(self._checked_password(password))
        new = Account(new_id(), name, admin, disabled=False, epoch=0, created_at=utc_now())
        values = {
            "id": new.id,
            "name": name,
            "password_hash": secret,
            "admin": int(admin),
            "created_at": new.created_at,
        }
        with self._database.write() as connection:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            statement = dialect.insert(account).values(values).on_conflict_do_nothing().returning(account.c.id)
            taken = connection.execute(statement).first() is None
        if taken:
            raise InvalidInput(f"There is a user {name} already.", code="name_taken")
        return new

    def get(self, *, account_id: UUID) -> Account | None:
        """The account with this id, None when there is none."""
        with self._database.read() as connection:
            return _account(_find(connection, account.c.id == account_id))

    def named(self, *, name: str) -> Account:
        """The account with this name. Raises NotFound."""
        with self._database.read() as connection:
            found = _account(_find(connection, account.c.name == _normal(name)))
        if found is None:
            raise NotFound(f"There is no user {name}.")
        return found

    def list(self) -> tuple[Account, ...]:
        """All accounts, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(account).order_by(account.c.created_at, account.c.name)).all()
        return tuple(filter(None, map(_account, rows)))

    def verify(self, *, name: str, password: str) -> Account | None:
        """The account when name and password fit and it is not disabled; else None, after the same time."""
        with self._database.read() as connection:
            row = _find(connection, account.c.name == _normal(name))
        fits = _matches(_nobody() if row is None else row.password_hash, password)
        found = _account(row)
        return found if fits and found is not None and not found.disabled else None

    def set_password(self, *, account_id: UUID, password: str) -> Account:
        """Change the password and end all sign-ins. Raises InvalidInput `password_short` or `password_long`."""
        secret = _hash(self._checked_password(password))
        return self._change(account_id, password_hash=secret, epoch=account.c.epoch + 1)

    def set_disabled(self, *, account_id: UUID, disabled: bool) -> Account:
        """Shut an account out, or let it in again; sign-ins from before end either way."""
        return self._change(account_id, disabled=int(disabled), epoch=account.c.epoch + 1)

    def delete(self, *, account_id: UUID) -> None:
        """Remove the account alone; what it owned is the caller's to delete first."""
        with self._database.write() as connection:
            connection.execute(delete(account).where(account.c.id == account_id))

    def _change(self, account_id: UUID, **values: Any) -> Account:
        with self._database.write() as connection:
            connection.execute(update(account).where(account.c.id == account_id).values(**values))
            changed = _account(_find(connection, account.c.id == account_id))
        if changed is None:
            raise NotFound("There is no such user.")
        return changed

    def _checked_password(self, password: str) -> str:
        if len(password) < self.min_length:
            raise InvalidInput(f"The password must have at least {self.min_length} characters.", code="password_short")
        if len(password) > MAX_PASSWORD_CHARS:
            raise InvalidInput(f"The password must have at most {MAX_PASSWORD_CHARS} characters.", code="password_long")
        return password


def _normal(text: str) -> str:
    """The same characters however the keyboard composed them."""
    return unicodedata.normalize("NFC", text)


def _checked_name(name: str) -> str:
    name = _normal(name)
    if not name or name != name.strip() or not name.isprintable() or len(name) > MAX_NAME_CHARS:
        raise InvalidInput(
            f"A user name has 1 to {MAX_NAME_CHARS} printable characters, without blanks around it.", code="bad_name"
        )
    return name


@cache
def _nobody() -> str:
    """What a password is compared with when the name is unknown, so that the answer takes as long."""
    return _hash("nobody has this password")


def _bounded(work: Callable[[], Any]) -> Any:
    with _AT_ONCE:
        return work()


def _hash(password: str) -> str:
    return str(_bounded(lambda: _hasher.hash(_normal(password))))


def _matches(secret: str, password: str) -> bool:
    if len(password) > MAX_PASSWORD_CHARS:
        return False
    try:
        return bool(_bounded(lambda: _hasher.verify(secret, _normal(password))))
    except (VerifyMismatchError, InvalidHashError):
        return False


def _find(connection: Connection, condition: ColumnElement[bool]) -> Row[Any] | None:
    return connection.execute(select(account).where(condition)).one_or_none()


def _account(row: Row[Any] | None) -> Account | None:
    if row is None:
        return None
    return Account(row.id, row.name, bool(row.admin), bool(row.disabled), row.epoch, row.created_at)
