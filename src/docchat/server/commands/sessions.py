"""`docchat sessions`: the chats of one owner."""

from uuid import UUID

import click

from ...sessions import export
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
@user_option
@pass_home
def clear(home: Home, session_id: UUID, user: str | None) -> None:
    """Clear the chat SESSION_ID: its keys are destroyed, an empty chat takes its place."""
    clearance = home.services.clearing.clear(owner=home.owner(user), session_id=session_id)
    click.echo(f"Cleared. The empty chat {clearance.session.id} takes its place.")
    if clearance.receipt is not None:
        click.echo(f"Receipt {clearance.receipt.id}: {_counts(clearance.receipt.counts)}.")


@sessions.command()
@click.argument("session_id", type=click.UUID)
@user_option
@pass_home
def delete(home: Home, session_id: UUID, user: str | None) -> None:
    """Delete the chat SESSION_ID for good."""
    receipt = home.services.clearing.delete(owner=home.owner(user), session_id=session_id)
    click.echo(f"Deleted. Receipt {receipt.id}: {_counts(receipt.counts)}.")


def _exported(home: Home, session_id: UUID, user: str | None, kind: str) -> str:
    owner = home.owner(user)
    session = home.services.store.get(owner=owner, session_id=session_id)
    messages = export.all_messages(home.services.store, owner=owner, session_id=session_id)
    write = export.json_document if kind == "json" else export.markdown
    return write(session, messages)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in counts.items()) or "nothing stored"
