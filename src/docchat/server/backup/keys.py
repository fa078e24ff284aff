"""Writes a backup of the keys alone, removes the ones whose time is over, and writes the log of clears.

The records are those of the slot file, from whatever keyring they come: state, number of the master key, wrapped key.
"""

import os
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from ...config import Settings
from ...db.migrate import migrate
from ...errors import InvalidInput, StoreUnavailable
from ...keys import slot_file
from ...keys.cipher import sync_directory
from ...keys.cleared_log import ClearedLog
from ...keys.slot_file import SLOT_BYTES, Header
from ...keys.slots import SlotKeyring
from ...types import utc_now
from ...web.state import Services
from . import sql_keys
from .archive import Archive, Spool, creating, opened, told
from .keys_about import About

ABOUT, RECORDS, MASTER = "keys/about.json", "keys/slots.bin", "keys/master.key"
_BLOCK = 1024
_TRIES = 20
_ZEROS = bytes(1 << 16)


def back_up_keys(services: Services, path: Path) -> int:
    """Write all keys and the master keys to a new archive; how many slots it holds. Raises StoreError, Conflict."""
    keyring = services.keyring
    with creating(path, kind="keys", store_id=migrate(services.database).store_id) as archive:
        for _ in range(_TRIES):
            with Spool(path.parent) as spool:
                before = _master(services.settings)
                if isinstance(keyring, SlotKeyring):
                    about = _copy_file(keyring.path, spool)
                else:
                    about = sql_keys.copy(services.settings, spool, keyring.handed_out())
                # A master key is added before the first slot is wrapped under it, and retired after the last.
                if before != _master(services.settings):
                    continue
                archive.add_bytes(ABOUT, about.dump())
                archive.add_spool(RECORDS, spool)
                if before:
                    archive.add_bytes(MASTER, before)
                archive.counts["slots"] = about.handed_out
                return about.handed_out
        raise StoreUnavailable("The master key is being changed. Please try again when that is done.")


def remove_old(path: Path, *, store_id: UUID, days: float) -> tuple[int, list[Path]]:
    """Overwrite and remove the key backups of this store beside `path` that are older than `days`.

    How many they were, and the files that look like key backups but cannot be read.
    """
    latest = utc_now() - timedelta(days=days)
    removed, unreadable = 0, []
    for other in sorted(path.parent.glob("*.tar")):
        if other == path or not other.is_file() or other.is_symlink():
            continue
        try:
            with opened(other, "keys") as archive:
                manifest = archive.manifest
        except InvalidInput as error:
            if error.code == "bad_backup" and "keys" in other.name:
                unreadable.append(other)
            continue
        if manifest.store_id == store_id and manifest.made_at < latest:
            _shred(other)
            removed += 1
    return removed, unreadable


def write_clears(services: Services, path: Path) -> None:
    """Write the log of clears to `path`, in the place of an older one. Raises StoreError."""
    log = ClearedLog.of(services.keyring, store_id=migrate(services.database).store_id).dump()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with told(path):
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(log)
                file.flush()
                os.fsync(descriptor)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        sync_directory(path.parent)


def records(archive: Archive) -> Iterator[bytes]:
    """The records of a backup, many slots at a time."""
    for name, stream in archive.members():
        if name == RECORDS:
            while block := stream.read(SLOT_BYTES * _BLOCK):
                yield block


def _copy_file(path: Path, spool: Spool) -> About:
    with slot_file.OpenFile(path, os.O_RDONLY) as descriptor:
        slot_file.lock_header(descriptor, shared=True)
        header = Header.read(descriptor)
        slot_file.unlock(descriptor)
        for first in range(0, header.handed_out, _BLOCK):
            # A few slots at a time: who destroys a key waits for us.
            slots = range(first, min(first + _BLOCK, header.handed_out))
            slot_file.lock_slots(descriptor, slots, shared=True)
            data = os.pread(descriptor, SLOT_BYTES * len(slots), slot_file.at(first))
            slot_file.unlock(descriptor)
            spool.write_bytes(data.ljust(SLOT_BYTES * len(slots), b"\0"))
    return About.of(header)


def _master(settings: Settings) -> bytes:
    """The file of master keys; nothing when a setting stands for it, which is not ours to copy."""
    path = settings.data_dir / "keys" / "master.key"
    return b"" if settings.master_key else path.read_bytes()


def _shred(path: Path) -> None:
    """Overwrite a file in place, as far as the file system does so, and remove it."""
    with told(path):
        with path.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            for start in range(0, size, len(_ZEROS)):
                file.write(_ZEROS[: size - start])
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        sync_directory(path.parent)
