"""`docchat keys`: the master key that wraps the keys of all chats."""

import click

from ...errors import ConfigError
from ...keys.keyring import SlotState
from ...keys.rotation import RotatingKeyring, Rotation
from ...keys.rotation import rotate as change
from ...keys.sql import SqlKeyring
from ...keys.sql_residue import Standing
from ..home import Group, Home, pass_home
from ..sql_slots import slot_owners


@click.group(cls=Group)
def keys() -> None:
    """Look at the keyring, and change its master key."""


@keys.command()
@pass_home
def status(home: Home) -> None:
    """Say where the keys are, how many there are, under which master key; on PostgreSQL, what the server permits."""
    keyring = _keyring(home)
    current, census = keyring.current_master(), keyring.census()
    where = "a database (DOCCHAT_KEYRING_URL)" if home.settings.keyring_url else str(home.settings.data_dir / "keys")
    click.echo(f"keyring {keyring.identity} in {where}")
    numbers = ", ".join(str(number) for number in keyring.masters.numbers())
    click.echo(f"master key {current} is in use; {keyring.masters.place} holds {numbers}")
    click.echo(", ".join(f"{census.states.get(state, 0)} {name}" for state, name in _STATES))
    for number, count in sorted(census.masters.items()):
        click.echo(f"{count} keys are under master key {number}")
    if census.under_older(current):
        click.echo("A change of the master key is not finished: run docchat keys rotate.")
    elif keyring.masters.numbers()[-1] > current:
        click.echo("A newer master key waits: when every host has it, run docchat keys rotate.")
    if isinstance(keyring, SqlKeyring) and keyring.shared:
        for line in _server(keyring.residue.standing()):
            click.echo(line)


@keys.command()
@click.option("--patience", type=float, default=10.0, show_default=True, help="Seconds to wait for chats being made.")
@pass_home
def rotate(home: Home, patience: float) -> None:
    """Change the master key, or finish a change that was cut short. Servers keep running.

    Every key of a chat is wrapped again in place; the content is not touched. In the end the old key is overwritten.
    """
    keyring = _keyring(home)
    database = home.services.database
    done = change(keyring, lambda: slot_owners(database), patience=patience)
    for line in _told(done, keyring.masters.from_setting):
        click.echo(line)
    if done.left:
        raise SystemExit(1)
    if not done.waiting and not keyring.rewrite():
        click.echo("What the old wrapping has left in the keyring's files is taken out by the running server.")


_STATES = (
    (SlotState.LIVE, "live"),
    (SlotState.SUSPENDED, "withheld"),
    (SlotState.DESTROYED, "destroyed"),
    (SlotState.HOLE, "never made"),
)


def _keyring(home: Home) -> RotatingKeyring:
    keyring = home.services.keyring
    if not isinstance(keyring, RotatingKeyring):
        raise ConfigError("This keyring knows no master keys.")
    return keyring


def _told(done: Rotation, from_setting: bool) -> list[str]:
    if done.waiting:
        return [
            f"Made master key {done.number} in keys/master.key of this host. It is not used yet.",
            "Copy the file to every other host, then run docchat keys rotate again.",
        ]
    lines = [f"{done.rewrapped} keys were wrapped under master key {done.number}."]
    if done.left:
        lines += [
            f"{done.left} keys are still under the old one: they belong to no chat, or are damaged. The old master key "
            "stays until then.",
            "Keys without a chat are destroyed after ten minutes (docchat doctor --repair); then run this again.",
        ]
    elif from_setting:
        lines.append("No key is under an older one: take older numbers out of DOCCHAT_MASTER_KEY on every host.")
    else:
        lines.append(f"No key is under an older one; {done.retired} old master keys were overwritten.")
    if not done.left:
        lines.append("Back the new master key up, and destroy the backups of the old one.")
    return lines


def _server(standing: Standing) -> list[str]:
    checks = (
        (standing.may_rewrite, "old versions of destroyed keys are rewritten away", "the tables are not ours"),
        (
            standing.lets_log_go,
            "the write-ahead log is let go of when we ask",
            "grant this user pg_checkpoint, pg_monitor, and EXECUTE on pg_switch_wal() and pg_control_checkpoint()",
        ),
        (standing.log_is_removed, "what is let go of is removed", "wal_recycle is on: better set it to off"),
        (not standing.archives, "the log is not archived", "archive_mode is on: destroyed keys stay in the archive"),
        (not standing.replicas, "no replica holds the log back", f"{standing.replicas} replication slots hold the log"),
    )
    lines = [f"{'ok  ' if fine else 'warn'}  {good if fine else bad}" for fine, good, bad in checks]
    return [*lines, f"{standing.waiting} places wait to be rewritten (a background job does it twice a minute)"]
