"""Documents and answers: uploads until they can be found, and questions until they are answered."""

import time
from pathlib import Path

from ...answers.evaluation.answering import read_questions
from ...types import Document, DocumentState
from ...web.state import Services
from .measure import OURS, OWNER, Key, Recorder

DOCUMENTS = "documents"
UPLOAD = "document: upload to searchable"
FIRST = "answer: first event"
COMPLETE = "answer: complete"
# An answer is looked after for a while when it has ended, unless its chat is cleared; that is seen within this time.
_LAST_LOOK_SECONDS = 0.5


def measure_documents(recorder: Recorder, services: Services, data: Path) -> None:
    """Measure on `docs/` and `questions.jsonl` of `data`, in the library of `services`. Raises InvalidInput."""
    questions = [question.text for question in read_questions(data)]
    for path in sorted(path for path in (data / "docs").iterdir() if path.is_file()):
        recorder.add(Key(DOCUMENTS, OURS, UPLOAD), _upload(services, path))
    for question in questions:
        _ask(recorder, services, question)
    time.sleep(_LAST_LOOK_SECONDS)


def _upload(services: Services, path: Path) -> float:
    start = time.perf_counter()
    with path.open("rb") as stream:
        document: Document = services.library.add(
            owner=OWNER, name=path.name, stream=stream, media_type="application/octet-stream"
        )
    while document.state not in (DocumentState.READY, DocumentState.FAILED):
        if not services.worker.run_due():
            time.sleep(0.002)
        document = services.library.get(owner=OWNER, document_id=document.id)
    return (time.perf_counter() - start) * 1000


def _ask(recorder: Recorder, services: Services, question: str) -> None:
    session = services.store.create(owner=OWNER)
    start = time.perf_counter()
    run = services.answers.start(owner=OWNER, session_id=session.id, question=question, mode="quotes")
    seen = False
    for event in services.answers.follow(owner=OWNER, session_id=session.id, run_id=run.id):
        if event is not None and not seen:
            seen = True
            recorder.add(Key(DOCUMENTS, OURS, FIRST), (time.perf_counter() - start) * 1000)
    recorder.add(Key(DOCUMENTS, OURS, COMPLETE), (time.perf_counter() - start) * 1000)
    services.clearing.delete(owner=OWNER, session_id=session.id)
