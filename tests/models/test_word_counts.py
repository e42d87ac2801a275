"""Counts of words' parts: the same to the bit, whatever was counted and remembered before."""

from hypothesis import given
from hypothesis import strategies as st

from models.word_counts import DIMENSION, WordCounts

TEXTS = st.lists(st.text("abc de\u00e9\u4f60 .'", max_size=20), max_size=6)


@given(TEXTS, st.lists(TEXTS, max_size=4), st.integers(1, 8))
def test_what_is_remembered_leaves_no_trace(texts: list[str], before: list[list[str]], capacity: int) -> None:
    counts = WordCounts(capacity=capacity)
    for some in before:
        counts.remember(some)
    counts.remember(texts)
    rows, anew = counts.of(texts), WordCounts().of(texts)
    assert rows.shape == anew.shape == (len(texts), DIMENSION)
    for name in ("data", "indices", "indptr"):
        assert getattr(rows, name).tolist() == getattr(anew, name).tolist()


@given(TEXTS)
def test_to_weigh_what_was_counted_changes_nothing_that_is_remembered(texts: list[str]) -> None:
    counts = WordCounts()
    counts.remember(texts)
    before = counts.of(texts).toarray()
    counts.of(texts).data *= 2
    assert (counts.of(texts).toarray() == before).all()
