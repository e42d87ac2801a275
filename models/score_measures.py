"""Whether scores mean what they say: calibration, Brier score, coverage against precision, abstention.

All of it is about the first suggestion of each segment: whether people applied that code. A segment to which no code
applies counts as wrong, whatever is suggested.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from models.codings import Flags
from models.judgements import Judged
from models.resampling import Estimate, Floats, Resampling, estimate, estimates, figures_to_json, ratio, undefined

BINS = 10
LEAST_IN_BIN = 10
CURVE_POINTS = 100
NO_SEGMENT = "No segment was tested."
ONLY_CODED = "Every segment tested carries a code, so there is nothing to abstain from."
NONE_CODED = "No segment tested carries a code."
# Rows of resamples that are computed together.
TOGETHER = 50


def calibration(judged: Judged, resampling: Resampling) -> dict[str, Any]:
    """``{"bins", "brier", "brier_of_base_rate"}``; each bin ``{"score", "right"}`` holds as many segments."""
    score, right = judged.best, judged.first_is_right.astype(np.float64)
    n = len(score)
    if not n:
        nothing = undefined(NO_SEGMENT).to_json()
        return {"bins": [], "brier": nothing, "brier_of_base_rate": nothing}
    count = min(BINS, max(1, n // LEAST_IN_BIN))
    bins = np.array_split(np.argsort(score, kind="stable"), count)
    members = np.zeros((n, count))
    for number, rows in enumerate(bins):
        members[rows, number] = 1
    totals = resampling.totals(np.hstack([members * right[:, None], members]))
    shares = estimates(ratio(totals[:, :count], totals[:, count:]), n=[len(rows) for rows in bins], reason=NO_SEGMENT)
    errors = resampling.totals(np.column_stack([(score - right) ** 2, right, np.ones(n)]))
    base = ratio(errors[:, 1], errors[:, 2])
    return {
        "bins": [
            {"score": float(score[rows].mean()), "right": share.to_json()}
            for rows, share in zip(bins, shares, strict=True)
        ],
        "brier": estimate(ratio(errors[:, 0], errors[:, 2]), n=n).to_json(),
        "brier_of_base_rate": estimate(base * (1 - base), n=n).to_json(),
    }


def coverage_curve(judged: Judged) -> list[dict[str, float]]:
    """At thresholds from high to low: ``{"threshold", "coverage", "precision"}``.

    Coverage is the share of segments whose first suggestion reaches the threshold, likely or not that no code applies,
    precision the share of these in
    which it is right.
    """
    order = np.argsort(-judged.best, kind="stable")
    scores = judged.best[order]
    if not len(scores):
        return []
    taken = np.arange(1, len(scores) + 1)
    precision = np.cumsum(judged.first_is_right[order]) / taken
    # A threshold takes in all segments with its score.
    ends = np.flatnonzero(np.append(scores[:-1] > scores[1:], True))
    chosen = ends[np.unique(np.linspace(0, len(ends) - 1, CURVE_POINTS).round().astype(int))]
    return [
        {"threshold": float(scores[at]), "coverage": float(taken[at] / len(scores)), "precision": float(precision[at])}
        for at in chosen
    ]


def abstention(judged: Judged, resampling: Resampling) -> dict[str, Any]:
    """How the machine abstains, as figures.

    ``abstained``: the share of segments without a suggestion; ``abstained_uncoded`` and ``abstained_coded``: the same
    among the segments to which people applied no code, and some; ``auroc``: how often "no code" is likelier for a
    segment without a code than for a coded one, 0.5 being chance.
    """
    coded = judged.study.truth.applied[0].sum(axis=1) > 0
    groups = np.column_stack([np.ones(len(coded), dtype=bool), ~coded, coded])
    values = np.hstack([groups & judged.abstained[:, None], groups]).astype(np.float64)
    totals = resampling.totals(values)
    shares = estimates(
        ratio(totals[:, :3], totals[:, 3:]),
        n=groups.sum(axis=0).tolist(),
        reason=[NO_SEGMENT, ONLY_CODED, NONE_CODED],
    )
    figures = dict(zip(("abstained", "abstained_uncoded", "abstained_coded"), shares, strict=True))
    return figures_to_json({**figures, "auroc": _auroc(-judged.no_code, coded, resampling)})


def _auroc(scores: Floats, coded: Flags, resampling: Resampling) -> Estimate:
    if coded.all() or not coded.any():
        return undefined(ONLY_CODED if coded.any() else NONE_CODED, len(coded))
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) > 0))
    samples = [_areas(weights[:, order], coded[order], starts) for weights in _together(resampling.segment_weights())]
    return estimate(np.concatenate(samples), n=len(coded))


def _together(weights: Floats) -> Iterator[Floats]:
    for start in range(0, len(weights), TOGETHER):
        yield weights[start : start + TOGETHER]


def _areas(weights: Floats, coded: Flags, starts: npt.NDArray[np.intp]) -> Floats:
    """The share of pairs of a coded and an uncoded segment in the right order; of ties, half. Scores ascend."""
    with_code = np.add.reduceat(weights * coded, starts, axis=1)
    without = np.add.reduceat(weights * ~coded, starts, axis=1)
    below = np.cumsum(without, axis=1) - without
    pairs = with_code.sum(axis=1) * without.sum(axis=1)
    return ratio((with_code * (below + without / 2)).sum(axis=1), pairs)
