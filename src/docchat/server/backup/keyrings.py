"""The keyring at a restore: the one in place, and one from a backup, made ready beside it, then put in its place."""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from uuid import UUID

from ...config import Settings
from ...errors import ConfigError, InvalidInput, StoreError
from ...keys import slot_file
from ...keys.cipher import sync_directory
from ...keys.keyring import Keyring
from ...keys.slots import SlotKeyring
from ...keys.sql import SqlKeyring
from . import sql_keys
from .archive import Archive
from .keys import ABOUT, MASTER, records
from .keys_about import About

_TWICE = "slots.bin", "master.key"


def in_place(settings: Settings, store_id: UUID) -> Keyring | None:
    """The keyring of this store that is there now; None when there is none.

    Raises ConfigError when it is another store's, or its master key is missing or wrong.
    """
    directory = settings.data_dir / "keys"
    if settings.keyring_url:
        database = sql_keys.keyring_database(settings)
        keyring = None
        try:
            if sql_keys.is_made(database):
                _need_master(settings)
                keyring = SqlKeyring(database, directory, store_id=store_id, slots=0, master_key=settings.master_key)
        finally:
            if keyring is None:
                database.close()
        return keyring
    if not (directory / "slots.bin").exists():
        return None
    _need_master(settings)
    return SlotKeyring(directory, store_id=store_id, slots=0, master_key=settings.master_key)


def _need_master(settings: Settings) -> None:
    path = settings.data_dir / "keys" / "master.key"
    if not settings.master_key and not path.exists():
        raise ConfigError(
            f"The master key {path} is missing. Without it no stored chat can be read: put it back from your key "
            "backup, with --keys."
        )


@contextmanager
def from_backup(settings: Settings, archive: Archive) -> Iterator[SlotKeyring]:
    """The keyring of a key backup, in a directory of its own, where nobody reads it yet.

    Put it in its place with `put`. Raises ConfigError when the backup's master key does not fit.
    """
    about = _about(archive)
    staging = settings.data_dir / f".keys.restore-{secrets.token_hex(8)}"
    directory = staging / "keys"
    directory.mkdir(mode=0o700, parents=True)
    keyring = None
    try:
        master = archive.read(MASTER)
        if master is not None and not settings.master_key:
            _write(directory / "master.key", [master])
        elif not settings.master_key:
            raise ConfigError(
                "This backup holds no master key: it was made where DOCCHAT_MASTER_KEY is set. Set it here, too."
            )
        _write(directory / "slots.bin", chain([about.header().pack()], records(archive)))
        with slot_file.OpenFile(directory / "slots.bin") as descriptor:
            slot_file.extend(descriptor, about.handed_out + 1)
            os.fsync(descriptor)
        staged = replace(settings, data_dir=staging)
        keyring = SlotKeyring(
            staged.data_dir / "keys",
            store_id=archive.manifest.store_id,
            slots=about.handed_out,
            master_key=settings.master_key,
        )
        yield keyring
    finally:
        if keyring is not None:
            keyring.close()
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def put(settings: Settings, staged: SlotKeyring) -> Iterator[None]:
    """Put a keyring in the place of the present one when the block ends, and leave that as it is if it raises."""
    if settings.keyring_url:
        database = sql_keys.keyring_database(settings)
        try:
            with database.write() as connection:
                yield
                about, packed = _read(staged.path)
                sql_keys.replace(connection, about, packed)
            database.checkpoint()
        finally:
            database.close()
        _put_master(settings, staged)
        return
    yield
    staged.close()
    directory, aside = settings.data_dir / "keys", staged.path.parent.with_name("old")
    if directory.exists():
        directory.rename(aside)
    try:
        staged.path.parent.rename(directory)
    except OSError:
        if aside.exists():
            aside.rename(directory)
        raise
    sync_directory(settings.data_dir)
    shred(aside)


def shred(directory: Path) -> None:
    """Overwrite the key files of a directory in place and remove them."""
    for name in _TWICE:
        path = directory / name
        if path.exists():
            with path.open("r+b") as file:
                size = os.fstat(file.fileno()).st_size
                for start in range(0, size, 1 << 16):
                    file.write(bytes(min(1 << 16, size - start)))
                file.flush()
                os.fsync(file.fileno())
    shutil.rmtree(directory, ignore_errors=True)


def _put_master(settings: Settings, staged: SlotKeyring) -> None:
    source = staged.path.with_name("master.key")
    if source.exists():
        directory = settings.data_dir / "keys"
        directory.mkdir(mode=0o700, exist_ok=True)
        source.replace(directory / "master.key")
        sync_directory(directory)


def _about(archive: Archive) -> About:
    try:
        about = About.load(archive.read(ABOUT) or b"")
    except (ValueError, TypeError) as error:
        raise InvalidInput("This key backup is damaged. Nothing was changed.", code="bad_backup") from error
    if UUID(about.store_id) != archive.manifest.store_id:
        raise InvalidInput("This key backup is damaged. Nothing was changed.", code="bad_backup")
    return about


def _read(path: Path) -> tuple[About, Iterator[bytes]]:
    with slot_file.OpenFile(path, os.O_RDONLY) as descriptor:
        header = slot_file.Header.read(descriptor)
    return About.of(header), _records(path, header.handed_out)


def _records(path: Path, handed_out: int) -> Iterator[bytes]:
    left = handed_out * slot_file.SLOT_BYTES
    with path.open("rb") as file:
        file.seek(slot_file.HEADER_BYTES)
        while left:
            block = file.read(min(left, slot_file.SLOT_BYTES * 1024))
            if not block:
                raise StoreError
            left -= len(block)
            yield block


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
