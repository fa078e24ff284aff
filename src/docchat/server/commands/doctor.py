"""`docchat doctor`: looks at everything an installation needs and says what to do about what is wrong."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal
from uuid import UUID

import click
import httpx

from ...errors import DocChatError, NotFound
from ...keys.keyring import SlotState
from .. import sql_checks
from ..home import Home, pass_home

_LOW_SPACE_BYTES = 1 << 30
_MODEL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `fail` makes the exit code 1."""

    level: Literal["ok", "warn", "fail"]
    text: str


@click.command()
@pass_home
def doctor(home: Home) -> None:
    """Check the data directory, database, keys, readers and model server; exit 1 when something is wrong."""
    failed = False
    for check in CHECKS:
        try:
            for finding in check(home):
                failed |= finding.level == "fail"
                click.echo(f"{finding.level:4}  {finding.text}")
        except DocChatError as error:
            failed = True
            click.echo(f"fail  {error.message}")
            break  # without settings, database and keys there is nothing further to look at
    if failed:
        raise SystemExit(1)


def _directory(home: Home) -> Iterator[Finding]:
    directory = home.settings.data_dir
    home.services  # noqa: B018  (makes what is missing, and says what cannot be made)
    yield Finding("ok", f"data directory {directory}")
    yield from _mode(directory, 0o700)
    for path in (directory / "secret.key", directory / "keys" / "master.key", directory / "keys" / "slots.bin"):
        if path.exists():
            yield from _mode(path, 0o600)
    free = shutil.disk_usage(directory).free
    level: Literal["ok", "warn"] = "ok" if free >= _LOW_SPACE_BYTES else "warn"
    yield Finding(level, f"{free / (1 << 30):.1f} GiB free on its disk")


def _mode(path: Path, most: int) -> Iterator[Finding]:
    mode = path.stat().st_mode & 0o777
    if mode & ~most:
        yield Finding("fail", f"{path} can be read by others (mode {mode:o}): chmod {most:o} {path}")


def _database(home: Home) -> Iterator[Finding]:
    database = home.services.database
    yield Finding("ok", f"database {sql_checks.engine_version(database)}")
    for what, count in sql_checks.orphans(database).items():
        yield Finding("warn" if count else "ok", f"{count} {what}")
    for what, count in sql_checks.failed_jobs(database).items():
        yield Finding("warn", f"{count} jobs were given up: {what}")


def _keys(home: Home) -> Iterator[Finding]:
    sessions = damaged = unfinished = 0
    for batch in sql_checks.slot_uses(home.services.database):
        slots = [slot for use in batch for slot in use.slots]
        states = dict(zip(slots, home.services.keyring.states(slots=slots), strict=True))
        for use in batch:
            found = {states[slot] for slot in use.slots}
            sessions += 1
            damaged += SlotState.HOLE in found
            unfinished += (SlotState.DESTROYED in found) is not use.cleared
    yield Finding("ok", f"keys belong to this database; {sessions} chats have or had keys")
    if damaged:
        yield Finding("fail", f"{damaged} chats have lost their keys: restore the key directory from its backup")
    if unfinished:
        yield Finding("warn", f"{unfinished} clears are not finished yet; a running server finishes them by itself")


def _originals(home: Home) -> Iterator[Finding]:
    library = home.services.library
    stored = set(library.files.ids())
    known = set(sql_checks.document_ids(home.services.database))
    missing = sum(not _has_original(home, document_id) for document_id in known - stored)
    yield Finding("ok", f"{len(known)} documents")
    if missing:
        yield Finding("fail", f"{missing} documents have lost their original files: restore them from a backup")
    # A file comes before its row: what is being uploaded right now is no orphan.
    late = stored - known - set(sql_checks.document_ids(home.services.database))
    if late:
        yield Finding("warn", f"{len(late)} original files belong to no document (uploads that were cut short)")


def _has_original(home: Home, document_id: UUID) -> bool:
    """Whether the original is there now, or the document is gone too."""
    try:
        home.services.library.files.open(document_id=document_id)
    except NotFound:
        return document_id not in set(sql_checks.document_ids(home.services.database))
    return True


def _readers(home: Home) -> Iterator[Finding]:
    for name, content in (("plain.txt", b"The doctor reads."), ("page.html", b"<p>The doctor reads.</p>")):
        parts = home.services.library.sandbox.read([content], name=name)
        if not any("The doctor reads" in part.text for part in parts):
            yield Finding("fail", f"the reader of {name.partition('.')[2]} files does not work")
    yield Finding("ok", ", ".join(f"{package} {version(package)}" for package in ("pypdfium2", "kreuzberg")))


def _model(home: Home) -> Iterator[Finding]:
    settings = home.settings
    if not settings.model_url:
        yield Finding("ok", "no model is connected: answers quote the documents (DOCCHAT_MODEL_URL connects one)")
        return
    headers = {"Authorization": f"Bearer {settings.model_key}"} if settings.model_key else {}
    try:
        answer = httpx.get(f"{settings.model_url.rstrip('/')}/models", headers=headers, timeout=_MODEL_SECONDS)
    except httpx.HTTPError as error:
        yield Finding("fail", f"the model server at {settings.model_url} does not answer ({type(error).__name__})")
        return
    if answer.is_success:
        yield Finding("ok", f"model server at {settings.model_url}")
    else:
        yield Finding("fail", f"the model server at {settings.model_url} answers {answer.status_code} to /models")


CHECKS: tuple[Callable[[Home], Iterator[Finding]], ...] = (_directory, _database, _keys, _originals, _readers, _model)
