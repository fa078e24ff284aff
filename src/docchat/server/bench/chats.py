"""Chats of growing length in every store: append, load, clear, in rounds that take each store in turn."""

import random
from collections.abc import Callable, Sequence

from ...errors import DocChatError
from .limits import Limits
from .measure import Key, Recorder
from .stores import LOADED, Chat, Store

CHATS = "chats"
APPEND = "append a turn"
LOAD = f"load the last {LOADED}"
CLEAR = "clear"
_APPENDS = 10
_LOADS = 5
_CLEARS_OF_SHORT = 4
_SHORT = 1000


def measure_chats(
    recorder: Recorder,
    stores: Sequence[Store],
    limits: Limits,
    *,
    lengths: Sequence[int],
    rounds: int,
    progress: Callable[[str], None],
) -> None:
    """All stores at all lengths, `rounds` times, so that what else the machine does meets everyone alike."""
    dice = random.Random(0)  # noqa: S311  (an order, nothing secret)
    for number in range(rounds):
        progress(f"chats: round {number + 1} of {rounds}")
        for length in lengths:
            limits.measure(recorder)
            for store in dice.sample(stores, len(stores)):
                _measure(recorder, store, length)


def _measure(recorder: Recorder, store: Store, length: int) -> None:
    for _ in range(1 if length > _SHORT else _CLEARS_OF_SHORT):
        chat = store.begin(length)
        try:
            store.settle()
            _check(store, chat, min(length, LOADED))
            recorder.add(Key(CHATS, store.name, LOAD, length), *(chat.load() for _ in range(_LOADS)))
            recorder.add(Key(CHATS, store.name, APPEND, length), *(chat.append() for _ in range(_APPENDS)))
            recorder.add(Key(CHATS, store.name, CLEAR, length), chat.clear())
            _check(store, chat, 0)
        finally:
            chat.close()


def _check(store: Store, chat: Chat, expected: int) -> None:
    """A store that did not do what is timed must not be listed as fast."""
    found = chat.left()
    if (found < expected) if expected else found:
        raise DocChatError(f"{store.name} has {found} messages where {expected} are expected: nothing is measured.")
