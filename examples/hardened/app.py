"""A careful host: CSRF tokens, sessions on the server, a strict policy, a proxy and a path in front.

Nothing here is for docchat's sake but the last two lines of `create_app` and the setting DOCCHAT_URL_PREFIX.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cachelib.file import FileSystemCache
from flask import Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from flask_session import Session
from flask_talisman import Talisman
from flask_wtf import CSRFProtect
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from docchat import DocChat

ROOT = "/portal"
PASSWORDS = {"ada": "analytical engine", "grace": "nanoseconds of wire"}


@dataclass
class User(UserMixin):
    """One of the two people who may sign in here."""

    id: str

    @property
    def username(self) -> str:
        return self.id.title()


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The application; `config` adds to its settings. HTTPS = False is for trying it without a certificate."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="change me",  # noqa: S106
        APPLICATION_ROOT=ROOT,
        HTTPS=os.environ.get("HARDENED_HTTPS", "1") == "1",
        DOCCHAT_URL_PREFIX="/x/docchat",
    )
    app.config.update(config or {})
    _protect(app)
    _sign_in(app)
    DocChat(app)
    return app


def _protect(app: Flask) -> None:
    sessions = Path(app.config.get("SESSIONS_DIR") or Path(app.instance_path) / "sessions")
    sessions.mkdir(parents=True, exist_ok=True)
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(str(sessions)))
    Session(app)
    CSRFProtect(app)
    https = app.config["HTTPS"]
    Talisman(app, force_https=https, session_cookie_secure=https, strict_transport_security=https)
    # The proxy says which host, scheme and address the browser used; below it the application stands at ROOT.
    mounted = DispatcherMiddleware(NotFound(), {ROOT: app.wsgi_app})
    app.wsgi_app = ProxyFix(mounted, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]


def _sign_in(app: Flask) -> None:
    manager = LoginManager(app)
    manager.login_view = "login"
    manager.user_loader(lambda user_id: User(user_id) if user_id in PASSWORDS else None)

    @app.route("/login", methods=["GET", "POST"])
    def login() -> ResponseReturnValue:
        name = request.form.get("username", "")
        if request.method == "POST" and PASSWORDS.get(name) == request.form.get("password"):
            login_user(User(name))
            return redirect(url_for("docchat.chat"))
        return render_template("login.html", failed=request.method == "POST")

    @app.post("/logout")
    def logout() -> ResponseReturnValue:
        logout_user()
        return redirect(url_for("login"))

    @app.get("/")
    @login_required
    def home() -> ResponseReturnValue:
        return render_template("home.html", name=current_user.username)


if __name__ == "__main__":
    create_app().run()
