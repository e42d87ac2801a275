"""The models that learn: what they solve, against independent solutions, and each row asked for without itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from models.learning import (
    REJECTED,
    RIDGE_PENALTY,
    RIDGE_SHARPNESS,
    SOFTMAX_PENALTY,
    Floats,
    Learner,
    Lessons,
    PrototypeCodes,
    RidgeCodes,
    SoftmaxCodes,
    softmax,
)

CODES = 3


def lessons(rows: int, *, features: int = 6, rejections: int = 0, seed: int = 0, lacking: int | None = None) -> Lessons:
    random = np.random.default_rng(seed)
    made = random.normal(size=(rows + rejections, features))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    targets = np.zeros((rows, CODES))
    targets[np.arange(rows), random.integers(0, CODES, rows)] = 1
    targets[random.random(rows) < 0.2, 0] = 1
    kept = np.arange(rows) != lacking
    return Lessons(
        features=made[:rows][kept].astype(np.float32),
        targets=targets[kept],
        weights=random.choice([1.0, 3.0], rows)[kept],
        rejections=[(row, int(random.integers(0, CODES))) for row in range(rejections)],
        rejected_features=made[rows:].astype(np.float32),
    )


def logits(learner: Learner, features: Floats) -> Floats:
    found: Floats = features @ learner.coefficients + learner.intercepts
    return found


# ---------------------------------------------------------------- ridge regression


def ridge_oracle(given: Lessons, code: int) -> Floats:
    """(slopes, intercept) of one code by the normal equations, rejections being rows like any other."""
    own = [row for row, column in given.rejections if column == code]
    features = np.concatenate([given.features, given.rejected_features[own]]).astype(float)
    targets = np.append(given.targets[:, code], np.full(len(own), REJECTED))
    weights = np.append(given.weights, np.ones(len(own)))
    # The mean is that of the rows that are known.
    mean = given.weights @ given.features / given.weights.sum()
    height = given.weights @ given.targets[:, code] / given.weights.sum()
    centred = features - mean
    penalised = (centred * weights[:, None]).T @ centred + RIDGE_PENALTY * np.eye(features.shape[1])
    slopes = np.linalg.solve(penalised, (centred * weights[:, None]).T @ (targets - height))
    return np.append(slopes, height - mean @ slopes)


@pytest.mark.parametrize("rows", [1, 4, 5, 6, 7, 40])
@pytest.mark.parametrize("rejections", [0, 1, 5])
def test_ridge_regression_solves_the_normal_equations_with_rejections_as_rows(rows: int, rejections: int) -> None:
    given = lessons(rows, rejections=rejections, seed=rows)
    learner = RidgeCodes(given)
    for code in range(CODES):
        oracle = RIDGE_SHARPNESS * ridge_oracle(given, code)
        assert learner.coefficients[:, code] == pytest.approx(oracle[:-1], abs=1e-4)
        assert learner.intercepts[code] == pytest.approx(oracle[-1], abs=1e-4)


@pytest.mark.parametrize("rows", [5, 30])
def test_ridge_regression_knows_exactly_what_it_would_say_without_a_row(rows: int) -> None:
    whole = lessons(rows, seed=rows)
    left = RidgeCodes(whole).without_themselves(np.arange(rows))
    for row in range(rows):
        fitted = RidgeCodes(lessons(rows, seed=rows, lacking=row))
        assert left[row] == pytest.approx(logits(fitted, whole.features[row]), abs=2e-3)


def sparse_lessons(rows: int, features: int) -> Lessons:
    """Many features, of which few rows have any one, and some none."""
    random = np.random.default_rng(features)
    made = random.normal(size=(rows, features)) * (random.random((rows, features)) < 0.05)
    made[:, 0] += 1
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    chosen = (made[:, 1:] @ random.normal(size=(features - 1, CODES)) + random.normal(size=(rows, CODES))).argmax(
        axis=1
    )
    return Lessons(
        features=made.astype(np.float32),
        targets=np.eye(CODES)[chosen],
        weights=random.choice([1.0, 3.0], rows),
        rejections=(),
        rejected_features=np.zeros((0, features), dtype=np.float32),
    )


@pytest.mark.parametrize("features", [63, 64, 65, 150, 333])
def test_ridge_regression_solves_the_normal_equations_of_many_features(features: int) -> None:
    given = sparse_lessons(400, features)
    learner = RidgeCodes(given)
    for code in range(CODES):
        oracle = RIDGE_SHARPNESS * ridge_oracle(given, code)
        assert learner.coefficients[:, code] == pytest.approx(oracle[:-1], abs=2e-4)


# ---------------------------------------------------------------- softmax regression


def softmax_oracle(given: Lessons) -> Floats:
    """Coefficients (the intercept last) by a general optimiser."""
    features = np.column_stack([given.features, np.full(len(given.features), 0.5)]).astype(float)
    open_rows = np.column_stack([given.rejected_features, np.full(len(given.rejected_features), 0.5)]).astype(float)
    applying = given.targets.sum(axis=1)

    def loss(flat: Floats) -> float:
        coefficients = flat.reshape(-1, CODES)
        likely = softmax(features @ coefficients)
        known = given.weights @ (given.targets * np.log(likely)).sum(axis=1)
        open_likely = softmax(open_rows @ coefficients)
        kept = sum(np.log(1 - open_likely[row, code]) for row, code in given.rejections)
        return float(0.5 * SOFTMAX_PENALTY * (coefficients**2).sum() - known - kept)

    assert (applying > 0).all()
    found: Floats = minimize(loss, np.zeros(features.shape[1] * CODES), options={"gtol": 1e-7}).x.reshape(-1, CODES)
    return found


@pytest.mark.parametrize("rows", [3, 6, 40])
@pytest.mark.parametrize("rejections", [0, 1, 5])
def test_softmax_regression_finds_what_a_general_optimiser_finds(rows: int, rejections: int) -> None:
    given = lessons(rows, rejections=rejections, seed=rows)
    learner, oracle = SoftmaxCodes(given), softmax_oracle(given)
    points = lessons(20, seed=99).features.astype(float)
    expected = softmax(points @ oracle[:-1] + 0.5 * oracle[-1])
    assert softmax(logits(learner, points)) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("rows", [150, 1_500])
def test_softmax_regression_nearly_gets_to_the_end_with_many_features(rows: int) -> None:
    given = sparse_lessons(rows, 333)
    features = np.column_stack([given.features, np.full(rows, 0.5)]).astype(float)

    def loss(flat: Floats) -> tuple[float, Floats]:
        coefficients = flat.reshape(-1, CODES)
        likely = softmax(features @ coefficients)
        unlikely = -given.weights @ (given.targets * np.log(likely)).sum(axis=1)
        slope = (features * given.weights[:, None]).T @ (likely - given.targets) + SOFTMAX_PENALTY * coefficients
        return float(unlikely + SOFTMAX_PENALTY / 2 * (flat**2).sum()), slope.ravel()

    start = np.zeros(features.shape[1] * CODES)
    least = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2_000, "gtol": 1e-6}).fun
    learner = SoftmaxCodes(given)
    reached, _ = loss(np.vstack([learner.coefficients, 2 * learner.intercepts]).ravel())
    assert least <= reached <= least + 0.001 * (loss(start)[0] - least)


def test_softmax_regression_nearly_knows_what_it_would_say_without_a_row() -> None:
    rows = 40
    whole = lessons(rows, seed=1)
    learner = SoftmaxCodes(whole)
    left = softmax(learner.without_themselves(np.arange(rows)))
    refitted = np.stack(
        [
            softmax(logits(SoftmaxCodes(lessons(rows, seed=1, lacking=row)), whole.features[[row]]))[0]
            for row in range(rows)
        ]
    )
    fitted = softmax(logits(learner, whole.features))
    assert np.abs(left - refitted).mean() < 0.6 * np.abs(fitted - refitted).mean()


# ---------------------------------------------------------------- prototypes


def test_prototypes_know_exactly_what_they_would_say_without_a_row() -> None:
    whole = lessons(30)
    learner = PrototypeCodes(whole)
    left = learner.without_themselves(np.arange(30))
    for row in range(30):
        fitted = PrototypeCodes(lessons(30, lacking=row))
        assert left[row] == pytest.approx(logits(fitted, whole.features[row].astype(float)), abs=1e-4)


# ---------------------------------------------------------------- for all of them


@settings(max_examples=30)
@given(st.integers(1, 20), st.integers(0, 6), st.sampled_from([RidgeCodes, SoftmaxCodes, PrototypeCodes]))
def test_what_is_learnt_is_finite_however_little_there_is(
    rows: int, rejections: int, model: type[RidgeCodes] | type[SoftmaxCodes] | type[PrototypeCodes]
) -> None:
    learner = model(lessons(rows, rejections=rejections, seed=rows))
    for found in (learner.coefficients, learner.intercepts, learner.without_themselves(np.arange(rows))):
        assert np.isfinite(found).all()


def test_thousands_of_identical_rows_are_one_lesson_learnt_well() -> None:
    one = lessons(1)
    many = Lessons(
        features=np.tile(one.features, (3_000, 1)),
        targets=np.tile(one.targets, (3_000, 1)),
        weights=np.ones(3_000),
        rejections=(),
        rejected_features=one.rejected_features,
    )
    for model in (RidgeCodes, SoftmaxCodes, PrototypeCodes):
        found = logits(model(many), one.features.astype(float))
        assert np.isfinite(found).all()
        assert found.argmax() == one.targets.argmax()


@given(st.integers(0, 3), st.integers(1, 4), st.floats(-700, 700))
def test_softmax_gives_probabilities(rows: int, codes: int, level: float) -> None:
    shares = softmax(np.full((rows, codes), level))
    assert shares == pytest.approx(np.full((rows, codes), 1 / codes))
