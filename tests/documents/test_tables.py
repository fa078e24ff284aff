"""Tables as text and back."""

from hypothesis import given
from hypothesis import strategies as st

from docchat.documents import tables

_CELL = st.text("abc 123.$|-", max_size=8)


@given(st.lists(st.lists(_CELL, min_size=1, max_size=5), max_size=8))
def test_each_row_is_a_line(rows: list[list[str]]) -> None:
    text = tables.render(rows)
    lines = text.split("\n") if text else []
    assert len(lines) == sum(any(" ".join(cell.split()) for cell in row) for row in rows)


def test_heads_are_found_under_a_title() -> None:
    text = tables.render([["Lengths"], ["Year", "President", "Words"], ["1790", "Washington", "1401"]])
    assert tables.heads(text) == ("Year", "President", "Words")
    found = tables.header(text)
    assert found is not None
    assert text[slice(*found)] == "Year | President | Words"


def test_no_heads_where_the_first_row_is_data() -> None:
    assert tables.heads("1790 | Washington\n1791 | Washington") == ()
    assert tables.heads("only one line") == ()


def test_empty_cells_keep_their_place() -> None:
    assert tables.cells(tables.render([["a", "", "c", ""]])) == ("a", "", "c")
