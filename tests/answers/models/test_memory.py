"""What a model is told of a long chat: the newest turns, older ones in short, nothing that was cleared."""

from docchat.answers.models.model import ContextFull
from docchat.answers.models.prompt import estimate_tokens

from ..conftest import OWNER, House
from .scripted import ScriptedModel, answers_of

SHORT = "They spoke of river Alpha and of nothing else."


def _says(asked: str) -> str:
    return SHORT if "Summary:" in asked.splitlines() else "The answer is long [1]. " * 20


def _chat(house: House, model: ScriptedModel, turns: int) -> None:
    house.upload("rivers.txt", "Every river of the land is long and old.\n")
    answers_of(house, model)
    house.session = house.chat()  # type: ignore[attr-defined]
    for number in range(turns):
        house.ask(f"How long is river number {number} of the land?", house.session)  # type: ignore[attr-defined]


def test_older_turns_are_told_in_short_until_memory_is_cleared(house: House) -> None:
    model = ScriptedModel(_says, window=900)
    _chat(house, model, 6)
    session = house.session  # type: ignore[attr-defined]
    kept = house.services.store.messages(owner=OWNER, session_id=session).items[-1]
    assert kept.memory == SHORT
    asked = model.asked[-1]
    assert SHORT in asked
    assert "river number 0" not in asked
    assert "river number 4" in asked
    assert estimate_tokens(asked) < 900
    house.services.clearing.clear_memory(owner=OWNER, session_id=session)
    house.ask("And what of the land?", session)
    assert SHORT not in model.asked[-1]
    assert "river number" not in model.asked[-1]
    database = house.services.settings.data_dir / "docchat.sqlite3"
    house.services.database.checkpoint()
    assert SHORT.encode() not in database.read_bytes()


def test_a_model_that_cannot_sum_up_drops_the_oldest(house: House) -> None:
    model = ScriptedModel(lambda asked: ContextFull() if "Summary:" in asked.splitlines() else _says(asked), window=900)
    _chat(house, model, 6)
    assert "river number 0" not in model.asked[-1]
    assert "river number 4" in model.asked[-1]


def test_too_much_for_the_window_is_asked_once_more_with_half(house: House) -> None:
    sizes: list[int] = []

    def says(asked: str) -> str | Exception:
        sizes.append(estimate_tokens(asked))
        return ContextFull() if len(sizes) == 1 else "All is long [1]."

    for number in range(8):
        house.upload(f"{number}.txt", f"Text {number} on rivers. " + "The river is long and old and cold. " * 60)
    answers_of(house, ScriptedModel(says))
    done = house.ask("How long is the river?")[-1]
    assert done.kind == "done"
    assert len(sizes) == 2
    assert sizes[1] <= sizes[0] * 0.6


def test_after_the_second_refusal_the_quoted_answer_is_offered(house: House) -> None:
    house.upload("river.txt", "The river is long. " * 60)
    model = ScriptedModel(lambda asked: ContextFull())
    answers_of(house, model)
    failed = house.ask("How long is the river?")[-1]
    assert (failed.kind, failed.code, len(model.asked)) == ("error", "model_unavailable", 2)
    assert "quoted" in failed.error
