"""What coded segments teach: two linear models of the codes, each of which can be asked as if it lacked one.

Both see a code's own words as coded segments too, so that they begin where similarity leaves off, and both see
features that put what an encoder makes of a text beside the words that it uses.

- *Ridge regression* on "applies or not" (a Gaussian process in its primal form). Exact without any one
  segment, and rejections of single codes are exact as well.
- *Softmax regression*, which tells many codes of one kind apart where a regression on indicators masks some.

Their logits are added: over six coded sets no other fixed mixture of these, prototypes and neighbours was
nearer to the best of each set.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from models.quasi_newton import StepDirections

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
Features = npt.NDArray[np.float32]
Numbers = TypeVar("Numbers", npt.NDArray[np.float32], npt.NDArray[np.float64])

RIDGE_PENALTY = 2.0
# Logits for each unit of a regression on 0 and 1.
RIDGE_SHARPNESS = 10.0
# What a rejection says, where applying says 1. Below 0 it would say more than that the code does not apply.
REJECTED = 0.0
SOFTMAX_PENALTY = 0.1
SOFTMAX_STEPS = 12
# Steps smaller than this change no score that is shown.
SMALL_STEP = 1e-4
# What rows weigh in the curvature of most codes: it says which way to go at first, not where that ends.
TYPICAL_CURVATURE = 0.07
# The column that makes the intercept, held back like the rest.
INTERCEPT_COLUMN = 0.5
INVERTED_WHOLE = 64
PROTOTYPE_SHARPNESS = 20.0
# Rows that count less than this for a code are passed over when it is asked without them, and so many are enough.
LEAST_CURVATURE = 0.01
MOST_CONTESTED = 128
# Directions in which rows differ less than this are noise.
EMPTY_AXIS = 1e-6


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """Coded segments as the models see them; a code's own words are rows like any other.

    Attributes:
        features: shape (rows, features), float32.
        targets: 1 where a code applies, 0 where not, shape (rows, codes).
        weights: how many segments each row counts as, shape (rows,).
        rejections: (row of ``rejected_features``, code): all that is known of these segments.
        rejected_features: shape (segments with rejections only, features).
    """

    features: Features
    targets: Floats
    weights: Floats
    rejections: Sequence[tuple[int, int]]
    rejected_features: Features

    @cached_property
    def mean(self) -> Floats:
        """Of the features, weighted, shape (features,)."""
        mean: Floats = (self.weights.astype(np.float32) @ self.features).astype(np.float64) / self.weights.sum()
        return mean

    @cached_property
    def sums(self) -> Floats:
        """For each code those of its rows' features, weighted, shape (codes, features)."""
        return code_sums(self.targets * self.weights[:, None], self.features)

    @cached_property
    def inverse(self) -> Features:
        """Of the features' second moments about their mean with ``RIDGE_PENALTY``, shape (features, features)."""
        return _inverse(_moments(self.features - self.mean.astype(np.float32), self.weights))


class Learner(Protocol):
    """A linear model of codes: logits are ``features @ coefficients + intercepts``."""

    coefficients: Floats
    intercepts: Floats

    def without_themselves(self, rows: Rows) -> Floats:
        """The logits of rows as if each had not been learnt from, shape (len(rows), codes)."""


