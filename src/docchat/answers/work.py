"""What the thread of an answer does: retrieve, prompt, model, cite, flush; or retrieve, quote, flush."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from uuid import UUID

from ..config import Settings
from ..documents.scope import Scope
from ..documents.terms import terms
from ..errors import Cleared, DocChatError, ModelUnavailable, NotFound, StoreError, StoreUnavailable, TooLarge, trail
from ..sessions.sql import Watch
from ..types import AnswerEvent, ChatSession, Chunk, Citation, Draft, Message, MessageState, Page
from .attached import WithAttachments
from .attachments import Attachments
from .grounding.cite import Marker, Segment
from .models.model import ChatMessage, ChatModel
from .models.prompt import REFUSAL, build_messages
from .passages import Passage
from .quotes.extractive import Quote, extract
from .retrieve import Index, Pages, Turn, retrieve
from .runs import PATIENCE_SECONDS, LiveRun
from .section import Sections, narrowed
from .sources import Sources
from .suggest import follow_ups

STORE_SECONDS = 2.0
"""How often the text of a running answer is stored."""

_HISTORY = 20
_LONGEST_ANSWER = 16_000
_TITLE_CHARS = 60
_PAUSE_SECONDS = 0.1
_NOTHING_FITS = f"{REFUSAL} Nothing in them fits this question closely enough to quote."
_NO_DOCUMENTS = "Your documents do not say, for there are none yet. Upload some, then ask again."
_SOURCE_GONE = (
    f"{REFUSAL} This chat is about a part of a document that was deleted, or is not shared with you any more."
)
_CUT_SHORT = "The answer was cut off because it became too long."
_QUOTES_INSTEAD = "You can have the answer quoted from your documents instead."

logger = logging.getLogger(__name__)


class Store(Protocol):
    """What answers need of the session store; `sessions.sql.SqlSessionStore` is one."""

    def get(self, *, owner: str, session_id: UUID) -> ChatSession:
        """One session."""

    def messages(self, *, owner: str, session_id: UUID, cursor: str | None = None, limit: int = 50) -> Page[Message]:
        """The newest messages before `cursor`."""

    def rename(self, *, owner: str, session_id: UUID, title: str) -> ChatSession:
        """Give the session a title."""

    def start_run(self, *, owner: str, session_id: UUID, question: Draft, answer: Draft) -> tuple[Message, Message]:
        """Append the question and its running answer."""

    def revise(self, *, owner: str, session_id: UUID, message_id: int, draft: Draft) -> Message:
        """Replace the answer; one that is not running any more ends its run."""

    def beat_run(self, *, run_id: UUID) -> bool:
        """Say that a run lives; True when it shall stop."""

    def stop_run(self, *, owner: str, session_id: UUID, run_id: UUID) -> None:
        """Ask the process that makes the answer to stop."""

    def watch(self, *, owner: str, session_id: UUID) -> Watch:
        """A watch on the session."""

    def alive(self, watches: Sequence[Watch]) -> tuple[bool, ...]:
        """Whether each watched session lives."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every answer is made with."""

    store: Store
    index: Index
    library: Pages
    model: ChatModel | None
    """The model that was chosen for this answer."""
    settings: Settings
    attachments: Attachments | None = None
    sections: Sections | None = None


