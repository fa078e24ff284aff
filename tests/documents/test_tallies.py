"""Numbers that are kept for some seconds: which, how long, and without the words they are of."""

import pytest

from docchat.documents import tallies
from docchat.documents.tallies import KEPT_SECONDS, Tallies


def test_a_number_is_kept_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(tallies.time, "monotonic", lambda: now)
    kept = Tallies()
    kept.put(("ada", "harbour"), 700)
    assert kept.get(("ada", "harbour")) == 700
    assert kept.get(("bob", "harbour")) is None
    now += KEPT_SECONDS
    assert kept.get(("ada", "harbour")) is None


def test_no_word_is_kept_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "_MOST", 10)
    kept = Tallies()
    for number in range(25):
        kept.put(("ada", f"word{number}"), number)
    assert len(kept._kept) <= 10
    assert "word" not in repr(vars(kept))
    assert kept.get(("ada", "word24")) == 24
