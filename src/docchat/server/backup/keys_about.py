"""What a backup of keys says of the keyring it was made of."""

import json
from dataclasses import asdict, dataclass
from uuid import UUID

from ...keys.slot_file import Header


@dataclass(frozen=True, slots=True)
class About:
    """A keyring as a backup describes it; the check tells its master key, and nothing about it."""

    store_id: str
    keyring_id: str
    handed_out: int
    master: int
    check: str

    def header(self) -> Header:
        """As the header of a slot file."""
        store, keyring = UUID(self.store_id), UUID(self.keyring_id)
        return Header(store, self.handed_out, bytes.fromhex(self.check), self.master, keyring)

    @classmethod
    def of(cls, header: Header) -> "About":
        """From the header of a slot file."""
        store, keyring = str(header.store_id), str(header.keyring_id)
        return cls(store, keyring, header.handed_out, header.master, header.check.hex())

    def dump(self) -> bytes:
        """As it stands in a backup."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, data: bytes) -> "About":
        """From a backup. Raises ValueError, TypeError."""
        about = cls(**json.loads(data))
        about.header()
        return about
