"""The words of the pages in the person's language: which one it is, and the text for an English key.

The language is what was chosen by hand (the cookie `docchat_language`), else what the host says, else the best of
the browser's `Accept-Language`, else English. The key of a text is the English text itself, so that a text which
nobody has translated is shown in English. The files are static/locales/<language>.json: `{key: text}`, or for a
number of things `{key of one: {plural category: text}}`.
"""

import json
import re
from functools import cache
from pathlib import Path

from flask import current_app, request

from .state import EXTENSION, services

COOKIE = "docchat_language"
NAMES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "zh": "中文", "ar": "العربية"}
"""The languages there are, each by its own name."""
DEFAULT = "en"
RIGHT_TO_LEFT = frozenset({"ar"})

_FILES = Path(__file__).parent / "static" / "locales"
_VALUE = re.compile(r"\{(\w+)\}")
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z])")


def language() -> str:
    """The language of this request, a key of NAMES."""
    for wanted in (request.cookies.get(COOKIE), _of_host()):
        found = (wanted or "").replace("_", "-").split("-")[0].lower()
        if found in NAMES:
            return found
    for wanted, quality in request.accept_languages:
        found = wanted.replace("_", "-").split("-")[0].lower()
        if quality > 0 and found in NAMES:
            return found
    return DEFAULT


def t(text: str, **values: object) -> str:
    """A text in the language of this request, with its values: `t("Written by {model}", model=name)`."""
    return filled(translated(text, language()), values)


def translated(text: str, language: str) -> str:
    """A text in a language as its file has it, with places for values; the English one where there is none."""
    found = texts(language).get(text, text)
    return found if isinstance(found, str) else text


def told(message: str) -> str:
    """A whole message of an error, figures and names already in it, in the language of this request."""
    spoken = language()
    if spoken == DEFAULT:
        return message
    sentences = _SENTENCE.split(message)
    said: list[str] = []
    while sentences:
        # As many of them together as one text has.
        size, text = next(
            (size, text)
            for size in range(len(sentences), -1, -1)
            if (text := _known(" ".join(sentences[:size]), spoken) if size else sentences[0]) is not None
        )
        said.append(text)
        del sentences[: size or 1]
    return " ".join(said)


def _known(message: str, language: str) -> str | None:
    """A text with its values in it, in a language; None where nobody has translated it."""
    known = translated(message, language)
    if known != message:
        return known
    for key, pattern in _patterns(language):
        if found := pattern.fullmatch(message):
            return filled(translated(key, language), found.groupdict())
    return None


def filled(text: str, values: dict[str, object] | dict[str, str]) -> str:
    """A text with its values in their places; a place without a value stays."""
    return _VALUE.sub(lambda place: str(values.get(place[1], place[0])), text)


@cache
def texts(language: str) -> dict[str, str | dict[str, str]]:
    """All texts of a language; none for English, whose texts are the keys."""
    if language == DEFAULT or language not in NAMES:
        return {}
    found: dict[str, str | dict[str, str]] = json.loads((_FILES / f"{language}.json").read_text(encoding="utf-8"))
    return found


def context() -> dict[str, object]:
    """What the templates need: `t`, `language`, `direction` and `languages`."""
    spoken = language()
    return {
        "t": t,
        "language": spoken,
        "direction": "rtl" if spoken in RIGHT_TO_LEFT else "ltr",
        "languages": NAMES,
        "chosen_language": request.cookies.get(COOKIE, "") if request.cookies.get(COOKIE) in NAMES else "",
    }


@cache
def _patterns(language: str) -> list[tuple[str, re.Pattern[str]]]:
    """The keys that hold values and at least two words of their own, as patterns of finished messages."""
    found = []
    for key, text in texts(language).items():
        if isinstance(text, str) and key.endswith(".") and _VALUE.search(key) and not key.startswith("{"):
            parts = _VALUE.split(key)
            names = [f"(?P<{part}>.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts)]
            if len(set(parts[1::2])) == len(parts[1::2]):
                found.append((key, re.compile("".join(names), re.DOTALL)))
    return found


def _of_host() -> str | None:
    return services().user.language() if EXTENSION in current_app.extensions else None
