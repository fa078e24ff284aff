"""Restore: puts a backup back so that nothing cleared comes back with it, and nothing is lost when it fails.

The order: look at every byte of what is given; be alone at the data; find the log of clears; make content and keys
ready beside the old ones; destroy in the new keyring what was cleared since; only then let both take their places.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from uuid import UUID

from ...config import Settings
from ...db.engine import Database
from ...errors import ConfigError, Conflict, InvalidInput, StoreError
from ...keys.cleared_log import ClearedLog
from ...keys.keyring import Keyring, SlotState
from . import keyrings, place, sql_load, sql_place
from .archive import Archive, opened, told
from .content import CLEARS
from .sql_content import SCHEMA
from .sql_place import Loaded, Present

_BATCH = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be restored, and how."""

    content: Path | None = None
    keys: Path | None = None
    clears: Path | None = None
    replace: bool = False
    accept_lost_clears: bool = False
    without_chats: bool = False


@dataclass(slots=True)
class Report:
    """What a restore did."""

    counts: dict[str, int] = field(default_factory=dict)
    destroyed_again: int = 0
    """Keys that the backup brought and that had been cleared since."""
    without_key: int = 0
    """Chats that cannot be read: no key of theirs is there."""


def restore(settings: Settings, request: Request) -> Report:
    """Put backups back. Raises Conflict, InvalidInput, ConfigError, StoreError: then nothing was changed."""
    with ExitStack() as stack:
        content = None if request.content is None else stack.enter_context(opened(request.content, "content"))
        if content is not None and content.manifest.schema > SCHEMA:
            raise InvalidInput("This backup was made by a newer docchat. Install that version or newer.")
        keys = None if request.keys is None else stack.enter_context(opened(request.keys, "keys"))
        given = None if request.clears is None else _read_log(request.clears)
        stack.enter_context(place.alone(settings))
        here = _present(settings, request)
        job = _Job(settings, request, content, keys, here)
        stack.callback(job.close)
        job.learn(given)
        return job.run(stack)


