"""Words as vectors: what counts as a word, repetition, rarity, and the same vector wherever a text stands."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.word_counts import DIMENSION, WordCounts
from models.word_features import WordFeatures

TEXTS = st.lists(st.text("abc de\u00e9\u4f60 .'", max_size=20), max_size=6)


@given(TEXTS, TEXTS)
def test_rows_are_unit_vectors_or_zero(known: list[str], texts: list[str]) -> None:
    rows = WordFeatures(known, WordCounts()).of(texts)
    assert rows.shape == (len(texts), DIMENSION)
    assert np.isfinite(rows).all()
    lengths = np.linalg.norm(rows, axis=1)
    assert all(length == pytest.approx(1, abs=1e-5) or length == 0 for length in lengths)


@given(TEXTS, st.data())
def test_a_text_has_the_same_vector_whatever_stands_beside_it(texts: list[str], data: st.DataObject) -> None:
    words = WordFeatures(["ab cd", "ab"], WordCounts())
    rows = words.of(texts)
    for text, row in zip(texts, rows, strict=True):
        assert np.array_equal(words.of([text])[0], row)


@given(TEXTS)
def test_the_order_of_the_known_texts_leaves_no_trace(known: list[str]) -> None:
    assert np.array_equal(
        WordFeatures(known, WordCounts()).of(["ab cd \u00e9"]),
        WordFeatures(known[::-1], WordCounts()).of(["ab cd \u00e9"]),
    )


def test_capitals_order_and_punctuation_make_no_difference() -> None:
    one, other = WordFeatures([], WordCounts()).of(["Money is short, they say.", "they SAY: short is money"])
    assert np.array_equal(one, other)


@pytest.mark.parametrize("text", ["", " . ", "a b c", "\U0001f600"])
def test_a_text_without_a_word_of_two_letters_is_zero(text: str) -> None:
    assert not WordFeatures(["money"], WordCounts()).of([text]).any()


def test_other_forms_of_a_word_are_near_to_it() -> None:
    one, other, else_ = WordFeatures([], WordCounts()).of(["stress", "stressed", "weather"])
    assert one @ other > 0.5 > abs(one @ else_)


def test_a_rare_word_counts_more_than_a_common_one_and_repetition_less_each_time() -> None:
    # Words of two letters have one part, so one column.
    words = WordFeatures(["ab cd"] + ["ab"] * 9, WordCounts())
    (row,) = words.of(["ab ab ab cd"])
    columns = [int(np.flatnonzero(words.of([word])[0])[0]) for word in ("ab", "cd")]
    common, rare = (abs(float(row[column])) for column in columns)
    rarity = [math.log(11 / 11) + 1, math.log(11 / 2) + 1]
    assert common / rare == pytest.approx((1 + math.log(3)) * rarity[0] / rarity[1], rel=1e-5)
