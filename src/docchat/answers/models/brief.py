"""Short helps from a model besides the answer itself: bounded in time and length, and nobody depends on them."""

import logging
import threading
from collections.abc import Callable, Sequence

from ...errors import DocChatError
from .model import ChatMessage, ChatModel, ModelStream

logger = logging.getLogger(__name__)


def brief(
    model: ChatModel,
    messages: Sequence[ChatMessage],
    *,
    most: int,
    seconds: float,
    attach: Callable[[ModelStream], None] = lambda stream: None,
) -> str:
    """What the model says within `seconds`, at most about `most` tokens; empty when it takes longer or fails.

    `attach` gets the stream, so that whoever ends the run can cut it.
    """
    said: list[str] = []
    late = threading.Event()
    stream = model.stream(messages=messages, most=most)

    def give_up() -> None:
        late.set()
        stream.cancel()

    attach(stream)
    bound = threading.Timer(seconds, give_up)
    bound.daemon = True
    bound.start()
    try:
        with stream:
            for piece in stream:
                said.append(piece)
                if sum(map(len, said)) > most * 8:  # a server that knows no bound
                    stream.cancel()
                    break
    except DocChatError as error:
        logger.info("a model did not help: %s", error.code)
        return ""
    finally:
        bound.cancel()
    return "" if late.is_set() else "".join(said).strip()
