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
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

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
SOFTMAX_STEPS = 30
# Steps smaller than this change no score that is shown.
SMALL_STEP = 1e-3
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
        self._mean = self._weights @ self._features / total
        self._heights = self._weights @ self._targets / total
        # Whichever is smaller: one equation for each row, or one for each feature.
        is_dual = len(self._features) < self._features.shape[1]
        self._slopes = self._solve_by_rows() if is_dual else self._solve_by_features()
        self._reject(lessons)
        self.coefficients: Floats = RIDGE_SHARPNESS * self._slopes
        self.intercepts: Floats = RIDGE_SHARPNESS * (self._heights - self._mean @ self._slopes)

    def _solve_by_rows(self) -> Floats:
        self._centred = self._features - self._mean
        kernel = self._centred @ self._centred.T
        self._dual: Floats | None = np.linalg.inv(kernel + np.diag(RIDGE_PENALTY / self._weights))
        slopes: Floats = self._centred.T @ (self._dual @ (self._targets - self._heights))
        return slopes

    def _solve_by_features(self) -> Floats:
        self._dual = None
        centred = self._features - self._mean.astype(np.float32)
        weighted = centred * self._weights[:, None].astype(np.float32)
        moments = (weighted.T @ centred).astype(np.float64)
        moments[np.diag_indices_from(moments)] += RIDGE_PENALTY
        self._inverse: Floats = np.linalg.inv(moments)
        slopes: Floats = self._inverse @ (weighted.T @ (self._targets - self._heights).astype(np.float32))
        return slopes

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
            solved: Floats = centred @ self._inverse
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

    Accelerated gradient steps, scaled by a bound of the curvature (Böhning 1992), so that no step length
    is searched for. A segment of which only rejections are known counts as one of the other codes,
    whichever the model takes it for.

    Args:
        lessons: at least one row with a target.
    """

    def __init__(self, lessons: Lessons) -> None:
        features = np.concatenate([lessons.features, lessons.rejected_features])
        # The last column makes the intercept, held back like the rest.
        features = np.column_stack([features, np.full(len(features), 0.5, dtype=np.float32)])
        self._features, self._axes = _fewest_columns(features)
        applying = lessons.targets.sum(axis=1)
        self._weights = np.append(lessons.weights * applying, np.ones(len(lessons.rejected_features)))
        shares = lessons.targets / np.maximum(applying, 1e-12)[:, None]
        self._shares = np.concatenate([shares, np.zeros((len(lessons.rejected_features), shares.shape[1]))])
        self._allowed = np.ones(self._shares.shape, dtype=np.float32)
        for row, code in lessons.rejections:
            self._allowed[len(lessons.features) + row, code] = 0
        self._open = np.arange(len(features)) >= len(lessons.features)
        self._solve()
        slopes = self._axes @ self._solution if self._axes is not None else self._solution
        self.coefficients: Floats = slopes[:-1]
        self.intercepts: Floats = 0.5 * slopes[-1]

    def without_themselves(self, rows: Rows) -> Floats:
        """Nearly: one step of Newton's method back for each code, the other codes held still.

        (Approximate leave-one-out: Rad and Maleki 2020.)
        """
        features = self._features.astype(np.float64)
        logits = features @ self._solution
        likely = softmax(logits)
        curvature = self._weights[:, None] * likely * (1 - likely)
        left: Floats = logits[rows]
        place_of = dict(zip(rows.tolist(), range(len(rows)), strict=True))
        for code in range(logits.shape[1]):
            near = self._contested(curvature[:, code])
            places = [(at, place_of[row]) for at, row in enumerate(near.tolist()) if row in place_of]
            if not places:
                continue
            at, place = np.array(places).T
            leverage = _leverage(features[near], curvature[near, code])[at] * self._weights[near[at]]
            surprise = self._shares[near[at], code] - likely[near[at], code]
            damping = np.maximum(1 - leverage * (likely * (1 - likely))[near[at], code], 0.05)
            left[place, code] -= leverage * surprise / damping
        return left

    def _contested(self, curvature: Floats) -> Rows:
        """The rows that decide a code: of the others each one's own target hardly moves it."""
        most = np.argsort(-curvature, kind="stable")[:MOST_CONTESTED]
        return np.sort(most[curvature[most] > LEAST_CURVATURE])

    def _solve(self) -> None:
        features, weights = self._features, self._weights.astype(np.float32)
        weighted = (features * weights[:, None]).T
        curvature = 0.5 * (weighted @ features).astype(np.float64)
        curvature[np.diag_indices_from(curvature)] += SOFTMAX_PENALTY
        scale = np.linalg.inv(curvature).astype(np.float32)
        shares = self._shares.astype(np.float32)
        at = before = np.zeros((features.shape[1], shares.shape[1]), dtype=np.float32)
        run = 0
        for _ in range(SOFTMAX_STEPS):
            ahead = at + np.float32(run / (run + 3)) * (at - before)
            likely = softmax(features @ ahead)
            gradient = weighted @ (self._expected(shares, likely) - likely) - np.float32(SOFTMAX_PENALTY) * ahead
            reached = ahead + scale @ gradient
            # Momentum that leads uphill no longer helps: begin anew.
            run = run + 1 if np.vdot(gradient, reached - at) >= 0 else 0
            before, at = at, reached
            if np.abs(at - before).max() < SMALL_STEP:
                break
        self._solution = at.astype(np.float64)

    def _expected(self, shares: Features, likely: Features) -> Features:
        if not self._open.any():
            return shares
        left = likely[self._open] * self._allowed[self._open]
        expected = shares.copy()
        expected[self._open] = left / np.maximum(left.sum(axis=1, keepdims=True), np.float32(1e-12))
        return expected


def _leverage(features: Features | Floats, curvature: Floats) -> Floats:
    """Each row's features measured by the inverse of the penalised curvature of a code, shape (rows,)."""
    kernel = features @ features.T
    solved = np.linalg.solve(kernel + np.diag(SOFTMAX_PENALTY / curvature), kernel)
    leverage: Floats = (np.diag(kernel) - (kernel * solved.T).sum(axis=1)) / SOFTMAX_PENALTY
    return leverage


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
        self._sums: Floats = (lessons.targets * lessons.weights[:, None]).T @ lessons.features
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
