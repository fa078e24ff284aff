"""`docchat erase`: everything a person has, gone."""

import math

import click

from ..home import Home, pass_home, user_option


@click.command()
@user_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_home
def erase(home: Home, user: str | None, yes: bool) -> None:
    """Delete all chats (keys destroyed first) and documents of one person; the account itself stays."""
    if user is None:
        raise click.UsageError("Say whose with --user.")
    owner = home.owner(user)
    if not yes:
        click.confirm(f"Delete all chats and documents of {user}? This cannot be undone", abort=True)
    chats, documents = delete_belongings(home, owner)
    click.echo(f"Deleted {chats} chats and {documents} documents of {user}.")


def delete_belongings(home: Home, owner: str) -> tuple[int, int]:
    """Delete everything an owner has, with the collections; the numbers of chats and of documents.

    What somebody uploaded to a collection of another stays there: it belongs to the collection. Raises EraseUnfinished.
    """
    receipt = home.services.people.erasing.erase(owner=owner, budget_seconds=math.inf)
    home.services.worker.run_due(("reclaim", "drop_collection"))  # here and now, whether or not a server runs
    return receipt.counts["sessions"], receipt.counts["documents"]
