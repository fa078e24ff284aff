"""`docchat eval answers`: the judgement, and a whole small evaluation through the product's own path."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from docchat.answers.evaluation.answering import evaluate_answers, holds, read_questions
from docchat.errors import InvalidInput

from ..conftest import House

QUESTIONS = [
    {"id": "a", "question": "When was the lighthouse built?", "answers": ["1873"], "doc": "light.txt"},
    {"id": "b", "question": "How many tons does the crane lift?", "answers": ["50 tons"], "doc": ["crane.md"]},
    {"id": "c", "question": "Who is the queen of Denmark?", "answers": [], "doc": None, "unanswerable": True},
    {"id": "d", "question": "Which zebra eats pancakes?", "answers": ["none"], "doc": "light.txt"},
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "light.txt").write_text("The lighthouse was built in 1873 by Mary Fisher.")
    (folder / "docs" / "crane.md").write_text("# Crane\n\nThe crane lifts forty-two tons of goods.")
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, QUESTIONS)) + "\n\n")
    return folder


def test_a_whole_evaluation(house: House, data: Path) -> None:
    report = evaluate_answers(house.services, data)
    figures = report.as_dict()
    assert figures["right_document_first"] == [2, 3]
    assert figures["answer_in_quotes"] == [1, 3]
    assert figures["unanswerable_refused"] == [1, 1]
    assert figures["wrong_refusals"] == [1, 3]
    assert json.loads(json.dumps(figures))["documents"] == 2
    assert all(0 < result.first_event_ms <= result.complete_ms for result in report.results)
    table = report.table()
    assert "right document first   2 of 3" in table
    assert "b no answer" in table
    assert "d wrongly refused" in table


def test_what_counts_as_holding_the_answer() -> None:
    assert holds("It costs about $12,500, they say.", ["12,500"])
    assert holds("by “Martin  J. WALSH” :", ["Martin J. Walsh"])
    assert holds("ﬁnished airplanes", ["finished"])
    assert not holds("in 19340 boxes", ["1934"])
    assert not holds("anything", ["", "…"])


@pytest.mark.parametrize("line", ["no json", "[]", '{"id": 1}'])
def test_a_bad_line_is_named(data: Path, line: str) -> None:
    (data / "questions.jsonl").write_text(f"{json.dumps(QUESTIONS[0])}\n{line}\n")
    with pytest.raises(InvalidInput, match="Line 2"):
        read_questions(data)


def test_a_folder_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        read_questions(tmp_path)


def test_a_model_is_judged_by_its_text(make_house: Callable[..., House], data: Path, llama_server_url: str) -> None:
    house = make_house(model_url=llama_server_url, model_context_tokens=2048)
    (data / "questions.jsonl").write_text(json.dumps(QUESTIONS[0]))
    assert len(evaluate_answers(house.services, data).results) == 1