class _Job:
    """One restore, from the checks to the end."""

    def __init__(
        self,
        settings: Settings,
        request: Request,
        content: Archive | None,
        keys: Archive | None,
        here: Present | None,
    ) -> None:
        self._settings = settings
        self._request = request
        self._content = content
        self._keys = keys
        self._here = here
        self._store_id = self._agreed_store()
        self._log: ClearedLog | None = None
        self._old: Keyring | None = None
        self._report = Report()

    def learn(self, given: ClearedLog | None) -> None:
        """Find the keyring in place, and everything that is known of clears. Raises when that is too little."""
        if self._request.without_chats:
            return
        try:
            self._old = keyrings.in_place(self._settings, self._store_id)
        except (ConfigError, StoreError) as error:
            if self._keys is None:
                raise
            self._refuse_foreign(error)
        embedded = None if self._content is None else ClearedLog.load(self._content.read(CLEARS) or b"")
        if self._old is not None:
            self._log = ClearedLog.of(self._old, store_id=self._store_id)
        for other in (given, embedded):
            if other is not None:
                self._log = other if self._log is None else self._log.merge(other)
        if self._keys is None:
            self._need_keys_in_place()
        else:
            self._need_log(given, embedded)

    def run(self, stack: ExitStack) -> Report:
        """Make everything ready, and put it in its place."""
        keyring = self._old
        if self._keys is not None:
            staged = stack.enter_context(keyrings.from_backup(self._settings, self._keys))
            stack.enter_context(keyrings.put(self._settings, staged))
            keyring = staged
        if keyring is not None and self._log is not None:
            self._report.destroyed_again = self._log.apply(keyring)
        with self._library() as loaded:
            if keyring is not None:
                self._report.destroyed_again += _bury(loaded, keyring)
                self._count_lost(loaded, keyring)
            self._report.counts = loaded.counts
        return self._report

    def close(self) -> None:
        """Give back what the keyring in place holds open."""
        if self._old is not None:
            self._old.close()

    @contextmanager
    def _library(self) -> Iterator[Loaded]:
        """The library of the backup, or the one that is there when only keys are restored."""
        chats = not self._request.without_chats
        if self._content is not None:
            with sql_place.replaced(self._settings, self._content, self._store_id, chats=chats) as loaded:
                yield loaded
            return
        database = Database(self._settings.effective_database_url, timeout=self._settings.store_timeout_seconds)
        try:
            with database.read() as connection:
                yield Loaded(connection, {})
        finally:
            database.close()

    def _agreed_store(self) -> UUID:
        stores = [archive.manifest.store_id for archive in (self._content, self._keys) if archive is not None]
        if self._request.without_chats and self._here is not None:
            return self._here.store_id
        if self._content is None:
            if self._here is None:
                raise InvalidInput("There is no library for these keys: give the backup of its content, too.")
            stores.append(self._here.store_id)
        if len(set(stores)) > 1:
            first, second = sorted(str(store) for store in set(stores))
            raise ConfigError(
                f"The keys and the content belong to two stores, {first} and {second}. Use those that belong together."
            )
        return stores[0]

    def _refuse_foreign(self, error: ConfigError | StoreError) -> None:
        """Keys in place that are another store's, or damaged, are replaced only when that is asked for.

        Those of a library without anything in it, as a first start makes them, open nothing.
        """
        is_unused = self._content is not None and self._here is not None and self._here.empty
        if not self._request.replace and not is_unused:
            raise ConfigError(
                f"{error.message} Give --into replace to put the keys of the backup in the place of the present ones."
            ) from error

    def _need_keys_in_place(self) -> None:
        if self._old is None:
            raise ConfigError(
                f"The keys of the store {self._store_id} are not here, and without them no chat can be read: give the "
                "key backup with --keys, or leave the chats out with --without-chats."
            )

    def _need_log(self, given: ClearedLog | None, embedded: ClearedLog | None) -> None:
        if self._old is not None or self._request.accept_lost_clears or self._content is None:
            return
        if given is None:
            raise Conflict(
                "Keys from a backup bring back every chat that was cleared after it was made. Give the log of clears "
                "with --clears, or say with --accept-lost-clears that you have none.",
                code="log_needed",
            )
        if embedded is not None and given.merge(embedded) != given:
            raise Conflict(
                "This log of clears is older than the backup of the content. Give a newer one with --clears, or say "
                "with --accept-lost-clears that you have none.",
                code="log_old",
            )

    def _count_lost(self, loaded: Loaded, keyring: Keyring) -> None:
        chats = sql_load.live_slots(loaded.connection)
        would_open = 0
        while batch := list(islice(chats, _BATCH)):
            slots = [slot for chat in batch for slot in chat]
            states = dict(zip(slots, keyring.states(slots=slots), strict=True))
            lost = [chat for chat in batch if SlotState.HOLE in {states[slot] for slot in chat}]
            self._report.without_key += len(lost)
            if self._old is not None and self._old is not keyring and lost:
                missing = [slot for chat in lost for slot in chat]
                would_open += SlotState.LIVE in self._old.states(slots=missing)
        if would_open:
            raise Conflict(
                "These keys are older than the content, and the keys in place open chats that these do not. Leave out "
                "--keys.",
                code="keys_older",
            )


def _bury(loaded: Loaded, keyring: Keyring) -> int:
    """Destroy the keys of what the content itself knows to be cleared; how many were there."""
    handed_out, found = keyring.handed_out(), 0
    slots = (slot for slot in sql_load.gone_slots(loaded.connection) if slot < handed_out)
    while batch := list(islice(slots, _BATCH)):
        states = zip(batch, keyring.states(slots=batch), strict=True)
        there = [slot for slot, state in states if state in (SlotState.LIVE, SlotState.SUSPENDED)]
        keyring.destroy(slots=there)
        found += len(there)
    return found


def _present(settings: Settings, request: Request) -> Present | None:
    database = Database(settings.effective_database_url, timeout=settings.store_timeout_seconds)
    try:
        here = sql_place.present(database)
    except StoreError as error:
        if request.replace and database.is_sqlite and request.content is not None:
            return None  # whatever it is, it is to be replaced
        raise ConfigError(
            "The library that is here cannot be read. Give --into replace to put the backup in its place."
        ) from error
    if here is not None and request.content is not None and not here.empty and not request.replace:
        raise Conflict("There is a library here already: give --into replace to put the backup in its place.")
    return here


def _read_log(path: Path) -> ClearedLog:
    with told(path):
        return ClearedLog.load(path.read_bytes())
