"""create_app: the standalone server, docchat mounted at the root of an application of its own with accounts."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Flask, Request, request
from flask.sessions import SecureCookieSessionInterface
from flask_login import LoginManager
from werkzeug.middleware.proxy_fix import ProxyFix

from ..config import PREFIX
from ..errors import NotFound
from ..extension import DocChat
from ..web import words
from . import errors
from .account_views import AccountPages
from .accounts import Accounts
from .crowd import Crowd
from .home import load_settings
from .secret import load_secret_key
from .sign_in import is_admin, load_user
from .user_views import UserViews

_SIGN_IN_DAYS = 30


def create_app(config_mapping: Mapping[str, Any] | None = None) -> Flask:
    """The standalone application.

    Settings are the environment's DOCCHAT_ variables with `config_mapping` above them; other keys of the mapping
    are Flask's own (for example SECRET_KEY, TESTING). Raises ConfigError when a setting does not fit.
    """
    given = dict(config_mapping or {})
    settings = load_settings({key: value for key, value in given.items() if key.startswith(PREFIX)})
    app = Flask("docchat.server", static_folder=None)
    app.session_interface = _SessionInterface()
    app.config.from_mapping(
        SECRET_KEY=given.get("SECRET_KEY") or load_secret_key(settings.data_dir),
        SESSION_COOKIE_NAME="docchat",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(days=_SIGN_IN_DAYS),
        # A slow answer must not bring an older cookie back: the cookie is sent only where something changed it.
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    app.config.update({key: value for key, value in given.items() if not key.startswith(PREFIX)})
    DocChat(app, settings=settings, find_user=lambda name: _find_user(accounts, name), is_admin=is_admin)
    services = DocChat.services(app)
    services.answers.tell_count(Crowd().count)
    accounts = Accounts(services.database, min_length=settings.password_min_length)
    login = LoginManager(app)
    login.login_view = "account.login"
    login.login_message = None  # a flashed message would be kept in the cookie
    login.session_protection = None  # an address may change while a phone moves
    login.user_loader(lambda user_id: load_user(accounts, user_id))
    app.register_blueprint(AccountPages(accounts, services.database).blueprint())
    app.register_blueprint(UserViews(accounts, services.people.figures).blueprint())
    app.context_processor(words.context)
    app.register_error_handler(Exception, errors.answer)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops
        )
    return app


def _find_user(accounts: Accounts, name: str) -> str | None:
    try:
        return str(accounts.named(name=name).id)
    except NotFound:
        return None


class _SessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookie, Secure where the request came over https."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether browsers may send the cookie over https only."""
        current: Request = request
        return current.is_secure or super().get_cookie_secure(app)
