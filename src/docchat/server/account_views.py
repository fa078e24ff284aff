"""The pages of the standalone server that are not the chat: sign in, sign out, change the password, health."""

import logging

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import text

from ..db.engine import Database
from ..errors import InvalidInput, NotSignedIn
from ..web import guard
from ..web.words import t, told
from . import sign_in
from .accounts import Accounts
from .tries import FailedTries

logger = logging.getLogger(__name__)

_WINDOW_SECONDS = 15 * 60
_TRIES_PER_NAME = 10
_TRIES_PER_ADDRESS = 50


class AccountPages:
    """The views over one set of accounts."""

    def __init__(self, accounts: Accounts, database: Database) -> None:
        self._accounts = accounts
        self._database = database
        self._by_name = FailedTries(limit=_TRIES_PER_NAME, seconds=_WINDOW_SECONDS)
        self._by_address = FailedTries(limit=_TRIES_PER_ADDRESS, seconds=_WINDOW_SECONDS)

    def blueprint(self) -> Blueprint:
        """The blueprint `account` with every URL of this file."""
        pages = Blueprint("account", __name__)
        pages.before_request(guard.refuse_cross_site)
        pages.after_app_request(_secure)
        pages.add_url_rule("/login", "login", self.login_page, methods=["GET"])
        pages.add_url_rule("/login", "sign_in", self.login, methods=["POST"])
        pages.add_url_rule("/logout", "logout", self.logout, methods=["POST"])
        pages.add_url_rule("/account/password", "password", self.password_page, methods=["GET"])
        pages.add_url_rule("/account/password", "change_password", self.change_password, methods=["POST"])
        pages.add_url_rule("/healthz", "health", self.health, methods=["GET"])
        pages.app_context_processor(_urls)
        return pages

    def login_page(self) -> ResponseReturnValue:
        """The form; who is signed in goes on to the chat."""
        target = sign_in.safe_target(request.args.get("next"))
        if current_user.is_authenticated:
            return redirect(target or url_for("docchat.chat"))
        return _login_form(target)

    def login(self) -> ResponseReturnValue:
        """Check name and password and begin a new sign-in."""
        target = sign_in.safe_target(request.form.get("next"))
        name, password = request.form.get("username", ""), request.form.get("password", "")
        if wait := self._wait(name):
            problem = t("Too many attempts. Please wait {minutes} minutes and try again.", minutes=-(-wait // 60))
            return _login_form(target, name, problem), 429, {"Retry-After": str(wait)}
        account = self._accounts.verify(name=name, password=password)
        if account is None:
            self._failed(name)
            logger.info("account: a sign-in failed")
            return _login_form(target, name, t("Name or password is wrong.")), 401
        self._by_name.succeeded(_key(name))
        sign_in.start(account)
        return redirect(target or url_for("docchat.chat"), 303)

    def logout(self) -> ResponseReturnValue:
        """End the sign-in and forget what this browser kept."""
        sign_in.end()
        response = redirect(url_for("account.login"), 303)
        response.headers["Clear-Site-Data"] = '"storage"'  # drafts that the page kept in this browser
        return response

    def password_page(self) -> ResponseReturnValue:
        """The form for another password."""
        if not current_user.is_authenticated:
            return redirect(url_for("account.login", next=request.full_path.rstrip("?")))
        return self._password_form()

    def change_password(self) -> ResponseReturnValue:
        """Change the own password; all other sign-ins of the account end."""
        if not current_user.is_authenticated:
            raise NotSignedIn
        account = current_user.account
        current, new = request.form.get("current", ""), request.form.get("new", "")
        if wait := self._wait(account.name):
            problem = t("Too many attempts. Please wait {minutes} minutes and try again.", minutes=-(-wait // 60))
            return self._password_form(problem), 429, {"Retry-After": str(wait)}
        if self._accounts.verify(name=account.name, password=current) is None:
            self._failed(account.name)
            return self._password_form(t("Your present password is wrong.")), 401
        if new != request.form.get("again", ""):
            return self._password_form(t("The new password was not typed the same twice.")), 400
        try:
            sign_in.keep(self._accounts.set_password(account_id=account.id, password=new))
        except InvalidInput as error:
            return self._password_form(told(error.message)), error.status
        return self._password_form(done=True)

    def health(self) -> ResponseReturnValue:
        """For load balancers: 200 while the database answers, else 503."""
        with self._database.read() as connection:
            connection.execute(text("SELECT 1"))
        return {"status": "ok"}

    def _password_form(self, error: str | None = None, *, done: bool = False) -> str:
        return render_template(
            "docchat/account/password.html", error=error, done=done, min_length=self._accounts.min_length
        )

    def _wait(self, name: str) -> int:
        return max(self._by_name.wait(_key(name)), self._by_address.wait(request.remote_addr or ""))

    def _failed(self, name: str) -> None:
        self._by_name.failed(_key(name))
        self._by_address.failed(request.remote_addr or "")


def _key(name: str) -> str:
    """Failures count for a name from one address, so that a stranger elsewhere cannot lock a user out."""
    return f"{request.remote_addr} {name[:100]}"


def _login_form(target: str | None, username: str = "", error: str | None = None) -> str:
    return render_template("docchat/account/login.html", error=error, next=target or "", username=username)


def _urls() -> dict[str, str]:
    return {
        "login_url": url_for("account.login"),
        "logout_url": url_for("account.logout"),
        "password_url": url_for("account.password"),
    }


def _secure(response: Response) -> Response:
    """Headers of every answer that docchat's own guard has not given any."""
    headers = response.headers
    headers.setdefault("Cache-Control", "private, no-store")
    headers.setdefault("Content-Security-Policy", guard.CONTENT_SECURITY_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    return response
