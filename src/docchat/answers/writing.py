"""An answer that a model writes from the passages; its marks become citations as they come."""

from collections.abc import Sequence

from ..errors import Cleared, ModelUnavailable, TooLarge
from ..types import Citation, Message
from .grounding.cite import Marker, Segment
from .keeping import Work, cite, say, tell_passages
from .models.memory import TOLD, Memory, extended, known
from .models.model import ChatMessage, ChatModel, ContextFull
from .models.prompt import REFUSAL, build_messages, estimate_tokens, left_out
from .passages import Passage

_LONGEST_ANSWER = 16_000


def answer_by_model(work: Work, passages: Sequence[Passage], history: Sequence[Message]) -> None:
    """Let the model write the answer from the passages."""
    passages = work.present(passages)
    if not passages and not history:
        tell_passages(work, [])
        work.refused = True
        say(work, REFUSAL)
        return
    model = model_of(work)
    memory = known(history)
    try:
        messages, shown = _prompt(work, passages, history, memory, model.window)
    except TooLarge:
        tell_passages(work, [])
        raise
    tell_passages(work, [passage.chunk for passage in shown])
    extended_memory = extended(model, memory, left_out(history, messages), attach=work.live.attach)
    if extended_memory != memory:
        memory = extended_memory
        messages, _ = _prompt(work, shown, history, memory, model.window)
    work.memory, work.memory_to = memory.text, memory.to
    marker = work.marker = Marker(shown, there=work.sources.has)
    try:
        _stream(work, messages, marker)
    except ContextFull as full:
        _stream(work, _halved(work, messages, shown, history, memory, full), marker)
    refusal = REFUSAL.rstrip(".").casefold()
    work.refused = work.text.strip().casefold().startswith(refusal)
    if not work.text.strip() and not work.live.stopping:
        raise ModelUnavailable("The model sent an empty answer.")


def _halved(
    work: Work,
    messages: Sequence[ChatMessage],
    shown: Sequence[Passage],
    history: Sequence[Message],
    memory: Memory,
    full: ContextFull,
) -> list[ChatMessage]:
    """Half as much: the window is smaller than was said, or the model counts otherwise than we guess.

    Raises `full` when the question alone is more than that.
    """
    size = sum(estimate_tokens(message.content) for message in messages)
    window = min(model_of(work).window // 2, size * 2 // 3)  # a quarter of it is left for the answer
    try:
        return _prompt(work, shown, history, memory, window)[0]
    except TooLarge:
        raise full from None


def model_of(work: Work) -> ChatModel:
    """The model that was chosen."""
    assert work.tools.model is not None  # noqa: S101  (start() refuses the mode otherwise)
    return work.tools.model


def _prompt(
    work: Work, passages: Sequence[Passage], history: Sequence[Message], memory: Memory, window: int
) -> tuple[list[ChatMessage], tuple[Passage, ...]]:
    """The messages for the model: what the memory holds is not told word for word."""
    told = [message for message in history[-TOLD:] if message.id > memory.to]
    question = work.live.run.question.text
    return build_messages(question, history=told, passages=passages, window=window, memory=memory.text)


def _stream(work: Work, messages: Sequence[ChatMessage], marker: Marker) -> None:
    """Relay the model's pieces until it ends, is stopped or has said too much."""
    live = work.live
    length = 0
    with model_of(work).stream(messages=messages) as stream:
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
        work.tokens += stream.tokens
        work.cut_short = work.cut_short or (stream.cut_short and not live.stopping)
    if live.cleared:
        raise Cleared
    _take(work, marker.finish())


def _take(work: Work, segments: Sequence[Segment]) -> None:
    for segment in segments:
        if isinstance(segment, Citation):
            cite(work, segment)
        else:
            work.text += segment
            work.live.say(segment)
    if work.live.flush_due():
        work.live.flush()
