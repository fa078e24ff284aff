"""Surrogates: pairs become characters however they are cut, lone halves a replacement, other text stays."""

from hypothesis import given
from hypothesis import strategies as st

from docchat.answers.models.characters import Joiner, whole

ANY = st.text(st.characters() | st.sampled_from("\ud83d\ude00\udfff\ud800"))


def test_pairs_and_halves() -> None:
    assert whole("plain, dämmern, 中, \U0001f600") == "plain, dämmern, 中, \U0001f600"
    assert whole("a\ud83d\ude00b") == "a\U0001f600b"
    assert whole("a\ud83db\ude00") == "a\ufffdb\ufffd"


@given(ANY)
def test_the_outcome_can_be_encoded(text: str) -> None:
    assert "".join(character for character in whole(text)).encode() == whole(text).encode()


@given(st.lists(ANY, max_size=6))
def test_pieces_give_what_the_whole_gives(pieces: list[str]) -> None:
    joiner = Joiner()
    fed = [joiner.feed(piece) for piece in pieces]
    assert "".join([*fed, joiner.finish()]) == whole("".join(pieces))
