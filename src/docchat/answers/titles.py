"""The title of a chat, made from its first question."""

import logging

from ..errors import StoreError
from .keeping import Work

_TITLE_CHARS = 60

logger = logging.getLogger(__name__)


def give_title(work: Work) -> None:
    """An untitled session is called after its first question."""
    run, store = work.live.run, work.tools.store
    try:
        if not store.get(owner=run.owner, session_id=run.session_id).title:
            store.rename(owner=run.owner, session_id=run.session_id, title=short_title(run.question.text))
    except StoreError as error:
        logger.warning("run %s: the chat got no title: %s", run.id, error.code)


def short_title(question: str) -> str:
    """The question on one line, cut at a word."""
    line = " ".join(question.split())
    if len(line) <= _TITLE_CHARS:
        return line
    cut = line.rfind(" ", _TITLE_CHARS // 2, _TITLE_CHARS)
    return line[: cut if cut > 0 else _TITLE_CHARS - 1].rstrip(" ,;:") + "…"
