from docchat.documents.index import Told
from docchat.documents.likeness import with_likeness
from docchat.documents.scope import Scope
from docchat.documents.terms import MARK

from .conftest import House

ROWS = [
    (1, "", "", "", "orchard frost blossom damage blossom"),
    (2, "", "", "", "orchard harvest"),
    (3, "", "", "", "harvest wage"),
    (4, "", "", "", "blossom frost candle night"),
    (5, "", "", "", "wage ladder contract"),
]


def test_what_the_best_passages_share_moves_their_like_up() -> None:
    scores = with_likeness({1: 4.0, 2: 0.4, 3: 0.4, 4: 0.4, 5: 0.0}, ROWS, ROWS, ["orchard"])
    assert scores[1] > scores[4] > max(scores[2], scores[3])
    assert scores[1] == 4.0, "to be compared with scores of other searches"


def test_words_that_are_asked_for_are_not_counted_again() -> None:
    rows = [(1, "", "", "", "orchard frost"), (2, "", "", "", "frost wages"), (3, "", "", "", "other wages")]
    counted, again = (with_likeness({1: 4.0, 2: 1.0, 3: 1.0}, rows, rows, asked) for asked in (["frost"], []))
    assert counted[2] < again[2]


def test_a_stem_in_another_language_counts_no_word_twice() -> None:
    plain = [(1, "", "", "", "garten rosen"), (2, "", "", "", "garten rosen tor")]
    marked = [(id, *rest, f"{body} {MARK}gart") for id, *rest, body in plain]
    assert with_likeness({1: 1.0, 2: 0.5}, plain, plain, []) == with_likeness({1: 1.0, 2: 0.5}, marked, marked, [])


def test_nothing_found_stays_nothing() -> None:
    assert with_likeness({}, [], [], ["orchard"]) == {}
    assert with_likeness({1: 0.0}, ROWS[:1], ROWS[:1], []) == {1: 0.0}


def test_only_a_question_with_turns_before_it_goes_by_likeness(house: House) -> None:
    house.add("orchard.txt", b"The orchard lost its blossom to frost in spring.")
    house.add("candles.txt", b"Candles against frost burn all night beside the blossom of the village.")
    house.add("wages.txt", b"Wages of the pickers were paid once a week in the hall of the village.")
    index, scope, question = house.index, Scope("ada"), "What did the village orchard do?"
    alone = index.search(scope=scope, question=question)
    after = index.search(scope=scope, question=question, about=[Told("Zebras?", 0.2)])
    assert [found.chunk.document_name for found in after] == ["orchard.txt", "candles.txt", "wages.txt"]
    assert [found.chunk.document_name for found in alone] == ["orchard.txt", "wages.txt", "candles.txt"]
    assert index.search(scope=scope, question=question) == alone
