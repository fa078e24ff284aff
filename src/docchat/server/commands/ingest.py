"""`docchat ingest`: put files and folders into the library, wait until they can be searched, and follow them."""

import os
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

import click

from ...documents.folder import Seen
from ...documents.follow import Follower, Report
from ...documents.sql_followed import Held, Place
from ...errors import Conflict, DocChatError, NotAllowed, NotFound, StoreError
from ...types import DocumentState
from ...web.state import Services
from ..accounts import Account
from ..home import Home, pass_home, user_option
from ..progress import Bar, speed

_POLL_SECONDS = 0.05
_ASKED_AT_ONCE = 200
_SUMMED_UP = 20
"""More files than this are summed up in the end; of fewer each has had its line."""
_LISTED = 200
_LEAST_PAUSE = 1.0
_LOOKING_SHARE = 10.0
"""Looking at the folders takes one part in so many of the time."""
_ANYWAY_SECONDS = 60.0
DEMO_USER = "demo"


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@user_option
@click.option("--collection", metavar="NAME", help="Into this collection; it is made when there is none of this name.")
@click.option("--delete", is_flag=True, help="Delete from the library what is gone from the folders.")
@click.option("--watch", is_flag=True, help="Go on following the folders, deletions too, until Ctrl-C.")
@click.option("--retry", is_flag=True, help="Try files again that could not be read before.")
@pass_home
def ingest(home: Home, /, paths: tuple[str, ...], user: str | None, collection: str | None, **how: bool) -> None:
    """Add files, whole folders, or URLs of allowed hosts; exit 1 when a file could not be read.

    A file that was added before is not read again unless its content changed; then the new document takes the place of
    the old one. It may be killed at any moment.
    """
    place = _place(home, home.owner(user), collection)
    urls = [path for path in paths if _is_url(path)]
    files = [_existing(path) for path in paths if not _is_url(path)]
    ingestion = Ingestion(home.services, place, watch=how["watch"], retry=how["retry"])
    try:
        well = ingestion.fetch(urls) if urls else True
        well &= ingestion.run(files, delete=how["delete"]) if files else True
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    if not well:
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


def add_files(services: Services, owner: str, paths: Sequence[Path], *, quiet: bool = False) -> bool:
    """Add files, wait until each is searchable or given up, say so; whether all went well."""
    return Ingestion(services, Place(owner), quiet=quiet).run(paths)


class Ingestion:
    """One call of the command: brings a place up to folders, and tells how far it is."""

    def __init__(
        self, services: Services, place: Place, *, quiet: bool = False, watch: bool = False, retry: bool = False
    ) -> None:
        self._services = services
        self._place = place
        self._quiet = quiet
        self._watching = watch
        limit = services.settings.max_upload_bytes
        self._follower = Follower(services.library, place, limit=limit, again=not watch, retry=retry)
        self._begin(0)

    def run(self, paths: Sequence[Path], *, delete: bool = False) -> bool:
        """Once, or until it is stopped when it watches; whether every file could be read."""
        self._services.worker.ensure_started()
        if not self._watching:
            return self.bring_up(self._follower.look(paths), delete=delete)
        click.echo(f"Following {', '.join(map(str, paths))} (stop with Ctrl-C).")
        news = News()
        while True:
            seen = self._follower.look(paths)
            if news.is_any(seen):
                try:
                    self.bring_up(seen, delete=True)
                except StoreError as error:
                    news.forget()
                    click.echo(f"waiting: {error.message}", err=True)
            time.sleep(news.pause)

    def fetch(self, urls: Sequence[str]) -> bool:
        """Take files from the web, and wait until they are read; whether all could be."""
        self._begin(len(urls))
        report = Report()
        for url in urls:
            try:
                place = self._place
                found = self._services.library.fetch(owner=place.owner, url=url, collection=place.collection)
            except DocChatError as error:
                report.failed.append((url, error.message))
            else:
                report.added[found.id] = found.name
        while self._tell(report):
            time.sleep(_POLL_SECONDS)
        self._bar.clear()
        self._say_rest(report)
        return not self._failed and not report.failed

    def bring_up(self, seen: Seen, *, delete: bool) -> bool:
        """Bring the library up to what was seen, and wait for it."""
        self._begin(len(seen.files) + len(seen.skipped), {key: file.size for key, file in seen.files.items()})
        report = self._follower.follow(seen, delete=delete, tell=self._tell)
        while self._tell(report):
            time.sleep(_POLL_SECONDS)
        self._follower.replace()
        self._bar.clear()
        self._say_rest(report)
        return not self._failed and not report.failed

    def _begin(self, total: int, sizes: Mapping[str, int] | None = None) -> None:
        self._bar = Bar("files", quiet=self._quiet)
        self._total = total
        self._sizes = sizes or {}
        self._read_bytes = 0
        self._settled: set[UUID] = set()
        self._failed: list[tuple[str, str]] = []

    def _tell(self, report: Report) -> bool:
        """Say what was settled since the last time; whether anything is still to wait for."""
        self._services.worker.ensure_started()
        self._services.worker.wake()
        left = [key for key in report.added if key not in self._settled]
        some = left[:_ASKED_AT_ONCE]
        states = self._follower.states(some)
        for key in some:
            held = states.get(key)
            if held is None or held.state in (DocumentState.READY, DocumentState.FAILED):
                self._settled.add(key)
                self._read_bytes += self._sizes.get(report.added[key], 0)
                self._settle(report.added[key], held)
        failed = len(self._failed) + len(report.failed)
        done = len(self._settled) + len(report.unchanged) + len(report.moved)
        done += len(report.failed) + len(report.skipped)
        counts = {"failed": failed, "skipped": len(report.skipped)}
        note = ", ".join(f"{number:,} {what}" for what, number in counts.items() if number)
        self._bar.draw(done, self._total, note, size=self._read_bytes)
        return len(self._settled) < len(report.added)

    def _settle(self, path: str, held: Held | None) -> None:
        if held is None:
            self._say(f"{_name(path)}: deleted meanwhile", err=True)
        elif held.state is DocumentState.FAILED:
            self._failed.append((path, held.error or "It could not be read."))
        else:
            self._say(f"{_name(path)}: ready, {_count(held.pages, 'page')}, {_count(held.passages, 'passage')}")

    def _say_rest(self, report: Report) -> None:
        """What was not told yet: what did not have to be read, what was not read and why, and all of it in numbers."""
        if not self._watching:
            for path in report.unchanged:
                self._say(f"{_name(path)}: unchanged")
        for before, after in report.moved:
            self._say(f"{_name(after)}: moved from {before}")
        for path in report.removed:
            self._say(f"{_name(path)}: deleted")
        failed = report.failed + self._failed
        for path, reason in failed[:_LISTED]:
            click.echo(f"{_name(path)}: failed: {reason}", err=True)
        for path, reason in report.skipped[:_LISTED]:
            click.echo(f"{_name(path)}: skipped: {reason}", err=True)
        if max(len(failed), len(report.skipped)) > _LISTED:
            click.echo("... and more that are not listed.", err=True)
        if self._total > _SUMMED_UP or self._bar.shown:
            click.echo(f"{_sum(report, read=len(self._settled) - len(self._failed), failed=len(failed))}{self._took()}")

    def _took(self) -> str:
        seconds, read = self._bar.seconds, len(self._settled)
        return f"; {seconds:.1f} s{f', {speed(read, self._read_bytes, seconds)}' if read else ''}."

    def _say(self, text: str, *, err: bool = False) -> None:
        """A line for one file; on a terminal the bar stands for them."""
        if not self._quiet and not self._bar.shown:
            click.echo(text, err=err)


