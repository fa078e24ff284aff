"""Titles: made of the first question, improved by a model, and never brought back by it."""

from docchat.answers.titles import short_title, usable_title

from .conftest import OWNER, House
from .models.scripted import ScriptedModel, answers_of

LONG = "I was asked yesterday by a colleague how heavy the loads are that the harbour crane may lift in winter?"
TITLE = "Loads of the harbour crane"


def _says(asked: str) -> str:
    return f"Title: “{TITLE}”" if asked.endswith("Title:") else "It lifts forty tons [1]."


def _title(house: House, session) -> str:  # type: ignore[no-untyped-def]
    return house.services.store.get(owner=OWNER, session_id=session).title


def _until(found) -> bool:  # type: ignore[no-untyped-def]
    import time

    deadline = time.monotonic() + 5
    while not found() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(found())


def test_a_model_improves_the_title_of_a_long_first_question(house: House) -> None:
    house.upload("crane.txt", "The harbour crane lifts forty tons.\n")
    model = ScriptedModel(_says)
    answers_of(house, model)
    session = house.chat()
    house.ask(LONG, session)
    assert _until(lambda: _title(house, session) == TITLE)
    house.ask(LONG, session)
    assert sum(asked.endswith("Title:") for asked in model.asked) == 1


def test_a_late_title_does_not_come_back(house: House) -> None:
    house.upload("crane.txt", "The harbour crane lifts forty tons.\n")
    services = house.services
    for meddle in ("rename", "history", "clear"):
        session = house.chat()

        def says(asked: str, meddle: str = meddle, session=session) -> str:  # type: ignore[no-untyped-def]
            if asked.endswith("Title:"):
                if meddle == "rename":
                    services.store.rename(owner=OWNER, session_id=session, title="Mine")
                elif meddle == "history":
                    services.clearing.clear_history(owner=OWNER, session_id=session)
                else:
                    services.clearing.clear(owner=OWNER, session_id=session)
            return _says(asked)

        model = ScriptedModel(says)
        answers_of(house, model)
        house.ask(LONG, session)
        assert _until(lambda model=model: model.asked[-1].endswith("Title:"))
        _join()
        if meddle == "rename":
            assert _title(house, session) == "Mine"
        elif meddle == "history":
            assert _title(house, session) == short_title(LONG)
        titles = [item.title for item in services.store.list(owner=OWNER).items]
        assert TITLE not in titles


def _join() -> None:
    import threading

    for thread in threading.enumerate():
        if thread.name == "docchat-answer":
            thread.join(5)


def test_what_is_no_title() -> None:
    answer = "The crane lifts forty tons."
    assert usable_title('Title: "Crane loads"\nmore', "How heavy are loads of the crane?", answer) == "Crane loads"
    assert usable_title("The crane lifts", "How heavy are loads of the crane?", answer) == ""
    assert usable_title("Weather in Spain", "How heavy are loads of the crane?", answer) == ""
    assert usable_title("crane " * 30, "How heavy are loads of the crane?", answer) == ""
    assert usable_title("<img> crane", "How heavy are loads of the crane?", answer) == ""
