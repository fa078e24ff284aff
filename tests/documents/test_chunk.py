"""Passages: exact offsets, whole rows, nothing lost."""

from hypothesis import given
from hypothesis import strategies as st

from docchat.documents.chunk import LONGEST_ROW, SIZE, split

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


def test_a_paragraph_is_a_passage_and_short_ones_share_one() -> None:
    long, short = "A sentence of words. " * 40, "Only this."
    text = "\n\n".join([long.strip(), short, short, long.strip(), "Words without end. " * 200])
    cut = [text[p.start : p.end] for p in split(text)]
    assert cut[:2] == [long.strip(), f"{short}\n\n{short}\n\n{long.strip()}"]
    assert all(SIZE // 4 < len(piece) <= SIZE // 2 for piece in cut[2:])


def test_scripts_that_say_more_with_a_letter_need_fewer() -> None:
    text = "\n\n".join(["数据库管理系统可以保存大量的数据" * 8] * 3)
    assert len(split(text)) == 3
    assert len(split("\n\n".join(["a word and on " * 9] * 3))) == 1


def test_a_heading_begins_its_passage_and_never_ends_one() -> None:
    body = "A sentence of words. " * 90
    text = f"Title\n\n{body}\n\nSecond\n\n{body}"
    at = text.index("Second")
    passages = split(text, headings=((0, 5), (at, at + 6)))
    assert [p.heading for p in passages] == ["Title"] * 3 + ["Second"] * 3
    assert [text[p.start :][:6].strip() for p in passages if p.start in (0, at)] == ["Title", "Second"]
    assert not any(text[p.start : p.end].endswith(("Title", "Second")) for p in passages)
