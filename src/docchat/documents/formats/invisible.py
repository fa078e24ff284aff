"""Characters nobody sees: which are dropped, which a script needs, and text that is spelled in them."""

import re

_DROPPED = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ue000-\uf8ff\ufeff\uffa0\ufff0-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U0010ffff]"
)
# A joiner is needed between letters of some scripts and inside emoji, never after plain Latin or a second time.
_JOINERS = re.compile("(?:(?<=[\x00-\u024f])|^)[\u200c\u200d]+|(?<=[\u200c\u200d])[\u200c\u200d]+", re.MULTILINE)
# A variation selector chooses the look of the symbol or character before it; a row of them carries bytes.
_SELECTORS = re.compile(
    "(?<![#*0-9\u00a9\u00ae\u2000-\u33ff\u3400-\u9fff\uf900-\ufaff\U0001f000-\U0001faff\U00020000-\U0003ffff])"
    "[\ufe00-\ufe0f\U000e0100-\U000e01ef]+"
)
_SUSPECT = re.compile("[\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_TAGS = re.compile("\U0001f3f4?[\U000e0020-\U000e007f]+")
_FLAG = "\U0001f3f4"
_BYTES = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")


def drop(text: str) -> str:
    """Text without control, zero-width, direction, filler, tag and private-use characters."""
    text = _DROPPED.sub("", text)
    if _SUSPECT.search(text):
        text = _SELECTORS.sub("", _JOINERS.sub("", text))
    return text


def smuggled(text: str) -> list[str]:
    """Texts spelled in tag characters or variation selectors, in plain letters. A flag's letters are none."""
    if text.isascii():
        return []
    found = [
        "".join(chr(ord(c) - 0xE0000) for c in run[0] if "\U000e0020" <= c <= "\U000e007e")
        for run in _TAGS.finditer(text)
        if not run[0].startswith(_FLAG)
    ]
    for run in _BYTES.finditer(text):
        octets = bytes(ord(c) - 0xFE00 if c < "\U000e0000" else ord(c) - 0xE0100 + 16 for c in run[0])
        found.append(octets.decode("utf-8", "replace"))
    return [text for text in found if text.strip()]
