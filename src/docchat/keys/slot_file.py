"""The bytes of the slot file: its header, its slots, and the locks over them.

Layout: a 4,096-byte header (magic, store id, number of slots handed out, check and number of the current master key,
id of the keyring), then the slots. A slot is state (1 byte), version (1), number of the master key (2), nonce (12),
wrapped key (48): it never crosses a sector.
"""

import errno
import fcntl
import os
import struct
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from ..errors import KeyDamaged, StorageFull, StoreUnavailable
from .cipher import STAMP_BYTES
from .keyring import SlotState

HEADER_BYTES = 4096
SLOT_BYTES = 64
VERSION = 1
MAGIC = b"DCSLOTS1"
SLOT = struct.Struct("<BBH12s48s")
DESTROYED = SLOT.pack(SlotState.DESTROYED, VERSION, 0, b"", b"")

_AHEAD_BYTES = 4096
_HEADER = struct.Struct("<8s16sQ16sH6x16s")
_NONCE_AT = 4
_COUNT_AT = 24
_MASTER_AT = 32
_ID_AT = 56
# struct flock of Linux on 64-bit: l_type, l_whence, padding, l_start, l_len, l_pid, padding
_FLOCK = struct.Struct("hhxxxxqqixxxx")
_LOCK_SECONDS = 2.5
_FEW = 8
_READ_GAP = 64
_LOCK_GAP = 4096
_BLOCK_SLOTS = 16384
_STATES = tuple(SlotState(byte) if byte in tuple(SlotState) else SlotState.HOLE for byte in range(256))


@dataclass(frozen=True, slots=True)
class Header:
    """What the slot file says of itself. `master` is the number of the master key that wraps new keys."""

    store_id: UUID
    handed_out: int
    check: bytes
    master: int
    keyring_id: UUID

    def pack(self) -> bytes:
        """The header as it stands in the file."""
        fields = (self.store_id.bytes, self.handed_out, self.check, self.master, self.keyring_id.bytes)
        return _HEADER.pack(MAGIC, *fields).ljust(HEADER_BYTES, b"\0")

    @classmethod
    def read(cls, descriptor: int) -> "Header":
        """Raises KeyDamaged when the file does not begin as a key file does."""
        data = os.pread(descriptor, _HEADER.size, 0)
        if len(data) != _HEADER.size or not data.startswith(MAGIC):
            raise KeyDamaged
        _, store, handed_out, check, master, keyring = _HEADER.unpack(data)
        return cls(UUID(bytes=store), handed_out, check, master or 1, UUID(bytes=keyring))


def count(descriptor: int, store_id: UUID) -> int:
    """Number of slots handed out; of the header only what a clear, the hottest path, needs. Raises KeyDamaged."""
    data = os.pread(descriptor, _COUNT_AT + 8, 0)
    if data[:_COUNT_AT] != MAGIC + store_id.bytes:
        raise KeyDamaged
    return int.from_bytes(data[_COUNT_AT:], "little")


def write_count(descriptor: int, handed_out: int) -> None:
    """Overwrite the number of slots handed out."""
    write(descriptor, struct.pack("<Q", handed_out), _COUNT_AT)


def write_master(descriptor: int, check: bytes, number: int) -> None:
    """Overwrite check and number of the current master key, both in one write."""
    write(descriptor, struct.pack("<16sH", check, number), _MASTER_AT)


def write_id(descriptor: int, keyring_id: UUID) -> None:
    """Overwrite the id of the keyring."""
    write(descriptor, keyring_id.bytes, _ID_AT)


def at(slot: int) -> int:
    """Where a slot begins."""
    return HEADER_BYTES + SLOT_BYTES * slot


