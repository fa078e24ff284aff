"""Whole characters: text from models and clients may hold halves of surrogate pairs, which nothing can store."""

_HIGH = ("\ud800", "\udbff")


def whole(text: str) -> str:
    """The text with pairs of surrogates joined and lone halves replaced by U+FFFD, so that it can be encoded."""
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Joiner:
    """Whole characters from the pieces of a stream that may cut a pair of surrogates in two."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, piece: str) -> str:
        """The characters that are whole by now; may be empty."""
        text, self._half = self._half + piece, ""
        if text and _HIGH[0] <= text[-1] <= _HIGH[1]:
            text, self._half = text[:-1], text[-1]
        return whole(text)

    def finish(self) -> str:
        """What stands for a half that never got its other half."""
        half, self._half = self._half, ""
        return whole(half)
