"""Resampling: sums of all resamples at once, what is drawn, and intervals from few defined ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.resampling import Resampling, estimate, estimates, ratio, undefined


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40), st.integers(0, 5))
def test_totals_are_the_sums_over_what_was_drawn(documents: list[str], seed: int) -> None:
    resampling = Resampling(documents=documents, seed=seed, resamples=5)
    values = np.random.default_rng(seed).random((len(documents), 3))
    expected = resampling.segment_weights() @ values
    assert resampling.totals(values) == pytest.approx(expected)
    segments, kinds = np.nonzero(np.ones((len(documents), 3)))
    assert resampling.totals_of_kinds(segments, kinds, values.ravel(), 3) == pytest.approx(expected)


def test_whole_transcripts_are_drawn_where_there_are_five() -> None:
    documents = [name for name in "abcde" for _ in range(4)]
    weights = Resampling(documents=documents, resamples=50).segment_weights()
    assert (weights.reshape(51, 5, 4) == weights.reshape(51, 5, 4)[:, :, :1]).all()
    assert (weights.sum(axis=1) == 20).all()


@pytest.mark.parametrize(
    ("transcripts", "unit", "words"),
    [(1, "segment", "resampling segments"), (4, "segment", "resampling segments"), (5, "document", "fewer than 15")],
)
def test_few_transcripts_are_warned_of(transcripts: int, unit: str, words: str) -> None:
    resampling = Resampling(documents=[str(number) for number in range(transcripts)] * 3)
    assert resampling.unit == unit
    (warning,) = resampling.warnings
    assert f"only {transcripts} transcripts" in warning
    assert words in warning


def test_fifteen_transcripts_are_enough() -> None:
    resampling = Resampling(documents=[str(number) for number in range(15)])
    assert (resampling.unit, resampling.warnings) == ("document", ())


def test_the_same_seed_gives_the_same_resamples_and_another_one_others() -> None:
    documents = [str(number) for number in range(20)]
    first, again, other = (Resampling(documents=documents, seed=seed).segment_weights() for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_no_segments_give_no_sums() -> None:
    resampling = Resampling(documents=(), resamples=4)
    assert resampling.totals(np.zeros((0, 2))).tolist() == [[0.0, 0.0]] * 5
    assert resampling.totals(np.zeros((0, 0))).shape == (5, 0)


def test_an_interval_is_that_of_the_defined_resamples_unless_these_are_too_few() -> None:
    samples = np.arange(101.0)
    samples[1:11] = np.nan
    found = estimate(samples, n=7)
    low, high = np.percentile(samples[11:], [2.5, 97.5])
    assert (found.value, found.low, found.high, found.n) == (0, pytest.approx(low), pytest.approx(high), 7)
    samples[11] = np.nan
    assert estimate(samples, n=7).low is None


def test_an_undefined_figure_has_its_reason_and_no_interval() -> None:
    (found,) = estimates(np.array([[np.nan], [1.0], [2.0]]), n=3, reason="why")
    assert found == undefined("why", 3)
    assert found.to_json() == {"value": None, "low": None, "high": None, "n": 3, "reason": "why"}


def test_a_quotient_by_nothing_is_undefined() -> None:
    assert np.isnan(ratio(np.array([1.0, 0.0]), np.array([0.0, 0.0]))).all()