def write(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of it or raise OSError."""
    if os.pwrite(descriptor, data, offset) != len(data):
        raise OSError(errno.ENOSPC, "short write")


def extend(descriptor: int, slots: int) -> None:
    """Write zeros ahead, so that slots below `slots` need no space any more."""
    size = os.fstat(descriptor).st_size
    missing = max(0, at(slots) - size)
    blocks = -(-missing // _AHEAD_BYTES)
    while blocks:
        some = min(blocks, 256)
        write(descriptor, bytes(some * _AHEAD_BYTES), size)
        size += some * _AHEAD_BYTES
        blocks -= some


def read_states(descriptor: int, slots: Sequence[int]) -> tuple[SlotState, ...]:
    """The state of each slot, in the order asked; neighbours are read together. Beyond the end are HOLEs."""
    if len(slots) <= _FEW:
        first = min(slots, default=0)
        if max(slots, default=0) - first > _READ_GAP:
            return tuple([_state(os.pread(descriptor, 1, at(slot))) for slot in slots])
        data = os.pread(descriptor, SLOT_BYTES * (max(slots, default=0) - first) + 1, at(first))
        return tuple([_state(data[SLOT_BYTES * (slot - first) :][:1]) for slot in slots])
    found: dict[int, SlotState] = {}
    for run in _runs(sorted(set(slots)), gap=_READ_GAP, most=_BLOCK_SLOTS):
        data = os.pread(descriptor, SLOT_BYTES * (run[-1] - run[0]) + 1, at(run[0]))[::SLOT_BYTES]
        data = data.ljust(run[-1] - run[0] + 1, b"\0")
        found.update((slot, _STATES[data[slot - run[0]]]) for slot in run)
    return tuple([found[slot] for slot in slots])


def read_stamp(descriptor: int, slot: int) -> bytes:
    """The first bytes of the nonce of a key; none of a slot without a key."""
    record = os.pread(descriptor, _NONCE_AT + STAMP_BYTES, at(slot))
    return record[_NONCE_AT:] if _state(record[:1]) in (SlotState.LIVE, SlotState.SUSPENDED) else b""


def write_all(descriptor: int, slots: Sequence[int], record: bytes) -> None:
    """Overwrite each slot with the same record, in the order given; neighbours in one write."""
    start = 0
    for end in range(1, len(slots) + 1):
        if end == len(slots) or slots[end] != slots[end - 1] + 1 or end - start == _BLOCK_SLOTS:
            write(descriptor, record * (end - start), at(slots[start]))
            start = end


def lock_header(descriptor: int, *, shared: bool = False) -> None:
    """Lock the header: what hands out slots, or changes the master key, holds this."""
    _lock(descriptor, 0, HEADER_BYTES, fcntl.F_RDLCK if shared else fcntl.F_WRLCK)


def lock_slots(descriptor: int, slots: Sequence[int], *, shared: bool = False) -> None:
    """Lock these slots (and what lies close between them), always in ascending order: nobody waits in a circle."""
    kind = fcntl.F_RDLCK if shared else fcntl.F_WRLCK
    first, last = min(slots), max(slots)
    if last - first <= _LOCK_GAP:
        _lock(descriptor, at(first), SLOT_BYTES * (last - first + 1), kind)
        return
    for run in _runs(sorted(slots), gap=_LOCK_GAP):
        _lock(descriptor, at(run[0]), SLOT_BYTES * (run[-1] - run[0] + 1), kind)


def unlock(descriptor: int) -> None:
    """Give up every lock of this descriptor."""
    _lock(descriptor, 0, 0, fcntl.F_UNLCK)


class StorageErrors:
    """A block whose OSErrors leave as StorageFull or StoreUnavailable (a class: a generator is much slower)."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise (StorageFull if full else StoreUnavailable) from error


class OpenFile(StorageErrors):
    """A descriptor of its own: its locks part threads as well as processes, and fall when it is closed."""

    __slots__ = ("descriptor",)

    def __init__(self, path: Path, flags: int = os.O_RDWR) -> None:
        with StorageErrors():
            self.descriptor = os.open(path, flags | os.O_CLOEXEC)

    def __enter__(self) -> int:  # type: ignore[override]
        return self.descriptor

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        os.close(self.descriptor)
        super().__exit__(kind, error, trace)


def count_states(descriptor: int, handed_out: int) -> Counter[tuple[SlotState, int]]:
    """How many of the slots handed out are in which state under which master key."""
    counts: Counter[tuple[int, int, int]] = Counter()
    for first in range(0, handed_out, _BLOCK_SLOTS):
        slots = min(_BLOCK_SLOTS, handed_out - first)
        data = os.pread(descriptor, SLOT_BYTES * slots, at(first)).ljust(SLOT_BYTES * slots, b"\0")
        counts.update(zip(data[::SLOT_BYTES], data[2::SLOT_BYTES], data[3::SLOT_BYTES], strict=True))
    summed: Counter[tuple[SlotState, int]] = Counter()
    for (state, low, high), number in counts.items():
        summed[_STATES[state], low + 256 * high] += number
    return summed


def _state(byte: bytes) -> SlotState:
    return _STATES[byte[0]] if byte else SlotState.HOLE


def _runs(slots: Sequence[int], *, gap: int, most: int | None = None) -> Iterator[Sequence[int]]:
    """Ascending slots in groups whose members lie close together; with `most`, each spans no more slots than that."""
    start = 0
    for end in range(1, len(slots) + 1):
        if (
            end == len(slots)
            or slots[end] - slots[end - 1] > gap
            or (most is not None and slots[end] - slots[start] >= most)
        ):
            yield slots[start:end]
            start = end


def _lock(descriptor: int, start: int, length: int, kind: int) -> None:
    """Take a lock within a bounded time: a stopped process that holds it must not hang all others."""
    request = _FLOCK.pack(kind, os.SEEK_SET, start, length, 0)
    deadline = 0.0
    while True:
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, request)
        except BlockingIOError:
            now = time.monotonic()
            deadline = deadline or now + _LOCK_SECONDS
            if now > deadline:
                raise
            time.sleep(0.0002)
        else:
            return
