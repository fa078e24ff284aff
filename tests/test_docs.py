"""The reference is held against the code: settings, routes, errors, commands; and links lead somewhere."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import click
import pytest

from docchat import errors
from docchat.blueprint import ALIASES, ROUTES
from docchat.config import Settings
from docchat.server.cli import main

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"


def _read(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_every_setting_is_described_and_none_else() -> None:
    named = set(re.findall(r"^\| `(DOCCHAT_[A-Z_]+)`", _read("settings.md"), re.MULTILINE))
    assert named == {f"DOCCHAT_{field.name.upper()}" for field in fields(Settings)}


def test_the_defaults_are_those_of_the_code() -> None:
    stated = dict(re.findall(r"^\| `DOCCHAT_([A-Z_]+)` \| ([0-9.]+) \|", _read("settings.md"), re.MULTILINE))
    numbers = {
        field.name.upper(): float(field.default) for field in fields(Settings) if isinstance(field.default, int | float)
    }
    assert {name: float(value) for name, value in stated.items()} == numbers


def test_there_are_not_too_many_settings() -> None:
    assert len(fields(Settings)) <= 30


def test_every_route_is_described_and_none_else() -> None:
    rows = re.findall(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/[^`?]*)(?:\?[^`]*)?` \|", _read("http.md"), re.MULTILINE)
    assert set(rows) == {(route.method, route.rule) for route in ROUTES + ALIASES}


def test_every_error_is_described() -> None:
    text = _read("errors.md")
    for _, error in inspect.getmembers(errors, inspect.isclass):
        if issubclass(error, errors.DocChatError):
            assert re.search(rf"{error.status}[^|]*\|[^|]*`{error.code}`", text), error.__name__
            assert error.__name__ in (errors.__doc__ or "")


def _commands(group: click.Group, prefix: str) -> list[str]:
    found = []
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            found += _commands(command, f"{prefix} {name}")
        else:
            found.append(f"{prefix} {name}")
    return found


def test_every_command_is_described() -> None:
    text = _read("command-line.md")
    for command in _commands(main, "docchat"):
        *path, last = command.split()
        assert command in text or (f"`{' '.join(path)} " in text and f"`{last}`" in text), command


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
