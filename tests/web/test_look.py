"""Light, dark and high contrast: every pair of colours can be read, and a cookie chooses among them."""

import re
from pathlib import Path

import pytest

import docchat

from .conftest import Host

CSS = Path(docchat.__file__).parent / "web" / "static" / "css"

_TEXTS = (
    ("ink", "paper"),
    ("ink", "side"),
    ("ink", "raised"),
    ("ink", "sunken"),
    ("ink", "accent-wash"),
    ("ink", "doubt-wash"),
    ("ink", "mark"),
    ("paper", "ink"),
    ("ink-soft", "paper"),
    ("ink-soft", "side"),
    ("ink-soft", "raised"),
    ("ink-soft", "sunken"),
    ("accent", "paper"),
    ("accent", "side"),
    ("accent", "raised"),
    ("accent", "accent-wash"),
    ("accent-ink", "accent"),
    ("danger", "paper"),
    ("danger", "raised"),
    ("danger", "danger-wash"),
    ("good", "raised"),
    ("good", "good-wash"),
)
_EDGES = (("line-strong", "paper"), ("line-strong", "raised"), ("accent", "sunken"), ("doubt", "doubt-wash"))


def _colours(*sheets: str) -> tuple[dict[str, str], dict[str, str]]:
    """The six-digit colours of the sheets by day and by night; a later sheet goes over an earlier one."""
    day: dict[str, str] = {}
    night: dict[str, str] = {}
    for sheet in sheets:
        text = (CSS / sheet).read_text(encoding="utf-8")
        for name, light, dark in re.findall(r"--dc-([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", text):
            day[name], night[name] = light, dark
    return day, night


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("sheets", "text", "edge"), [(("tokens.css",), 4.5, 3.0), (("tokens.css", "contrast.css"), 7.0, 4.5)]
)
def test_every_pair_of_colours_can_be_read(sheets: tuple[str, ...], text: float, edge: float) -> None:
    for colours in _colours(*sheets):
        white = colours | {"white": "#ffffff"}
        pairs = [(*pair, text) for pair in (*_TEXTS, ("white", "danger-fill"))] + [(*pair, edge) for pair in _EDGES]
        found = {f"{front} on {back}": _contrast(white[front], white[back]) for front, back, _ in pairs}
        assert {
            pair: ratio for (pair, ratio), (_, _, least) in zip(found.items(), pairs, strict=True) if ratio < least
        } == {}


def test_high_contrast_leaves_no_colour_as_it_was() -> None:
    plain, _ = _colours("tokens.css")
    strong, _ = _colours("contrast.css")
    assert plain.keys() == strong.keys()


def test_sheets_have_no_side_of_their_own() -> None:
    """What stands at the left stands at the right where people read from there."""
    sided = re.compile(
        r"^\s*(?:(?:margin|padding|border)-(?:left|right)|left|right)\s*:|text-align:\s*(?:left|right)", re.M
    )
    for sheet in ("tokens", "base", "modes", "contrast", "print", "look"):
        assert sided.findall((CSS / f"{sheet}.css").read_text(encoding="utf-8")) == [], sheet


@pytest.mark.parametrize(
    ("cookie", "attribute", "scheme", "media"),
    [
        ("", "", "light dark", "(prefers-contrast: more)"),
        ("dark", ' data-theme="dark"', "dark", "(prefers-contrast: more)"),
        ("contrast", ' data-theme="contrast"', "light dark", "all"),
        ('dark" onload="x', "", "light dark", "(prefers-contrast: more)"),
    ],
)
def test_a_cookie_chooses_the_look(host: Host, cookie: str, attribute: str, scheme: str, media: str) -> None:
    client = host.client("test")
    if cookie:
        client.set_cookie("docchat_theme", cookie)
    page = client.get(f"{host.prefix}/").text
    root = re.search(r"<html[^>]*>", page)
    assert root is not None
    assert re.findall(r" data-theme.*?(?=>| [a-z-]+=)", root.group()) == ([attribute] if attribute else [])
    assert "onload" not in root.group()
    assert f'<meta name="color-scheme" content="{scheme}">' in page
    assert f'contrast.css" media="{media}"' in page