class RidgeCodes:
    """Ridge regression of each code's targets, with an intercept that is not held back.

    Args:
        lessons: at least one row.

    Example:
        >>> taught = Lessons(
        ...     features=np.eye(2, dtype=np.float32),
        ...     targets=np.eye(2),
        ...     weights=np.ones(2),
        ...     rejections=(),
        ...     rejected_features=np.zeros((0, 2), dtype=np.float32),
        ... )
        >>> learner = RidgeCodes(taught)
        >>> bool(np.argmax(np.array([1, 0.2]) @ learner.coefficients + learner.intercepts) == 0)
        True
    """

    def __init__(self, lessons: Lessons) -> None:
        self._features, self._targets, self._weights = lessons.features, lessons.targets, lessons.weights
        total = self._weights.sum()
        self._mean = lessons.mean
        self._heights = self._weights @ self._targets / total
        # Whichever is smaller: one equation for each row, or one for each feature.
        is_dual = len(self._features) < self._features.shape[1]
        self._slopes = self._solve_by_rows() if is_dual else self._solve_by_features(lessons)
        self._reject(lessons)
        self.coefficients: Floats = RIDGE_SHARPNESS * self._slopes
        self.intercepts: Floats = RIDGE_SHARPNESS * (self._heights - self._mean @ self._slopes)

    def _solve_by_rows(self) -> Floats:
        self._centred: Floats = self._features - self._mean
        kernel = self._centred @ self._centred.T
        self._dual: Floats | None = _inverse(kernel + np.diag(RIDGE_PENALTY / self._weights))
        slopes: Floats = self._centred.T @ (self._dual @ (self._targets - self._heights))
        return slopes

    def _solve_by_features(self, lessons: Lessons) -> Floats:
        self._dual, self._inverse = None, lessons.inverse
        moments = lessons.sums - np.outer(self._weights @ self._targets, self._mean)
        return (self._inverse @ moments.T.astype(np.float32)).astype(np.float64)

    def without_themselves(self, rows: Rows) -> Floats:
        """Exact, but for what rejections changed."""
        centred = self._features[rows] - self._mean
        fitted = centred @ self._slopes + self._heights
        weights = self._weights[rows]
        leverage = weights * ((centred * self._solved(centred)).sum(axis=1) + 1 / self._weights.sum())
        left: Floats = self._targets[rows] - (self._targets[rows] - fitted) / np.maximum(1 - leverage, 1e-6)[:, None]
        return RIDGE_SHARPNESS * left

    def _solved(self, centred: Floats) -> Floats:
        """Rows times the inverse of the penalised matrix of second moments."""
        if self._dual is None:
            solved: Floats = (centred.astype(np.float32) @ self._inverse).astype(np.float64)
        else:
            along = (centred @ self._centred.T) @ self._dual @ self._centred
            solved = (centred - along) / RIDGE_PENALTY
        return solved

    def _reject(self, lessons: Lessons) -> None:
        """Adds to each code's regression the segments where it was rejected; exact."""
        if not lessons.rejections:
            return
        centred = lessons.rejected_features - self._mean
        solved = self._solved(centred)
        for code, rows in _by_code(lessons.rejections).items():
            own, own_solved = centred[rows], solved[rows]
            surprise = REJECTED - (own @ self._slopes[:, code] + self._heights[code])
            inner = np.eye(len(rows)) + own @ own_solved.T
            self._slopes[:, code] += own_solved.T @ np.linalg.solve(inner, surprise)


