"""`docchat erase`: everything a person has, gone."""

import math

import click

from ...documents.sql_followed import forget_owner
from ...sessions.sql_bulk import BulkScope
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

    What somebody uploaded to a collection of another stays there: it belongs to the collection.
    """
    everything = BulkScope(everything=True)
    receipt = home.services.bulk.clear(owner=owner, scope=everything, final=True, budget_seconds=math.inf)
    collections = home.services.collections
    documents = 0
    home.services.worker.run_due(("reclaim",))  # here and now, whether or not a server runs
    for one in collections.list(owner=owner):
        if one.access == "owner":
            collections.delete(owner=owner, collection_id=one.id)
            home.services.library.empty_collection(one.id, lambda: None)
            documents += one.documents
        else:
            collections.remove_member(owner=owner, collection_id=one.id, user_id=owner)
    while found := home.services.library.list(owner=owner, limit=50).items:
        for document in found:
            home.services.library.delete(owner=owner, document_id=document.id)
            documents += 1
    home.services.library.finish_removals()
    forget_owner(home.services.database, owner)
    home.services.usage.forget(owner=owner)
    return receipt.counts["sessions"], documents
