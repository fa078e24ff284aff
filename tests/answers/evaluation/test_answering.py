"""`docchat eval answers`: the judgement, and a whole small evaluation through the product's own path."""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from docchat.answers.evaluation.answer_figures import Report, Result
from docchat.answers.evaluation.answering import Plan, evaluate_answers, read_questions
from docchat.answers.evaluation.judging import held_marks, holds, said, share_said
from docchat.errors import DocChatError, InvalidInput
from docchat.server.bench import answers_page
from docchat.types import Citation, Message, utc_now

from ..conftest import House, PlayedModel

QUESTIONS = [
    {"id": "a", "question": "When was the lighthouse built?", "answers": ["1873"], "doc": "light.txt", "page": 1},
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
    assert figures["answer_in_first_sentence"] == [1, 3]
    assert figures["evidence_cited"] == [2, 3]
    assert figures["citation_precision"] == [2, 2]
    assert all(0 < result.first_text_ms <= result.complete_ms for result in report.results)
    table = report.table()
    assert "right document first      2 of 3" in table
    assert "b no answer" in table
    assert "d wrongly refused" in table


def test_failed_answers_are_counted(make_house: Callable[..., House], played_model: PlayedModel, data: Path) -> None:
    # 400 is refused for good: no second try comes in between.
    played_model.statuses = [400, 400, 400, 200, 200, 400, 400, 400, 200]
    report = evaluate_answers(make_house(model_url=played_model.url).services, data)
    failed = [result for result in report.results if result.failed]
    assert {result.failed for result in failed} == {"model_unavailable"}
    assert report.as_dict()["failed"] == [len(failed), 4]
    assert 0 < len(failed) < 4
    assert all(not result.holds_answer and not result.marks for result in failed)
    assert "failed, model_unavailable" in report.table()


def test_a_server_that_fails_and_fails_ends_it(
    make_house: Callable[..., House], played_model: PlayedModel, data: Path
) -> None:
    played_model.status = 400
    with (data / "questions.jsonl").open("a") as file:
        file.write("\n".join(json.dumps({**QUESTIONS[0], "id": f"x{number}"}) for number in range(5)))
    with pytest.raises(DocChatError) as caught:
        evaluate_answers(make_house(model_url=played_model.url).services, data)
    assert caught.value.code == "model_unavailable"


def test_questions_about_documents_that_are_left_out(house: House, data: Path) -> None:
    report = evaluate_answers(house.services, data, Plan(absent=True))
    # Every other document is kept: the crane's; the lighthouse is absent.
    assert [(result.id, result.kind, result.refused) for result in report.results] == [
        ("a", "absent", True),
        ("b", "answerable", False),
        ("d", "absent", True),
    ]
    assert report.as_dict()["absent_refused"] == [2, 2]
    assert report.as_dict()["absent_auc"] == 1.0


def test_what_was_said_before_belongs_to_the_chat(house: House, data: Path) -> None:
    history = [{"role": "user", "text": "Tell me about the crane."}, {"role": "assistant", "text": "It lifts."}]
    line = {"id": 1, "question": "How many tons?", "answers": ["forty-two"], "doc": "crane.md", "history": history}
    thanks = {"id": 2, "question": "Thanks!", "answerability": "CONVERSATIONAL"}
    unknown = {"id": 3, "question": "Who sings at the opera?", "answerability": "UNANSWERABLE", "doc": "light.txt"}
    (data / "questions.jsonl").write_text("\n".join(map(json.dumps, (line, thanks, unknown))))
    report = evaluate_answers(house.services, data)
    assert [(result.id, result.kind) for result in report.results] == [("1", "answerable"), ("3", "unanswerable")]
    chats = house.services.store.list(owner="evaluation").items
    assert sorted(chat.messages for chat in chats) == [2, 4]


def test_a_sample_is_spread_evenly(house: House, data: Path) -> None:
    report = evaluate_answers(house.services, data, Plan(sample=2))
    assert [result.id for result in report.results] == ["a", "c"]


def _message(text: str, *quotes: tuple[int, int, str]) -> Message:
    cited = tuple(
        Citation(number, UUID(int=1), "a.txt", 1, "", start, start + len(quote), quote)
        for number, (start, _, quote) in enumerate(quotes, 1)
    )
    return Message("assistant", text, cited, mode="quotes", id=1, created_at=utc_now())


def test_a_mark_holds_when_its_characters_are_the_sentence() -> None:
    page = "It is red. It is old.\n\nParts:\n- the lamp"
    good = _message("“It is red.” [1]\n\n“Parts: … the lamp” [2]", (0, 0, "It is red."), (32, 0, "the lamp"))
    assert held_marks(good, lambda document, number: page) == (2, 2)
    assert said(good) == ("It is red.", "Parts: the lamp")
    shifted = _message("“It is red.” [1]", (11, 0, "It is old."))
    assert held_marks(shifted, lambda document, number: page) == (0, 1)
    forged = _message("“It is red.” [1]", (11, 0, "It is red."))
    assert held_marks(forged, lambda document, number: page) == (0, 1)
    assert held_marks(_message("“It is red.” [2]"), lambda document, number: page) == (0, 1)


def test_a_sentence_shown_before_the_quote_is_no_part_of_the_answer() -> None:
    message = _message("“The lamp is lit. … It is old.” [1]", (17, 0, "It is old."))
    assert said(message) == ("It is old.",)


def test_words_of_an_answer_in_free_text() -> None:
    assert share_said("The lamp is red", ["red lamps of Larnmouth", "lit"]) == pytest.approx(2 / 3)
    assert share_said("", ["red"]) == share_said("red", []) == 0.0


def _result(kind: str, confidence: float | None) -> Result:
    return Result(
        "1",
        "?",
        "",
        kind,
        "quotes",
        False,
        True,
        True,
        True,
        True,
        1.0,
        1,
        1,
        confidence,
        1.0,
        2.0,
        "",  # type: ignore[arg-type]
    )


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    scored = [("answerable", 2.0), ("answerable", 0.5), ("unanswerable", 1.0), ("unanswerable", -1.0), ("absent", None)]
    figures = Report("set", "quotes", 1, 0, 0.0, tuple(_result(*one) for one in scored)).figures()[0]
    assert figures.unanswerable_auc == 0.75
    assert figures.absent_auc is None


def test_the_page_keeps_the_rows_of_other_sets(tmp_path: Path) -> None:
    page = tmp_path / "reference" / "answers.md"
    page.parent.mkdir()
    page.write_text(f"# Answers\n\n{answers_page.BEGIN}\n<!-- to here -->\nEnd\n")
    for name, count in (("one", 1), ("two", 1), ("one", 2)):
        results = tuple(_result("answerable", None) for _ in range(count))
        answers_page.write([Report(name, "quotes", 1, 0, 0.0, results)], tmp_path)
    rows = [line for line in page.read_text().splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[:3] for row in rows] == [
        ["| set", "mode", "questions"],
        ["| two", "quotes", "1"],
        ["| one", "quotes", "2"],
    ]
    page.write_text("no marks")
    with pytest.raises(InvalidInput):
        answers_page.write([], tmp_path)


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
