"""An answer that a model writes from the passages; its marks become citations as they come."""

from collections.abc import Sequence

from ..errors import Cleared, ModelUnavailable, TooLarge
from ..types import Citation, Message
from .grounding.cite import Marker, Segment
from .keeping import Work, ask_whether_alive, cite, say, store_partly, tell_passages
from .models.model import ChatMessage
from .models.prompt import REFUSAL, build_messages
from .passages import Passage
from .titles import give_title

_LONGEST_ANSWER = 16_000


def answer_by_model(work: Work, passages: Sequence[Passage], history: Sequence[Message]) -> None:
    """Let the model write the answer from the passages."""
    passages = work.present(passages)
    if not passages and not history:
        tell_passages(work, [])
        work.refused = True
        say(work, REFUSAL)
        give_title(work)
        return
    run = work.live.run
    assert work.tools.model is not None  # noqa: S101  (start() refuses the mode otherwise)
    window = work.tools.model.window
    try:
        messages, shown = build_messages(run.question.text, history=history, passages=passages, window=window)
    except TooLarge:
        tell_passages(work, [])
        raise
    tell_passages(work, [passage.chunk for passage in shown])
    give_title(work)
    _stream(work, messages, Marker(shown, there=work.sources.has))
    refusal = REFUSAL.rstrip(".").casefold()
    work.refused = work.text.strip().casefold().startswith(refusal)
    if not work.text.strip() and not work.live.stopping:
        raise ModelUnavailable("The model sent an empty answer.")


def _stream(work: Work, messages: Sequence[ChatMessage], marker: Marker) -> None:
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
            store_partly(work)
        work.cut_short = work.cut_short or (stream.cut_short and not live.stopping)
    if live.cleared:
        raise Cleared
    _take(work, marker.finish())


def _take(work: Work, segments: Sequence[Segment]) -> None:
    for segment in segments:
        if isinstance(segment, Citation):
            cite(work, segment)
        else:
            work.said.append(segment)
            work.live.say(segment)
    if work.live.flush_due():
        ask_whether_alive(work.live)
        work.live.flush()
