"""AES-256-GCM: sealing content under a session's key, and wrapping that key under the master key."""

import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import KeyDamaged
from ..types import utc_now

KEY_BYTES = 32
NONCE_BYTES = 12
WRAPPED_BYTES = KEY_BYTES + 16
CHECK_BYTES = 16
STAMP_BYTES = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_key() -> bytes:
    """A random 32-byte key."""
    return AESGCM.generate_key(bit_length=256)


def seal(key: bytes, plaintext: bytes, *, context: bytes) -> bytes:
    """Nonce and ciphertext; `context` (what this is, and whose) must be the same to open it."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context)


def unseal(key: bytes, sealed: bytes, *, context: bytes) -> bytes:
    """What `seal` was given. Raises KeyDamaged when key, context or bytes do not fit together."""
    return unseal_each(key, [(sealed, context)])[0]


def unseal_each(key: bytes, sealed: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """As `unseal`, for many pairs of sealed bytes and their context. Raises KeyDamaged when any does not fit."""
    decrypt = AESGCM(key).decrypt  # setting a key up takes as long as opening a short text
    try:
        return [decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], context) for body, context in sealed]
    except (InvalidTag, ValueError) as error:
        raise KeyDamaged from error


@dataclass(frozen=True, slots=True, repr=False)
class MasterKey:
    """The key that wraps every session key. `number` (1 to 65535) names it in the slots it wrapped."""

    number: int
    key: bytes

    def wrap(self, key: bytes, *, context: bytes, stamp: bytes = b"") -> tuple[bytes, bytes]:
        """Nonce (12 bytes) and wrapped key (48 bytes).

        The nonce begins with `stamp`, the minute the key was made in (now, when it is empty), and is random otherwise.
        """
        nonce = stamp or _minute(utc_now())
        nonce += os.urandom(NONCE_BYTES - STAMP_BYTES)
        return nonce, AESGCM(self.key).encrypt(nonce, key, context)

    def unwrap(self, nonce: bytes, wrapped: bytes, *, context: bytes) -> bytes:
        """The wrapped key. Raises KeyDamaged."""
        return unseal(self.key, nonce + wrapped, context=context)

    def check(self, store_id: UUID) -> bytes:
        """16 bytes that tell whether a keyring was made with this key, and nothing about it."""
        return hmac.digest(self.key, b"docchat keyring" + store_id.bytes, hashlib.sha256)[:CHECK_BYTES]


def made_at(stamp: bytes) -> datetime:
    """When a key was made, of the first bytes of its nonce."""
    return _EPOCH + timedelta(minutes=int.from_bytes(stamp[:STAMP_BYTES], "big"))


def _minute(time: datetime) -> bytes:
    # A clock that is wrong by ages must not stop anybody.
    minutes = (time - _EPOCH) // timedelta(minutes=1)
    return min(max(minutes, 0), (1 << 8 * STAMP_BYTES) - 1).to_bytes(STAMP_BYTES, "big")


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
