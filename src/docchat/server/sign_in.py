"""Who is signed in: what the cookie holds, checked against the account at every request."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from flask import session
from flask_login import UserMixin, current_user, login_user

from ..types import utc_now
from .accounts import Account, Accounts

_EPOCH = "account_epoch"
_SINCE = "signed_in_at"
_LONGEST = timedelta(days=30)


class SignedIn(UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """The user of a request; `get_id()` is the account's id, which never changes."""

    def __init__(self, account: Account) -> None:
        self.id = str(account.id)
        self.username = account.name
        self.account = account


def start(account: Account) -> None:
    """Sign `account` in, with nothing left in the cookie of whoever used this browser before."""
    session.clear()
    login_user(SignedIn(account))
    session.permanent = True
    session[_SINCE] = int(utc_now().timestamp())
    keep(account)


def keep(account: Account) -> None:
    """Let this sign-in outlive a change of the account's epoch."""
    session[_EPOCH] = account.epoch


def end() -> None:
    """Forget everything in this browser's cookie."""
    session.clear()


def load_user(accounts: Accounts, user_id: str) -> SignedIn | None:
    """The user behind the cookie, None when the account is gone, disabled, or ended this sign-in since."""
    try:
        account_id = UUID(user_id)
        since = datetime.fromtimestamp(int(session.get(_SINCE, 0)), UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    account = accounts.get(account_id=account_id)
    if account is None or account.disabled or session.get(_EPOCH) != account.epoch:
        return None
    return SignedIn(account) if utc_now() - since < _LONGEST else None


def is_admin() -> bool:
    """Whether an administrator is signed in."""
    return isinstance(getattr(current_user, "account", None), Account) and bool(current_user.account.admin)


def safe_target(target: str | None) -> str | None:
    """`target` when it is a path on this server, else None: nobody is sent elsewhere after signing in."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or "\\" in target:
        return None
    if not target.isprintable() or len(target) > 2000:
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else target
