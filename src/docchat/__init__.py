"""docchat: chat with documents inside a Flask application; a cleared chat is gone.

::

    from docchat import DocChat
    DocChat(app)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .config import Settings
from .errors import (
    Cleared,
    ClearUnfinished,
    ConfigError,
    CrossSite,
    DocChatError,
    InvalidInput,
    KeyDamaged,
    ModelUnavailable,
    NotFound,
    NotSignedIn,
    Overloaded,
    StorageFull,
    StoreError,
    StoreUnavailable,
    TooLarge,
    Unreadable,
)
from .types import (
    AnswerEvent,
    ChatSession,
    Chunk,
    Citation,
    Document,
    DocumentState,
    Draft,
    Message,
    MessageState,
    Page,
    Receipt,
)

if TYPE_CHECKING:
    from .extension import DocChat

__all__ = [
    "AnswerEvent",
    "ChatSession",
    "Chunk",
    "Citation",
    "ClearUnfinished",
    "Cleared",
    "ConfigError",
    "CrossSite",
    "DocChat",
    "DocChatError",
    "Document",
    "DocumentState",
    "Draft",
    "InvalidInput",
    "KeyDamaged",
    "Message",
    "MessageState",
    "ModelUnavailable",
    "NotFound",
    "NotSignedIn",
    "Overloaded",
    "Page",
    "Receipt",
    "Settings",
    "StorageFull",
    "StoreError",
    "StoreUnavailable",
    "TooLarge",
    "Unreadable",
]


def __getattr__(name: str) -> object:
    # The processes that read documents import this package too: they shall not carry Flask and a database driver.
    if name == "DocChat":
        return import_module(".extension", __name__).DocChat
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
