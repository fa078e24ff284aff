"""What stands before and after every view: foreign sites, strangers, limits, and the headers of our answers.

Only answers of docchat are touched. `begin` and `finish` hang on Flask's signals, so they come before and after
every hook of the host, in whatever order its extensions were set up: a policy that Flask-Talisman sets for the
whole application gives way to ours on our pages, whose scripts it might not allow, and nowhere else.

With Flask-WTF's CSRFProtect in the application our blueprint is exempt from its token. The check here needs none:
a token would run out in a tab left open, and to look for it Flask-WTF reads a whole upload under limits not ours.
"""

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as WerkzeugResponse

from ..documents.sections import place_of
from ..errors import CrossSite, NotFound, NotSignedIn
from ..types import new_id
from . import auth, faults
from .attachments import InMemory
from .state import EXTENSION, services

MAX_JSON_BYTES = 1024 * 1024
FILES_AT_ONCE = 10
"""An upload to the library may be as large as this many of the largest files; attachments, which are held in memory
while they come, as one."""
CONTENT_SECURITY_POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"

_LONGEST_MEMBER = 500
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_STATIC = f"{EXTENSION}.static"
_UPLOADS = frozenset({f"{EXTENSION}.upload", f"{EXTENSION}.v1_upload"})
_ATTACHING = frozenset({f"{EXTENSION}.attach", f"{EXTENSION}.v1_attach"})
_ASKED_AGAIN = frozenset({f"{EXTENSION}.thumbnail", f"{EXTENSION}.v1_thumbnail"})
"""What a browser may keep, and has to ask for each time whether it is still to be shown."""
_LOST = "docchat.lost"
_HOSTS_OWN = "docchat.hosts_own"


def begin(app: Flask, **_: object) -> None:
    """Before the host's own hooks: the request's id and its limits, so that no hook reads more than they allow."""
    if request.blueprint != EXTENSION:
        return
    request.environ[faults.REQUEST_ID] = new_id().hex
    request.max_content_length = MAX_JSON_BYTES
    if request.endpoint in _ATTACHING:
        # Of a chat nothing may reach a disk in the clear: set before any hook of the host can begin to read the form.
        request.form_data_parser_class = InMemory
    if request.endpoint in _UPLOADS | _ATTACHING:
        files = FILES_AT_ONCE if request.endpoint in _UPLOADS else 1
        request.max_content_length += services().settings.max_upload_bytes * files
        request.max_form_parts = 100
        # Werkzeug holds what it has buffered of a file against this limit too, so one that a host sets for its own
        # small forms would refuse ordinary files.
        request.max_form_memory_size = MAX_JSON_BYTES
    _exempt_from_tokens(app)


def before() -> ResponseReturnValue | None:
    """Before every view of ours. Raises CrossSite, NotSignedIn, NotFound."""
    if request.endpoint == _STATIC:
        return None
    refuse_cross_site()
    try:
        auth.owner()
    except NotSignedIn:
        if request.endpoint not in faults.PAGES:
            raise
        answer = auth.unauthorized()
        request.environ[_HOSTS_OWN] = True
        return answer
    _read_ids()
    parts = services()
    if parts.settings.worker == "thread":
        parts.worker.ensure_started()
    return None


def lost() -> WerkzeugResponse | None:
    """Before every request of the application: answers those under our prefix that no view of ours takes."""
    error = request.routing_exception
    if error is None or isinstance(error, RequestRedirect) or not _is_ours(error):
        return None
    request.environ[_LOST] = True
    request.environ[faults.REQUEST_ID] = new_id().hex
    return faults.answer(error)


def finish(app: Flask, response: Response, **_: object) -> None:
    """After all hooks of the host: the headers of our answers."""
    if request.blueprint != EXTENSION and _LOST not in request.environ:
        return
    headers = response.headers
    headers["Docchat-Request-Id"] = faults.request_id()
    if request.endpoint != _STATIC:
        kept = request.endpoint in _ASKED_AGAIN and request.method == "GET" and response.status_code in (200, 304)
        headers["Cache-Control"] = "private, no-cache" if kept else "private, no-store"
    if _HOSTS_OWN in request.environ:
        return
    headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"


def refuse_cross_site() -> None:
    """Raise CrossSite for a changing request that a page of another site has sent.

    Browsers say where a request comes from, in Sec-Fetch-Site or at least in Origin, and pages cannot forge either.
    Without both it comes from no browser, so no page can have made it come with the user's cookie.
    """
    if request.method in _SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise CrossSite
        return
    origin = request.headers.get("Origin")
    if origin is not None and not _is_our_host(origin):
        raise CrossSite


def _is_our_host(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    default_port = {"http": ":80", "https": ":443"}.get(parts.scheme)
    if default_port is None or not parts.netloc:
        return False
    # The proxy before us may speak http where the browser speaks https: the scheme is the origin's, not ours.
    ours = request.host.lower().removesuffix(default_port)
    return parts.netloc.lower().removesuffix(default_port) == ours


def _read_ids() -> None:
    # A malformed id is answered as an unknown one. URL converters would leave it to the host's own 404 page.
    arguments = request.view_args or {}
    for name, value in arguments.items():
        found: object = None
        if name == "message_id":
            found = int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None
        elif name.endswith("_id"):
            found = auth.parse_id(value)
        elif name == "member":
            found = value if len(value) <= _LONGEST_MEMBER and value.isprintable() else None
        elif name == "section":
            found = None if place_of(value) is None else value
        elif name == "number" and value.isascii() and value.isdigit() and len(value) <= 9:
            found = int(value)
        if found is None and name != "filename":
            raise NotFound
        arguments[name] = found


def _is_ours(error: HTTPException) -> bool:
    prefix = services().settings.url_prefix
    if prefix:
        return request.path == prefix or request.path.startswith(f"{prefix}/")
    if not isinstance(error, MethodNotAllowed) or not error.valid_methods:
        return False
    adapter = current_app.create_url_adapter(request)
    if adapter is None:
        return False
    rule, _ = adapter.match(method=next(iter(error.valid_methods)), return_rule=True)
    return str(rule.endpoint).startswith(f"{EXTENSION}.")


def _exempt_from_tokens(app: Flask) -> None:
    protection: Any = app.extensions.get("csrf")
    if type(protection).__module__.partition(".")[0] == "flask_wtf":
        protection.exempt(app.blueprints[EXTENSION])