@dataclass(slots=True)
class _Work:
    """One answer in the making."""

    live: LiveRun
    tools: Tools
    said: list[str] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    stored_at: float = field(default_factory=time.monotonic)
    refused: bool = False
    follow_ups: tuple[str, ...] = ()
    cut_short: bool = False

    @property
    def text(self) -> str:
        return "".join(self.said)

    @property
    def sources(self) -> Sources:
        run = self.live.run
        return Sources(self.tools.library, self.tools.attachments, run.owner, run.session_id, PATIENCE_SECONDS)

    def present(self, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        """Those passages whose documents were not deleted meanwhile, numbered anew."""
        gone = self.sources.gone([passage.chunk for passage in passages])
        kept = [passage for passage in passages if passage.chunk.document_id not in gone]
        return tuple(replace(passage, number=number) for number, passage in enumerate(kept, 1))

    def draft(self, state: MessageState, error: str | None = None) -> Draft:
        run, model = self.live.run, self.tools.model
        gone = self.sources.gone(self.citations)
        self.citations = [one for one in self.citations if one.document_id not in gone]
        name = model.name if run.mode == "model" and model is not None else None
        return Draft(
            "assistant",
            self.text,
            tuple(self.citations),
            state,
            mode=run.mode,
            model=name,
            refused=self.refused,
            error=error,
            run_id=run.id,
            follow_ups=self.follow_ups,
        )


def answer(live: LiveRun, tools: Tools) -> None:
    """Make the answer of a run from beginning to end; its events go to `live`, its text to the store."""
    work = _Work(live, tools)
    try:
        found = _own_tools(live, tools)
        if found is None:
            _say_source_gone(work)
            return
        work.tools = tools = found
        history = _history(work)
        turns = [Turn(message.role, message.text) for message in history]
        asked = live.run.question.text
        passages = retrieve(tools.index, tools.library, scope=scope_of(live), question=asked, history=turns)
        if live.run.mode == "quotes":
            _quote(work, passages)
        else:
            _write(work, passages, history)
        _suggest(work, passages, history)
        _finish(work)
    except Cleared as error:
        live.clear(error.successor)
    except DocChatError as error:
        _fail(work, error)
    except Exception as error:  # noqa: BLE001  (the end of a stream: its followers must hear of it)
        logger.error("run %s failed at %s", live.run.id, trail(error))  # noqa: TRY400  (a trace may quote)
        _fail(work, DocChatError())


def scope_of(live: LiveRun) -> Scope:
    """What the question was asked of."""
    question = live.run.question
    return Scope(live.run.owner, question.collections, question.documents)


def _own_tools(live: LiveRun, tools: Tools) -> Tools | None:
    """The tools of one answer: those of a chat about a section see that alone; None when its document is gone."""
    chat = tools.store.get(owner=live.run.owner, session_id=live.run.session_id)
    try:
        one = narrowed(tools.index, tools.library, tools.sections, chat)
    except NotFound:
        return None
    return _with_attachments(live, tools) if one is None else replace(tools, index=one, library=one)


def _say_source_gone(work: _Work) -> None:
    """What a chat about a section answers when that is not there any more."""
    _tell_passages(work, [])
    work.refused = True
    _say(work, _SOURCE_GONE)
    _give_title(work)
    _finish(work)


def _with_attachments(live: LiveRun, tools: Tools) -> Tools:
    """The tools of one answer: what was dropped into its chat is opened for it, and goes with it."""
    run, attachments = live.run, tools.attachments
    files = attachments.rows.opened(owner=run.owner, session_id=run.session_id) if attachments is not None else ()
    if attachments is None or not files:
        return tools
    both = WithAttachments(tools.index, tools.library, attachments, run.session_id, files)
    return replace(tools, index=both, library=both)


def _give_title(work: _Work) -> None:
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


def _quote(work: _Work, passages: Sequence[Passage]) -> None:
    """Quote the best sentences, each with its own number."""
    run = work.live.run
    found = work.tools.index.frequencies(scope=scope_of(work.live), terms=terms(run.question.text))
    extracted = extract(run.question.text, passages, found)
    chunks = {passage.number: passage for passage in passages}
    quoted = [(quote, chunks[quote.number]) for quote in extracted.quotes]
    gone = work.sources.gone([passage.chunk for _, passage in quoted])
    quoted = [(quote, passage) for quote, passage in quoted if passage.chunk.document_id not in gone]
    _tell_passages(work, [passage.chunk for _, passage in quoted])
    if extracted.refused or not quoted:
        work.refused = True
        _say(work, _NOTHING_FITS if found[0] else _NO_DOCUMENTS)
    for number, (quote, passage) in enumerate(quoted, 1):
        if not work.sources.has(passage.chunk):
            continue
        _say(work, ("\n\n" if number > 1 else "") + f"{quoted_text(quote)} [{number}]")
        _cite(work, passage.cite(quote.start, quote.end, number=number))
    _give_title(work)


def quoted_text(quote: Quote) -> str:
    """The quote as the answer shows it, after the words that lead to it."""
    return f"“{quote.lead} … {quote.text}”" if quote.lead else f"“{quote.text}”"


def _write(work: _Work, passages: Sequence[Passage], history: Sequence[Message]) -> None:
    """Let the model write the answer from the passages."""
    passages = work.present(passages)
    if not passages and not history:
        _tell_passages(work, [])
        work.refused = True
        _say(work, REFUSAL)
        _give_title(work)
        return
    run = work.live.run
    assert work.tools.model is not None  # noqa: S101  (start() refuses the mode otherwise)
    window = work.tools.model.window
    try:
        messages, shown = build_messages(run.question.text, history=history, passages=passages, window=window)
    except TooLarge:
        _tell_passages(work, [])
        raise
    _tell_passages(work, [passage.chunk for passage in shown])
    _give_title(work)
    _stream(work, messages, Marker(shown, there=work.sources.has))
    refusal = REFUSAL.rstrip(".").casefold()
    work.refused = work.text.strip().casefold().startswith(refusal)
    if not work.text.strip() and not work.live.stopping:
        raise ModelUnavailable("The model sent an empty answer.")


def _history(work: _Work) -> tuple[Message, ...]:
    run = work.live.run
    known_from = work.tools.store.get(owner=run.owner, session_id=run.session_id).memory_from or 0
    page = work.tools.store.messages(owner=run.owner, session_id=run.session_id, limit=_HISTORY)
    return tuple(message for message in page.items if known_from <= message.id < run.question.id)


def _suggest(work: _Work, passages: Sequence[Passage], history: Sequence[Message]) -> None:
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


def _stream(work: _Work, messages: Sequence[ChatMessage], marker: Marker) -> None:
    """Relay the model's pieces until it ends, is stopped or has said too much."""
    live, model = work.live, work.tools.model
    assert model is not None  # noqa: S101  (start() refuses the mode otherwise)
    length = 0
    with model.stream(messages=messages) as stream:
        live.attach(stream)
        for piece in stream:
            if live.cleared:
                raise Cleared
            length += len(piece)
            _take(work, marker.feed(piece))
            work.cut_short = length > _LONGEST_ANSWER and not live.stopping
            if live.stopping or work.cut_short:
                stream.cancel()
                break
            _store_partly(work)
        work.cut_short = work.cut_short or (stream.cut_short and not live.stopping)
    if live.cleared:
        raise Cleared
    _take(work, marker.finish())


def _take(work: _Work, segments: Sequence[Segment]) -> None:
    for segment in segments:
        if isinstance(segment, Citation):
            _cite(work, segment)
        else:
            work.said.append(segment)
            work.live.say(segment)
    if work.live.flush_due():
        _ask_whether_alive(work.live)
        work.live.flush()


def _tell_passages(work: _Work, chunks: Sequence[Chunk]) -> None:
    run = work.live.run
    _ask_whether_alive(work.live)
    work.live.tell(AnswerEvent("passages", 0, passages=tuple(chunks), message=run.answer, mode=run.mode))


def _say(work: _Work, text: str) -> None:
    work.said.append(text)
    work.live.say(text)
    _ask_whether_alive(work.live)
    work.live.flush()


def _cite(work: _Work, citation: Citation) -> None:
    if not work.sources.has(citation):
        return
    work.citations.append(citation)
    _ask_whether_alive(work.live)
    work.live.tell(AnswerEvent("citation", 0, citation=citation))


def _ask_whether_alive(live: LiveRun) -> None:
    """Before anything is sent: raises Cleared when the session is gone; waits while the keyring does not answer."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            alive = not live.cleared and live.watch.alive()
        except StoreUnavailable:
            if time.monotonic() > patience:
                raise
            time.sleep(_PAUSE_SECONDS)
            continue
        if not alive:
            raise Cleared
        return


def _store_partly(work: _Work) -> None:
    """Every two seconds keep what was said so far; while the store does not answer, the answer goes on."""
    if time.monotonic() - work.stored_at < STORE_SECONDS:
        return
    work.stored_at = time.monotonic()
    try:
        _revise(work, work.draft(MessageState.RUNNING))
    except StoreError as error:
        logger.warning("run %s could not be stored partly: %s", work.live.run.id, error.code)


def _revise(work: _Work, draft: Draft) -> Message:
    run = work.live.run
    return work.tools.store.revise(owner=run.owner, session_id=run.session_id, message_id=run.answer.id, draft=draft)


def _finish(work: _Work) -> None:
    state = MessageState.STOPPED if work.live.stopping or work.cut_short else MessageState.DONE
    message = _revise(work, work.draft(state, _CUT_SHORT if work.cut_short else None))
    _ask_whether_alive(work.live)
    work.live.tell(AnswerEvent("done", 0, message=message))


def _fail(work: _Work, error: DocChatError) -> None:
    """Keep what was said, with the reason why there is no more, and tell the followers."""
    run = work.live.run
    text = f"{error.message} {_QUOTES_INSTEAD}" if isinstance(error, ModelUnavailable) else error.message
    logger.warning("run %s failed: %s", run.id, error.code)
    message = None
    try:
        message = _revise(work, work.draft(MessageState.FAILED, text))
    except Cleared as gone:
        work.live.clear(gone.successor)
        return
    except Exception as second:  # noqa: BLE001  (the end of a stream: its followers must hear of it in any case)
        code = second.code if isinstance(second, DocChatError) else type(second).__name__
        logger.warning("run %s: its failure could not be stored: %s", run.id, code)
    work.live.tell(AnswerEvent("error", 0, error=text, code=error.code, message=message))
