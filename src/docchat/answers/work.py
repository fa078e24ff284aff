"""What the thread of an answer does: retrieve, then quote or let a model write, then keep."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ..errors import Cleared, DocChatError, NotFound, StoreError, trail
from ..types import Message
from .attached import WithAttachments
from .keeping import Work, fail, finish, say, scope_of, store_partly, tell_passages
from .live import LiveRun
from .models.prompt import REFUSAL
from .models.rewrite import Understood, stand_alone
from .passages import Passage
from .quoting import answer_by_quotes
from .retrieve import Index, Turn, retrieve
from .section import narrowed
from .suggest import follow_ups
from .titles import improve_title
from .tools import Tools
from .writing import answer_by_model

_HISTORY = 30
_SOURCE_GONE = (
    f"{REFUSAL} This chat is about a part of a document that was deleted, or is not shared with you any more."
)

logger = logging.getLogger(__name__)


def answer(live: LiveRun, tools: Tools) -> None:
    """Make the answer of a run from beginning to end; its events go to `live`, its text to the store."""
    work = Work(live, tools)
    live.keep = partial(store_partly, work)
    try:
        found = _own_tools(live, tools)
        if found is None:
            _say_source_gone(work)
            return
        work.tools = tools = found
        history = _history(work)
        work.is_first = not history
        turns = [Turn(message.role, message.text) for message in history]
        asked = live.run.question.text
        index = _understood(work, history)
        passages = retrieve(index, tools.library, scope=scope_of(live), question=asked, history=turns)
        if live.run.mode == "quotes":
            answer_by_quotes(work, passages)
        else:
            answer_by_model(work, passages, history)
        _suggest(work, passages, history)
        _count(work)
        done = finish(work)
    except Cleared as error:
        live.clear(error.successor)
    except DocChatError as error:
        _count(work)
        fail(work, error)
    except Exception as error:  # noqa: BLE001  (the end of a stream: its followers must hear of it)
        logger.error("run %s failed at %s", live.run.id, trail(error))  # noqa: TRY400  (a trace may quote)
        fail(work, DocChatError())
    else:
        improve_title(work, done)


def _count(work: Work) -> None:
    """Count the tokens that the model's server told of, for whoever asked."""
    run, usage = work.live.run, work.tools.usage
    if not work.tokens or usage is None:
        return
    try:
        usage.add_tokens(owner=run.owner, at=run.answer.created_at, tokens=work.tokens)
    except StoreError as error:
        logger.warning("run %s: its tokens were not counted: %s", run.id, error.code)


def _own_tools(live: LiveRun, tools: Tools) -> Tools | None:
    """The tools of one answer: those of a chat about a section see that alone; None when its document is gone."""
    chat = tools.store.get(owner=live.run.owner, session_id=live.run.session_id)
    try:
        one = narrowed(tools.index, tools.library, tools.sections, chat)
    except NotFound:
        return None
    return _with_attachments(live, tools) if one is None else replace(tools, index=one, library=one)


def _understood(work: Work, history: Sequence[Message]) -> Index:
    """The index for this question: where a model answers it says first what a follow-up means."""
    tools, live = work.tools, work.live
    if live.run.mode != "model" or tools.model is None:
        return tools.index
    work.understood = stand_alone(tools.model, live.run.question.text, history, attach=live.attach)
    return Understood(tools.index, work.understood) if work.understood else tools.index


def _say_source_gone(work: Work) -> None:
    """What a chat about a section answers when that is not there any more."""
    tell_passages(work, [])
    work.refused = True
    say(work, _SOURCE_GONE)
    finish(work)


def _with_attachments(live: LiveRun, tools: Tools) -> Tools:
    """The tools of one answer: what was dropped into its chat is opened for it, and goes with it."""
    run, attachments = live.run, tools.attachments
    files = attachments.rows.opened(owner=run.owner, session_id=run.session_id) if attachments is not None else ()
    if attachments is None or not files:
        return tools
    both = WithAttachments(tools.index, tools.library, attachments, run.session_id, files)
    return replace(tools, index=both, library=both)


def _history(work: Work) -> tuple[Message, ...]:
    run = work.live.run
    known_from = work.tools.store.get(owner=run.owner, session_id=run.session_id).memory_from or 0
    page = work.tools.store.messages(owner=run.owner, session_id=run.session_id, limit=_HISTORY)
    return tuple(message for message in page.items if known_from <= message.id < run.question.id)


def _suggest(work: Work, passages: Sequence[Passage], history: Sequence[Message]) -> None:
    """Questions that may come next; an answer is whole without them."""
    tools, asked = work.tools, [message.text for message in history if message.role == "user"]
    if work.live.stopping or work.cut_short:
        return
    try:
        work.follow_ups = follow_ups(
            tools.index,
            tools.library,
            scope=scope_of(work.live),
            asked=[*asked, work.live.run.question.text],
            passages=passages,
            cited=work.citations,
        )
    except StoreError as error:
        logger.warning("run %s got no follow-up questions: %s", work.live.run.id, error.code)
