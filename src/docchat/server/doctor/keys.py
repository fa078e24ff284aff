"""The keys: every chat has its own and can open it, no key is without a chat, and nothing of destroyed ones is left."""

import time
from collections.abc import Iterator
from datetime import timedelta

from ...errors import Cleared, InvalidInput, KeyDamaged, NotFound
from ...keys.sql import SqlKeyring
from ...types import utc_now
from ...web.state import Services
from .. import sql_checks
from ..home import Home
from .finding import Finding, counted

_PATIENCE_SECONDS = 1.5
_ORPHAN_AGE = timedelta(minutes=10)
_BACKUP_AGE = timedelta(days=7)


def check(home: Home) -> Iterator[Finding]:
    """Rows and keys, in both directions, and damage."""
    services = home.services
    sessions, damaged = _opened(services)
    yield Finding("ok", f"keys belong to this database; {sessions} chats have or had keys")
    if damaged:
        text = f"{damaged} chats have lost their keys or hold damaged ones: restore the keys from their backup"
        yield Finding("fail", text)
    yield from _models(services)
    yield from _unfinished(services)
    yield from _orphans(services)
    yield from _residue(services)
    yield from _backups(services)


def _opened(services: Services) -> tuple[int, int]:
    """How many chats have keys, and of how many live ones a key cannot be opened."""
    sessions = damaged = 0
    for batch in sql_checks.slot_uses(services.database):
        sessions += len(batch)
        for use in batch:
            if use.cleared:
                continue
            try:
                for slot in use.slots:
                    services.keyring.open(session_id=use.session_id, slot=slot)
            except KeyDamaged:
                damaged += 1
            except Cleared:
                continue  # cleared meanwhile, or cut short: that is looked at below
    return sessions, damaged


def _models(services: Services) -> Iterator[Finding]:
    """Connected models whose server's key cannot be opened."""
    lost = 0
    for model in services.connected.list():
        try:
            services.connected.open_key(model)
        except InvalidInput:
            lost += 1
        except NotFound:
            continue  # deleted or given another key meanwhile
    if lost:
        text = "models have lost the key of their server: an administrator has to type it in again, on the page Models"
        yield Finding("fail", f"{lost} {text}")


def _unfinished(services: Services) -> Iterator[Finding]:
    found = services.audit.disagreements()
    if found:  # a clear that goes on right now is through in a moment
        time.sleep(_PATIENCE_SECONDS)
        found = services.audit.disagreements()

    def finish() -> str:
        return f"{services.clearing.reconcile()} clears were finished"

    without_rows = sum(item.action is None for item in found)
    yield counted(
        len(found) - without_rows, "clears are not finished: a key is destroyed, rows are left", repair=finish
    )
    yield counted(without_rows, "chats are cleared though a key of theirs is left", repair=finish)


def _orphans(services: Services) -> Iterator[Finding]:
    orphans = services.audit.orphan_keys()
    before = utc_now() - _ORPHAN_AGE
    old = sum(made < before for made in services.keyring.made_at(slots=orphans)) if orphans else 0

    def sweep() -> str:
        return f"{services.audit.sweep_keys()} keys without a chat or model were destroyed"

    yield counted(old, "keys belong to no chat or model", repair=sweep)
    if len(orphans) - old:
        yield Finding("ok", f"{len(orphans) - old} keys were just made, for chats that are not stored yet")


def _residue(services: Services) -> Iterator[Finding]:
    if not isinstance(services.keyring, SqlKeyring) or not services.keyring.shared:
        return
    waiting = services.keyring.residue.standing().waiting

    def rewrite() -> str:
        return "nothing of destroyed keys is left" if services.keyring.rewrite() else ""

    text = "places of the keyring's server hold bytes of destroyed keys; a job takes them out (docchat keys status)"
    yield counted(waiting, text, repair=rewrite, level="warn")


def _backups(services: Services) -> Iterator[Finding]:
    last = sql_checks.last_key_backup(services.database)
    if last is not None:
        age = utc_now() - last
        text = f"the last backup of the keys is {age.days} days old"
        yield Finding("warn" if age > _BACKUP_AGE else "ok", text)
    elif (first := sql_checks.first_chat(services.database)) is not None and utc_now() - first > _BACKUP_AGE:
        yield Finding(
            "warn", "the keys were never backed up: whoever loses them loses every chat (docchat backup --keys)"
        )
