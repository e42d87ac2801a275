"""How far coders agree on each code: raw agreement, and four coefficients that take chance into account.

For each code the unit is a segment, and the answer yes or no. Segments that fewer than two coders looked at are left
out throughout. With more than two coders:

- raw agreement: of all pairs of answers to a segment, how many are equal; mean over segments.
- kappa: Cohen (1960) for each pair of coders on the segments that both looked at; the mean over all pairs (Light 1971).
- alpha: Krippendorff (2019), nominal; coders are interchangeable and may miss segments.
- AC1: Gwet (2008), which holds up where a code is rare.
- Brennan & Prediger (1981): chance is an even toss.

Pooled figures take every pair of segment and code as one unit. A coefficient that cannot tell anything is undefined,
with the reason, and never a number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from models.codings import Codings
from models.resampling import Estimate, Floats, Resampling, estimates, ratio, undefined

Figures = Mapping[str, Estimate]

NO_OVERLAP = "No segment was looked at by two coders."
ONE_UNIT = "Only one segment was looked at by two coders."
NEVER = "No coder applied it to any of the segments compared, so there is nothing to agree on."
ALWAYS = "Every coder applied it to each of the segments compared, so nothing can be told from chance."
PAIR_UNDEFINED = "Two of the coders have no segment in common, or gave one and the same answer to all of them."

COEFFICIENTS = ("raw_agreement", "kappa", "alpha", "ac1", "brennan_prediger")


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What the coefficients are functions of: sums over segments, each of shape (1 + resamples, codes).

    Attributes:
        segments: how many units.
        answers: how many answers to them.
        yes: how many of these are yes.
        equal: the share of pairs of answers that are equal.
        yes_share: the share of answers that are yes.
        unequal: Krippendorff's disagreements within a unit.
        pairs: for each pair of coders (units that both answered, both yes, first yes, second yes).
    """

    segments: Floats
    answers: Floats
    yes: Floats
    equal: Floats
    yes_share: Floats
    unequal: Floats
    pairs: Sequence[tuple[Floats, ...]]


def code_agreement(codings: Codings, resampling: Resampling) -> list[Figures]:
    """The figures of each code.

    Args:
        codings: of two or more coders; segments that fewer than two looked at are left out.
        resampling: made for the documents of all segments of ``codings``.

    Returns:
        For each code, figures named as in :data:`COEFFICIENTS`; ``n`` counts segments.
    """
    return _figures(codings, _sums(codings, resampling, pooled=False), len(codings.codes))


def pooled_agreement(codings: Codings, resampling: Resampling) -> Figures:
    """The figures over all pairs of segment and code together, as if of one code; ``n`` counts these pairs."""
    if not codings.codes:
        return dict.fromkeys(COEFFICIENTS, undefined("No coder applied any code to the segments compared."))
    (figures,) = _figures(codings, _sums(codings, resampling, pooled=True), 1, units=len(codings.codes))
    return figures


def empty_coders(codings: Codings) -> list[str]:
    """The coders who applied no code at all to the segments compared: nothing can be said of their agreement."""
    some: list[bool] = np.any(codings.applied[:, codings.compared], axis=(1, 2)).tolist()
    return [coder for coder, has_some in zip(codings.coders, some, strict=True) if not has_some]


def without_chance(figures: Figures, reason: str) -> Figures:
    """The same figures with all coefficients that take chance into account undefined for a reason."""
    return {
        name: figure if name == "raw_agreement" or figure.value is None else undefined(reason, figure.n)
        for name, figure in figures.items()
    }


def _sums(codings: Codings, resampling: Resampling, *, pooled: bool) -> Sums:
    looked = codings.seen.sum(axis=0).astype(np.float64)
    counts = (looked >= 2)[:, None]
    several = np.maximum(looked, 2)[:, None]
    yes = codings.applied.sum(axis=0) * counts.astype(np.float64)
    no = (several - yes) * counts
    width = len(codings.codes) if pooled else 1

    def totals(values: Floats) -> Floats:
        return resampling.totals(values.sum(axis=1, keepdims=True) if pooled else values)

    def of_segments(values: Floats) -> Floats:
        return width * resampling.totals(values)

    pairs = []
    for first, second in combinations(range(len(codings.coders)), 2):
        both = (codings.seen[first] & codings.seen[second])[:, None]
        one, other = codings.applied[first] & both, codings.applied[second] & both
        count = of_segments(both.astype(np.float64))
        pairs.append((count, *(totals(table.astype(np.float64)) for table in (one & other, one, other))))
    return Sums(
        segments=of_segments(counts.astype(np.float64)),
        answers=of_segments(several * counts),
        yes=totals(yes),
        equal=totals((yes * (yes - 1) + no * (no - 1)) / (several * (several - 1)) * counts),
        yes_share=totals(yes / several),
        unequal=totals(2 * yes * no / (several - 1)),
        pairs=pairs,
    )


def _figures(codings: Codings, sums: Sums, count: int, *, units: int = 1) -> list[Figures]:
    compared = len(codings.compared)
    n = compared * units
    if compared < 2:
        return [dict.fromkeys(COEFFICIENTS, undefined(ONE_UNIT if compared else NO_OVERLAP, n)) for _ in range(count)]
    reasons = [NEVER if yes == 0 else ALWAYS for yes in sums.yes[0]]
    one_answer = (sums.yes == 0) | (sums.yes == sums.answers)
    pair_reasons = [reason if alike else PAIR_UNDEFINED for reason, alike in zip(reasons, one_answer[0], strict=True)]
    raw = ratio(sums.equal, np.broadcast_to(sums.segments, sums.equal.shape))
    columns = {
        "raw_agreement": estimates(raw, n=n, reason=NO_OVERLAP),
        "kappa": estimates(np.where(one_answer, np.nan, _kappa(sums)), n=n, reason=pair_reasons),
    }
    for name, samples in (("alpha", _alpha(sums)), ("ac1", _ac1(raw, sums)), ("brennan_prediger", 2 * raw - 1)):
        columns[name] = estimates(np.where(one_answer, np.nan, samples), n=n, reason=reasons)
    return [{name: columns[name][column] for name in COEFFICIENTS} for column in range(count)]


def _kappa(sums: Sums) -> Floats:
    """The mean over the pairs of coders, NaN where it is undefined for one of them."""
    kappas = []
    for count, both, one, other in sums.pairs:
        observed = ratio(count - one - other + 2 * both, count + 0 * both)
        expected = ratio(one * other + (count - one) * (count - other), count**2 + 0 * both)
        kappas.append(ratio(observed - expected, 1 - expected))
    mean: Floats = np.mean(kappas, axis=0)
    return mean


def _alpha(sums: Sums) -> Floats:
    observed = ratio(sums.unequal, sums.answers + 0 * sums.unequal)
    expected = ratio(2 * sums.yes * (sums.answers - sums.yes), sums.answers * (sums.answers - 1))
    return 1 - ratio(observed, expected)


def _ac1(raw: Floats, sums: Sums) -> Floats:
    prevalence = ratio(sums.yes_share, sums.segments + 0 * sums.yes_share)
    expected = 2 * prevalence * (1 - prevalence)
    return ratio(raw - expected, 1 - expected)
