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
# Sets whose distances from all others are held at once.
BLOCK = 512
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


def masi_distances(sets: Flags, others: Flags) -> Floats:
    """The distance of each set from each of the others, 0 to 1.

    Args:
        sets: which codes are in each set, shape (sets, codes).
        others: the same, shape (others, codes).

    Returns:
        Shape (sets, others). Two empty sets are equal; an empty one is at distance 1 from any other.
    """
    common = sets.astype(np.float32) @ others.astype(np.float32).T
    sizes, other_sizes = sets.sum(axis=1), others.sum(axis=1)
    distances = np.ones(common.shape)
    distances[np.ix_(sizes == 0, other_sizes == 0)] = 0
    # Most pairs of sets have nothing in common.
    rows, columns = np.nonzero(common)
    shared = common[rows, columns].astype(np.float64)
    distances[rows, columns] = _masi(shared, sizes[rows], other_sizes[columns])
    return distances


def _masi(common: Floats, size: npt.NDArray[np.intp], other_size: npt.NDArray[np.intp]) -> Floats:
    """From the numbers of codes in common and in each set."""
    union = size + other_size - common
    jaccard = np.where(union == 0, 1.0, common / np.maximum(union, 1))
    one_holds_other = common == np.minimum(size, other_size)
    monotonicity = np.where(common == union, 1.0, np.where(one_holds_other, 2 / 3, 1 / 3))
    # Where nothing is in common the Jaccard index is 0, whatever the other factor.
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
    segments = resampling.totals((looked > 0)[:, None].astype(np.float64))[:, 0]
    counts = _of_each_set(answers, resampling, np.ones(len(weight)))
    shares = _of_each_set(answers, resampling, weight)
    unequal = _within(answers, looked, nominal=True)
    equal = np.where(looked > 0, 1 - unequal * weight, 0)
    raw = ratio(resampling.totals(equal[:, None])[:, 0], segments)
    different = len(answers.sets)
    one_set = (counts > 0).sum(axis=1) < 2
    prevalence = ratio(shares, segments[:, None] + 0 * shares)
    by_chance = (prevalence * (1 - prevalence)).sum(axis=1) / max(different - 1, 1)
    overlapping = _within(answers, looked, nominal=False)
    found = {
        "kappa": _kappa(answers, resampling),
        "alpha": _alpha(resampling.totals(unequal[:, None])[:, 0], counts, _unequal_pairs(counts)),
        "alpha_masi": _alpha(resampling.totals(overlapping[:, None])[:, 0], counts, _distant(counts, answers.sets)),
        "ac1": ratio(raw - by_chance, 1 - by_chance),
        "brennan_prediger": ratio(raw - 1 / different, np.full_like(raw, 1 - 1 / different)),
    }
    return {"raw_agreement": raw} | {name: np.where(one_set, np.nan, values) for name, values in found.items()}


def _within(answers: _Answers, looked: npt.NDArray[np.intp], *, nominal: bool) -> Floats:
    """Krippendorff's disagreements within each segment: over ordered pairs of its answers, by one less than these."""
    total = np.zeros(answers.given.shape[1])
    for one, other in combinations(answers.given, 2):
        both = np.flatnonzero((one >= 0) & (other >= 0))
        first, second = one[both], other[both]
        total[both] += 2 * ((first != second) if nominal else _side_by_side(answers.sets, first, second))
    within: Floats = total / np.maximum(looked - 1, 1)
    return within


def _side_by_side(sets: Flags, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]) -> Floats:
    """The MASI distances of pairs of sets."""
    sizes = sets.sum(axis=1)
    common = (sets[first] & sets[second]).sum(axis=1).astype(np.float64)
    return _masi(common, sizes[first], sizes[second])


def _unequal_pairs(counts: Floats) -> Floats:
    """The number of ordered pairs of answers that are different sets."""
    pairs: Floats = counts.sum(axis=1) ** 2 - (counts**2).sum(axis=1)
    return pairs


def _distant(counts: Floats, sets: Flags) -> Floats:
    """The MASI distances of all ordered pairs of answers, summed; resamples in single precision, for speed."""
    resampled = counts[1:].astype(np.float32)
    total = np.zeros(len(counts))
    for start in range(0, len(sets), BLOCK):
        block = masi_distances(sets[start : start + BLOCK], sets[start:])
        # Of two different blocks only one side is computed, because distances are the same both ways.
        block[:, BLOCK:] *= 2
        total[0] += counts[0, start : start + BLOCK] @ (block @ counts[0, start:])
        products = resampled[:, start:] @ block.T.astype(np.float32)
        total[1:] += np.einsum("ij,ij->i", products, resampled[:, start : start + BLOCK], dtype=np.float64)
    return total


def _alpha(unequal: Floats, counts: Floats, expected: Floats) -> Floats:
    return 1 - ratio(unequal, ratio(expected, counts.sum(axis=1) - 1))


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
