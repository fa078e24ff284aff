"""Passages: exact offsets, whole rows, nothing lost."""

from hypothesis import given
from hypothesis import strategies as st

from docchat.documents.chunk import LONGEST_ROW, split

_PIECES = st.sampled_from(
    [
        "word",
        "a",
        "。",
        "第一章",
        ". ",
        "! ",
        "\n",
        "\n\n",
        " ",
        "\t",
        "x" * 90,
        "Long sentence goes here",
        "\u00a0",
        "🙂",
        "| ",
    ]
)
_TEXTS = st.lists(_PIECES, max_size=300).map("".join) | st.text(max_size=400)


@given(_TEXTS, st.integers(20, 200))
def test_passages_cut_the_text_exactly(text: str, size: int) -> None:
    passages = split(text, size=size)
    covered = bytearray(len(text))
    before = 0
    for passage in passages:
        assert before <= passage.start < passage.end <= len(text)
        before = passage.end
        piece = text[passage.start : passage.end]
        assert piece == piece.strip() != ""
        assert len(piece) <= size
        covered[passage.start : passage.end] = b"\x01" * len(piece)
    assert all(done or text[place].isspace() for place, done in enumerate(covered))


@given(st.lists(st.text("abc |0123", min_size=1, max_size=80).filter(str.strip), max_size=60), st.integers(30, 120))
def test_rows_stay_whole(rows: list[str], size: int) -> None:
    rows = [row.strip() for row in rows]
    passages = split("\n".join(rows), rows=True, size=size)
    assert [row for p in passages for row in "\n".join(rows)[p.start : p.end].split("\n")] == rows


def test_a_row_longer_than_any_passage_is_cut_at_words() -> None:
    text = "head | other\n" + "word " * LONGEST_ROW
    passages = split(text, rows=True)
    assert text[passages[0].start : passages[0].end] == "head | other"
    assert all(p.end - p.start <= 800 for p in passages)


def test_breaks_are_chosen_by_rank() -> None:
    first = "One sentence. " * 30
    text = first.strip() + "\n\n" + "Second paragraph here. " * 30
    passages = split(text)
    assert text[passages[0].start : passages[0].end] == first.strip()
    text = "A sentence of some words. " * 60
    assert all(text[p.start : p.end].endswith(".") for p in split(text))


def test_headings_start_passages_and_name_them() -> None:
    text = "Title\n\n" + "alpha " * 100 + "\n\nSecond\n\n" + "beta " * 100
    at = text.index("Second")
    passages = split(text, headings=((0, 5), (at, at + 6)))
    assert [p.heading for p in passages] == ["Title", "Second"]
    assert passages[1].start == at


def test_nothing_and_blanks_give_nothing() -> None:
    assert split("") == split(" \n\t\n ") == ()
