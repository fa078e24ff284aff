"""The one place that takes keys away from chats. A reason to keep one (a legal hold) would be asked here."""

from collections.abc import Sequence

from ..keys.keyring import Keyring


class Shredder:
    """Withholds keys, destroys them and gives back those that are only withheld.

    `undo_seconds` is how long a clear can be undone; 0 destroys at once.
    """

    def __init__(self, keyring: Keyring, *, undo_seconds: float = 0.0) -> None:
        self.keyring = keyring
        self.undo_seconds = undo_seconds

    def withhold(self, slots: Sequence[int], *, final: bool) -> None:
        """Make what the keys seal unreadable for everyone before this returns; for good when `final` or without undo.

        Each time, also where it was done already: an earlier attempt may have failed between write and sync.
        """
        if final or not self.undo_seconds:
            self.keyring.destroy(slots=slots)
        else:
            self.keyring.suspend(slots=slots)

    def destroy(self, slots: Sequence[int]) -> None:
        """Make what the keys seal unreadable for good, before this returns."""
        self.keyring.destroy(slots=slots)

    def release(self, slots: Sequence[int]) -> None:
        """Give withheld keys back. Raises Cleared, and gives none, when one is destroyed."""
        self.keyring.resume(slots=slots)
