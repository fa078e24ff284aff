"""Sealing: what a session holds, as ciphertext under its own keys, and back. The one place that opens keys."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from ..errors import Cleared, KeyDamaged
from ..keys.cipher import seal, unseal, unseal_each
from ..keys.keyring import CLEARED, Keyring, SlotState
from ..types import Citation, Doubt, Draft, Feedback, Message, MessageState


@dataclass(frozen=True, slots=True)
class Slots:
    """Slot numbers of a session's keys: `meta` seals title and attachments, `history` the messages. None: no key."""

    meta: int | None = None
    history: int | None = None

    def all(self) -> tuple[int, ...]:
        """The slots there are. `meta` comes first, so that a clear that is cut short has destroyed that one."""
        return tuple(slot for slot in (self.meta, self.history) if slot is not None)


class Sealer:
    """Seals and opens titles, attachments and messages of any session. Keys are opened for one call and then dropped.

    A session is cleared when its meta key is withheld; its history alone when only the other is. What was opened is
    handed out after a second look at the keys, since a clear may have come meanwhile.
    """

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring

    def allocate(self, session_id: UUID, slots: Slots) -> Slots:
        """Both slots, with a new key for each that was missing; durable before this returns."""
        missing = (slots.meta is None) + (slots.history is None)
        new = iter(self.keyring.create(session_id=session_id, count=missing) if missing else ())
        meta = next(new) if slots.meta is None else slots.meta
        return Slots(meta, next(new) if slots.history is None else slots.history)

    def check(self, slots: Slots) -> None:
        """Raise Cleared unless every key is live; KeyDamaged for a hole."""
        self._check(slots.all())

    def seal_title(self, session_id: UUID, slots: Slots, title: str) -> bytes:
        """The sealed title."""
        key = self._open(session_id, slots.meta)
        return seal(key, title.encode(), context=_title_context(session_id))

    def open_title(self, session_id: UUID, slots: Slots, sealed: bytes | None) -> str:
        """The title, "" for none. Raises Cleared when the session is cleared, also meanwhile."""
        title = ""
        if sealed is not None:
            key = self._open(session_id, slots.meta)
            title = unseal(key, sealed, context=_title_context(session_id)).decode()
        if slots.meta is not None:
            self._check((slots.meta,))
        return title

    def seal_messages(self, session_id: UUID, slots: Slots, messages: Iterable[Message]) -> list[bytes]:
        """The sealed bodies of messages, in their order."""
        key = self._open(session_id, slots.history)
        return [seal(key, _encode(message), context=_message_context(session_id, message.id)) for message in messages]

    def open_messages(self, session_id: UUID, slots: Slots, rows: Sequence[tuple[int, bytes]]) -> list[Message]:
        """Messages from (id, sealed body). Raises Cleared when session or history are cleared, also meanwhile."""
        messages: list[Message] = []
        if rows:
            key = self._open(session_id, slots.history)
            sealed = [(body, _message_context(session_id, number)) for number, body in rows]
            messages = [_decode(row[0], body) for row, body in zip(rows, unseal_each(key, sealed), strict=True)]
        self.check(slots)
        return messages

    def seal_feedback(self, session_id: UUID, slots: Slots, number: int, feedback: Feedback) -> bytes:
        """What is thought of the answer with this id, sealed."""
        plain = json.dumps(asdict(feedback), ensure_ascii=False, separators=(",", ":")).encode()
        return seal(self._open(session_id, slots.history), plain, context=_feedback_context(session_id, number))

    def open_feedback(self, session_id: UUID, slots: Slots, rows: Sequence[tuple[int, bytes]]) -> dict[int, Feedback]:
        """What is thought of answers, by their ids. Raises Cleared when session or history are cleared."""
        if not rows:
            return {}
        key = self._open(session_id, slots.history)
        sealed = [(body, _feedback_context(session_id, number)) for number, body in rows]
        opened = zip(rows, unseal_each(key, sealed), strict=True)
        return {row[0]: Feedback(**_DECODER.decode(str(body, "utf-8"))) for row, body in opened}

    def seal_draft(self, session_id: UUID, slots: Slots, text: str) -> bytes:
        """What was not sent yet, sealed."""
        return seal(self._open(session_id, slots.history), text.encode(), context=_draft_context(session_id))

    def open_draft(self, session_id: UUID, slots: Slots, sealed: bytes | None) -> str:
        """What was not sent yet, "" for nothing. Raises Cleared when session or history are cleared, also meanwhile."""
        text = ""
        if sealed is not None:
            text = unseal(self._open(session_id, slots.history), sealed, context=_draft_context(session_id)).decode()
        self.check(slots)
        return text

    def seal_parts(self, session_id: UUID, slots: Slots, parts: Iterable[tuple[int, bytes]]) -> list[bytes]:
        """What rows of attachments hold, sealed; each is (id of its row, content)."""
        key = self._open(session_id, slots.meta)
        return [seal(key, content, context=_part_context(session_id, number)) for number, content in parts]

    def open_parts(self, session_id: UUID, slots: Slots, rows: Iterable[tuple[int, bytes]]) -> list[bytes]:
        """The contents of rows of attachments. Raises Cleared when the session is cleared, also meanwhile."""
        key = self._open(session_id, slots.meta)
        opened = [unseal(key, sealed, context=_part_context(session_id, number)) for number, sealed in rows]
        self.check(slots)
        return opened

    def _open(self, session_id: UUID, slot: int | None) -> bytes:
        if slot is None:
            raise KeyDamaged  # something is sealed, and no key is named that opens it
        return self.keyring.open(session_id=session_id, slot=slot)

    def _check(self, slots: tuple[int, ...]) -> None:
        states = self.keyring.states(slots=slots)
        if not CLEARED.isdisjoint(states):
            raise Cleared
        if SlotState.HOLE in states:
            raise KeyDamaged


