"""Similarity -> probability that an analyst applies the code.

A segment's similarities are turned into a distribution over the codes and "none of these" (a softmax),
so that the score of a theme is the sum of the scores below it, and no score is above 1. Two numbers
decide it: how sharp the distribution is, and how likely "none" is. Without decisions they are a prior
learnt from other studies; with enough coded examples they are fitted to these, each example judged
without itself. Where people give segments several codes each, a code has as many chances to be one of
them.

Coded examples alone would teach that some code always applies. So each also stands for what is foreign to a
codebook: as it would look if the codebook lacked the codes that people gave it.
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Basis = Literal["project", "prior"]

# Fewer coded examples than this say too little about how sure to be.
LEAST_EXAMPLES = 20
LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 0.1, 0.5
# How strongly the prior holds sharpness (its logarithm) and "none" back, for each squared unit, in nats.
SHARPNESS_WEIGHT, NONE_WEIGHT = 10.0, 0.5
# To so large a share of segments no code is taken to apply, unless more examples than that say so of themselves.
FOREIGN_SHARE = 0.05
# Where it is likelier than this that no code applies, none is suggested.
MOST_NO_CODE = 0.5
# That segments carry one code counts as much as this many examples.
ONE_CODE_WEIGHT = 10.0
MOST_TEMPERATURE = 10.0
# A score of 0 says no more against a code than this one.
LEAST_SCORE = 1e-6


class Chances(NamedTuple):
    """How likely an analyst applies each code to segments, and how likely none of them.

    Attributes:
        codes: the scores, shape (segments, codes), each 0 to 1.
        none: shape (segments,), each 0 to 1.
    """

    codes: Floats
    none: Floats


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How similarities become scores.

    Attributes:
        sharpness: what logits are multiplied with, > 0.
        none_offset: logit of "none of these", relative to the median best logit of everyday talk.
        threshold: the score from which a suggestion is made by default, 0 to 1.
        basis: "prior" if learnt from other studies, "project" if fitted to the examples given.
        codes_each: how many codes a coded segment carries, >= 1.

    Example:
        >>> calibration = Calibration(sharpness=1.0, none_offset=0.0, threshold=0.1, basis="prior")
        >>> chances = calibration.chances(np.array([[2.0, 0.0, -1.0]]), np.zeros(1))
        >>> chances.codes.round(2).tolist(), chances.none.round(2).tolist()
        ([[0.76, 0.1, 0.04]], [0.1])
    """

    sharpness: float
    none_offset: float
    threshold: float
    basis: Basis
    codes_each: float = 1.0

    def chances(self, standing: Floats, none: Floats) -> Chances:
        """Probabilities of the codes, and that none applies.

        Args:
            standing: how far each logit lies above everyday talk, shape (segments, codes).
            none: what examples say for "none of these", 0 where nothing, shape (segments,).

        Returns:
            With one code for each segment a row of ``codes`` and its ``none`` sum to 1; with more, no code is likelier
            than that any applies.
        """
        among_codes, totals = _shares_and_totals(self.sharpness * standing)
        log_odds = totals - (self.none_offset + self.sharpness * none)
        any_code, no_code = np.exp(-np.logaddexp(0, -log_odds)), np.exp(-np.logaddexp(0, log_odds))
        if_any = 1 - (1 - np.minimum(among_codes, 1.0)) ** self.codes_each
        return Chances(codes=any_code[:, None] * if_any, none=no_code)

    def abstains(self, chances: Chances) -> Flags:
        """For which segments nothing is suggested by default, shape (segments,).

        Those where no code reaches the threshold, or none is likelier to apply than any.
        """
        unlikely: Flags = chances.codes.max(axis=1, initial=0) < self.threshold
        return unlikely | (chances.none > MOST_NO_CODE)


# Learnt from pdpilot, swj_usability and sad: see benchmarks/bench_prior.py and models/cards/suggester.md.
UNTAUGHT_SHARPNESS, TAUGHT_SHARPNESS = 0.40, 0.66


def shipped_prior(untaught: float = 1.0) -> Calibration:
    """What other studies say of scores.

    Args:
        untaught: how far logits still rest on the codes' bare words, 1 (wholly) to 0.
    """
    return Calibration(
        sharpness=TAUGHT_SHARPNESS + untaught * (UNTAUGHT_SHARPNESS - TAUGHT_SHARPNESS),
        none_offset=0.0,
        threshold=LOWEST_THRESHOLD,
        basis="prior",
    )


def fit_calibration(
    standing: Floats, none: Floats, applied: Flags, prior: Calibration, temperature: float = 1.0
) -> Calibration:
    """The calibration under which coded examples are most likely, drawn to the prior as they are few.

    Args:
        standing: as in :meth:`Calibration.chances`, each example judged without itself,
            shape (examples, codes).
        none: likewise, shape (examples,).
        applied: which codes an analyst applied, same shape; a row without any is "no code applies".
        prior: see :func:`shipped_prior`.
        temperature: what logits are divided by in the end, > 0; see :func:`fit_temperature`.

    Returns:
        The prior if there are fewer than ``LEAST_EXAMPLES`` examples, or no codes.
    """
    if len(standing) < LEAST_EXAMPLES or not standing.shape[1]:
        return prior
    sharpness, none_offset = _most_likely(standing, none, applied, prior)
    coded = applied.any(axis=1).sum()
    fitted = Calibration(
        sharpness=sharpness / temperature,
        none_offset=none_offset / temperature,
        threshold=HIGHEST_THRESHOLD,
        basis="project",
        codes_each=float((applied.sum() + ONE_CODE_WEIGHT) / (coded + ONE_CODE_WEIGHT)),
    )
    return replace(fitted, threshold=_half_right(fitted.chances(standing, none).codes, applied))


