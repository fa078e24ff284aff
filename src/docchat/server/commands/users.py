"""`docchat user`: accounts of the standalone server."""

import sys

import click

from ..accounts import Account
from ..home import Group, Home, pass_home
from .erase import delete_belongings

_stdin_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@click.group(cls=Group)
def user() -> None:
    """Add, list, disable and delete users."""


@user.command()
@click.argument("name")
@click.option("--admin", is_flag=True, help="Commands without --user work as the first admin.")
@_stdin_option
@pass_home
def add(home: Home, name: str, admin: bool, password_stdin: bool) -> None:
    """Add the user NAME; asks for the password."""
    home.accounts.add(name=name, password=_password(home, password_stdin), admin=admin)
    click.echo(f"Added {name}.")


@user.command()
@click.argument("name")
@_stdin_option
@pass_home
def passwd(home: Home, name: str, password_stdin: bool) -> None:
    """Change the password of NAME and end all sign-ins."""
    account = home.accounts.named(name=name)
    home.accounts.set_password(account_id=account.id, password=_password(home, password_stdin))
    click.echo(f"Changed the password of {name}; {name} has to sign in again everywhere.")


@user.command("list")
@pass_home
def list_users(home: Home) -> None:
    """List the users."""
    for account in home.accounts.list():
        click.echo(f"{account.id}  {account.created_at:%Y-%m-%d}  {account.name}{_flags(account)}")


@user.command()
@click.argument("name")
@pass_home
def disable(home: Home, name: str) -> None:
    """Shut NAME out, from the next request on; chats and documents stay."""
    home.accounts.set_disabled(account_id=home.accounts.named(name=name).id, disabled=True)
    click.echo(f"{name} is shut out.")


@user.command()
@click.argument("name")
@pass_home
def enable(home: Home, name: str) -> None:
    """Let NAME in again."""
    home.accounts.set_disabled(account_id=home.accounts.named(name=name).id, disabled=False)
    click.echo(f"{name} may sign in again.")


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_home
def delete(home: Home, name: str, yes: bool) -> None:
    """Delete NAME with all chats (keys destroyed first) and documents."""
    account = home.accounts.named(name=name)
    if not yes:
        click.confirm(f"Delete {name} with all chats and documents? This cannot be undone", abort=True)
    home.accounts.set_disabled(account_id=account.id, disabled=True)  # nothing new appears meanwhile
    chats, documents = delete_belongings(home, str(account.id))
    home.accounts.delete(account_id=account.id)
    click.echo(f"Deleted {name}, {chats} chats and {documents} documents.")


def _flags(account: Account) -> str:
    flags = [word for word, is_set in (("admin", account.admin), ("disabled", account.disabled)) if is_set]
    return f"  ({', '.join(flags)})" if flags else ""


def _password(home: Home, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    prompt = f"Password (at least {home.settings.password_min_length} characters)"
    return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True))
