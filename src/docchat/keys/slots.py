"""The keyring of one host: a file of 64-byte slots, overwritten in place to destroy a key.

Layout: a 4,096-byte header (magic, store id, number of slots handed out, check of the master key), then the slots.
A slot is state (1 byte), version (1), number of the master key (2), nonce (12), wrapped key (48): it never crosses a
sector.
Slot numbers are never reused. Space is written ahead as zeros, so destroying a key needs no space.
"""

import errno
import fcntl
import os
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from ..errors import Cleared, ConfigError, KeyDamaged, StorageFull, StoreError, StoreUnavailable
from .cipher import MasterKey, new_key, sync_directory
from .keyring import CLEARED, SlotState

HEADER_BYTES = 4096
SLOT_BYTES = 64
_AHEAD_BYTES = 4096
_MAGIC = b"DCSLOTS1"
_VERSION = 1
_HEADER = struct.Struct("<8s16sQ16s")
_SLOT = struct.Struct("<BBH12s48s")
# struct flock of Linux on 64-bit: l_type, l_whence, padding, l_start, l_len, l_pid, padding
_FLOCK = struct.Struct("hhxxxxqqixxxx")
_DESTROYED = _SLOT.pack(SlotState.DESTROYED, _VERSION, 0, b"", b"")


class SlotKeyring:
    """Keyring in the files `slots.bin` and `master.key` of one directory. Safe for threads, processes and forks."""

    def __init__(self, directory: Path, *, store_id: UUID, slots: int) -> None:
        """Open the key files, or make them when the store knows of no `slots` (nothing was ever sealed in it).

        Raises ConfigError when they are missing, damaged, of another store, or older than the `slots` it knows of.
        """
        self.path = directory / "slots.bin"
        self._store_id = store_id
        self._lock = threading.Lock()
        self._reader: tuple[int, int] | None = None
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if slots == 0 and not self.path.exists():
                self._make(directory)
            self._master = MasterKey.load(directory / "master.key")
            self._check_header(slots)
        except OSError as error:
            raise ConfigError(
                f"The key directory {directory} cannot be used ({os.strerror(error.errno or 0)}). "
                "It must be writable for the user that runs docchat."
            ) from error

    def create(self, *, session_id: UUID, count: int) -> tuple[int, ...]:
        """Make `count` new keys, durable before this returns."""
        with self._exclusive(0, HEADER_BYTES) as descriptor:
            first = self._handed_out(descriptor)
            slots = tuple(range(first, first + count))
            self._extend(descriptor, first + count)
            records = b"".join(self._wrap(new_key(), session_id, slot) for slot in slots)
            _write(descriptor, records, _offset(first))
            _write(descriptor, self._header(self._master, first + count), 0)
            os.fdatasync(descriptor)
        return slots

    def open(self, *, session_id: UUID, slot: int) -> bytes:
        """The key in `slot`. Raises Cleared when destroyed or suspended, KeyDamaged for anything else but live."""
        try:
            return self._open(session_id, slot)
        except KeyDamaged:
            # A read may fall between the halves of a write by another process; damage is still there the second time.
            return self._open(session_id, slot)

    def states(self, *, slots: Sequence[int]) -> tuple[SlotState, ...]:
        """The state of each slot; a slot beyond the end of the file is a HOLE."""
        with _storage_errors():
            reader = self._descriptor()
            return tuple(_state(os.pread(reader, 1, _offset(slot))) for slot in slots)

    def destroy(self, *, slots: Sequence[int]) -> None:
        """Overwrite the slots in place and sync, each time, also where they are destroyed already."""
        if not slots:
            return
        with _storage_errors():
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                handed_out = self._handed_out(descriptor)
                if max(slots) >= handed_out or min(slots) < 0:
                    raise KeyDamaged
                for slot in sorted(set(slots)):  # in one order, or two clears could wait for one another
                    _lock(descriptor, _offset(slot), SLOT_BYTES)
                for slot in dict.fromkeys(slots):
                    _write(descriptor, _DESTROYED, _offset(slot))
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)

    def suspend(self, *, slots: Sequence[int]) -> None:
        """Withhold live keys, in place and synced, each time; a destroyed one stays destroyed."""
        self._turn(slots, SlotState.LIVE, SlotState.SUSPENDED)

    def resume(self, *, slots: Sequence[int]) -> None:
        """Make suspended keys live again, in place and synced. Raises Cleared, and changes nothing, for one destroyed."""
        self._turn(slots, SlotState.SUSPENDED, SlotState.LIVE)

    def handed_out(self) -> int:
        """One more than the highest slot number ever handed out."""
        with _storage_errors():
            return self._handed_out(self._descriptor())

    def reserve(self, *, slots: int) -> None:
        """Hand out no number below `slots` from now on."""
        with self._exclusive(0, HEADER_BYTES) as descriptor:
            if self._handed_out(descriptor) >= slots:
                return
            self._extend(descriptor, slots)
            _write(descriptor, self._header(self._master, slots), 0)
            os.fdatasync(descriptor)

    def rewrap(self, *, keys: Iterable[tuple[int, UUID]]) -> int:
        """Nothing to do while there is one master key."""
        return sum(0 for _ in keys)

    def rewrite(self) -> bool:
        """Nothing is ever left of a destroyed key in a file that is overwritten in place."""
        return True

    def _turn(self, slots: Sequence[int], before: SlotState, after: SlotState) -> None:
        if not slots:
            return
        with _storage_errors():
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                if max(slots) >= self._handed_out(descriptor) or min(slots) < 0:
                    raise KeyDamaged
                wanted = sorted(set(slots))
                for slot in wanted:
                    _lock(descriptor, _offset(slot), SLOT_BYTES)
                states = [_state(os.pread(descriptor, 1, _offset(slot))) for slot in wanted]
                if SlotState.HOLE in states:
                    raise KeyDamaged
                if after is SlotState.LIVE and SlotState.DESTROYED in states:
                    raise Cleared
                for slot, state in zip(wanted, states, strict=True):
                    if state is before:
                        _write(descriptor, bytes((after,)), _offset(slot))
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Close this process's descriptor; the next use opens it again."""
        with self._lock:
            if self._reader is not None and self._reader[0] == os.getpid():
                os.close(self._reader[1])
            self._reader = None

    def _open(self, session_id: UUID, slot: int) -> bytes:
        with _storage_errors():
            record = os.pread(self._descriptor(), SLOT_BYTES, _offset(slot))
        if len(record) != SLOT_BYTES:
            raise KeyDamaged
        state, version, master, nonce, wrapped = _SLOT.unpack(record)
        if state in CLEARED:
            raise Cleared
        if state != SlotState.LIVE or version != _VERSION or master != self._master.number:
            raise KeyDamaged
        return self._master.unwrap(nonce, wrapped, context=self._context(session_id, slot))

    def _wrap(self, key: bytes, session_id: UUID, slot: int) -> bytes:
        nonce, wrapped = self._master.wrap(key, context=self._context(session_id, slot))
        return _SLOT.pack(SlotState.LIVE, _VERSION, self._master.number, nonce, wrapped)

    def _context(self, session_id: UUID, slot: int) -> bytes:
        return self._store_id.bytes + struct.pack("<Q", slot) + session_id.bytes

    def _descriptor(self) -> int:
        reader = self._reader
        if reader is not None and reader[0] == os.getpid():
            return reader[1]
        with self._lock:
            if self._reader is None or self._reader[0] != os.getpid():
                self._reader = (os.getpid(), os.open(self.path, os.O_RDONLY | os.O_CLOEXEC))
            return self._reader[1]

    @contextmanager
    def _exclusive(self, start: int, length: int) -> Iterator[int]:
        # A descriptor of its own for each change: open-file-description locks then also part the threads.
        with _storage_errors():
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                _lock(descriptor, start, length)
                yield descriptor
            finally:
                os.close(descriptor)

    def _handed_out(self, descriptor: int) -> int:
        magic, store, number, _ = _HEADER.unpack(os.pread(descriptor, _HEADER.size, 0))
        if magic != _MAGIC or store != self._store_id.bytes:
            raise KeyDamaged
        return int(number)

    def _extend(self, descriptor: int, slots: int) -> None:
        size = os.fstat(descriptor).st_size
        while size < _offset(slots):
            _write(descriptor, bytes(_AHEAD_BYTES), size)
            size += _AHEAD_BYTES

    def _make(self, directory: Path) -> None:
        path = directory / "master.key"
        master = MasterKey.load(path) if path.exists() else MasterKey.create(path)
        draft = directory / f"slots.{os.getpid()}.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _write(descriptor, self._header(master, 0).ljust(HEADER_BYTES, b"\0") + bytes(_AHEAD_BYTES), 0)
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

    def _header(self, master: MasterKey, handed_out: int) -> bytes:
        return _HEADER.pack(_MAGIC, self._store_id.bytes, handed_out, master.check(self._store_id))

    def _check_header(self, slots: int) -> None:
        if not self.path.exists():
            raise ConfigError(
                f"The key file {self.path} is missing, but the database holds sealed chats. Put it back from "
                "your key backup; without it these chats cannot be read."
            )
        with self.path.open("rb") as file:
            header = file.read(_HEADER.size)
            size = os.fstat(file.fileno()).st_size
        if len(header) != _HEADER.size or not header.startswith(_MAGIC):
            raise ConfigError(f"The key file {self.path} is damaged: it does not begin as a key file does.")
        _, store_bytes, handed_out, check = _HEADER.unpack(header)
        store = UUID(bytes=store_bytes)
        if store != self._store_id:
            raise ConfigError(
                f"The key file {self.path} belongs to the store {store}, the database is the store "
                f"{self._store_id}. Use the key file and the database that belong together."
            )
        if check != self._master.check(self._store_id):
            raise ConfigError(
                f"The master key beside {self.path} is not the one this key file was made with. Put the right "
                "master.key back; under another one no stored chat can be read."
            )
        if size < _offset(handed_out):
            raise ConfigError(
                f"The key file {self.path} is shorter than its header says: keys are missing. Put it back from your "
                "key backup."
            )
        if handed_out < slots:
            raise ConfigError(
                f"The key file {self.path} is older than the database: it knows {handed_out} keys, the database "
                f"{slots}. Put the newest key file back; an older one would give keys of one chat to another."
            )


def _offset(slot: int) -> int:
    return HEADER_BYTES + SLOT_BYTES * slot


def _state(byte: bytes) -> SlotState:
    if not byte:
        return SlotState.HOLE
    try:
        return SlotState(byte[0])
    except ValueError:
        return SlotState.HOLE


def _lock(descriptor: int, start: int, length: int) -> None:
    request = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW, request)


def _write(descriptor: int, data: bytes, offset: int) -> None:
    if os.pwrite(descriptor, data, offset) != len(data):
        raise OSError(errno.ENOSPC, "short write")


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull from error
        raise StoreUnavailable from error