def fit_temperature(scores: Floats, applied: Flags) -> float:
    """What logits must be divided by so that codes of new segments are most likely (Guo et al. 2017).

    An encoder that was fitted to some examples has them too near to their codes, so what a calibration learns from
    these is too sure of itself. Segments that neither has seen say how much.

    Args:
        scores: of segments that were not learnt from, shape (segments, codes); the rest of a row is "none of these".
        applied: which codes an analyst applied, same shape, at least one in each row.

    Returns:
        Between 1 (as it is) and ``MOST_TEMPERATURE``.
    """
    from scipy.optimize import minimize_scalar

    rest = np.maximum(1 - scores.sum(axis=1, keepdims=True), 0)
    logits = np.log(np.maximum(np.concatenate([scores, rest], axis=1), LEAST_SCORE))
    shares = applied / applied.sum(axis=1, keepdims=True)

    def loss(warmth: float) -> float:
        """How unlikely the codes are, in nats, at the temperature of which this is the logarithm."""
        cooled = logits / np.exp(warmth)
        return float(np.logaddexp.reduce(cooled, axis=1).sum() - np.vdot(shares, cooled[:, :-1])) + (
            SHARPNESS_WEIGHT * warmth**2
        )

    return float(np.exp(minimize_scalar(loss, bounds=(0, np.log(MOST_TEMPERATURE)), method="bounded").x))


def _most_likely(standing: Floats, none: Floats, applied: Flags, prior: Calibration) -> tuple[float, float]:
    # Imported here because it takes a third of the service's start, and only examples need it.
    from scipy.optimize import minimize

    targets = np.column_stack([applied, ~applied.any(axis=1)]).astype(float)
    targets /= targets.sum(axis=1, keepdims=True)
    coded = applied.any(axis=1)
    # How much each coded example weighs as one that the codebook lacks codes for.
    foreign = max(FOREIGN_SHARE - (~coded).sum() / max(coded.sum(), 1), 0.0)
    own = np.column_stack([applied, np.zeros(len(applied), dtype=bool)])[coded]
    start = np.array([np.log(prior.sharpness), prior.none_offset])
    held = np.array([SHARPNESS_WEIGHT, NONE_WEIGHT])

    def loss(parameters: Floats) -> tuple[float, Floats]:
        """How unlikely the targets are, in nats, and how that changes with the parameters."""
        sharpness, offset = np.exp(parameters[0]), parameters[1]
        logits = sharpness * likeness
        logits[:, -1] += offset
        shares, totals = _shares_and_totals(logits)
        surprise = shares - targets
        unlikely = totals.sum() - np.vdot(targets, logits)
        if foreign:
            shares, totals = _shares_and_totals(np.where(own, -np.inf, logits[coded]))
            shares[:, -1] -= 1
            surprise[coded] += foreign * shares
            unlikely += foreign * (totals - logits[coded, -1]).sum()
        away = parameters - start
        slope = np.array([sharpness * np.vdot(surprise, likeness), surprise[:, -1].sum()])
        return float((held * away**2).sum() + unlikely), 2 * held * away + slope

    likeness = np.column_stack([standing, none])
    best = minimize(loss, start, jac=True, method="BFGS").x
    return float(np.exp(best[0])), float(best[1])


def _shares_and_totals(logits: Floats) -> tuple[Floats, Floats]:
    """(the softmax of each row, the logarithm of what it is divided by)."""
    top = logits.max(axis=1, keepdims=True, initial=-np.inf)
    odds = np.exp(logits - top)
    totals = odds.sum(axis=1, keepdims=True)
    # A row without any column has a sum of 0, whose logarithm is meant to be minus infinity.
    with np.errstate(divide="ignore"):
        return odds / totals, (np.log(totals) + top)[:, 0]


def _half_right(scores: Floats, applied: Flags) -> float:
    """The lowest threshold from which the first suggestion is right at least half of the time."""
    best = scores.argmax(axis=1)
    rows = np.arange(len(scores))
    order = np.argsort(-scores[rows, best])
    descending = scores[rows, best][order]
    right = np.cumsum(applied[rows, best][order]) / np.arange(1, len(order) + 1)
    # A threshold takes in all examples with its score, so only the last of equal scores can be one.
    is_last = np.append(descending[:-1] > descending[1:], True)
    enough = np.flatnonzero(is_last & (right >= 0.5))
    threshold = descending[enough[-1]] if len(enough) else HIGHEST_THRESHOLD
    return float(np.clip(threshold, LOWEST_THRESHOLD, HIGHEST_THRESHOLD))
