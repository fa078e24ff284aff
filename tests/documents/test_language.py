"""Languages by their letters and commonest words, and what that does for searching."""

import pytest

from docchat.documents import language
from docchat.documents.asked import asked
from docchat.documents.rank import spots
from docchat.documents.scope import Scope
from docchat.documents.terms import MARK, body, terms

from .conftest import House


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The office is open on Mondays, and it is closed on all other days of the week.", "english"),
        ("Das Amt ist montags geöffnet und an allen anderen Tagen der Woche geschlossen.", "german"),
        ("Le bureau est ouvert le lundi et il est fermé tous les autres jours de la semaine.", "french"),
        ("La oficina está abierta los lunes y el resto de los días de la semana está cerrada.", "spanish"),
        ("Urząd jest otwarty w poniedziałki, a w inne dni tygodnia nie jest i to się nie zmieni.", "polish"),
        ("Biroul este deschis luni și nu este deschis în alte zile din cauza unei reguli a orașului.", "romanian"),
        ("1934 | 12.5 | A-17", ""),
        ("数据库管理系统", ""),
        ("", ""),
    ],
)
def test_of_text(text: str, expected: str) -> None:
    assert language.of_text(text) == expected


def test_of_question() -> None:
    assert language.of_question("Where is the office?") == ()
    assert language.of_question("Wo ist das Amt?") == ("german",)
    assert language.of_question("Amt Larnmouth") == language.LATIN
    assert language.of_question("数据库") == ()


def test_every_language_has_a_stemmer() -> None:
    for one in language.COMMON_WORDS:
        assert terms("Beispiele", tongue=one)


def test_stems_stand_beside_their_words() -> None:
    text = "Die Häuser sind nicht für die Katzen, und der Hafen ist auch nicht für sie."
    assert body(text).index(MARK + "haus") == body(text).index("hauser") + 1
    assert [term for term in body(text) if not term.startswith(MARK)] == terms(text)
    question = asked("Welches Haus ist für Katzen?")
    meant = {form: term for term, forms in question.forms.items() for form in forms}
    found, length = spots(" ".join(body(text)), meant)
    assert [term for _, term in found] == ["hau", "katzen"]
    assert length == len(terms(text))
    assert "ist" not in question.terms


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Die alten Häuser am Hafen wurden nach dem Brand von der Stadt gekauft.", "Wer kaufte das Haus?"),
        ("Les chevaux du roi étaient dans les écuries pendant la guerre.", "Où est le cheval royal, et quand?"),
        ("Корабли стояли в гавани всю зиму.", "Какой корабль стоял в гавани?"),
        ("Τα βιβλία είναι στη βιβλιοθήκη.", "Πού είναι το βιβλίο;"),  # noqa: RUF001
    ],
)
def test_other_forms_of_a_word_are_found(house: House, text: str, question: str) -> None:
    house.add("it.txt", text.encode())
    house.add("other.txt", b"Nothing of the kind is told here.")
    found = house.index.search(scope=Scope("ada"), question=question)
    assert [hit.chunk.document_name for hit in found][:1] == ["it.txt"]


@pytest.mark.parametrize(
    ("question", "all_terms", "left"),
    [
        ("Когда была построена гавань, которая на севере?", 7, 3),
        ("متى تم بناء الميناء الذي في المدينة؟", 7, 3),
        ("बंदरगाह कब बनाया गया था?", 5, 2),
        ("Πότε είναι ανοιχτό το λιμάνι;", 5, 2),
        ("港口什么时候开放", 7, 6),
        ("Что это?", 2, 2),
    ],
)
def test_what_questions_ask_with_is_left_out(question: str, all_terms: int, left: int) -> None:
    assert (len(terms(question)), len(asked(question).terms)) == (all_terms, left)
