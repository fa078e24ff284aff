"""Retrieval: no passage twice, neighbours made one, sentences whole."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import pytest

from docchat.answers.retrieve import Turn, carried_over, find, retrieve, window
from docchat.documents.scope import Scope
from docchat.errors import NotFound
from docchat.types import Chunk, PageText, ScoredChunk

PAGE = "The first sentence is here. The second one is cut in the middle of it. The third is far away from them."
TABLE = "Name | Value\n" + "\n".join(f"row {number} | {number}" for number in range(500)) + "\n\nAfter the table."


class Shelf:
    """An index and a library over pages in memory."""

    def __init__(self, *spans: tuple[int, int, int]) -> None:
        self.pages = {1: PAGE, 2: TABLE, 3: PAGE}
        self.chunks = [
            Chunk(n, UUID(int=page), "x.txt", page, "", start, end, self.pages[page][start:end])
            for n, (page, start, end) in enumerate(spans)
        ]

    def search(
        self, *, scope: Scope, question: str, limit: int = 10, signal: str = "default", about: Sequence[object] = ()
    ) -> tuple[ScoredChunk, ...]:
        return tuple(ScoredChunk(chunk, 10.0 - n) for n, chunk in enumerate(self.chunks))

    def frequencies(self, *, scope: Scope, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        return len(self.chunks), {}

    def page(self, *, owner: str, document_id: UUID, number: int) -> PageText:
        if number not in self.pages:
            raise NotFound
        return PageText(number, "", self.pages[number])


def found(*spans: tuple[int, int, int]) -> list[tuple[int, int, int, int]]:
    shelf = Shelf(*spans)
    passages = retrieve(shelf, shelf, scope=Scope("ann"), question="?")
    for passage in passages:
        assert passage.chunk.text == passage.page_text[passage.chunk.start : passage.chunk.end]
    return [(item.number, item.chunk.page, item.chunk.start, item.chunk.end) for item in passages]


def test_a_cut_sentence_is_made_whole() -> None:
    assert found((1, 0, 50)) == [(1, 1, 0, 70)]


def test_neighbours_are_joined_at_the_better_place() -> None:
    assert found((1, 28, 70), (2, 0, 40), (1, 71, len(PAGE))) == [(1, 1, 28, len(PAGE)), (2, 2, 0, 42)]


def test_the_same_words_in_another_document_come_once() -> None:
    assert found((1, 0, 27), (3, 0, 27)) == [(1, 1, 0, 27)]


def test_a_page_deleted_meanwhile_is_left_out() -> None:
    shelf = Shelf((1, 0, 27), (2, 0, 12))
    del shelf.pages[1]
    passages = retrieve(shelf, shelf, scope=Scope("ann"), question="?")
    assert [(item.number, item.chunk.page) for item in passages] == [(1, 2)]


@pytest.mark.parametrize("start", [13, 3000, 5000])
def test_all_rows_of_a_table_are_seen(start: int) -> None:
    assert window(TABLE, start, start + 100) == (0, TABLE.index("\n\n"))


def test_far_away_text_is_not_cut_into_sentences() -> None:
    text = "One line of text.\n" * 10_000
    first, last = window(text, 90_000, 90_800)
    assert 80_000 < first < 90_000
    assert 90_800 <= last < 100_000
    assert text[first - 1] == "\n"


def test_what_was_said_before_is_carried_over_newest_first_for_less() -> None:
    turns = [Turn("user", "one"), Turn("assistant", "two"), Turn("user", "three"), Turn("user", "four")]
    told = carried_over("And those?", turns)
    assert [(one.text, one.asked) for one in told] == [("four", True), ("three", True), ("two", False)]
    assert all(0 < one.weight < 0.5 for one in told)
    assert carried_over("And those?", ()) == ()


def test_a_question_that_stands_for_itself_takes_less_from_before() -> None:
    turns = [Turn("user", "Who owns the harbour of Larnmouth?")]
    alone = "Which company repairs the lighthouse near Wutach gorge?"
    (much,), (little,) = carried_over("Who repairs it?", turns), carried_over(alone, turns)
    assert little.weight < much.weight
    assert carried_over(f"{alone} Is it theirs?", turns) == (much,)


def test_the_same_in_a_script_without_blanks_comes_once() -> None:
    text = "数据库管理系统可以保存大量的数据,并且可以被许多人同时使用,而不会互相妨碍。"
    text += "港口的鱼市场在老磨坊旁边,每天早上六点开门。"
    shelf = Shelf()
    texts = (text, text.replace("大量", "很多"), "港口办公室每天早上七点十五分开门。")
    shelf.chunks = [Chunk(n, UUID(int=1), "x.txt", 1, "", 0, 9, one) for n, one in enumerate(texts)]
    assert [hit.chunk.id for hit in find(shelf, scope=Scope("ann"), question="?")] == [0, 2]
