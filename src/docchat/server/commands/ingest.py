"""`docchat ingest`: put files and folders into the library and wait until they can be searched."""

import hashlib
import mimetypes
import os
import secrets
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

import click

from ...errors import DocChatError, NotFound
from ...types import Document, DocumentState
from ...web.state import Services
from ..accounts import Account
from ..home import Home, pass_home, user_option

_POLL_SECONDS = 0.05
_BLOCK = 1 << 20
DEMO_USER = "demo"


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@user_option
@pass_home
def ingest(home: Home, paths: tuple[Path, ...], user: str | None) -> None:
    """Add PATHS, files or whole folders; exit 1 when a file could not be read.

    What the library holds already, byte for byte, is skipped.
    """
    if not add_files(home.services, home.owner(user), paths):
        raise SystemExit(1)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@pass_home
def demo(home: Home, folder: Path) -> None:
    """Make the user `demo` with the documents of FOLDER; the password is shown the first time only."""
    account, password = _demo_account(home)
    try:
        well = add_files(home.services, str(account.id), [folder], quiet=password is None)
    finally:  # whatever happened to the documents, the password is not shown again
        click.echo(f"user:     {DEMO_USER}")
        if password is None:
            again = f"{sys.argv[0]} --data-dir {home.services.settings.data_dir} user passwd {DEMO_USER}"
            click.echo(f"password: as shown at the first start; set another with: {again}")
        else:
            click.echo(f"password: {password}   (shown this once)")
    if not well:
        raise SystemExit(1)


def add_files(services: Services, owner: str, paths: Iterable[Path], *, quiet: bool = False) -> bool:
    """Add files, wait until each is searchable or given up, say so; whether all went well."""
    known = _Known(services, owner)
    waiting: dict[UUID, str] = {}
    failures = 0
    for path in _files(paths):
        try:
            if known.holds(path):
                if not quiet:
                    click.echo(f"{path.name}: unchanged")
                continue
            waiting[_add(services, owner, path).id] = path.name
        except (DocChatError, OSError) as error:
            failures += 1
            reason = error.message if isinstance(error, DocChatError) else os.strerror(error.errno or 0)
            click.echo(f"{path.name}: failed: {reason}", err=True)
    for document in _settled(services, owner, waiting):
        if document.state is DocumentState.FAILED:
            failures += 1
            click.echo(f"{document.name}: failed: {document.error}", err=True)
        else:
            click.echo(
                f"{document.name}: ready, {_count(document.pages, 'page')}, {_count(document.passages, 'passage')}"
            )
    return failures == 0


class _Known:
    """Tells what the library holds already; reads only originals that have the same size."""

    def __init__(self, services: Services, owner: str) -> None:
        self._services = services
        self._owner = owner
        self._by_size: dict[int, list[Document]] = {}
        cursor = None
        while True:
            page = services.library.list(owner=owner, cursor=cursor, limit=100)
            for document in page.items:
                if document.state is not DocumentState.FAILED:
                    self._by_size.setdefault(document.size, []).append(document)
            cursor = page.next
            if cursor is None:
                return

    def holds(self, path: Path) -> bool:
        """Whether a document has exactly the content of `path`."""
        candidates = self._by_size.get(path.stat().st_size, [])
        if not candidates:
            return False
        with path.open("rb") as file:
            wanted = _digest(iter(lambda: file.read(_BLOCK), b""))
        original = self._services.library.original
        return any(_digest(original(owner=self._owner, document_id=document.id)) == wanted for document in candidates)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _digest(blocks: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.digest()


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files to read, folders walked in order; hidden names are left out."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _add(services: Services, owner: str, path: Path) -> Document:
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    with path.open("rb") as stream:
        return services.library.add(owner=owner, name=path.name, stream=stream, media_type=media_type)


def _settled(services: Services, owner: str, waiting: dict[UUID, str]) -> Iterator[Document]:
    """Each document of `waiting` once it is ready or failed; a running server may do part of the work."""
    left = dict(waiting)
    while left:
        services.worker.ensure_started()
        services.worker.wake()
        for document_id, name in list(left.items()):
            try:
                document = services.library.get(owner=owner, document_id=document_id)
            except NotFound:
                click.echo(f"{name}: deleted meanwhile", err=True)
                del left[document_id]
                continue
            if document.state in (DocumentState.READY, DocumentState.FAILED):
                del left[document_id]
                yield document
        time.sleep(_POLL_SECONDS if left else 0)


def _demo_account(home: Home) -> tuple[Account, str | None]:
    try:
        return home.accounts.named(name=DEMO_USER), None
    except NotFound:
        password = secrets.token_urlsafe(max(12, home.settings.password_min_length))
        return home.accounts.add(name=DEMO_USER, password=password, admin=True), password
