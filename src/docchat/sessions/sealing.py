"""Sealing: what a session holds, as ciphertext under its own keys, and back. The one place that opens keys."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from ..errors import Cleared, KeyDamaged
from ..keys.cipher import seal, unseal
from ..keys.keyring import CLEARED, Keyring, SlotState
from ..types import Citation, Draft, Message, MessageState


@dataclass(frozen=True, slots=True)
class Slots:
    """Slot numbers of a session's two keys: `meta` seals the title, `history` the messages."""

    meta: int
    history: int


class Sealer:
    """Seals and opens titles and messages of any session. Keys are opened for one call and then dropped."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring

    def allocate(self, session_id: UUID) -> Slots:
        """Two new keys, durable before this returns."""
        return Slots(*self.keyring.create(session_id=session_id, count=2))

    def check(self, *slots: int) -> None:
        """Raise Cleared unless every slot is live; KeyDamaged for a hole."""
        states = self.keyring.states(slots=slots)
        if CLEARED.intersection(states):
            raise Cleared
        if SlotState.HOLE in states:
            raise KeyDamaged

    def seal_title(self, session_id: UUID, slots: Slots, title: str) -> bytes:
        """The sealed title."""
        key = self.keyring.open(session_id=session_id, slot=slots.meta)
        return seal(key, title.encode(), context=_title_context(session_id))

    def open_title(self, session_id: UUID, slots: Slots, sealed: bytes) -> str:
        """The title. Raises Cleared when its key is destroyed, also when that happens meanwhile."""
        key = self.keyring.open(session_id=session_id, slot=slots.meta)
        title = unseal(key, sealed, context=_title_context(session_id)).decode()
        self.check(slots.meta, slots.history)
        return title

    def seal_messages(self, session_id: UUID, slots: Slots, messages: Iterable[Message]) -> list[bytes]:
        """The sealed bodies of messages, in their order."""
        key = self.keyring.open(session_id=session_id, slot=slots.history)
        return [seal(key, _encode(message), context=_message_context(session_id, message.id)) for message in messages]

    def open_messages(self, session_id: UUID, slots: Slots, rows: Iterable[tuple[int, bytes]]) -> list[Message]:
        """Messages from (id, sealed body). Raises Cleared when the key is destroyed, also meanwhile."""
        key = self.keyring.open(session_id=session_id, slot=slots.history)
        messages = [
            _decode(number, unseal(key, body, context=_message_context(session_id, number))) for number, body in rows
        ]
        # The keys are looked at again after the work: what was opened a moment before a clear is not handed out. Both,
        # since a clear that was cut short may have destroyed only the first of them.
        self.check(slots.meta, slots.history)
        return messages


def message_of(draft: Draft, number: int, at: datetime) -> Message:
    """The message that a draft becomes when it is stored."""
    return Message(id=number, created_at=at, **{field.name: getattr(draft, field.name) for field in fields(draft)})


def _title_context(session_id: UUID) -> bytes:
    return b"title" + session_id.bytes


def _message_context(session_id: UUID, number: int) -> bytes:
    return b"message" + session_id.bytes + number.to_bytes(8, "big")


def _encode(message: Message) -> bytes:
    values = asdict(message)
    del values["id"]
    return json.dumps(values, default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _decode(number: int, body: bytes) -> Message:
    values: dict[str, Any] = json.loads(body)
    values["created_at"] = datetime.fromisoformat(values["created_at"])
    values["state"] = MessageState(values["state"])
    values["run_id"] = UUID(values["run_id"]) if values["run_id"] else None
    values["citations"] = tuple(
        Citation(**{**citation, "document_id": UUID(citation["document_id"])}) for citation in values["citations"]
    )
    return Message(id=number, **values)
