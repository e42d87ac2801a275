"""From similarity to probability: sums, order, and what coded examples teach."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.calibration import (
    FOREIGN_SHARE,
    HIGHEST_THRESHOLD,
    LEAST_EXAMPLES,
    LOWEST_THRESHOLD,
    MOST_TEMPERATURE,
    NONE_WEIGHT,
    SHARPNESS_WEIGHT,
    Calibration,
    Flags,
    Floats,
    fit_calibration,
    fit_temperature,
    shipped_prior,
)

SHIPPED_PRIOR = shipped_prior()


def nothing(standing: Floats) -> Floats:
    """What examples say for none where they say nothing."""
    return np.zeros(len(standing))


def fit(standing: Floats, applied: Flags) -> Calibration:
    return fit_calibration(standing, nothing(standing), applied, SHIPPED_PRIOR)


def calibration(sharpness: float = 1.0, none_offset: float = 0.0) -> Calibration:
    return Calibration(sharpness=sharpness, none_offset=none_offset, threshold=0.1, basis="prior")


STANDING = arrays.arrays(
    np.float64, arrays.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(-50, 50)
)
CALIBRATIONS = st.builds(calibration, st.floats(0.01, 20), st.floats(-30, 30))


# ---------------------------------------------------------------- scores


@given(CALIBRATIONS, STANDING)
def test_scores_are_probabilities_and_leave_room_for_none(calibration: Calibration, standing: Floats) -> None:
    scores = calibration.chances(standing, nothing(standing)).codes
    assert scores.shape == standing.shape
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    assert (scores.sum(axis=1) <= 1 + 1e-12).all()


@given(arrays.arrays(np.float64, (4, 3), elements=st.floats(-5, 5)))
def test_a_row_sums_to_less_than_one(standing: Floats) -> None:
    assert (SHIPPED_PRIOR.chances(standing, nothing(standing)).codes.sum(axis=1) < 1).all()


@given(CALIBRATIONS, STANDING, st.floats(0, 10), st.data())
def test_a_more_similar_code_scores_no_less_and_the_others_no_more(
    calibration: Calibration, standing: Floats, more: float, data: st.DataObject
) -> None:
    code = data.draw(st.integers(0, standing.shape[1] - 1))
    nearer = standing.copy()
    nearer[:, code] += more
    before, after = (
        calibration.chances(standing, nothing(standing)).codes,
        calibration.chances(nearer, nothing(nearer)).codes,
    )
    assert (after[:, code] >= before[:, code] - 1e-12).all()
    others = np.delete(after - before, code, axis=1)
    assert (others <= 1e-12).all()


@given(CALIBRATIONS, STANDING)
def test_scores_follow_the_order_of_the_similarities(calibration: Calibration, standing: Floats) -> None:
    for row, scores in zip(standing, calibration.chances(standing, nothing(standing)).codes, strict=True):
        in_order = scores[np.argsort(row)]
        assert (np.diff(in_order) >= 0).all()


def test_scores_are_a_softmax_with_one_more_choice() -> None:
    (scores,) = (
        calibration(sharpness=2.0, none_offset=0.5)
        .chances(np.array([[0.1, -0.2, 0.7]]), nothing(np.array([[0.1, -0.2, 0.7]])))
        .codes
    )
    weights = np.exp([0.2, -0.4, 1.4, 0.5])
    assert scores == pytest.approx(weights[:3] / weights.sum())


def test_each_row_is_judged_alone() -> None:
    standing = np.random.default_rng(0).normal(size=(50, 9))
    together = SHIPPED_PRIOR.chances(standing, nothing(standing)).codes
    assert all(
        np.array_equal(SHIPPED_PRIOR.chances(standing[[row]], nothing(standing[[row]])).codes[0], together[row])
        for row in range(50)
    )


def test_no_texts_and_no_codes_have_no_scores() -> None:
    assert SHIPPED_PRIOR.chances(np.zeros((0, 4)), nothing(np.zeros((0, 4)))).codes.shape == (0, 4)
    assert SHIPPED_PRIOR.chances(np.zeros((4, 0)), nothing(np.zeros((4, 0)))).codes.shape == (4, 0)


# ---------------------------------------------------------------- what examples teach


def drawn(count: int, codes: int, truth: Calibration, *, seed: int = 0) -> tuple[Floats, Flags]:
    """Coded examples from a world in which the calibration is true."""
    random = np.random.default_rng(seed)
    standing = random.normal(scale=1.5, size=(count, codes))
    scores = truth.chances(standing, nothing(standing)).codes
    chances = np.column_stack([scores, 1 - scores.sum(axis=1)])
    choice = (random.random((count, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    applied = np.zeros((count, codes + 1), dtype=bool)
    applied[np.arange(count), np.minimum(choice, codes)] = True
    return standing, applied[:, :codes]


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("none_offset", [1.5, 3.0])
def test_enough_examples_bring_the_truth_to_light(sharpness: float, none_offset: float) -> None:
    truth = calibration(sharpness, none_offset)
    some, many = (fit(*drawn(count, 8, truth)) for count in (500, 5_000))
    assert some.basis == many.basis == "project"
    assert some.sharpness == pytest.approx(sharpness, rel=0.2)
    assert many.sharpness == pytest.approx(sharpness, rel=0.07)
    assert many.none_offset == pytest.approx(none_offset, abs=0.3)


def foreign_seen(judge: Calibration, standing: Floats, applied: Flags) -> float:
    """The log chance that each coded example would have no code, were its own codes not in the codebook."""
    chances = [
        judge.chances(row[~codes][None], np.zeros(1)).none[0]
        for row, codes in zip(standing, applied, strict=True)
        if codes.any()
    ]
    return float(np.log(chances).sum())


@settings(max_examples=20)
@given(st.integers(LEAST_EXAMPLES, 60), st.floats(0.3, 3), st.floats(-4, 4), st.integers(0, 1_000))
def test_no_sharpness_or_offset_nearby_explains_the_examples_better(
    count: int, sharpness: float, none_offset: float, seed: int
) -> None:
    standing, applied = drawn(count, 5, calibration(sharpness, none_offset), seed=seed)
    found = fit(standing, applied)
    coded = applied.any(axis=1).sum()
    foreign = max(FOREIGN_SHARE - (count - coded) / max(coded, 1), 0)

    def unlikely(sharpness: float, offset: float) -> float:
        scores = calibration(sharpness, offset).chances(standing, nothing(standing)).codes
        likely = np.where(applied.any(axis=1), (scores * applied).sum(axis=1), 1 - scores.sum(axis=1))
        away = np.array([np.log(sharpness / SHIPPED_PRIOR.sharpness), offset - SHIPPED_PRIOR.none_offset])
        told = float(np.array([SHARPNESS_WEIGHT, NONE_WEIGHT]) @ away**2 - np.log(likely).sum())
        return told - foreign * foreign_seen(calibration(sharpness, offset), standing, applied)

    least = unlikely(found.sharpness, found.none_offset)
    for factor, more in ((1.02, 0.0), (0.98, 0.0), (1.0, 0.02), (1.0, -0.02), (1.02, 0.02), (0.98, -0.02)):
        assert least <= unlikely(found.sharpness * factor, found.none_offset + more)


@settings(max_examples=20)
@given(st.integers(0, LEAST_EXAMPLES - 1), st.integers(0, 1_000))
def test_few_examples_teach_nothing(count: int, seed: int) -> None:
    assert fit(*drawn(count, 4, calibration(5.0), seed=seed)) == SHIPPED_PRIOR


def test_the_first_examples_move_the_prior_less_than_many() -> None:
    few = fit(*drawn(LEAST_EXAMPLES, 8, calibration(3.0)))
    many = fit(*drawn(2_000, 8, calibration(3.0)))
    assert few.basis == many.basis == "project"
    assert SHIPPED_PRIOR.sharpness < few.sharpness < many.sharpness


def test_where_every_segment_that_was_looked_at_has_a_code_none_is_unlikely_but_never_ruled_out() -> None:
    offsets = []
    for count in (LEAST_EXAMPLES, 100, 1_000):
        standing, applied = drawn(count, 6, calibration(1.0, none_offset=-20))
        assert applied.any(axis=1).all()
        offsets.append(fit(standing, applied).none_offset)
    assert SHIPPED_PRIOR.none_offset > offsets[0] > offsets[1] > offsets[2] > -6


def test_codes_that_come_in_company_score_higher() -> None:
    standing, applied = drawn(400, 6, calibration(1.0, none_offset=-20))
    alone = fit(standing, applied)
    joined = fit(standing, applied | np.roll(applied, 1, axis=1))
    assert alone.codes_each == 1
    assert joined.codes_each == pytest.approx((800 + 10) / (400 + 10))
    single = Calibration(
        sharpness=joined.sharpness, none_offset=joined.none_offset, threshold=joined.threshold, basis="project"
    )
    (one, none), (two, still_none) = (judge.chances(standing, nothing(standing)) for judge in (single, joined))
    assert (two >= one).all()
    assert still_none == pytest.approx(none)
    any_code = 1 - none[:, None]
    assert two == pytest.approx(any_code * (1 - (1 - one / any_code) ** joined.codes_each))


def test_coded_examples_alone_teach_what_is_foreign_to_the_codebook() -> None:
    # Each segment is near its own code and far from the others; what is foreign is far from all.
    near, applied = 4 * np.eye(6)[np.arange(600) % 6], np.eye(6, dtype=bool)[np.arange(600) % 6]
    taught = fit(near, applied)
    foreign = taught.chances(np.zeros((1, 6)), np.zeros(1))
    known = taught.chances(near, nothing(near))
    assert taught.abstains(foreign).all()
    assert foreign.none > 0.5
    assert not taught.abstains(known).any()
    assert known.none.max() < 0.1


def test_real_examples_of_no_code_take_the_place_of_those_that_stand_for_them() -> None:
    standing, applied = drawn(400, 6, calibration(1.0, none_offset=-20))
    emptied = applied & (np.arange(400) >= 30)[:, None]
    offset = fit(standing, emptied).none_offset

    def surprise(at: float) -> float:
        chances = calibration(fit(standing, emptied).sharpness, at).chances(standing, nothing(standing))
        likely = np.where(emptied.any(axis=1), (chances.codes * emptied).sum(axis=1), chances.none)
        return float(NONE_WEIGHT * at**2 - np.log(likely).sum())

    assert surprise(offset) < min(surprise(offset - 0.05), surprise(offset + 0.05))


@given(CALIBRATIONS, STANDING, st.floats(1, 4))
def test_no_code_is_likelier_than_that_any_applies(
    calibration: Calibration, standing: Floats, codes_each: float
) -> None:
    chances = replace(calibration, codes_each=codes_each).chances(standing, nothing(standing))
    assert (chances.codes <= 1 - chances.none[:, None] + 1e-12).all()


@given(CALIBRATIONS, STANDING)
def test_it_abstains_where_no_code_reaches_the_threshold_or_none_is_likelier_than_any(
    calibration: Calibration, standing: Floats
) -> None:
    chances = calibration.chances(standing, nothing(standing))
    assert chances.codes.sum(axis=1) + chances.none == pytest.approx(1)
    for codes, none, abstains in zip(*chances, calibration.abstains(chances), strict=True):
        assert abstains == (codes.max() < calibration.threshold or none > 0.5)


def test_examples_of_no_code_make_none_likelier() -> None:
    standing, applied = drawn(400, 6, calibration(1.0, none_offset=-20))
    offsets = []
    for share in (0.1, 0.3, 0.6):
        emptied = applied & (np.arange(400) >= share * 400)[:, None]
        offsets.append(fit(standing, emptied).none_offset)
    assert offsets == sorted(offsets)
    assert len(set(offsets)) == 3


def lowest_half_right(scores: Floats, applied: Flags) -> float:
    """The definition by trying every score as threshold."""
    first = [(float(row.max()), bool(flags[row.argmax()])) for row, flags in zip(scores, applied, strict=True)]
    working = []
    for threshold, _ in first:
        above = [is_right for score, is_right in first if score >= threshold]
        if 2 * sum(above) >= len(above):
            working.append(threshold)
    return min(max(min(working, default=HIGHEST_THRESHOLD), LOWEST_THRESHOLD), HIGHEST_THRESHOLD)


@settings(max_examples=60)
@given(st.data())
def test_the_threshold_is_the_lowest_from_which_half_of_the_first_suggestions_are_right(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(LEAST_EXAMPLES, 40), st.integers(1, 4)))
    values = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]) | st.floats(-2, 3)
    standing = data.draw(arrays.arrays(np.float64, shape, elements=values))
    applied = data.draw(arrays.arrays(np.bool_, shape))
    fitted = fit(standing, applied)
    assert fitted.threshold == pytest.approx(
        lowest_half_right(fitted.chances(standing, nothing(standing)).codes, applied)
    )


def test_equal_scores_share_one_fate_at_the_threshold() -> None:
    standing = np.zeros((40, 1))
    mostly_wrong = np.zeros((40, 1), dtype=bool)
    mostly_wrong[:10] = True
    assert fit(standing, mostly_wrong).threshold == HIGHEST_THRESHOLD


@pytest.mark.parametrize("codes", [1, 2, 30])
@pytest.mark.parametrize(
    "standing_of", [np.zeros, np.ones, lambda shape: np.full(shape, 1e6), lambda shape: np.full(shape, -1e6)]
)
@pytest.mark.parametrize("applied_of", [np.zeros, np.ones])
def test_examples_that_say_nothing_give_a_calibration_that_still_works(
    codes: int, standing_of: Callable[[tuple[int, int]], Floats], applied_of: Callable[..., Flags]
) -> None:
    shape = (50, codes)
    fitted = fit(standing_of(shape), applied_of(shape, dtype=bool))
    assert np.isfinite([fitted.sharpness, fitted.none_offset, fitted.threshold]).all()
    assert fitted.sharpness > 0
    assert LOWEST_THRESHOLD <= fitted.threshold <= HIGHEST_THRESHOLD
    scores = fitted.chances(
        np.random.default_rng(0).normal(size=shape), nothing(np.random.default_rng(0).normal(size=shape))
    ).codes
    assert np.isfinite(scores).all()


def test_a_codebook_without_codes_leaves_the_prior() -> None:
    assert fit(np.zeros((50, 0)), np.zeros((50, 0), dtype=bool)) == SHIPPED_PRIOR


# ---------------------------------------------------------------- temperature


@pytest.mark.parametrize("temperature", [1.0, 1.5, 2.0])
def test_the_temperature_undoes_how_much_too_sure_scores_are(temperature: float) -> None:
    standing, applied = drawn(4_000, 5, calibration(1.0, -30.0))
    too_sure = calibration(temperature, -30.0 * temperature).chances(standing, nothing(standing)).codes
    assert fit_temperature(too_sure, applied) == pytest.approx(temperature, rel=0.06)


def test_scores_that_are_not_sure_enough_are_left_as_they_are() -> None:
    standing, applied = drawn(1_000, 5, calibration(2.0, -30.0))
    unsure = calibration(0.5, -30.0).chances(standing, nothing(standing)).codes
    assert fit_temperature(unsure, applied) == pytest.approx(1, abs=1e-4)


@given(
    arrays.arrays(np.float64, (6, 3), elements=st.floats(0, 1)),
    st.lists(st.integers(0, 2), min_size=6, max_size=6),
)
def test_the_temperature_of_whatever_scores_is_within_its_bounds(scores: Floats, codes: list[int]) -> None:
    assert 1 <= fit_temperature(scores, np.eye(3, dtype=bool)[codes]) <= MOST_TEMPERATURE


def test_few_segments_say_little_about_the_temperature() -> None:
    wrong = np.tile([0.98, 0.01], (400, 1))
    applied = np.tile([False, True], (400, 1))
    assert fit_temperature(wrong[:1], applied[:1]) < 1.5 < 5 < fit_temperature(wrong, applied)


def test_a_temperature_makes_scores_less_sure_and_keeps_their_order() -> None:
    standing, applied = drawn(60, 4, calibration(1.0, -5.0))
    plain = fit(standing, applied)
    warm = fit_calibration(standing, nothing(standing), applied, SHIPPED_PRIOR, 2.0)
    assert (warm.sharpness, warm.none_offset) == (plain.sharpness / 2, plain.none_offset / 2)
    before, after = (one.chances(standing, nothing(standing)).codes for one in (plain, warm))
    assert np.array_equal(np.argsort(before, axis=1), np.argsort(after, axis=1))
    assert after.max(axis=1).mean() < before.max(axis=1).mean()