class News:
    """Tells whether folders changed since the last look, and which files to leave alone for a moment."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[int, int]] = {}
        self._missing: set[str] = set()
        self._acted = 0.0
        self._looked = time.monotonic()
        self.pause = _LEAST_PAUSE

    def is_any(self, seen: Seen) -> bool:
        """Whether there is anything to do about what was seen; marks in it what is busy, and what may come back."""
        now = time.monotonic()
        files = {key: (file.size, file.modified) for key, file in seen.files.items()}
        before, self._files = self._files, files
        fresh = {key for key, state in files.items() if before and before.get(key) != state}
        # A file is taken when it stayed the same between two looks, and believed gone when it was missing in two.
        seen.busy = fresh
        for key in fresh:
            del seen.files[key]
        missing = {key for key in before if key not in files}
        seen.spared = missing
        due = bool(fresh or missing or self._missing) or files != before or now - self._acted > _ANYWAY_SECONDS
        self._missing = fresh | missing
        if due:
            self._acted = now
        self.pause = max(_LEAST_PAUSE, _LOOKING_SHARE * (time.monotonic() - now))
        return due

    def forget(self) -> None:
        """Act at the next look whatever is seen: the last time it failed."""
        self._acted = float("-inf")


def _sum(report: Report, *, read: int, failed: int) -> str:
    counts = {
        "read": read,
        "unchanged": len(report.unchanged),
        "moved": len(report.moved),
        "deleted": len(report.removed),
        "failed": failed,
        "skipped": len(report.skipped),
    }
    return ", ".join(f"{number:,} {what}" for what, number in counts.items() if number or what == "read")


def _place(home: Home, owner: str, collection: str | None) -> Place:
    """Where the files go. A collection that does not exist yet is made."""
    if collection is None:
        return Place(owner)
    collections = home.services.collections
    found = [one for one in collections.list(owner=owner) if collection in (one.name, str(one.id))]
    if len(found) > 1:
        raise Conflict(f"There are {len(found)} collections called {collection}: give the id of one.")
    if found and found[0].access == "reader":
        raise NotAllowed
    if not found:
        found = [collections.create(owner=owner, name=collection)]
        click.echo(f"Made the collection {found[0].name}.", err=True)
    return Place(owner, found[0].id)


def _existing(path: str) -> Path:
    if not os.path.lexists(path):
        raise click.BadParameter(f"Path {path!r} does not exist.", param_hint="PATH")
    return Path(path)


def _is_url(path: str) -> bool:
    return path.partition("://")[0].lower() in ("http", "https") and "://" in path


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _demo_account(home: Home) -> tuple[Account, str | None]:
    try:
        return home.accounts.named(name=DEMO_USER), None
    except NotFound:
        password = secrets.token_urlsafe(max(12, home.settings.password_min_length))
        return home.accounts.add(name=DEMO_USER, password=password, admin=True), password
