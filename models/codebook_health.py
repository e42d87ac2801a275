"""What the maintainer of a codebook should look at: codes whose words overlap, and codes that are of no use."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.encoder import Vectors

# Two codes closer than this say much the same, whatever else is in the codebook; below the other, never.
NEARLY_THE_SAME = 0.9
LEAST_SIMILARITY = 0.7
# How far outside the middle half of all pairs one must lie to stand out (the fence of Tukey 1977), in its widths.
FENCE = 1.5
# Fewer rejections are no rule yet.
LEAST_REJECTIONS = 3
DECIMALS = 6


@dataclass(frozen=True, kw_only=True)
class CloseCodes:
    """Two codes whose words are closer than those of the codebook's other pairs.

    Attributes:
        first: position of the one that comes first.
        second: position of the other one.
        similarity: cosine of their vectors, -1 to 1.
    """

    first: int
    second: int
    similarity: float


@dataclass(frozen=True, kw_only=True)
class Overlaps:
    """The pairs that stand out.

    Attributes:
        pairs: closest first.
        usual: the median similarity of all pairs, None where there is none.
        least: from which similarity on a pair counts.
    """

    pairs: Sequence[CloseCodes]
    usual: float | None
    least: float


@dataclass(frozen=True, kw_only=True)
class CodeUse:
    """How often one code was suggested, decided on and applied.

    Attributes:
        suggested: segments for which it was ever suggested.
        accepted: suggestions of it that were accepted.
        rejected: suggestions of it that were rejected, or replaced by another code.
        applied: segments on which it stands.
    """

    code: str
    suggested: int
    accepted: int
    rejected: int
    applied: int


def overlapping_codes(vectors: Vectors) -> Overlaps:
    """Pairs of codes whose words are closer than is usual in their codebook.

    A pair counts if its similarity is at least ``LEAST_SIMILARITY``, and either lies above the upper fence of all pairs
    (the third quartile and ``FENCE`` times the distance between the quartiles) or is ``NEARLY_THE_SAME``.

    Args:
        vectors: unit vectors of the codes' words, shape (codes, dimension).

    Example:
        >>> words = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)
        >>> overlapping_codes(words).pairs
        [CloseCodes(first=0, second=2, similarity=1.0)]
    """
    firsts, seconds = np.triu_indices(len(vectors), 1)
    if not len(firsts):
        return Overlaps(pairs=[], usual=None, least=NEARLY_THE_SAME)
    # Compared as they are shown, so that noise below it decides nothing.
    similarities = np.clip(vectors @ vectors.T, -1, 1)[firsts, seconds].astype(np.float64).round(DECIMALS)
    lower, usual, upper = np.quantile(similarities, (0.25, 0.5, 0.75)).round(DECIMALS)
    least = max(LEAST_SIMILARITY, min(float(upper + FENCE * (upper - lower)), NEARLY_THE_SAME))
    close = np.flatnonzero(similarities >= least)
    ordered = close[np.argsort(-similarities[close], kind="stable")]
    pairs = [
        CloseCodes(first=int(firsts[at]), second=int(seconds[at]), similarity=float(similarities[at])) for at in ordered
    ]
    return Overlaps(pairs=pairs, usual=float(usual), least=least)


def never_suggested(uses: Iterable[CodeUse]) -> list[CodeUse]:
    """Codes that no segment got, in their order; none as long as nothing has been suggested."""
    uses = list(uses)
    return [use for use in uses if not use.suggested] if any(use.suggested for use in uses) else []


def always_rejected(uses: Iterable[CodeUse]) -> list[CodeUse]:
    """Codes rejected ``LEAST_REJECTIONS`` times or more and never accepted, the most rejected ones first."""
    found = [use for use in uses if use.rejected >= LEAST_REJECTIONS and not use.accepted]
    return sorted(found, key=lambda use: -use.rejected)


def never_applied(uses: Iterable[CodeUse]) -> list[CodeUse]:
    """Codes that stand on no segment, in their order; none as long as nothing has been coded."""
    uses = list(uses)
    return [use for use in uses if not use.applied] if any(use.applied for use in uses) else []
