"""The keyring of one host: a file of 64-byte slots, overwritten in place to destroy a key.

Slot numbers are never reused. Space is written ahead as zeros, so destroying a key needs no space. Every change of a
slot holds an open-file-description lock over it, each on a descriptor of its own, so the locks part threads too.
"""

import os
import struct
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from ..errors import Cleared, ConfigError, KeyDamaged
from ..types import new_id
from . import slot_file
from .cipher import STAMP_BYTES, MasterKey, made_at, new_key, sync_directory
from .keyring import CLEARED, SlotState
from .master import MasterKeys
from .rotation import Census
from .slot_file import HEADER_BYTES, SLOT, SLOT_BYTES, VERSION, Header, OpenFile

__all__ = ["HEADER_BYTES", "SLOT_BYTES", "SlotKeyring"]


class SlotKeyring:
    """Keyring in the files `slots.bin` and `master.key` of one directory. Safe for threads, processes and forks."""

    shared = False
    """Other hosts do not use it."""

    def __init__(self, directory: Path, *, store_id: UUID, slots: int, master_key: str = "") -> None:
        """Open the key files, or make them when the store knows of no `slots` (nothing was ever sealed in it).

        `master_key` stands for the file `master.key`. Raises ConfigError when files are missing, damaged, of another
        store, or older than the `slots` it knows of.
        """
        self.path = directory / "slots.bin"
        self.masters = MasterKeys(directory / "master.key", master_key)
        self._store_id = store_id
        self._lock = threading.Lock()
        self._reader: tuple[int, int] | None = None
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            make = slots == 0 and not self.path.exists()
            self.masters.load_or_make(make=make)
            if make:
                self._make(directory)
            self.identity = self._check_header(slots)
        except OSError as error:
            raise ConfigError(
                f"The key directory {directory} cannot be used ({os.strerror(error.errno or 0)}). "
                "It must be writable for the user that runs docchat."
            ) from error

    def create(self, *, session_id: UUID, count: int) -> tuple[int, ...]:
        """Make `count` new keys, durable before this returns."""
        with OpenFile(self.path) as descriptor:
            slot_file.lock_header(descriptor)
            header = self._header(descriptor)
            master = self._master(header)
            slots = tuple(range(header.handed_out, header.handed_out + count))
            slot_file.extend(descriptor, header.handed_out + count)
            records = b"".join(self._wrap(master, new_key(), session_id, slot, SlotState.LIVE) for slot in slots)
            slot_file.write(descriptor, records, slot_file.at(header.handed_out))
            slot_file.write_count(descriptor, header.handed_out + count)
            os.fdatasync(descriptor)
        return slots

    def open(self, *, session_id: UUID, slot: int) -> bytes:
        """The key in `slot`. Raises Cleared when destroyed or suspended, KeyDamaged for anything else but live."""
        with slot_file.StorageErrors():
            record = os.pread(self._descriptor(), SLOT_BYTES, slot_file.at(slot))
        try:
            return self._unwrap(record, session_id, slot)
        except KeyDamaged:
            # A read may fall between the halves of a write; under the lock nobody writes, and what is damaged is so.
            with OpenFile(self.path, os.O_RDONLY) as descriptor:
                slot_file.lock_slots(descriptor, (slot,), shared=True)
                record = os.pread(descriptor, SLOT_BYTES, slot_file.at(slot))
            return self._unwrap(record, session_id, slot)

    def states(self, *, slots: Sequence[int]) -> tuple[SlotState, ...]:
        """The state of each slot; a slot beyond the end of the file is a HOLE."""
        with slot_file.StorageErrors():
            return slot_file.read_states(self._descriptor(), slots)

    def destroy(self, *, slots: Sequence[int]) -> None:
        """Overwrite the slots in place and sync, each time, also where they are destroyed already."""
        if not slots:
            return
        wanted = list(dict.fromkeys(slots))
        with OpenFile(self.path) as descriptor:
            self._lock_known(descriptor, wanted)
            slot_file.write_all(descriptor, wanted, slot_file.DESTROYED)
            os.fdatasync(descriptor)

    def suspend(self, *, slots: Sequence[int]) -> None:
        """Withhold live keys, in place and synced, each time; a destroyed one stays destroyed."""
        self._turn(slots, SlotState.LIVE, SlotState.SUSPENDED)

    def resume(self, *, slots: Sequence[int]) -> None:
        """Make suspended keys live again, in place and synced. Raises Cleared, changing nothing, for one destroyed."""
        self._turn(slots, SlotState.SUSPENDED, SlotState.LIVE)

    def handed_out(self) -> int:
        """One more than the highest slot number ever handed out."""
        with slot_file.StorageErrors():
            return self._header(self._descriptor()).handed_out

    def made_at(self, *, slots: Sequence[int]) -> tuple[datetime, ...]:
        """When each live or suspended key was made, to the minute; 1970 for a hole or a destroyed slot."""
        with slot_file.StorageErrors():
            reader = self._descriptor()
            return tuple([made_at(slot_file.read_stamp(reader, slot)) for slot in slots])

    def reserve(self, *, slots: int) -> None:
        """Hand out no number below `slots` from now on."""
        with OpenFile(self.path) as descriptor:
            slot_file.lock_header(descriptor)
            if self._header(descriptor).handed_out < slots:
                slot_file.extend(descriptor, slots)
                slot_file.write_count(descriptor, slots)
            os.fdatasync(descriptor)

    def rewrap(self, *, keys: Iterable[tuple[int, UUID]]) -> int:
        """Make the newest master key the current one and wrap these keys under it, in place; how many were changed.

        A key that cannot be unwrapped stays as it is.
        """
        with OpenFile(self.path) as descriptor:
            master = self._switch(descriptor)
            changed = sum(self._rewrap(descriptor, master, slot, session_id) for slot, session_id in keys)
            os.fdatasync(descriptor)
        return changed

    def rewrite(self) -> bool:
        """Nothing is ever left of a destroyed key in a file that is overwritten in place."""
        return True

    def current_master(self) -> int:
        """Number of the master key that new keys are wrapped under."""
        with slot_file.StorageErrors():
            return self._header(self._descriptor()).master

    def census(self) -> Census:
        """Every slot counted, in one pass over the file."""
        with slot_file.StorageErrors():
            reader = self._descriptor()
            return Census.of(slot_file.count_states(reader, self._header(reader).handed_out))

    def close(self) -> None:
        """Close this process's descriptor; the next use opens it again."""
        with self._lock:
            if self._reader is not None and self._reader[0] == os.getpid():
                os.close(self._reader[1])
            self._reader = None

    def _turn(self, slots: Sequence[int], before: SlotState, after: SlotState) -> None:
        if not slots:
            return
        wanted = sorted(set(slots))
        with OpenFile(self.path) as descriptor:
            self._lock_known(descriptor, wanted)
            states = slot_file.read_states(descriptor, wanted)
            if SlotState.HOLE in states:
                raise KeyDamaged
            if after is SlotState.LIVE and SlotState.DESTROYED in states:
                raise Cleared
            for slot, state in zip(wanted, states, strict=True):
                if state is before:
                    slot_file.write(descriptor, bytes((after,)), slot_file.at(slot))
            os.fdatasync(descriptor)

    def _lock_known(self, descriptor: int, slots: Sequence[int]) -> None:
        if max(slots) >= slot_file.count(descriptor, self._store_id) or min(slots) < 0:
            raise KeyDamaged
        slot_file.lock_slots(descriptor, slots)

    def _switch(self, descriptor: int) -> MasterKey:
        newest = self.masters.named(self.masters.numbers()[-1])
        slot_file.lock_header(descriptor)
        try:
            header = self._header(descriptor)
            if newest.number <= header.master:
                return self._master(header)
            self._master(header)  # who does not have the old key must not change to a new one
            slot_file.write_master(descriptor, newest.check(self._store_id), newest.number)
            os.fdatasync(descriptor)
        finally:
            slot_file.unlock(descriptor)
        return newest

    def _rewrap(self, descriptor: int, master: MasterKey, slot: int, session_id: UUID) -> bool:
        if not _is_older(os.pread(descriptor, SLOT_BYTES, slot_file.at(slot)), master.number):
            return False
        slot_file.lock_slots(descriptor, (slot,))
        try:
            record = os.pread(descriptor, SLOT_BYTES, slot_file.at(slot))
            if not _is_older(record, master.number):
                return False  # destroyed, or rewrapped by another process, before the lock was ours
            state, _, number, nonce, wrapped = SLOT.unpack(record)
            try:
                context = self._context(session_id, slot)
                key = self.masters.named(number).unwrap(nonce, wrapped, context=context)
            except KeyDamaged:
                return False
            record = self._wrap(master, key, session_id, slot, SlotState(state), nonce[:STAMP_BYTES])
            slot_file.write(descriptor, record, slot_file.at(slot))
        finally:
            slot_file.unlock(descriptor)
        return True

    def _unwrap(self, record: bytes, session_id: UUID, slot: int) -> bytes:
        if len(record) != SLOT_BYTES:
            raise KeyDamaged
        state, version, master, nonce, wrapped = SLOT.unpack(record)
        if state in CLEARED:
            raise Cleared
        if state != SlotState.LIVE or version != VERSION:
            raise KeyDamaged
        return self.masters.named(master).unwrap(nonce, wrapped, context=self._context(session_id, slot))

    def _wrap(
        self, master: MasterKey, key: bytes, session_id: UUID, slot: int, state: SlotState, stamp: bytes = b""
    ) -> bytes:
        nonce, wrapped = master.wrap(key, context=self._context(session_id, slot), stamp=stamp)
        return SLOT.pack(state, VERSION, master.number, nonce, wrapped)

    def _context(self, session_id: UUID, slot: int) -> bytes:
        return self._store_id.bytes + struct.pack("<Q", slot) + session_id.bytes

    def _header(self, descriptor: int) -> Header:
        header = Header.read(descriptor)
        if header.store_id != self._store_id:
            raise KeyDamaged
        return header

    def _master(self, header: Header) -> MasterKey:
        master = self.masters.named(header.master)
        if master.check(self._store_id) != header.check:
            raise KeyDamaged
        return master

    def _descriptor(self) -> int:
        reader = self._reader
        if reader is not None and reader[0] == os.getpid():
            return reader[1]
        with self._lock:
            if self._reader is None or self._reader[0] != os.getpid():
                self._reader = (os.getpid(), os.open(self.path, os.O_RDONLY | os.O_CLOEXEC))
            return self._reader[1]

    def _make(self, directory: Path) -> None:
        master = self.masters.named(self.masters.numbers()[-1])
        header = Header(self._store_id, 0, master.check(self._store_id), master.number, new_id())
        draft = directory / f"slots.{os.getpid()}.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            slot_file.write(descriptor, header.pack(), 0)
            slot_file.extend(descriptor, 1)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(draft, self.path)  # unlike a rename, a link never replaces a file another process has just made
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        sync_directory(directory)

    def _check_header(self, slots: int) -> UUID:
        if not self.path.exists():
            raise ConfigError(
                f"The key file {self.path} is missing, but the database holds sealed chats. Put it back from "
                "your key backup; without it these chats cannot be read."
            )
        with OpenFile(self.path) as descriptor:
            slot_file.lock_header(descriptor)
            try:
                header = Header.read(descriptor)
            except KeyDamaged as error:
                raise ConfigError(
                    f"The key file {self.path} is damaged: it does not begin as a key file does."
                ) from error
            self._compare(header, os.fstat(descriptor).st_size, slots)
            if header.keyring_id.int == 0:
                header = Header(header.store_id, header.handed_out, header.check, header.master, new_id())
                slot_file.write_id(descriptor, header.keyring_id)
                os.fdatasync(descriptor)
        return header.keyring_id

    def _compare(self, header: Header, size: int, slots: int) -> None:
        if header.store_id != self._store_id:
            raise ConfigError(
                f"The key file {self.path} belongs to the store {header.store_id}, the database is the store "
                f"{self._store_id}. Use the key file and the database that belong together."
            )
        if header.master not in self.masters.numbers():
            raise ConfigError(
                f"The key file {self.path} needs the master key with number {header.master}, which "
                f"{self.masters.place} does not hold. Put it back from your key backup; without it no stored chat can "
                "be read."
            )
        if header.check != self.masters.named(header.master).check(self._store_id):
            raise ConfigError(
                f"The master key of {self.masters.place} is not the one the key file {self.path} was made with. Put "
                "the right master key back; under another one no stored chat can be read."
            )
        if size < slot_file.at(header.handed_out):
            raise ConfigError(
                f"The key file {self.path} is shorter than its header says: keys are missing. Put it back from your "
                "key backup."
            )
        if header.handed_out < slots:
            raise ConfigError(
                f"The key file {self.path} is older than the database: it knows {header.handed_out} keys, the database "
                f"{slots}. Put the newest key file back; an older one would give keys of one chat to another."
            )


def _is_older(record: bytes, master: int) -> bool:
    """Whether the slot holds a key, live or suspended, under a master key with a lower number."""
    if len(record) != SLOT_BYTES:
        return False
    state, _, number, _, _ = SLOT.unpack(record)
    return state in (SlotState.LIVE, SlotState.SUSPENDED) and number < master
