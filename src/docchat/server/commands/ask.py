"""`docchat ask`: one question from the terminal, answered with its sources, and forgotten afterwards."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from uuid import UUID

import click

from ...errors import DocChatError
from ...types import Citation, Message, Mode
from ...web.state import Services
from ..home import Home, pass_home, user_option


@click.command()
@click.argument("question")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@click.option("--mode", type=click.Choice(["quotes", "model"]), help="Quote the documents, or let the model write.")
@user_option
@pass_home
def ask(home: Home, question: str, as_json: bool, mode: Mode | None, user: str | None) -> None:
    """Ask QUESTION; print the answer as it comes, then its sources.

    The chat this needs is cleared when the command ends, also when it is interrupted.
    """
    owner = home.owner(user)
    services = home.services
    with _passing_session(services, owner) as session_id:
        message = _answer(services, owner, session_id, question, mode, echo=not as_json)
    if as_json:
        click.echo(json.dumps(_document(question, message), ensure_ascii=False))
    else:
        _print_sources(message.citations)


def _answer(
    services: Services, owner: str, session_id: UUID, question: str, mode: Mode | None, *, echo: bool
) -> Message:
    """Run the answer to its end. Raises DocChatError when it failed."""
    run = services.answers.start(owner=owner, session_id=session_id, question=question, mode=mode)
    for event in services.answers.follow(owner=owner, session_id=session_id, run_id=run.id):
        if event is None:
            continue
        if event.kind == "text" and echo:
            click.echo(event.text, nl=False)
        elif event.kind == "error":
            raise DocChatError(event.error, code=event.code)
        elif event.kind == "done" and event.message is not None:
            if echo:
                click.echo()
            return event.message
    raise DocChatError("The answer was cut short.")


def _print_sources(citations: tuple[Citation, ...]) -> None:
    if citations:
        click.echo()
    for citation in citations:
        place = f", {citation.label}" if citation.label else ""
        click.echo(f"[{citation.number}] {citation.document_name}{place}: “{' '.join(citation.quote.split())}”")


def _document(question: str, message: Message) -> dict[str, Any]:
    return {
        "question": question,
        "answer": message.text,
        "refused": message.refused,
        "mode": message.mode,
        "citations": [
            {
                "number": citation.number,
                "document": citation.document_name,
                "page": citation.page,
                "label": citation.label,
                "quote": citation.quote,
                "start": citation.start,
                "end": citation.end,
            }
            for citation in message.citations
        ],
    }


@contextmanager
def _passing_session(services: Services, owner: str) -> Iterator[UUID]:
    """A session that is deleted, keys first, when the block ends or the process is asked to stop."""

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    previous = signal.signal(signal.SIGTERM, stop)
    session = services.store.create(owner=owner)
    try:
        yield session.id
    finally:
        services.clearing.delete(owner=owner, session_id=session.id, final=True)
        signal.signal(signal.SIGTERM, previous)
