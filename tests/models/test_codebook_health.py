"""Overlaps and codes of no use: the rules as they are stated, beside other ways of working them out."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codebook_health import (
    FENCE,
    LEAST_REJECTIONS,
    LEAST_SIMILARITY,
    NEARLY_THE_SAME,
    CodeUse,
    always_rejected,
    never_applied,
    never_suggested,
    overlapping_codes,
)
from models.encoder import Vectors, unit_rows

counts = st.integers(min_value=0, max_value=6)
uses = st.lists(
    st.builds(CodeUse, code=st.sampled_from("abc"), suggested=counts, accepted=counts, rejected=counts, applied=counts),
    max_size=8,
)


def vectors(seed: int, count: int, spread: float) -> Vectors:
    """Unit vectors around one direction, the closer the smaller the spread."""
    noise = np.random.default_rng(seed).normal(size=(count, 8))
    return unit_rows(np.eye(8)[0] + spread * noise)


@given(seed=st.integers(0, 10_000), count=st.integers(0, 12), spread=st.sampled_from([0.1, 0.4, 1.0]))
def test_a_pair_is_an_overlap_if_it_stands_out_or_says_nearly_the_same(seed: int, count: int, spread: float) -> None:
    words = vectors(seed, count, spread)
    pairs = {(i, j): round(float(words[i] @ words[j]), 6) for i, j in combinations(range(count), 2)}
    found = overlapping_codes(words)
    if not pairs:
        assert (found.pairs, found.usual) == ([], None)
        return
    lower, median, upper = np.percentile(list(pairs.values()), [25, 50, 75])
    fence = upper + FENCE * (upper - lower)
    wanted = {
        pair
        for pair, similarity in pairs.items()
        if similarity >= LEAST_SIMILARITY and (similarity >= fence or similarity >= NEARLY_THE_SAME)
    }
    on_the_edge = {
        pair
        for pair, similarity in pairs.items()
        if min(abs(similarity - edge) for edge in (LEAST_SIMILARITY, fence, NEARLY_THE_SAME)) < 1e-5
    }
    assert {(pair.first, pair.second) for pair in found.pairs} ^ wanted <= on_the_edge
    assert found.usual == pytest.approx(median, abs=1e-5)
    assert [pair.similarity for pair in found.pairs] == sorted((p.similarity for p in found.pairs), reverse=True)


@given(seed=st.integers(0, 10_000), order=st.permutations(range(7)))
def test_the_order_of_the_codes_makes_no_difference_to_which_pairs_overlap(seed: int, order: list[int]) -> None:
    words = vectors(seed, 7, 0.3)
    as_given = {frozenset((pair.first, pair.second)) for pair in overlapping_codes(words).pairs}
    moved = {frozenset((order[pair.first], order[pair.second])) for pair in overlapping_codes(words[order]).pairs}
    assert moved == as_given


def test_a_close_pair_among_codes_that_are_all_close_does_not_stand_out() -> None:
    alike = vectors(1, 6, 0.1)
    assert overlapping_codes(unit_rows(np.eye(6))).pairs == []
    apart = np.concatenate([unit_rows(np.eye(8))[1:], vectors(2, 2, 0.05)]).astype(np.float32)
    assert [(pair.first, pair.second) for pair in overlapping_codes(apart).pairs] == [(7, 8)]
    # Nearly the same words are an overlap although everything here is close.
    assert len(overlapping_codes(alike).pairs) == sum(
        alike[i] @ alike[j] >= NEARLY_THE_SAME for i, j in combinations(range(6), 2)
    )


def test_two_codes_of_the_same_words_overlap_though_there_is_no_other_pair() -> None:
    (pair,) = overlapping_codes(np.array([[0, 1], [0, 1]], dtype=np.float32)).pairs
    assert (pair.first, pair.second, pair.similarity) == (0, 1, 1.0)


@given(given=uses)
def test_what_was_never_suggested_or_applied_is_known_once_anything_was(given: list[CodeUse]) -> None:
    assert never_suggested(given) == [
        one for one in given if one.suggested == 0 and sum(other.suggested for other in given)
    ]
    assert never_applied(given) == [one for one in given if one.applied == 0 and sum(other.applied for other in given)]


@given(given=uses)
def test_always_rejected_takes_several_rejections_and_no_acceptance(given: list[CodeUse]) -> None:
    found = always_rejected(given)
    assert all(one.rejected >= LEAST_REJECTIONS and one.accepted == 0 for one in found)
    assert sum(one.rejected >= LEAST_REJECTIONS and one.accepted == 0 for one in given) == len(found)
    assert [one.rejected for one in found] == sorted((one.rejected for one in found), reverse=True)
