"""E-mail by the standard library: the head that people read, the body, and each attachment as parts of its own."""

import email
import email.errors
import email.header
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import Message

from ...errors import Unreadable
from . import pictures, web
from .encoding import decode
from .part import Block, Part, bounded, clean, flow, paragraphs

Reader = Callable[[bytes, str], tuple[Part, ...]]

MOST_MESSAGES = 5000
_SHOWN = ("From", "To", "Cc", "Date")
_SEPARATOR = re.compile(rb"^From [^\n]*\n(?=[!-9;-~]+:)", re.MULTILINE)
_HEAD = re.compile(rb"(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*){2,}", re.IGNORECASE)
_TELLING = re.compile(rb"^(?:from|to|subject|date|received|message-id|mime-version|return-path):", re.I | re.M)


def looks_like_mail(data: bytes) -> bool:
    """Whether a text begins with the head of a message."""
    head = _HEAD.match(data[:8192].replace(b"\r\n", b"\n"))
    return head is not None and len(set(_TELLING.findall(head[0]))) >= 2


def read(data: bytes, *, reader: Reader, label: str = "Message") -> tuple[Part, ...]:
    """The message and its attachments; `reader` makes parts of an attachment from its bytes and name."""
    message = email.message_from_bytes(data)
    blocks = list(_head(message))
    blocks += _body(message)
    attached: list[Part] = []
    for number, attachment in enumerate(_attachments(message)):
        try:
            found = _attachment(attachment, reader)
        except Unreadable as error:  # a broken attachment does not hide the message
            blocks.append(Block(f"Attachment {_file_name(attachment)} was not read. {error.message}", "line"))
            continue
        attached += (replace(p, scan=(str(number), *p.scan)) if p.scan else p for p in found)
    return (*flow(blocks, label=label), *attached)


def inner(data: bytes, number: str) -> bytes:
    """The bytes of the attachment with that number. Raises Unreadable with code no_page."""
    found = list(_attachments(email.message_from_bytes(data)))
    if not number.isdigit() or int(number) >= len(found):
        raise Unreadable("This message has no such attachment.", code="no_page")
    return _content(found[int(number)])


def read_box(data: bytes, *, reader: Reader) -> tuple[Part, ...]:
    """The messages of an mbox file in order, at most MOST_MESSAGES."""
    data = data.replace(b"\r\n", b"\n")
    if not _SEPARATOR.match(data):
        return read(data, reader=reader)
    starts = [match.end() for match in _SEPARATOR.finditer(data)][:MOST_MESSAGES]
    ends = [match.start() for match in _SEPARATOR.finditer(data)][1 : len(starts)]
    messages = enumerate(zip(starts, [*ends, len(data)], strict=False), 1)
    return bounded(
        part
        for number, (start, end) in messages
        for part in read(data[start:end], reader=reader, label=f"Message {number}")
        if not part.scan
    )


def _header(message: Message, name: str) -> str:
    raw = message.get(name)
    if raw is None:
        return ""
    try:
        pieces = email.header.decode_header(str(raw))
        return clean(" ".join(str(email.header.make_header(pieces)).split()))
    except (email.errors.HeaderParseError, UnicodeError, LookupError, ValueError):
        return clean(" ".join(str(raw).split()))


def _head(message: Message) -> Iterator[Block]:
    subject = _header(message, "Subject")
    if subject:
        yield Block(subject, "heading")
    for name in _SHOWN:
        value = _header(message, name)
        if value:
            yield Block(f"{name}: {value}", "line")


def _is_attachment(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _body(message: Message) -> list[Block]:
    """The first readable body: plain text where there is one, else HTML; other inline texts after it."""
    if message.get_content_type() == "message/rfc822" or _is_attachment(message):
        return []
    if not message.is_multipart():
        return _text(message)
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    bodies = [body for body in (_body(part) for part in parts) if body]
    if message.get_content_subtype() == "alternative":
        return bodies[0] if bodies else []
    return [block for body in bodies for block in body]


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message) -> list[Block]:
    kind = part.get_content_type()
    if not kind.startswith("text/"):
        return []
    declared = part.get_content_charset() or ""
    text = decode(_payload(part), declared="" if declared == "us-ascii" else declared)
    if kind == "text/html":
        return web.blocks(text)
    return paragraphs(text)


def _attachments(message: Message) -> Iterator[Message]:
    """The attached files and messages, in order; not those inside attached messages."""
    if message.get_content_type() == "message/rfc822":
        yield message
    elif message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _attachments(part)
    elif _is_attachment(message):
        yield message


def _attachment(part: Message, reader: Reader) -> list[Part]:
    name = _file_name(part)
    data = _content(part)
    if pictures.is_picture(data) and (part.get("Content-ID") or part.get_content_disposition() == "inline"):
        return []  # a logo or an emoji of the text
    found = reader(data, name)
    return [replace(p, label=f"Attachment {name}" + (f", {p.label}" if p.label else "")) for p in found]


def _content(part: Message) -> bytes:
    if part.get_content_type() != "message/rfc822":
        return _payload(part)
    held = part.get_payload()
    return held[0].as_bytes() if isinstance(held, list) and held and isinstance(held[0], Message) else b""


def _file_name(part: Message) -> str:
    name = clean(_header_name(part)) or "message"
    return f"{name}.eml" if part.get_content_type() == "message/rfc822" and not name.endswith(".eml") else name


def _header_name(part: Message) -> str:
    try:
        pieces = email.header.decode_header(part.get_filename() or "")
        return str(email.header.make_header(pieces)).replace("/", "_")
    except (email.errors.HeaderParseError, UnicodeError, LookupError, ValueError):
        return "attachment"
