"""Bytes to text when nobody says in which encoding: marks, UTF-8, UTF-16, escapes, then the likeliest legacy one."""

import codecs
import re
import unicodedata
from collections.abc import Callable

from . import single_byte

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ESCAPES = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$", "iso2022_jp_2"), (b"\x1b(J", "iso2022_jp_2"))
_SHIFTED = re.compile(rb"~\{(?:[!-w][!-~])+~\}")  # Chinese between escapes of two plain characters
_SAMPLE = 65536
_LOOKED_AT = 8192
_NEARLY_ALL = 0.97
_FEWEST_BLANKS = 3
_RUN = re.compile(rb"[\x80-\xff]+")
_MOSTLY_ASCII = 0.15  # share of high bytes up to which a text is a western one with accents
_SURE = 0.8  # share of everyday characters that settles it
_POSSIBLE = 0.35
_WORDS = 0.6  # how well a text of a single-byte script fits at least

# For each double-byte encoding, whether a pair (lead, trail) is one of its everyday characters. The tables are sorted
# by use: first symbols and kana, then the common characters, then the rare ones.
_COMMON: tuple[tuple[str, Callable[[int, int], bool]], ...] = (
    ("cp932", lambda lead, trail: lead in (0x81, 0x82, 0x83) or 0x88 <= lead <= 0x97),
    ("euc_jp", lambda lead, trail: trail >= 0xA1 and (lead in (0xA1, 0xA3, 0xA4, 0xA5) or 0xB0 <= lead <= 0xCF)),
    ("cp949", lambda lead, trail: trail >= 0xA1 and (lead in (0xA1, 0xA3) or 0xB0 <= lead <= 0xC8)),
    ("big5", lambda lead, trail: lead in (0xA1, 0xA2) or 0xA4 <= lead <= 0xC6),
    ("gb18030", lambda lead, trail: trail >= 0xA1 and (lead in (0xA1, 0xA3) or 0xB0 <= lead <= 0xD7)),
)
_KANA = {"cp932": (0x82, 0x83), "euc_jp": (0xA4, 0xA5)}
_SPACED = re.compile(rb"[\x80-\xff] (?=[\x80-\xff])")
_LEAST_SPACED = 0.1  # blanks between letters: of these languages only Korean parts words
_FOR_BLANKS = 0.25
_LEAST_KANA = 0.08  # share of kana that any Japanese text has


def decode(data: bytes, *, declared: str = "") -> str:
    """The text of `data`; `declared` is a charset that the file names, believed when it fits."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    wide = _wide(data[:_SAMPLE])
    if wide:
        return data.decode(wide, "replace")
    for escape, name in _ESCAPES:
        if escape in data[:_SAMPLE] and (text := _lenient(data, name)) is not None:
            return text
    if _SHIFTED.search(data[:_SAMPLE]) and (text := _strict(data, "hz")) is not None:
        return text
    for name in ("utf-8", declared):
        text = _strict(data, name)
        if text is not None:
            return text
    return data.decode(guess(data[:_SAMPLE]), "replace")


def _strict(data: bytes, name: str) -> str | None:
    try:
        return data.decode(codecs.lookup(name).name) if name else None
    except (UnicodeDecodeError, LookupError, ValueError):
        return None


def _lenient(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name, "replace")
    except RuntimeError:  # what Python's decoder says to some sequences that are no text
        return None


def _wide(sample: bytes) -> str:
    """Which form of UTF-16 or UTF-32 a text without a mark is in; zeros stand in no other."""
    if len(sample) < 4 or 0 not in sample:
        return ""
    quarters = [sample[at::4].count(0) * 4 / len(sample) for at in range(4)]
    if min(quarters[2:]) > _NEARLY_ALL or min(quarters[:2]) > _NEARLY_ALL:
        return "utf-32-le" if quarters[3] > _NEARLY_ALL else "utf-32-be"
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if even + odd >= len(sample) // 5:
        if odd > 3 * even:
            return "utf-16-le"
        return "utf-16-be" if even > 3 * odd else ""
    # A script of its own, where only blanks and ends of lines have a zero.
    texts = {name: sample[:_LOOKED_AT].decode(name, "replace") for name in ("utf-16-le", "utf-16-be")}
    blanks = {name: text.count(" ") + text.count("\n") for name, text in texts.items()}
    best = max(blanks, key=lambda name: blanks[name])
    return best if blanks[best] >= _FEWEST_BLANKS and _plausible(texts[best]) else ""


def _plausible(text: str) -> bool:
    """Whether nearly all characters are such as a text may hold."""
    found = sum(c in "\t\r\n" or unicodedata.category(c)[0] in "LMNPSZ" for c in text)
    return found > _NEARLY_ALL * len(text)


def guess(sample: bytes) -> str:
    """The likeliest legacy encoding of bytes that are not UTF-8, or UTF-8 where that has a few errors."""
    if _is_broken_utf8(sample):
        return "utf-8"
    single, fit = single_byte.likeliest(sample)
    high = sum(byte >= 0x80 for byte in sample)
    if high <= len(sample) * _MOSTLY_ASCII:
        return single
    scattered = len(_RUN.findall(sample)) >= high / 2
    scores = {n: _score(sample, n, common) for n, common in _COMMON if n in _KANA or not scattered}
    if len(_SPACED.findall(sample)) > _LEAST_SPACED * high / 2:
        scores["cp949"] = scores.get("cp949", 0.0) + _FOR_BLANKS
    best = max(scores, key=lambda name: scores[name])
    if scores[best] >= _SURE:
        return best
    if not scattered and scores[best] >= _POSSIBLE and fit < _WORDS:
        return best
    return single


def _is_broken_utf8(sample: bytes) -> bool:
    text = sample.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return sum(character > "\x7f" for character in text) > 10 * wrong


def _score(sample: bytes, name: str, common: Callable[[int, int], bool]) -> float:
    """Share of double-byte characters that are everyday ones; errors count as rare."""
    pairs = good = kana = 0
    i = 0
    while i < len(sample) - 1:
        lead, trail = sample[i], sample[i + 1]
        if lead < 0x80 or (name == "cp932" and 0xA1 <= lead <= 0xDF):
            pairs += lead >= 0x80
            i += 1
            continue
        if name in ("euc_jp", "cp949", "gb18030") and trail < 0x80:
            pairs += 2
            i += 1
            continue
        pairs += 1
        good += common(lead, trail)
        kana += lead in _KANA.get(name, ())
        i += 2
    errors = sample.decode(name, "replace").count("\ufffd")
    if name in _KANA and kana < pairs * _LEAST_KANA:
        return 0.0
    return (good - 2 * errors) / pairs if pairs else 0.0
