"""The accounts of the standalone server over HTTP, for its administrators: list, add, shut out, set a password."""

from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from ..errors import Conflict, InvalidInput, NotAllowed, NotFound, NotSignedIn
from ..people.sql_figures import Person, SqlFigures
from ..web import auth, forms, guard
from .accounts import Account, Accounts
from .sign_in import is_admin


class UserViews:
    """The views over one set of accounts, with what each person has in numbers."""

    def __init__(self, accounts: Accounts, figures: SqlFigures) -> None:
        self._accounts = accounts
        self._figures = figures

    def blueprint(self) -> Blueprint:
        """The blueprint `users` with every URL of this file."""
        views = Blueprint("users", __name__)
        views.before_request(_only_administrators)
        views.add_url_rule("/api/operate/users", "index", self.index, methods=["GET"])
        views.add_url_rule("/api/operate/users", "add", self.add, methods=["POST"])
        views.add_url_rule("/api/operate/users/<user_id>", "change", self.change, methods=["PATCH"])
        views.app_context_processor(lambda: {"users_url": url_for("users.index")})
        return views

    def index(self) -> ResponseReturnValue:
        """Every account, oldest first."""
        accounts = self._accounts.list()
        persons = self._figures.persons([str(account.id) for account in accounts])
        users = [_json(account, person) for account, person in zip(accounts, persons, strict=True)]
        return {"users": users, "min_length": self._accounts.min_length}

    def add(self) -> ResponseReturnValue:
        """A new account. Raises InvalidInput for its name or password."""
        fields = forms.values(optional=("name", "password", "admin"))
        admin = fields.get("admin", False)
        if not isinstance(admin, bool):
            raise InvalidInput("The field 'admin' must be true or false.", code="wrong_type")
        name, password = (forms.text(key, fields.get(key, "")) for key in ("name", "password"))
        return self._one(self._accounts.add(name=name, password=password, admin=admin)), 201

    def change(self, user_id: str) -> ResponseReturnValue:
        """Shut an account out, let it in again, or set its password; its sign-ins end with either.

        Raises NotFound, InvalidInput, Conflict for shutting oneself out.
        """
        fields = forms.values(optional=("disabled", "password"))
        account_id = self._known(user_id)
        if "disabled" in fields:
            disabled = fields["disabled"]
            if not isinstance(disabled, bool):
                raise InvalidInput("The field 'disabled' must be true or false.", code="wrong_type")
            if disabled and account_id == current_user.account.id:
                raise Conflict("You cannot shut yourself out.", code="own_account")
            self._accounts.set_disabled(account_id=account_id, disabled=disabled)
        if "password" in fields:
            self._accounts.set_password(account_id=account_id, password=forms.text("password", fields["password"]))
        account = self._accounts.get(account_id=account_id)
        if account is None:
            raise NotFound
        return self._one(account)

    def _known(self, text: str) -> UUID:
        found = auth.parse_id(text)
        if found is None or self._accounts.get(account_id=found) is None:
            raise NotFound("There is no such user.")
        return found

    def _one(self, account: Account) -> dict[str, object]:
        return _json(account, self._figures.persons([str(account.id)])[0])


def _only_administrators() -> None:
    guard.refuse_cross_site()
    if not current_user.is_authenticated:
        raise NotSignedIn
    if not is_admin():
        raise NotAllowed("Only administrators may see this.")


def _json(account: Account, person: Person) -> dict[str, object]:
    return {
        "id": str(account.id),
        "name": account.name,
        "admin": account.admin,
        "disabled": account.disabled,
        "created_at": account.created_at.isoformat(),
        "sessions": person.sessions,
        "documents": person.documents,
        "bytes": person.bytes,
        "last": None if person.last is None else person.last.isoformat(),
    }
