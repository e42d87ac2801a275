"""How far coders agree on the whole set of codes of a segment.

Each different set of codes, the empty one included, is one category; coefficients are those of
:mod:`models.agreement` for several categories (chance of Brennan & Prediger and of AC1: as many categories as there are
different sets). Beside them stands alpha with the MASI distance (Passonneau 2006), under which sets that overlap
disagree less than sets that do not: 1 - Jaccard x (1 for equal sets, 2/3 if one holds the other, 1/3 if they overlap, 0
else).
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from models.agreement import NO_OVERLAP, ONE_UNIT, PAIR_UNDEFINED, Figures
from models.codings import Codings, Flags
from models.resampling import Floats, Resampling, estimate, ratio, undefined

SET_COEFFICIENTS = ("raw_agreement", "kappa", "alpha", "alpha_masi", "ac1", "brennan_prediger")
ONE_SET = "All coders gave every segment the same set of codes, so nothing can be told from chance."


def set_agreement(codings: Codings, resampling: Resampling) -> Figures:
    """The figures over the sets of codes, named as in :data:`SET_COEFFICIENTS`; ``n`` counts segments.

    Args:
        codings: of two or more coders; segments that fewer than two looked at are left out.
        resampling: made for the documents of all segments of ``codings``.
    """
    n = len(codings.compared)
    if n < 2:
        return dict.fromkeys(SET_COEFFICIENTS, undefined(ONE_UNIT if n else NO_OVERLAP, n))
    answers = _Answers.of(codings)
    samples = _samples(answers, resampling)
    figures = {"raw_agreement": estimate(samples["raw_agreement"], n=n)}
    for name in SET_COEFFICIENTS[1:]:
        reason = PAIR_UNDEFINED if name == "kappa" and len(answers.sets) > 1 else ONE_SET
        figures[name] = estimate(samples[name], n=n, reason=reason)
    return figures


def masi_distances(sets: Flags) -> Floats:
    """The distance of each set from each, 0 to 1.

    Args:
        sets: which codes are in each set, shape (sets, codes).

    Returns:
        Shape (sets, sets). Two empty sets are equal; an empty one is at distance 1 from any other.
    """
    members = sets.astype(np.float64)
    common = members @ members.T
    sizes = members.sum(axis=1)
    union = sizes[:, None] + sizes[None, :] - common
    jaccard = np.where(union == 0, 1.0, common / np.where(union == 0, 1, union))
    smaller = np.minimum(sizes[:, None], sizes[None, :])
    monotonicity = np.where(common == union, 1.0, np.where(common == smaller, 2 / 3, np.where(common > 0, 1 / 3, 0.0)))
    distances: Floats = 1 - jaccard * monotonicity
    return distances


@dataclass(frozen=True, kw_only=True)
class _Answers:
    """Which set each coder gave each segment.

    Attributes:
        sets: the different sets, shape (sets, codes).
        given: which of them, shape (coders, segments); -1 where the coder did not look, or was the only one who did.
    """

    sets: Flags
    given: npt.NDArray[np.intp]

    @classmethod
    def of(cls, codings: Codings) -> "_Answers":
        counts = codings.seen & (codings.seen.sum(axis=0) >= 2)
        sets, which = np.unique(codings.applied[counts], axis=0, return_inverse=True)
        given = np.full(codings.seen.shape, -1, dtype=np.intp)
        given[counts] = which.ravel()
        return cls(sets=sets, given=given)


def _samples(answers: _Answers, resampling: Resampling) -> dict[str, Floats]:
    """The figures of the sample and of each resample."""
    looked = (answers.given >= 0).sum(axis=0)
    weight = 1 / np.maximum(looked, 1)
    distances = masi_distances(answers.sets)
    nominal = (distances > 0).astype(np.float64)
    segments = resampling.totals((looked > 0)[:, None].astype(np.float64))[:, 0]
    counts = _of_each_set(answers, resampling, np.ones(len(weight)))
    shares = _of_each_set(answers, resampling, weight)
    unequal = _within(answers, nominal, looked)
    equal = np.where(looked > 0, 1 - unequal * weight, 0)
    raw = ratio(resampling.totals(equal[:, None])[:, 0], segments)
    different = len(answers.sets)
    one_set = (counts > 0).sum(axis=1) < 2
    prevalence = ratio(shares, segments[:, None] + 0 * shares)
    by_chance = (prevalence * (1 - prevalence)).sum(axis=1) / max(different - 1, 1)
    masi = _within(answers, distances, looked)
    found = {
        "kappa": _kappa(answers, resampling),
        "alpha": _alpha(resampling.totals(unequal[:, None])[:, 0], counts, nominal),
        "alpha_masi": _alpha(resampling.totals(masi[:, None])[:, 0], counts, distances),
        "ac1": ratio(raw - by_chance, 1 - by_chance),
        "brennan_prediger": ratio(raw - 1 / different, np.full_like(raw, 1 - 1 / different)),
    }
    return {"raw_agreement": raw} | {name: np.where(one_set, np.nan, values) for name, values in found.items()}


def _within(answers: _Answers, distances: Floats, looked: npt.NDArray[np.intp]) -> Floats:
    """Krippendorff's disagreements within each segment: over ordered pairs of its answers, by one less than these."""
    total = np.zeros(answers.given.shape[1])
    for one, other in combinations(answers.given, 2):
        both = (one >= 0) & (other >= 0)
        total[both] += 2 * distances[one[both], other[both]]
    within: Floats = total / np.maximum(looked - 1, 1)
    return within


def _alpha(unequal: Floats, counts: Floats, distances: Floats) -> Floats:
    answers = counts.sum(axis=1)
    expected = ratio(((counts @ distances) * counts).sum(axis=1), answers - 1)
    return 1 - ratio(unequal, expected)


def _kappa(answers: _Answers, resampling: Resampling) -> Floats:
    kappas = []
    for one, other in combinations(answers.given, 2):
        both = (one >= 0) & (other >= 0)
        count = resampling.totals(both[:, None].astype(np.float64))[:, 0]
        equal = resampling.totals((both & (one == other))[:, None].astype(np.float64))[:, 0]
        first, second = (_Answers(sets=answers.sets, given=np.where(both, given, -1)[None]) for given in (one, other))
        weight = np.ones(len(both))
        margins = _of_each_set(first, resampling, weight) * _of_each_set(second, resampling, weight)
        observed, expected = ratio(equal, count), ratio(margins.sum(axis=1), count**2)
        kappas.append(ratio(observed - expected, 1 - expected))
    mean: Floats = np.mean(kappas, axis=0)
    return mean


def _of_each_set(answers: _Answers, resampling: Resampling, weight: Floats) -> Floats:
    """How much of the answers each set has, shape (1 + resamples, sets)."""
    coders, segments = np.nonzero(answers.given >= 0)
    return resampling.totals_of_kinds(segments, answers.given[coders, segments], weight[segments], len(answers.sets))