class SoftmaxCodes:
    """Multinomial logistic regression with a penalty on the coefficients.

    Always the same number of quasi-Newton steps from 0, unless no score would change any more: nothing depends on
    what was learnt before, and no rounding error decides about a step that matters. A segment of which only rejections
    are known counts as one of the other codes, whichever the model takes it for.

    Args:
        lessons: at least one row with a target.
    """

    def __init__(self, lessons: Lessons) -> None:
        features = np.concatenate([lessons.features, lessons.rejected_features])
        features = np.column_stack([features, np.full(len(features), INTERCEPT_COLUMN, dtype=np.float32)])
        self._features, self._axes = _fewest_columns(features)
        applying = lessons.targets.sum(axis=1)
        open_rows = len(lessons.rejected_features)
        self._weights = np.append(lessons.weights * applying, np.ones(open_rows)).astype(np.float32)
        shares = lessons.targets / np.maximum(applying, 1e-12)[:, None]
        self._shares = np.concatenate([shares, np.zeros((open_rows, shares.shape[1]))]).astype(np.float32)
        self._allowed = np.ones((open_rows, shares.shape[1]), dtype=np.float32)
        for row, code in lessons.rejections:
            self._allowed[row, code] = 0
        self._known = len(lessons.features)
        self._solution, self._logits = self._solve(_first_guess(lessons) if self._axes is None else self._guess())
        slopes = (self._axes @ self._solution if self._axes is not None else self._solution).astype(np.float64)
        self.coefficients: Floats = slopes[:-1]
        self.intercepts: Floats = INTERCEPT_COLUMN * slopes[-1]

    def without_themselves(self, rows: Rows) -> Floats:
        """Nearly: one step of Newton's method back for each code, the other codes held still.

        (Approximate leave-one-out: Rad and Maleki 2020.)
        """
        return self._logits_without[rows]

    @cached_property
    def _logits_without(self) -> Floats:
        left = self._logits.astype(np.float64)
        likely = softmax(left)
        spread = likely * (1 - likely)
        for code in range(left.shape[1]):
            near = _contested(self._weights * spread[:, code])
            weights = self._weights[near]
            leverage = weights * _leverage(self._features[near], weights * spread[near, code])
            surprise = self._shares[near, code] - likely[near, code]
            left[near, code] -= leverage * surprise / np.maximum(1 - leverage * spread[near, code], 0.05)
        return left

    def _guess(self) -> Features:
        """As :func:`_first_guess`, where there are fewer columns than features."""
        return _inverse(_moments(self._features, self._weights)) / np.float32(TYPICAL_CURVATURE)

    def _solve(self, guess: Features) -> tuple[Features, Features]:
        """(coefficients, logits of the rows), from a first guess of the inverse curvature."""
        directions = StepDirections(guess)
        at = np.zeros((self._features.shape[1], self._shares.shape[1]), dtype=np.float32)
        logits = np.zeros_like(self._shares)
        likely, loss = self._judged(at, logits)
        gradient = self._gradient(at, likely)
        for steps_left in reversed(range(SOFTMAX_STEPS)):
            step = directions.down(gradient)
            along = self._features @ step
            likely, reached = self._judged(at + step, logits + along)
            while reached > loss and np.abs(step).max() > SMALL_STEP:
                step, along = np.float32(0.5) * step, np.float32(0.5) * along
                likely, reached = self._judged(at + step, logits + along)
            at, logits, loss = at + step, logits + along, reached
            if not steps_left or np.abs(step).max() < SMALL_STEP:
                break
            before, gradient = gradient, self._gradient(at, likely)
            directions.learn(step, gradient - before)
        return at, logits

    def _judged(self, at: Features, logits: Features) -> tuple[Features, float]:
        """(how likely each code is, how unlikely all that is known is, in nats, with the penalty)."""
        top = logits.max(axis=1, keepdims=True)
        likely = np.exp(logits - top)
        totals = likely.sum(axis=1, keepdims=True)
        likely /= totals
        unlikely = (np.log(totals) + top)[:, 0]
        unlikely[: self._known] -= (self._shares * logits)[: self._known].sum(axis=1)
        left = (likely[self._known :] * self._allowed).sum(axis=1)
        unlikely[self._known :] = -np.log(np.maximum(left, np.float32(1e-12)))
        penalty = SOFTMAX_PENALTY / 2 * float(np.vdot(at, at))
        return likely, float(self._weights.astype(np.float64) @ unlikely) + penalty

    def _gradient(self, at: Features, likely: Features) -> Features:
        surprise = likely - self._shares
        surprise[self._known :] -= self._expected(likely[self._known :])
        surprise *= self._weights[:, None]
        slope: Features = self._features.T @ surprise
        return slope + np.float32(SOFTMAX_PENALTY) * at

    def _expected(self, likely: Features) -> Features:
        """What rows of which only rejections are known are taken for."""
        left = likely * self._allowed
        expected: Features = left / np.maximum(left.sum(axis=1, keepdims=True), np.float32(1e-12))
        return expected


def _contested(curvature: Floats) -> Rows:
    """The rows that decide a code: of the others each one's own target hardly moves it."""
    near = np.flatnonzero(curvature > LEAST_CURVATURE)
    most = np.argsort(-curvature[near], kind="stable")[:MOST_CONTESTED]
    return np.sort(near[most])


def _leverage(features: Features, curvature: Floats) -> Floats:
    """Each row's features measured by the inverse of the penalised curvature of a code, shape (rows,).

    From the diagonal of an inverse alone (Woodbury's identity, applied twice).
    """
    noise = SOFTMAX_PENALTY / curvature
    inverse = np.linalg.inv(features @ features.T + np.diag(noise.astype(np.float32)))
    leverage: Floats = (1 - noise * np.diag(inverse)) / curvature
    return leverage


def _moments(features: Features, weights: Floats | Features) -> Features:
    """The weighted matrix of second moments with ``RIDGE_PENALTY``, shape (features, features)."""
    scaled = features * np.sqrt(weights).astype(np.float32)[:, None]
    moments: Features = scaled.T @ scaled
    moments[np.diag_indices_from(moments)] += np.float32(RIDGE_PENALTY)
    return moments


