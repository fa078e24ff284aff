"""Bytes to text when nobody says in which encoding: marks, UTF-8, UTF-16, escapes, then the likeliest legacy one."""

import codecs
import re
from collections.abc import Callable
from itertools import pairwise

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
_RUN = re.compile(rb"[\x80-\xff]+")
_MOSTLY_ASCII = 0.15  # share of high bytes up to which a text is a western one with accents
_SURE = 0.8  # share of everyday characters that settles it
_POSSIBLE = 0.35
_WORDS = 0.8  # share of the high bytes that are letters in a text of a single-byte script

# For each double-byte encoding, whether a pair (lead, trail) is one of its everyday characters. The tables are sorted
# by use: first symbols and kana, then the common characters, then the rare ones.
_COMMON: tuple[tuple[str, Callable[[int, int], bool]], ...] = (
    ("utf-8", lambda lead, trail: True),
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
_SINGLE = (
    ("cp1251", "\u0400", "\u04ff"),
    ("koi8_r", "\u0400", "\u04ff"),
    ("cp1253", "\u0370", "\u03ff"),
    ("cp1255", "\u0590", "\u05ff"),
    ("cp1256", "\u0600", "\u06ff"),
    ("cp874", "\u0e00", "\u0e7f"),
    ("cp1252", "\u00c0", "\u00ff"),
)


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
    if len(sample) < 4 or sample.count(0) < len(sample) // 5:
        return ""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd > 3 * even:
        return "utf-16-le"
    return "utf-16-be" if even > 3 * odd else ""


def guess(sample: bytes) -> str:
    """The likeliest legacy encoding of bytes that are not UTF-8."""
    high = sum(byte >= 0x80 for byte in sample)
    if high <= len(sample) * _MOSTLY_ASCII:
        return "cp1252"
    scattered = len(_RUN.findall(sample)) >= high / 2
    scores = {n: _score(sample, n, common) for n, common in _COMMON if n in _KANA or not scattered}
    if len(_SPACED.findall(sample)) > _LEAST_SPACED * high / 2:
        scores["cp949"] = scores.get("cp949", 0.0) + _FOR_BLANKS
    best = max(scores, key=lambda name: scores[name])
    if scores[best] >= _SURE:
        return best
    if scattered:
        return "cp1252"
    single = max(_SINGLE, key=lambda row: _letters(sample, *row))
    if scores[best] >= _POSSIBLE and _letters(sample, *single) < _WORDS * high:
        return best
    return single[0]


def _score(sample: bytes, name: str, common: Callable[[int, int], bool]) -> float:
    """Share of double-byte characters that are everyday ones; errors count as rare."""
    if name == "utf-8":
        return 1.0 - 4 * sample.decode("utf-8", "replace").count("\ufffd") / max(1, len(sample))
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


def _letters(sample: bytes, name: str, first: str, last: str) -> float:
    """How much a single-byte reading looks like words: letters of its script, no capital after a small one."""
    text = sample.decode(name, "replace")
    found = 0.0
    for before, character in pairwise(" " + text):
        if first <= character <= last and character.isalpha():
            found += 0.3 if character.isupper() and before.islower() else 1.0
    return found
