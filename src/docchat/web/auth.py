"""Who asks: the owner behind a request, and the cookie's hint at the current chat. Fails closed."""

import logging
from uuid import UUID

from flask import Response, current_app, session
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user
from flask_login import login_url as flask_login_url

from ..errors import NotSignedIn
from .state import UserSource, services

logger = logging.getLogger(__name__)

HINT = "chat_session_id"
"""Name of the current chat's id in the host's cookie. It proves nothing: it is checked against the owner."""

_LABELS = ("username", "name", "email")


def owner() -> str:
    """The id of the signed-in user. Raises NotSignedIn when there is none, whatever the host's switches say."""
    found = services().user.id()
    text = "" if found is None else str(found)
    # "None" is what Flask-Login's UserMixin makes of a user whose id is None: it would be one owner for all of them.
    if text.strip() in ("", "None"):
        raise NotSignedIn
    return text


def username() -> str:
    """The name to show for the signed-in user; the id when the host knows no other."""
    found = services().user.name()
    text = "" if found is None else str(found).strip()
    return text or owner()


def hinted() -> UUID | None:
    """The id in the cookie, None when it is missing or malformed."""
    return parse_id(session.get(HINT))


def remember(session_id: UUID) -> None:
    """Make `session_id` the current chat of this browser. Only create, ask and clear do this."""
    if session.get(HINT) != str(session_id):
        session[HINT] = str(session_id)


def parse_id(value: object) -> UUID | None:
    """The id that `value` spells in the usual 36 characters, else None."""
    if not isinstance(value, str) or len(value) != 36:
        return None
    try:
        found = UUID(value)
    except ValueError:
        return None
    return found if str(found) == value.lower() else None


def unauthorized() -> ResponseReturnValue:
    """What a page answers to a stranger: the host's own way to its sign-in. Raises NotSignedIn when it has none."""
    manager = _login_manager()
    if manager is None or not (manager.login_view or manager.unauthorized_callback):
        raise NotSignedIn
    answer: Response | ResponseReturnValue = manager.unauthorized()
    return answer


def login_url() -> str | None:
    """Address of the host's sign-in page, None when Flask-Login knows none."""
    manager = _login_manager()
    return None if manager is None or not manager.login_view else str(flask_login_url(manager.login_view))


def flask_login_source() -> UserSource:
    """The questions answered by Flask-Login's `current_user`."""
    warned = False

    def user_id() -> str | None:
        nonlocal warned
        manager = _login_manager()
        if manager is None or (manager.user_callback is None and manager.request_callback is None):
            if not warned:
                warned = True
                logger.warning(
                    "docchat: nobody can sign in, because this application has no Flask-Login LoginManager with a "
                    "user_loader. Set one up, or give DocChat the functions current_user_id and current_username."
                )
            return None
        if not (_flag("is_authenticated") and _flag("is_active")) or _flag("is_anonymous"):
            return None
        if getattr(current_user, "id", "") is None:
            return None
        found: object = current_user.get_id()
        return None if found is None else str(found)

    def name() -> str | None:
        for label in _LABELS:
            found = getattr(current_user, label, None)
            if isinstance(found, str) and found.strip():
                return found
        return None

    return UserSource(user_id, name)


def _login_manager() -> LoginManager | None:
    return getattr(current_app, "login_manager", None)


def _flag(name: str) -> bool:
    # Before Flask-Login 0.3 these were methods, and hosts still write them so: a method is always true.
    found = getattr(current_user, name, False)
    return bool(found() if callable(found) else found)
