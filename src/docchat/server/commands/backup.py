"""`docchat backup` and `docchat restore`: content, keys and the log of clears, each apart from the others."""

from pathlib import Path
from uuid import UUID

import click

from ...db.migrate import migrate
from ...extension import build_services
from ...types import utc_now
from ..backup.content import back_up_content
from ..backup.keys import back_up_keys, remove_old, write_clears
from ..backup.restore import Report, Request, restore
from ..home import Home, MountedHome, close, pass_home
from ..sql_checks import note_key_backup

_path = click.Path(path_type=Path)
_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("path", type=_path)
@click.option("--keys", "what", flag_value="keys", help="The keys alone. Keep them apart from the content.")
@click.option("--clears", "what", flag_value="clears", help="The log of clears alone: no key and no content.")
@click.option("--keep", type=click.FloatRange(0, min_open=True), metavar="DAYS", help="Remove older key backups.")
@pass_home
def backup(home: Home, path: Path, what: str | None, keep: float | None) -> None:
    """Back up to the file PATH, or to a file with a name of its own in the folder PATH.

    Without an option the content: chats as they lie sealed, documents, accounts; never a key. A server may run.
    With --keep, key backups of this store in the same folder that are older are overwritten and removed.
    """
    if keep is not None and what != "keys":
        raise click.UsageError("--keep goes with --keys: it is the retention of key backups.")
    services = home.services
    what = what or "content"
    if path.is_dir():
        path /= "docchat-clears.log" if what == "clears" else f"docchat-{what}-{utc_now():%Y%m%dT%H%M%SZ}.tar"
    if what == "clears":
        write_clears(services, path)
    elif what == "keys":
        slots = back_up_keys(services, path)
        note_key_backup(services.database)
        click.echo(f"{slots} key slots. Whoever has this file and a backup of the content of")
        click.echo("the same time can read the chats as they were then: keep it safe, and not for long.")
        if keep is not None:
            _remove_old(path, migrate(services.database).store_id, keep)
    else:
        counts = back_up_content(services, path)
        click.echo(
            f"{counts['chat_session']} chats (cleared ones as tombstones) with {counts['message']} messages, "
            f"{counts['document']} documents with {counts['originals']} originals, {counts['account']} accounts."
        )
        if counts["originals"] < counts["document"]:
            click.echo("Some originals are missing or damaged: run docchat doctor.", err=True)
    click.echo(f"Written to {path}")


def _remove_old(path: Path, store_id: UUID, keep: float) -> None:
    removed, unreadable = remove_old(path, store_id=store_id, days=keep)
    click.echo(f"{removed} key backups older than {keep:g} days were overwritten and removed.")
    for other in unreadable:
        click.echo(f"{other} cannot be read and was left: look at it yourself.", err=True)


@click.command("restore")
@click.argument("content", type=_file, required=False)
@click.option("--keys", type=_file, help="A key backup to put in the place of the keys that are here.")
@click.option("--clears", type=_file, help="The newest log of clears.")
@click.option("--accept-lost-clears", is_flag=True, help="There is no log: chats cleared since may come back.")
@click.option("--without-chats", is_flag=True, help="Documents and accounts only: the keys are lost.")
@click.option("--into", type=click.Choice(["empty", "replace"]), default="empty", show_default=True)
@pass_home
def restore_command(
    home: Home,
    content: Path | None,
    keys: Path | None,
    clears: Path | None,
    accept_lost_clears: bool,
    without_chats: bool,
    into: str,
) -> None:
    """Put the backup CONTENT back, or keys alone. Stop the server first.

    Chats that were cleared since the backup stay cleared. When it fails, what was here is still here.
    """
    if content is None and keys is None:
        raise click.UsageError("Give a backup of the content, or --keys, or both.")
    if without_chats and (keys is not None or content is None):
        raise click.UsageError("--without-chats is for a backup of the content when there are no keys.")
    request = Request(
        content=content,
        keys=keys,
        clears=clears,
        replace=into == "replace",
        accept_lost_clears=accept_lost_clears,
        without_chats=without_chats,
    )
    if isinstance(home, MountedHome):
        close(home.services)  # what the application of this very process holds open is in nobody's way
    _tell(restore(home.settings, request), _finish(home))


def _finish(home: Home) -> int:
    """Bury the chats whose keys are destroyed, before anybody asks; how many they were."""
    services = build_services(home.settings)
    try:
        return services.clearing.reconcile(patience=0)
    finally:
        close(services)


def _tell(report: Report, buried: int) -> None:
    if report.counts:
        count = report.counts.get
        click.echo(
            f"Restored {count('chat_session', 0)} chats with {count('message', 0)} messages, {count('document', 0)} "
            f"documents and {count('account', 0)} accounts."
        )
    else:
        click.echo("Restored the keys.")
    if report.destroyed_again or buried:
        click.echo(
            f"{buried} chats were cleared after the backup: they stay cleared ({report.destroyed_again} of their keys "
            "were in the backup and are destroyed again)."
        )
    if report.without_key:
        click.echo(f"{report.without_key} chats cannot be read: no backup here has their keys.", err=True)
