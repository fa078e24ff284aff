"""Server-Sent Events: an answer's events as bytes, and the response that carries them."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from uuid import UUID

from flask import Response, request

from ..errors import Cleared, DocChatError, InvalidInput, StoreError, trail
from ..types import AnswerEvent, Chunk, Citation, Message
from . import auth, faults, shapes

logger = logging.getLogger(__name__)

HEARTBEAT = b": hb\n\n"
Deleted = Callable[[Sequence[Chunk | Citation]], shapes.Gone]
"""Tells which documents of these are deleted."""


def encode(
    event: AnswerEvent, *, run_id: UUID, question: Message | None = None, gone: shapes.Gone = shapes.NOTHING
) -> bytes:
    """One event as it goes over the line; its id `<run>.<offset>` is where a reader resumes.

    `question` is told with the passages, which open a stream; `gone` are the documents that are deleted.
    """
    told = payload(event, run_id=run_id, question=question, gone=gone)
    data = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    # A model may send half a surrogate pair, which no UTF-8 can hold.
    return f"id: {run_id}.{event.offset}\nevent: {event.kind}\ndata: {data}\n\n".encode("utf-8", "replace")


def payload(
    event: AnswerEvent, *, run_id: UUID, question: Message | None = None, gone: shapes.Gone = shapes.NOTHING
) -> dict[str, object]:
    """The data of an event."""
    if event.kind == "passages":
        return {
            "run": str(run_id),
            "question": None if question is None else shapes.message(question),
            "answer": None if event.message is None else shapes.message(event.message, gone),
            "mode": event.mode,
            "passages": [shapes.passage(number, chunk, gone) for number, chunk in enumerate(event.passages, 1)],
        }
    if event.kind == "text":
        return {"text": event.text}
    if event.kind == "citation" and event.citation is not None:
        return {**shapes.citation(event.citation, gone), "at": event.offset}
    if event.kind == "done":
        return {"message": None if event.message is None else shapes.message(event.message, gone)}
    if event.kind == "cleared":
        return {"successor": None if event.successor is None else str(event.successor)}
    return {"error": event.error, "code": event.code}


def last_offset(run_id: UUID) -> int:
    """Where the reader of this run stopped, from Last-Event-ID. Raises InvalidInput."""
    value = request.headers.get("Last-Event-ID", "").strip()
    if not value:
        return 0
    run, _, offset = value.rpartition(".")
    if auth.parse_id(run) != run_id or not (offset.isascii() and offset.isdigit() and len(offset) <= 9):
        raise InvalidInput("The header Last-Event-ID does not belong to this answer.", code="bad_event_id")
    return int(offset)


def stream(
    events: Iterator[AnswerEvent | None],
    *,
    run_id: UUID,
    question: Message | None = None,
    deleted: Deleted = lambda told: shapes.NOTHING,
) -> Response:
    """A response that relays events as they come, with a heartbeat for every None.

    The first event is awaited here, so that what fails before it becomes an ordinary error answer. When the reader
    leaves, `events` is closed; the answer itself goes on.
    """
    first = tuple(islice(events, 1))
    body = _relay(chain(first, events), run_id, question, faults.request_id(), deleted)
    response = Response(body, mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    closing = getattr(events, "close", None)
    if closing is not None:
        response.call_on_close(closing)
    return response


def _gone(event: AnswerEvent, deleted: Deleted) -> shapes.Gone:
    """What of the sources that an event tells of is deleted by now, whenever it was first told."""
    told: list[Chunk | Citation] = [*event.passages, *(event.message.citations if event.message is not None else ())]
    if event.citation is not None:
        told.append(event.citation)
    if not told:
        return shapes.NOTHING
    try:
        return deleted(told)
    except StoreError:  # nothing can have been deleted just now either; the answer's own thread asks again
        return shapes.NOTHING


def _relay(
    events: Iterator[AnswerEvent | None], run_id: UUID, question: Message | None, request_id: str, deleted: Deleted
) -> Iterator[bytes]:
    offset = 0
    try:
        for event in events:
            if event is None:
                yield HEARTBEAT
                continue
            offset = event.offset
            yield encode(event, run_id=run_id, question=question, gone=_gone(event, deleted))
    except Cleared as error:
        yield encode(AnswerEvent("cleared", offset, successor=error.successor), run_id=run_id)
    except DocChatError as error:
        logger.warning("request %s: stream of run %s ended: %s", request_id, run_id, error.code)
        yield encode(AnswerEvent("error", offset, error=error.message, code=error.code), run_id=run_id)
    except Exception as error:  # noqa: BLE001  (the headers are sent: the reader can be told in no other way)
        logger.error(  # noqa: TRY400  (a traceback's text may quote the chat)
            "request %s: stream of run %s failed at %s", request_id, run_id, trail(error)
        )
        failure = DocChatError()
        yield encode(AnswerEvent("error", offset, error=failure.message, code=failure.code), run_id=run_id)