def _first_guess(lessons: Lessons) -> Features:
    """The inverse curvature of a softmax regression if each code were about as likely for each row.

    From the ridge regression's matrix, which saves the second largest part of the work: the mean is put back, and the
    intercept's column beside it, by Sherman's and Morrison's formula.
    """
    size = len(lessons.mean)
    guess = np.zeros((size + 1, size + 1), dtype=np.float32)
    guess[:size, :size], guess[size, size] = lessons.inverse, 1 / RIDGE_PENALTY
    mean = np.append(lessons.mean, INTERCEPT_COLUMN).astype(np.float32)
    solved, total = guess @ mean, np.float32(lessons.weights.sum())
    guess -= np.outer(solved, solved * (total / (1 + total * (mean @ solved))))
    return guess / np.float32(TYPICAL_CURVATURE)


def _inverse(matrix: Numbers) -> Numbers:
    """The inverse of a symmetric, positive definite matrix by way of Cholesky's factor: half the general one's time.

    Scipy has it too, but its threads and those of numpy take the processors from each other.
    """
    left = _inverse_of_lower(np.asarray(np.linalg.cholesky(matrix), dtype=matrix.dtype))
    inverse: Numbers = left.T @ left
    return inverse


def _inverse_of_lower(factor: Numbers) -> Numbers:
    """The inverse of a lower triangular matrix, from those of its halves."""
    if len(factor) <= INVERTED_WHOLE:
        return np.asarray(np.linalg.inv(factor), dtype=factor.dtype)
    half = len(factor) // 2
    inverse = np.zeros_like(factor)
    first, last = (_inverse_of_lower(part) for part in (factor[:half, :half], factor[half:, half:]))
    inverse[:half, :half], inverse[half:, half:] = first, last
    inverse[half:, :half] = -last @ (factor[half:, :half] @ first)
    return inverse


def code_sums(shares: Floats, features: Features) -> Floats:
    """For each code the sum of its rows' features, shape (codes, features).

    Args:
        shares: how far each row belongs to each code, mostly 0, shape (rows, codes).
        features: shape (rows, features).
    """
    # Imported here because it takes long, and only examples need it.
    from scipy.sparse import csr_array

    rows, codes = np.nonzero(shares)
    of_codes = csr_array((shares[rows, codes].astype(np.float32), (codes, rows)), shape=shares.shape[::-1])
    sums: Floats = (of_codes @ features).astype(np.float64)
    return sums


def softmax(logits: Numbers) -> Numbers:
    """Each row of logits as probabilities; same shape."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    shares: Numbers = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _fewest_columns(features: Features) -> tuple[Features, Floats | None]:
    """(features with no more columns than rows, the directions that these columns stand for, if fewer)."""
    if len(features) >= features.shape[1]:
        return features, None
    values, vectors = np.linalg.eigh(features.astype(np.float64) @ features.T)
    kept = values > EMPTY_AXIS
    lengths = np.sqrt(values[kept])
    columns = (vectors[:, kept] * lengths).astype(np.float32)
    axes: Floats = features.T @ (vectors[:, kept] / lengths)
    return columns, axes


def _by_code(rejections: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = {}
    for row, code in rejections:
        rows.setdefault(code, []).append(row)
    return rows


class PrototypeCodes:
    """Similarity to the mean direction of a code's segments: what is left where there is too much for the others.

    Args:
        lessons: at least one row.
    """

    def __init__(self, lessons: Lessons) -> None:
        self._lessons = lessons
        self._sums = lessons.sums
        lengths = np.maximum(np.linalg.norm(self._sums, axis=1), 1e-12)
        self.coefficients: Floats = (PROTOTYPE_SHARPNESS * self._sums / lengths[:, None]).T
        self.intercepts: Floats = np.zeros(len(lengths))

    def without_themselves(self, rows: Rows) -> Floats:
        """Exact."""
        features = self._lessons.features[rows].astype(np.float64)
        logits: Floats = features @ self.coefficients
        shares = self._lessons.targets[rows] * self._lessons.weights[rows][:, None]
        for at, code in np.argwhere(shares > 0):
            left = self._sums[code] - shares[at, code] * features[at]
            logits[at, code] = PROTOTYPE_SHARPNESS * (left @ features[at]) / max(float(np.linalg.norm(left)), 1e-12)
        return logits
