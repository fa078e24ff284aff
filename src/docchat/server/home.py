"""What a command works on: the services of one data directory, its accounts, and whose library is meant."""

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import click

from ..config import PREFIX, Settings
from ..errors import DocChatError, NotFound
from ..extension import build_services
from ..web.state import Services
from .accounts import Accounts

LOCAL_OWNER = "local"
"""Who owns what the command line stores while there are no accounts."""


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """Where data goes when nothing is set: the user's data directory after the XDG rules."""
    base = environ.get("XDG_DATA_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path("~/.local/share").expanduser()) / "docchat"


def load_settings(overlay: Mapping[str, object] | None = None) -> Settings:
    """Settings of this process: the environment's DOCCHAT_ variables, `overlay` above them. Raises ConfigError."""
    mapping: dict[str, object] = {key: value for key, value in os.environ.items() if key.startswith(PREFIX)}
    mapping.update(overlay or {})
    return Settings.from_mapping(mapping, data_dir=default_data_dir(os.environ))


class Home:
    """The standalone installation in one data directory; opened at the first use."""

    def __init__(self, overlay: Mapping[str, object] | None = None) -> None:
        self.overlay = dict(overlay or {})

    @cached_property
    def settings(self) -> Settings:
        """The settings in force."""
        return load_settings(self.overlay)

    @cached_property
    def services(self) -> Services:
        """Store, library, answers and worker over these settings."""
        return build_services(self.settings)

    @cached_property
    def accounts(self) -> Accounts:
        """The accounts in the content database."""
        return Accounts(self.services.database, min_length=self.settings.password_min_length)

    def owner(self, name: str | None) -> str:
        """Owner id for `--user NAME`; without a name the only account, else the first admin, else `local`.

        Says on stderr whom it chose when that is not obvious. Raises NotFound for an unknown name.
        """
        if name is not None:
            return str(self.accounts.named(name=name).id)
        accounts = self.accounts.list()
        if not accounts:
            click.echo("There are no accounts: working as the owner “local”.", err=True)
            return LOCAL_OWNER
        if len(accounts) == 1:
            return str(accounts[0].id)
        admins = [account for account in accounts if account.admin]
        if not admins:
            raise NotFound("There are several users and no admin among them: say which with --user NAME.")
        click.echo(f"Working as {admins[0].name} (choose with --user NAME).", err=True)
        return str(admins[0].id)

    def close(self) -> None:
        """Give back what was opened."""
        if "services" in self.__dict__:
            close(self.services)


@contextmanager
def temporary_services(settings: Settings) -> Iterator[Services]:
    """Services like those of `settings`, over an empty library on SQLite that is deleted in the end."""
    with tempfile.TemporaryDirectory(prefix="docchat-") as directory:
        empty = replace(settings, data_dir=Path(directory), database_url="", keyring_url="", worker="external")
        with without_key_advice():
            services = build_services(empty)
        try:
            yield services
        finally:
            close(services)


@contextmanager
def without_key_advice() -> Iterator[None]:
    """Without the advice to back up the master key that is made: its library is thrown away."""
    advice = logging.getLogger("docchat.keys.master")
    before = advice.level
    advice.setLevel(logging.ERROR)
    try:
        yield
    finally:
        advice.setLevel(before)


def close(services: Services) -> None:
    """Give back what services hold open."""
    services.worker.stop()
    services.library.close()
    services.database.close()
    services.keyring.close()


class MountedHome(Home):
    """docchat inside a host's application; users are the host's, named by their id."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.__dict__["services"] = services
        self.__dict__["settings"] = services.settings

    def owner(self, name: str | None) -> str:
        """The host's user id, as given."""
        if name is None:
            click.echo("Working as the owner “local” (choose with --user and the id of a user).", err=True)
            return LOCAL_OWNER
        return name

    def close(self) -> None:
        """Leave everything open: it belongs to the host."""


class Group(click.Group):
    """A group that prints docchat's errors as one line for people and exits with 1."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except DocChatError as error:
            raise click.ClickException(error.message) from error


pass_home = click.make_pass_decorator(Home)
user_option = click.option("--user", "user", metavar="NAME", help="Whose library and chats.")