_ALWAYS = object()
_DECODER = json.JSONDecoder()  # json.loads looks for options and encodings at every call
_STORED = tuple(field.name for field in fields(Message) if field.name not in ("id", "feedback"))
# A field that has its default is left out of the stored body.
_DEFAULTS = {field.name: field.default for field in fields(Draft) if field.default is not MISSING}


def message_of(draft: Draft, number: int, at: datetime) -> Message:
    """The message that a draft becomes when it is stored."""
    return Message(id=number, created_at=at, **{field.name: getattr(draft, field.name) for field in fields(draft)})


def _title_context(session_id: UUID) -> bytes:
    return b"title" + session_id.bytes


def _message_context(session_id: UUID, number: int) -> bytes:
    return b"message" + session_id.bytes + number.to_bytes(8, "big")


def _feedback_context(session_id: UUID, number: int) -> bytes:
    return b"feedback" + session_id.bytes + number.to_bytes(8, "big")


def _draft_context(session_id: UUID) -> bytes:
    return b"draft" + session_id.bytes


def _part_context(session_id: UUID, number: int) -> bytes:
    return b"attached" + session_id.bytes + number.to_bytes(8, "big")


def _encode(message: Message) -> bytes:
    values = {name: getattr(message, name) for name in _STORED}
    plain = {name: value for name, value in values.items() if value != _DEFAULTS.get(name, _ALWAYS)}
    return json.dumps(plain, default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    if isinstance(value, Citation | Doubt):
        return asdict(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _decode(number: int, body: bytes) -> Message:
    values: dict[str, Any] = _DECODER.decode(str(body, "utf-8"))
    values["created_at"] = datetime.fromisoformat(values["created_at"])
    if "state" in values:
        values["state"] = MessageState(values["state"])
    if values.get("run_id"):
        values["run_id"] = UUID(values["run_id"])
    if values.get("collections") is not None:
        values["collections"] = tuple(map(UUID, values["collections"]))
    if "documents" in values:
        values["documents"] = tuple(map(UUID, values["documents"]))
    for name in ("citations", "nearest"):
        if name in values:
            values[name] = tuple(
                Citation(**{**citation, "document_id": UUID(citation["document_id"])}) for citation in values[name]
            )
    if "doubts" in values:
        values["doubts"] = tuple(Doubt(**doubt) for doubt in values["doubts"])
    if "follow_ups" in values:
        values["follow_ups"] = tuple(values["follow_ups"])
    return Message(id=number, **values)
