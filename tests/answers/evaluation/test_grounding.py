"""The measure of grounding: by itself, and against people's marks."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from docchat.answers.evaluation.grounding import auc, correlation, grounding, has_ratings, pearson, ranks
from docchat.answers.passages import Passage
from docchat.answers.quotes.units import units_of
from docchat.errors import InvalidInput
from docchat.types import Chunk

TEXT = "The harbour office opens at seven. The crane lifts forty-two tons. Nobody may swim in the basin."


def passage(text: str = TEXT) -> Passage:
    return Passage(1, Chunk(1, UUID(int=1), "harbour.txt", 1, "", 0, len(text), text), text, units_of(text), 1.0)


def test_what_the_passages_hold_counts_and_what_they_do_not_does_not() -> None:
    assert grounding("The crane lifts 42 tons.", [passage()]) == 1.0
    assert grounding("A ferry sails to Norway daily.", [passage()]) == 0.0
    both = grounding("The crane lifts 42 tons. A ferry sails to Norway daily.", [passage()])
    assert both is not None
    assert 0.2 < both < 0.8


def test_the_contrary_is_not_held() -> None:
    assert grounding("You may swim in the basin.", [passage()]) == 0.0


def test_an_answer_that_states_nothing() -> None:
    assert grounding("Your documents do not say.", [passage()]) is None
    assert grounding("The crane lifts 42 tons.", []) == 0.0


def test_statistics() -> None:
    assert ranks([3, 1, 3, 2]) == [3.5, 1.0, 3.5, 2.0]
    assert pearson([1, 2, 3], [2, 4, 6]) == pytest.approx(1.0)
    assert pearson([1, 1], [1, 2]) == 0.0
    assert auc([2, 3], [1, 2]) == 0.875
    assert auc([], [1]) == 0.5


def rated(folder: Path, rows: list[tuple[str, list[int]]]) -> Path:
    (folder / "docs").mkdir()
    (folder / "docs" / "harbour.md").write_text(TEXT, encoding="utf-8")
    question = {"id": "q", "question": "What does the crane lift?", "answers": ["tons"], "doc": "harbour.md"}
    (folder / "questions.jsonl").write_text(json.dumps(question) + "\n", encoding="utf-8")
    lines = [json.dumps({"task": "q", "response": text, "human": {"faithfulness": marks}}) for text, marks in rows]
    (folder / "human_ratings.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_correlation_with_marks(tmp_path: Path) -> None:
    rows = [("The crane lifts 42 tons.", [4, 4]), ("A ferry sails to Norway daily.", [1, 2]), ("I hope so!", [4, 4])]
    folder = rated(tmp_path, rows)
    assert has_ratings(folder)
    found = correlation(folder)
    assert (found.answers, found.stating_nothing, found.low, found.high) == (3, 1, 1, 2)
    assert found.auc == found.with_passages == 1.0
    assert found.pearson > 0.99
    assert "Spearman" in found.table()


@pytest.mark.parametrize("line", ["{", '{"task": "other", "response": "x", "human": {"faithfulness": [1]}}', "{}"])
def test_ratings_that_cannot_be_read(tmp_path: Path, line: str) -> None:
    folder = rated(tmp_path, [])
    (folder / "human_ratings.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(InvalidInput, match="cannot be read"):
        correlation(folder)
