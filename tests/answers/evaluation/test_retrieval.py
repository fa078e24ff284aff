"""`docchat eval retrieval`: every layout is read, and the figures are those of a count by hand."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from docchat.answers.evaluation.question_sets import Right, read_set
from docchat.answers.evaluation.retrieval import Figures, evaluate_retrieval
from docchat.errors import InvalidInput
from docchat.server.bench import retrieval_page

from ..conftest import House


def _write(path: Path, *lines: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def _words(house: House, data: Path) -> Figures:
    report = evaluate_retrieval(house.services, data, signals=["words"])
    assert (report.unread, report.missing) == (0, 0)
    return report.figures[0]


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    return make_house()


def test_paragraphs_and_pages_of_files(house: House, tmp_path: Path) -> None:
    docs = tmp_path / "docs" / "deep"
    docs.mkdir(parents=True)
    (docs / "towns.md").write_text("# Towns\n\nLarnmouth has a *harbour*.\n\nBonndorf has a castle.\n")
    (docs / "wells.txt").write_text("Wells are deep.\n\nSprings are not.\n")
    _write(
        tmp_path / "questions.jsonl",
        {"id": 1, "question": "Where is the castle?", "doc": "deep/towns.md", "passage": 1},
        {"id": 2, "question": "What about springs?", "doc": "deep/wells.txt", "passage": 1},
        {"id": 3, "question": "harbour", "doc": ["deep/wells.txt"], "page": 1},
        {"id": 4, "question": "Which is not told?", "doc": "deep/towns.md", "passage": 0, "unanswerable": True},
        {"id": 5, "question": "Of everything?", "doc": None},
    )
    found = _words(house, tmp_path)
    assert found.questions == 3
    assert found.right_document_first == pytest.approx(2 / 3, abs=1e-3)
    # Both files are one passage each: the right paragraph comes with its neighbour, and is never counted twice.
    assert found.recall_5 == found.recall_10 == pytest.approx(2 / 3, abs=1e-3)


def test_a_corpus_with_a_table_of_what_is_right(house: House, tmp_path: Path) -> None:
    texts = ("Cats purr when they are glad.", "Cats sleep.", "Dogs & <wolves> howl at the moon.")
    _write(
        tmp_path / "corpus.jsonl",
        *({"id": str(n), "title": f"On animals {n}", "text": text} for n, text in enumerate(texts)),
    )
    _write(tmp_path / "questions_test.jsonl", {"id": "a", "question": "glad cats"}, {"id": "b", "question": "x"})
    (tmp_path / "qrels_test.tsv").write_text("query-id\tcorpus-id\tscore\na\t0\t1\na\t2\t1\na\t1\t0\n")
    found = _words(house, tmp_path)
    assert (found.questions, found.right_document_first, found.recall_1, found.recall_10) == (1, 1, 0.5, 0.5)
    assert found.ndcg_10 == pytest.approx(1 / (1 + 0.6309), abs=1e-3)


def test_passages_with_turns_before(house: House, tmp_path: Path) -> None:
    _write(
        tmp_path / "passages.jsonl",
        {"id": "a.md", "title": "Owls", "text": "Owls\nOwls hunt mice."},
        {"id": "b.md", "title": "Bats", "text": "Bats hang upside down."},
    )
    turns = [{"role": "user", "text": "Tell me of owls."}, {"role": "assistant", "text": "They hunt."}]
    _write(
        tmp_path / "questions.jsonl",
        {"id": 1, "question": "What do they hunt?", "gold_passages": ["a.md"], "history": turns},
        {"id": 2, "question": "Thanks!", "gold_passages": []},
    )
    data = read_set(tmp_path)
    assert data.questions[0].history == (("user", "Tell me of owls."), ("assistant", "They hunt."))
    assert data.questions[0].right == {Right("a.md"): 1.0}
    found = _words(house, tmp_path)
    assert (found.questions, found.recall_1) == (1, 1.0)


def test_groups_are_counted_apart(house: House, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("Der Hafen ist offen.")
    (tmp_path / "docs" / "b.txt").write_text("The mill is closed.")
    _write(
        tmp_path / "questions.jsonl",
        {"id": 1, "question": "Hafen", "doc": "a.txt", "lang": "de"},
        {"id": 2, "question": "harbour", "doc": "b.txt", "lang": "en"},
    )
    report = evaluate_retrieval(house.services, tmp_path, signals=["words"])
    assert [(f.group, f.recall_1) for f in report.figures] == [("", 0.5), ("de", 1.0), ("en", 0.0)]
    assert json.loads(json.dumps(report.as_dict()))["results"][1]["R@1"] == 1.0
    assert "words" in report.table()
    page = tmp_path / "docs" / "reference"
    page.mkdir()
    with pytest.raises(InvalidInput):
        retrieval_page.write([report], tmp_path / "docs")
    (page / "retrieval.md").write_text(f"Before.\n{retrieval_page.BEGIN}\nold\n{retrieval_page.END}\nAfter.\n")
    retrieval_page.write([report], tmp_path / "docs")
    written = (page / "retrieval.md").read_text()
    assert "old" not in written
    assert written.startswith("Before.")
    assert written.endswith("After.\n")
    assert f"| {tmp_path.name}, de | document | 2 | 2 | 1 | words | 1.000 | 1.000 |" in written
    other = replace(report, data="other", figures=report.figures[:1])
    retrieval_page.write([other], tmp_path / "docs")
    retrieval_page.write([replace(other, documents=7)], tmp_path / "docs")
    rows = (page / "retrieval.md").read_text().splitlines()[5:-3]
    assert [row.split(" | ")[0] for row in rows] == [f"| {tmp_path.name}{lang}" for lang in ("", ", de", ", en")] + [
        "| other"
    ]
    assert rows[-1].startswith("| other | document | 7 |")


@pytest.mark.parametrize("line", ["no json", "[]"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "questions.jsonl").write_text(f"{json.dumps({'question': 'x', 'doc': 'a'})}\n{line}\n")
    with pytest.raises(InvalidInput, match="Line 2"):
        read_set(tmp_path)


def test_a_folder_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        read_set(tmp_path)
