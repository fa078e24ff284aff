"""`docchat sessions`: the chats of one owner."""

import math
from datetime import timedelta
from uuid import UUID

import click

from ...sessions import export
from ...sessions.sql_bulk import BulkScope
from ...types import Receipt, utc_now
from ..home import Group, Home, pass_home, user_option


@click.group(cls=Group)
def sessions() -> None:
    """List, show, export, clear and delete chats."""


@sessions.command("list")
@user_option
@pass_home
def list_sessions(home: Home, user: str | None) -> None:
    """List the chats, newest first."""
    owner, cursor = home.owner(user), None
    while True:
        page = home.services.store.list(owner=owner, cursor=cursor, limit=100)
        for session in page.items:
            title = session.title or "(no title)"
            click.echo(f"{session.id}  {session.updated_at:%Y-%m-%d %H:%M}  {session.messages:4}  {title}")
        cursor = page.next
        if cursor is None:
            return


@sessions.command()
@click.argument("session_id", type=click.UUID)
@user_option
@pass_home
def show(home: Home, session_id: UUID, user: str | None) -> None:
    """Print the chat SESSION_ID."""
    click.echo(_exported(home, session_id, user, "markdown"))


@sessions.command("export")
@click.argument("session_id", type=click.UUID)
@click.option("--format", "kind", type=click.Choice(["markdown", "json"]), default="markdown", show_default=True)
@user_option
@pass_home
def export_session(home: Home, session_id: UUID, kind: str, user: str | None) -> None:
    """Write the chat SESSION_ID to standard output."""
    click.echo(_exported(home, session_id, user, kind))


@sessions.command()
@click.argument("session_id", type=click.UUID)
@click.option("--history", "part", flag_value="history", help="Only its messages; the chat keeps its title.")
@click.option("--memory", "part", flag_value="memory", help="Only what a model is told: the transcript stays.")
@user_option
@pass_home
def clear(home: Home, session_id: UUID, part: str | None, user: str | None) -> None:
    """Clear the chat SESSION_ID: its keys are destroyed, an empty chat takes its place."""
    clearing, owner = home.services.clearing, home.owner(user)
    if part == "history":
        clearance = clearing.clear_history(owner=owner, session_id=session_id)
        click.echo("Cleared the history. The chat and its title stay.")
    elif part == "memory":
        clearance = clearing.clear_memory(owner=owner, session_id=session_id)
        click.echo("Cleared the memory. The transcript stays; a model is told of what follows only.")
    else:
        clearance = clearing.clear(owner=owner, session_id=session_id)
        click.echo(f"Cleared. The empty chat {clearance.session.id} takes its place.")
    if clearance.receipt is not None:
        _say(clearance.receipt)


@sessions.command("clear-all")
@click.option(
    "--older-than",
    "days",
    type=click.FloatRange(min=0, min_open=True),
    metavar="DAYS",
    help="Only chats not written to for so many days.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@user_option
@pass_home
def clear_all(home: Home, days: float | None, yes: bool, user: str | None) -> None:
    """Clear many chats at once, counted before; no empty chats take their place."""
    owner = home.owner(user)
    before = None if days is None else utc_now() - timedelta(days=days)
    scope = BulkScope(everything=days is None, before=before)
    found = home.services.bulk.count(owner=owner, scope=scope)
    click.echo(f"{found.sessions} chats with {found.messages} messages.")
    if not yes:
        click.confirm("Clear them all?", abort=True)
    _say(home.services.bulk.clear(owner=owner, scope=scope, budget_seconds=math.inf))


@sessions.command()
@click.argument("receipt_id", type=click.UUID)
@user_option
@pass_home
def undo(home: Home, receipt_id: UUID, user: str | None) -> None:
    """Bring back what the clear with the receipt RECEIPT_ID took away, while its time runs."""
    _say(home.services.clearing.undo(owner=home.owner(user), receipt_id=receipt_id))


@sessions.command("receipt")
@click.argument("receipt_id", type=click.UUID)
@user_option
@pass_home
def show_receipt(home: Home, receipt_id: UUID, user: str | None) -> None:
    """Print the receipt RECEIPT_ID of a clear."""
    _say(home.services.clearing.receipt(owner=home.owner(user), receipt_id=receipt_id))


@sessions.command()
@click.argument("session_id", type=click.UUID)
@user_option
@pass_home
def delete(home: Home, session_id: UUID, user: str | None) -> None:
    """Delete the chat SESSION_ID for good."""
    receipt = home.services.clearing.delete(owner=home.owner(user), session_id=session_id)
    click.echo("Deleted.")
    _say(receipt)


def _exported(home: Home, session_id: UUID, user: str | None, kind: str) -> str:
    owner = home.owner(user)
    session = home.services.store.get(owner=owner, session_id=session_id)
    messages = export.all_messages(home.services.store, owner=owner, session_id=session_id)
    write = export.json_document if kind == "json" else export.markdown
    return write(session, messages)


def _say(receipt: Receipt) -> None:
    counts = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in receipt.counts.items())
    until = f" until {receipt.undo_until:%Y-%m-%d %H:%M:%S} UTC" if receipt.undo_until else ""
    click.echo(f"Receipt {receipt.id}: {receipt.action}, {receipt.state}{until}; {counts}.")
