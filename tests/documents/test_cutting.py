"""What a passage is cited by, and the words of that which it is found by."""

import pytest

from docchat.documents.cutting import batches, passages_of, plain_label
from docchat.documents.formats.part import Block, Part, flow

_TEXT = "Fords\n\nThe river is crossed on foot in dry summers."


@pytest.mark.parametrize(
    ("label", "cited"),
    [
        ("", "Fords"),
        ("Part 12", "Fords"),
        ("Page 3", "Page 3, Fords"),
        ("Slide 2", "Slide 2, Fords"),
        ("guide.html", "guide.html, Fords"),
        ("Fords", "Fords"),
        ("Part of the valley", "Part of the valley, Fords"),
        ("x" * 200, "x" * 120),
    ],
)
def test_a_label_does_not_hide_the_heading(label: str, cited: str) -> None:
    (found,) = passages_of(1, Part(label, _TEXT, headings=((0, 5),)))
    assert found.label == cited
    assert "ford" in found.words.label


@pytest.mark.parametrize(("label", "cited"), [("", ""), ("Part 2", "Part 2"), ("Page 3 (scan)", "Page 3 (scan)")])
def test_without_a_heading_the_label_stays(label: str, cited: str) -> None:
    (found,) = passages_of(1, Part(label, _TEXT))
    assert found.label == cited
    assert found.words.label == ""


def test_each_part_of_a_long_text_is_cited_by_its_headings() -> None:
    blocks = [
        Block(text, kind) for n in range(60) for text, kind in ((f"Chapter {n}", "heading"), ("Words. " * 200, "text"))
    ]
    parts = flow(blocks)
    assert [part.label for part in parts[:2]] == ["Part 1", "Part 2"]
    labels = {passage.label for batch in batches(parts) for passage in batch.passages}
    assert labels == {f"Chapter {n}" for n in range(60)}


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("Page 3", ""),
        ("Page 3 (scan)", ""),
        ("Slide 2, Prices", "Prices"),
        ("Message 4 (part 2)", ""),
        ("Message", ""),
        ("Page views", "Page views"),
        ("Part two: the sea", "Part two: the sea"),
        ("Messages from the board", "Messages from the board"),
    ],
)
def test_what_only_counts_is_not_searched(label: str, said: str) -> None:
    assert plain_label(label) == said
