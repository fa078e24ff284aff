"""How long people wait for the first words: without a model in a large library, and what docchat adds to a model's."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO

import httpx

from ...config import Settings
from ...documents.embed import OFF
from ...types import Mode
from ...web.state import Services
from ..home import temporary_services
from .measure import OURS, OWNER, Figure, Key, Recorder
from .streams import model

ANSWERS = "answers"
BARE = "the model's server itself"
FIRST_TEXT = "answer without a model: first text"
MODEL_FIRST = "answer of a model: first text"
MODEL_ALL = "answer of a model: complete"
CHUNKS = "passages"
_MOST_SECONDS = 3.0
_MOST_QUESTIONS = 100
_QUESTIONS_A_ROUND = 20
_PARAGRAPHS = 500  # of a document
_WORDS = 60  # of a paragraph
_KNOWN = 20_000


def measure_answers(
    recorder: Recorder, settings: Settings, *, chunks: int, rounds: int, progress: Callable[[str], None]
) -> None:
    """Measure in a library of about `chunks` passages of made-up words, with a stub that streams for some seconds."""
    with model(min(_MOST_SECONDS, rounds)) as port:
        url = f"http://127.0.0.1:{port}/v1"
        asked = replace(settings, embedder_name=OFF, model_url=url, model_name="stub", answers_per_day=0)
        with temporary_services(asked) as services:
            progress(f"answers: a library of {chunks:,} passages")
            questions = _fill(services, chunks)
            recorder.figures.append(Figure(ANSWERS, OURS, CHUNKS, chunks))
            progress("answers: questions")
            for question in questions[: rounds * _QUESTIONS_A_ROUND]:
                first, _ = _ask(services, question, "quotes")
                recorder.add(Key(ANSWERS, OURS, FIRST_TEXT), first)
            for question in questions[:rounds]:
                for who, (first, complete) in ((BARE, _bare(url)), (OURS, _ask(services, question, "model"))):
                    recorder.add(Key(ANSWERS, who, MODEL_FIRST), first)
                    recorder.add(Key(ANSWERS, who, MODEL_ALL), complete)


def _fill(services: Services, chunks: int) -> Sequence[str]:
    """Documents whose words are as unevenly common as those of a language; questions for some of their passages."""
    chance = random.Random(7)  # noqa: S311  (no secret)
    known = ["".join(chance.choices("bcdfghjklmnprstvw", k=1) + chance.choices("aeiou", k=1)) for _ in range(90)]
    words = ["".join(chance.choices(known, k=chance.randint(2, 4))) for _ in range(_KNOWN)]
    weights = [1 / (rank + 10) for rank in range(_KNOWN)]
    questions: list[str] = []
    for number in range(max(1, chunks // _PARAGRAPHS)):
        paragraphs = [" ".join(chance.choices(words, weights, k=_WORDS)).capitalize() + "." for _ in range(_PARAGRAPHS)]
        asked = chance.choice(paragraphs).rstrip(".").split()
        questions.append(f"What about {' '.join(chance.sample(asked, 5))}?")
        text = "\n\n".join(paragraphs).encode()
        services.library.add(owner=OWNER, name=f"{number}.txt", stream=BytesIO(text), media_type="text/plain")
    while services.worker.run_due():
        pass
    return [questions[number % len(questions)] for number in range(_MOST_QUESTIONS)]


def _ask(services: Services, question: str, mode: Mode) -> tuple[float, float]:
    """Milliseconds to the first text, and to the end."""
    session = services.store.create(owner=OWNER)
    start = time.perf_counter()
    run = services.answers.start(owner=OWNER, session_id=session.id, question=question, mode=mode)
    first = None
    for event in services.answers.follow(owner=OWNER, session_id=session.id, run_id=run.id):
        if event is not None and event.kind == "text" and first is None:
            first = (time.perf_counter() - start) * 1000
    complete = (time.perf_counter() - start) * 1000
    services.clearing.delete(owner=OWNER, session_id=session.id)
    return first or complete, complete


def _bare(url: str) -> tuple[float, float]:
    asked = {"model": "stub", "stream": True, "messages": [{"role": "user", "content": "When does the harbour open?"}]}
    with httpx.Client() as client:
        start = time.perf_counter()
        first = 0.0
        with client.stream("POST", f"{url}/chat/completions", json=asked) as response:
            for line in response.iter_lines():
                if not first and "content" in line:
                    first = (time.perf_counter() - start) * 1000
        return first, (time.perf_counter() - start) * 1000
