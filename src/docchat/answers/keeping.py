"""An answer in the making: what it has said is told to its followers, and kept in the store."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..documents.scope import Scope
from ..errors import Cleared, DocChatError, ModelUnavailable, StoreError, StoreUnavailable
from ..types import AnswerEvent, Chunk, Citation, Doubt, Draft, Message, MessageState
from .grounding.cite import Marker
from .live import PATIENCE_SECONDS, LiveRun
from .passages import Passage
from .sources import Sources
from .tools import Tools

_PAUSE_SECONDS = 0.1
_CUT_SHORT = "The answer was cut off because it became too long."
_QUOTES_INSTEAD = "You can have the answer quoted from your documents instead."

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Work:
    """One answer in the making."""

    live: LiveRun
    tools: Tools
    text: str = ""
    """What was said so far."""
    citations: list[Citation] = field(default_factory=list)
    stored: int = 0
    """How many characters of it are stored."""
    storing: threading.Lock = field(default_factory=threading.Lock)
    refused: bool = False
    follow_ups: tuple[str, ...] = ()
    understood: str = ""
    nearest: list[Citation] = field(default_factory=list)
    is_first: bool = False
    memory: str = ""
    memory_to: int = 0
    tokens: int = 0
    cut_short: bool = False
    marker: Marker | None = None
    """Reads what a model writes, and knows what in it does not hold."""

    @property
    def sources(self) -> Sources:
        """Tells which sources are still there."""
        run = self.live.run
        return Sources(self.tools.library, self.tools.attachments, run.owner, run.session_id, PATIENCE_SECONDS)

    def present(self, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        """Those passages whose documents were not deleted meanwhile, numbered anew."""
        gone = self.sources.gone([passage.chunk for passage in passages])
        kept = [passage for passage in passages if passage.chunk.document_id not in gone]
        return tuple(replace(passage, number=number) for number, passage in enumerate(kept, 1))

    def _doubts(self) -> tuple[Doubt, ...]:
        """What was found not to hold, in the text said so far."""
        length = len(self.text)
        return tuple(doubt for doubt in self.marker.doubts if doubt.end <= length) if self.marker else ()

    def draft(self, state: MessageState, error: str | None = None) -> Draft:
        """The answer as it is stored now."""
        run, model = self.live.run, self.tools.model
        gone = self.sources.gone([*self.citations, *self.nearest])
        name = model.name if run.mode == "model" and model is not None else None
        return Draft(
            "assistant",
            self.text,
            tuple(one for one in self.citations if one.document_id not in gone),
            state,
            mode=run.mode,
            model=name,
            refused=self.refused,
            error=error,
            run_id=run.id,
            follow_ups=self.follow_ups,
            understood=self.understood,
            nearest=tuple(one for one in self.nearest if one.document_id not in gone),
            doubts=self._doubts(),
            memory=self.memory,
            memory_to=self.memory_to,
        )


def scope_of(live: LiveRun) -> Scope:
    """What the question was asked of."""
    question = live.run.question
    return Scope(live.run.owner, question.collections, question.documents)


def tell_passages(work: Work, chunks: Sequence[Chunk]) -> None:
    """Open the stream with what was found."""
    run = work.live.run
    ask_whether_alive(work.live)
    work.live.tell(AnswerEvent("passages", 0, passages=tuple(chunks), message=run.answer, mode=run.mode))


def say(work: Work, text: str) -> None:
    """Add text and send it at once."""
    work.text += text
    work.live.say(text)
    ask_whether_alive(work.live)
    work.live.flush()


def cite(work: Work, citation: Citation) -> None:
    """Add a citation, unless its source is gone."""
    if not work.sources.has(citation):
        return
    work.citations.append(citation)
    ask_whether_alive(work.live)
    work.live.tell(AnswerEvent("citation", 0, citation=citation))


def ask_whether_alive(live: LiveRun) -> None:
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


def store_partly(work: Work) -> None:
    """Keep what was said so far, unless that is kept; while the store does not answer, the answer goes on.

    Called by a thread beside the one that makes the answer: never after its end is stored.
    """
    with work.storing:
        said = len(work.text)
        if work.live.finishing or work.live.cleared or work.stored == said:
            return
        try:
            _revise(work, work.draft(MessageState.RUNNING))
            work.stored = said
        except StoreError as error:
            logger.warning("run %s could not be stored partly: %s", work.live.run.id, error.code)
        except Cleared as error:
            work.live.clear(error.successor)


def _revise(work: Work, draft: Draft) -> Message:
    run = work.live.run
    return work.tools.store.revise(owner=run.owner, session_id=run.session_id, message_id=run.answer.id, draft=draft)


def _end(work: Work, state: MessageState, error: str | None) -> Message:
    """Store the end; nobody else stores anything of this answer from now on."""
    work.live.finishing = True
    with work.storing:
        return _revise(work, work.draft(state, error))


def finish(work: Work) -> Message:
    """Store the answer for good, then tell that it is done; the message as it is stored."""
    state = MessageState.STOPPED if work.live.stopping or work.cut_short else MessageState.DONE
    message = _end(work, state, _CUT_SHORT if work.cut_short else work.live.reason)
    ask_whether_alive(work.live)
    work.live.tell(AnswerEvent("done", 0, message=message))
    return message


def fail(work: Work, error: DocChatError) -> None:
    """Keep what was said, with the reason why there is no more, and tell the followers."""
    run = work.live.run
    text = f"{error.message} {_QUOTES_INSTEAD}" if isinstance(error, ModelUnavailable) else error.message
    logger.warning("run %s failed: %s", run.id, error.code)
    message = None
    try:
        message = _end(work, MessageState.FAILED, text)
    except Cleared as gone:
        work.live.clear(gone.successor)
        return
    except Exception as second:  # noqa: BLE001  (the end of a stream: its followers must hear of it in any case)
        code = second.code if isinstance(second, DocChatError) else type(second).__name__
        logger.warning("run %s: its failure could not be stored: %s", run.id, code)
    work.live.tell(AnswerEvent("error", 0, error=text, code=error.code, message=message))
