"""Every error docchat raises, as one tree.

::

    DocChatError                    500 internal
    ├── ConfigError                 500 config              a setting is wrong: the start stops
    ├── InvalidInput                400 (code given)        the request makes no sense
    ├── NotSignedIn                 401 not_signed_in
    ├── CrossSite                   403 cross_site          an unsafe request from another site
    ├── NotAllowed                  403 not_allowed         readable for this user, but not to be changed
    ├── NotFound                    404 not_found           unknown and another user's alike
    ├── Conflict                    409 (code given)        it was possible, and is not any more
    ├── Cleared                     410 cleared             the session was cleared or deleted
    ├── TooLarge                    413 (code given)
    ├── Unreadable                  422 (code given)        a document no reader can read
    ├── LimitReached                429 daily_limit         no more answers of a model today
    ├── Overloaded                  503 overloaded          try again in `retry_after` seconds
    ├── ModelUnavailable            502 model_unavailable   the model server does not answer
    └── StoreError                  500 store_failed
        ├── StoreUnavailable        503 store_unavailable   the database or keyring is away or busy
        ├── StorageFull             507 storage_full
        ├── KeyDamaged              503 key_damaged         a key is unreadable; never read as cleared
        ├── ClearUnfinished         503/507 clear_unfinished  unreadable already, tidying up is repeated
        └── EraseUnfinished         503/507 erase_unfinished  not all is unreadable yet, it is repeated

`message` is written for people and safe to send to a client; what is inside (`__cause__`) goes to the log only.
"""

import traceback
from datetime import datetime
from pathlib import PurePath
from uuid import UUID


class DocChatError(Exception):
    """Base of all errors; `status` is the HTTP status, `code` a stable word for programs."""

    status = 500
    code = "internal"

    def __init__(
        self,
        message: str = "Something went wrong on the server.",
        *,
        code: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status


class ConfigError(DocChatError):
    """A setting, a directory or a key file does not fit; the message says what to do."""

    code = "config"


class InvalidInput(DocChatError):
    """The request is malformed."""

    status = 400
    code = "invalid"


class NotSignedIn(DocChatError):
    """No usable user stands behind the request."""

    status = 401
    code = "not_signed_in"

    def __init__(self, message: str = "Please sign in.") -> None:
        super().__init__(message)


class CrossSite(DocChatError):
    """A changing request came from another site."""

    status = 403
    code = "cross_site"

    def __init__(self, message: str = "This request came from another site and was refused.") -> None:
        super().__init__(message)


class NotAllowed(DocChatError):
    """The user may read this, and not change it."""

    status = 403
    code = "not_allowed"

    def __init__(self, message: str = "You may read this collection, but not change it.") -> None:
        super().__init__(message)


class NotFound(DocChatError):
    """The thing does not exist, or it is another user's: the answer is the same."""

    status = 404
    code = "not_found"

    def __init__(self, message: str = "There is nothing here.", *, code: str | None = None) -> None:
        super().__init__(message, code=code)


class Conflict(DocChatError):
    """What is asked for does not fit the present state, for example an undo whose time is over."""

    status = 409
    code = "conflict"


class Cleared(DocChatError):
    """The session was cleared or deleted; `successor` is the session that replaced it, if any."""

    status = 410
    code = "cleared"

    def __init__(self, message: str = "This chat was cleared.", *, successor: UUID | None = None) -> None:
        super().__init__(message)
        self.successor = successor


class TooLarge(DocChatError):
    """A body, file or text is over its limit."""

    status = 413
    code = "too_large"


class Unreadable(DocChatError):
    """No reader can make text of this document; `code` says why in a word."""

    status = 422
    code = "unreadable"


class Overloaded(DocChatError):
    """More work than the limits allow; come back after `retry_after` seconds."""

    status = 503
    code = "overloaded"

    def __init__(self, message: str = "Too much is going on. Please try again.", *, retry_after: int = 2) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LimitReached(DocChatError):
    """Somebody had all the answers of a model that a day allows; `ends` is when the next may be asked for."""

    status = 429
    code = "daily_limit"

    def __init__(self, limit: int, *, ends: datetime, now: datetime) -> None:
        super().__init__(
            f"You have had the {limit} answers that a model may write for you in a day. The next are possible from "
            f"{ends:%H:%M} UTC on. Answers quoted from your documents are possible at any time."
        )
        self.ends = ends
        self.retry_after = max(1, -int((now - ends).total_seconds() // 1))


class ModelUnavailable(DocChatError):
    """The model server could not be reached or gave up."""

    status = 502
    code = "model_unavailable"

    def __init__(self, message: str = "The model does not answer at the moment.") -> None:
        super().__init__(message)


class StoreError(DocChatError):
    """The store failed in a way nobody expected."""

    code = "store_failed"

    def __init__(self, message: str = "The server could not store this. Nothing was changed.") -> None:
        super().__init__(message)


class StoreUnavailable(StoreError):
    """The database or the keyring is out of reach or busy; nothing is known to be cleared."""

    status = 503
    code = "store_unavailable"

    def __init__(self, message: str = "The storage does not answer at the moment. Please try again.") -> None:
        super().__init__(message)


class StorageFull(StoreError):
    """No space is left."""

    status = 507
    code = "storage_full"

    def __init__(self, message: str = "The disk of the server is full. Nothing was changed.") -> None:
        super().__init__(message)


class KeyDamaged(StoreError):
    """A key cannot be read: damage, which is never the same as cleared."""

    status = 503
    code = "key_damaged"

    def __init__(self, message: str = "The key of this chat is damaged. Ask the operator to run the doctor.") -> None:
        super().__init__(message)


class ClearUnfinished(StoreError):
    """The keys are destroyed, the rows are not yet gone; the sweep finishes it."""

    status = 503
    code = "clear_unfinished"

    def __init__(self, *, full: bool = False) -> None:
        super().__init__("The chat is unreadable from now on, but tidying up failed and will be repeated by itself.")
        if full:
            self.status = 507


class EraseUnfinished(StoreError):
    """Not everything of a person is unreadable yet; the background repeats it until it is."""

    status = 503
    code = "erase_unfinished"

    def __init__(self, *, full: bool = False) -> None:
        super().__init__(
            "Not everything is erased: some of it may still be readable. It is repeated by itself until all is gone."
        )
        if full:
            self.status = 507


def trail(error: BaseException) -> str:
    """Where an error and its causes were raised: file names, functions and lines, innermost first."""
    places: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(places) < 40:
        frames = traceback.extract_tb(seen.__traceback__)
        places += [f"{PurePath(frame.filename).stem}.{frame.name}:{frame.lineno}" for frame in reversed(frames)]
        seen = seen.__cause__ or seen.__context__
    return " < ".join(places) or "-"
