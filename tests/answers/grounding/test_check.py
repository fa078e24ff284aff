"""What a passage holds of a statement: words, names, numbers, yes and no, in languages with and without blanks."""

import time
from uuid import UUID

import pytest

from docchat.answers.grounding.check import HOLDS, KEEPS, Checker
from docchat.answers.grounding.claims import is_claim
from docchat.answers.passages import Passage
from docchat.answers.quotes.units import units_of
from docchat.types import Chunk

HARBOUR = (
    "The harbour office of Larnmouth opens at 07:15 and closes at 18:40. Its crane lifts forty-two tons. "
    "In 2021 the port handled 1,200,000 containers. Swimming in the basin is not allowed."
)
MUSEUM = "The town museum was founded by Ada Quill in 1911. It is closed on Mondays. Entry is free for children."


def passage(number: int, text: str) -> Passage:
    chunk = Chunk(number, UUID(int=number), "", 1, "", 0, len(text), text)
    return Passage(number, chunk, text, units_of(text), 1.0)


def checker(*texts: str) -> Checker:
    return Checker([passage(number, text) for number, text in enumerate(texts or (HARBOUR, MUSEUM), 1)])


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("The harbour office opens at 7:15.", 1),
        ("It closes at 6:40 pm.", 1),
        ("The crane can lift 42 tons.", 1),
        ("1.2 million containers were handled by the port in 2021.", 1),
        ("The port handled 1 200 000 containers.", 1),
        ("The port handled about 1.19 million containers.", 1),
        ("Swimming isn't allowed in the basin.", 1),
        ("Ada Quill founded the museum in 1911.", 2),
        ("Children enter for free.", 2),
    ],
)
def test_what_a_passage_holds(said: str, number: int) -> None:
    check = checker()
    claim = check.claim(said)
    right, wrong = check.verdict(claim, number), check.verdict(claim, 3 - number)
    assert right.support >= HOLDS
    assert not right.lacking
    assert not right.contrary
    assert wrong.support < KEEPS
    assert check.place(claim, number, [1, 2]) == number
    assert check.place(claim, 3 - number, [1, 2]) == number, "a wrong mark goes to the passage that holds it"
    assert check.place(claim, 3 - number, [3 - number]) is None, "or nowhere"


def test_a_wrong_number_is_told() -> None:
    check = checker()
    lacking = check.verdict(check.claim("The port handled 1.3 million containers in 2021."), 1).lacking
    assert [sorted(number.values) for number in lacking] == [[1_300_000.0]]


def test_a_number_decides_between_passages() -> None:
    check = checker("Sales in 2020 were 14 million euros.", "Sales in 2021 were 19 million euros.")
    claim = check.claim("Sales in 2021 were 19 million euros.")
    assert check.place(claim, 1, [1, 2]) == 2


def test_the_contrary_is_no_support() -> None:
    check = checker()
    claim = check.claim("Swimming in the basin is allowed.")
    assert check.verdict(claim, 1).contrary
    assert check.place(claim, 1, [1, 2]) is None


@pytest.mark.parametrize(
    ("text", "said", "other"),
    [
        ("图书馆于一九九五年由陈立夫建立。馆内有20万册图书。", "图书馆有20万册图书。", "桥梁由钢铁制成。"),
        ("図書館は1995年に設立されました。", "図書館は1995年に設立された。", "橋は鋼鉄でできています。"),
        ("Die Bibliothek hat 20.000 Bücher.", "20000 Bücher hat die Bibliothek.", "Eine alte Brücke."),
        ("تأسست المكتبة عام 1995 في المدينة القديمة.", "المكتبة تأسست في عام 1995.", "الجسر مصنوع من الفولاذ."),
        ("Библиотека была основана в 1995 году.", "Библиотеку основали в 1995 году.", "Мост сделан из стали."),
    ],
)  # fmt: skip
def test_other_languages(text: str, said: str, other: str) -> None:
    check = checker(text, other)
    claim = check.claim(said)
    assert check.verdict(claim, 1).support >= HOLDS
    assert check.place(claim, 2, [1, 2]) == 1


def test_another_language_than_the_passages_is_judged_by_its_numbers() -> None:
    check = checker()
    claim = check.claim("Das Büro des Hafens von Larnmouth öffnet um 07:15 und wird um 18:40 geschlossen.")
    assert check.verdict(claim, 1).foreign or check.verdict(claim, 1).support >= KEEPS
    assert check.place(claim, 1, [1, 2]) == 1
    wrong = check.claim("博物馆成立于1925年。")
    assert check.place(wrong, 2, [1, 2]) is None


def test_the_second_signal_holds_what_other_words_say() -> None:
    told: list[tuple[str, str]] = []

    def likeness(claim: str, text: str) -> float:
        told.append((claim, text))
        return 0.9

    check = Checker([passage(1, MUSEUM)], likeness)
    claim = check.claim("Kids pay nothing to get inside.")
    assert check.place(claim, 1, [1]) == 1
    assert told == [("Kids pay nothing to get inside.", MUSEUM)]
    assert checker(MUSEUM).place(claim, 1, [1]) is None


@pytest.mark.parametrize(
    "said",
    [
        "# Opening hours", "**Opening hours**", "Here are the steps:", "Hello!", "Yes.", "Your documents do not say.",
        "Let me know if you need more help with the harbour.", "| --- | --- |", "Shall I list the opening hours?", "1.",
        "The documents do not mention the price of a ticket.", "",
    ],
)  # fmt: skip
def test_what_claims_nothing(said: str) -> None:
    assert not is_claim(said)


@pytest.mark.parametrize(
    "said", ["The crane lifts 42 tons.", "42", "- A ferry sails daily", "It does not contain nuts.", "图书馆有很多书。"]
)
def test_what_claims_something(said: str) -> None:
    assert is_claim(said)


def test_the_work_grows_with_the_text() -> None:
    def seconds(times: int) -> float:
        check = checker()
        begun = time.perf_counter()
        check.verdict(check.claim("Crane tons of 1,000 in Larnmouth, " * times), 1)
        return time.perf_counter() - begun

    assert min(seconds(4000) for _ in range(3)) < 40 * min(seconds(400) for _ in range(3))
