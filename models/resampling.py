"""Intervals by resampling: how far a figure could have come out otherwise, had other transcripts been collected.

Segments of one transcript resemble each other, so whole transcripts are drawn, with replacement (the cluster
bootstrap: Davison & Hinkley 1997, section 3.8). Figures are functions of sums over segments; the sums of all
resamples are one matrix product, and a figure is computed for all of them at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

RESAMPLES = 1_000
LEVEL = 0.95
# With so few transcripts the percentiles of a bootstrap over them are too narrow.
FEW_TRANSCRIPTS = 15
# With fewer still there are hardly any different resamples, so segments are drawn.
LEAST_TRANSCRIPTS = 5
# An interval over few of the resamples would be one over the convenient ones.
LEAST_DEFINED = 0.9
# What is multiplied at once, in numbers.
CHUNK = 20_000_000


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One figure.

    Attributes:
        value: None where it is undefined.
        low: where its 95 % interval begins; None where there is no interval.
        high: where its interval ends.
        n: how many units it rests on.
        reason: why it is undefined, in one sentence; None if it is defined.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Its fields as a JSON object."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n, "reason": self.reason}


def undefined(reason: str, n: int = 0) -> Estimate:
    """A figure that cannot be computed, and why."""
    return Estimate(value=None, n=n, reason=reason)


def figures_to_json(figures: Mapping[str, Estimate]) -> dict[str, Any]:
    """Figures by name as a JSON object."""
    return {name: figure.to_json() for name, figure in figures.items()}


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """Draws transcripts, or segments where there are too few transcripts.

    Attributes:
        documents: the transcript of each segment, in the order of the segments.
        seed: of the draws; the same seed, documents and number give the same resamples.
        resamples: how many are drawn.

    Example:
        >>> drawn = Resampling(documents=("a", "b"), resamples=3)
        >>> drawn.unit, drawn.totals(np.array([[1.0], [2.0]])).shape
        ('segment', (4, 1))
    """

    documents: Sequence[str]
    seed: int = 0
    resamples: int = RESAMPLES
    _names: Sequence[str] = field(init=False, repr=False)
    _clusters: Integers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names, clusters = np.unique(np.asarray(self.documents, dtype=object), return_inverse=True)
        object.__setattr__(self, "_names", tuple(names))
        object.__setattr__(self, "_clusters", clusters.astype(np.int64))

    @property
    def unit(self) -> str:
        """What is drawn: "document" or "segment"."""
        return "document" if len(self._names) >= LEAST_TRANSCRIPTS else "segment"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to say beside the intervals; nothing if there are enough transcripts."""
        count = len(self._names)
        if count < LEAST_TRANSCRIPTS:
            return (
                f"There are only {count} transcripts, so intervals come from resampling segments as if each stood "
                "for itself; they are too narrow where segments of one transcript resemble each other.",
            )
        if count < FEW_TRANSCRIPTS:
            return (
                f"There are only {count} transcripts: intervals from resampling fewer than {FEW_TRANSCRIPTS} tend to "
                "be too narrow.",
            )
        return ()

    def totals(self, values: Floats) -> Floats:
        """Sums over the segments.

        Args:
            values: shape (segments, figures).

        Returns:
            Shape (1 + resamples, figures): first the sums over the segments as they are, then over each resample.
        """
        by_cluster = self._by_cluster(values)
        width = max(1, CHUNK // max(1, len(by_cluster)))
        drawn = [self._weights @ by_cluster[:, start : start + width] for start in range(0, values.shape[1], width)]
        return np.vstack([by_cluster.sum(axis=0, keepdims=True), np.hstack(drawn)]) if drawn else self._nothing

    def totals_of_kinds(self, segments: Integers, kinds: Integers, values: Floats, count: int) -> Floats:
        """Sums for each of many kinds, of which a segment has few.

        Args:
            segments: which segment each value belongs to, shape (values,).
            kinds: which kind it is of, from 0, shape (values,).
            values: shape (values,).
            count: how many kinds there are.

        Returns:
            Shape (1 + resamples, count), as of :meth:`totals`.
        """
        # Imported here because it takes time, and the service does not need it to start.
        from scipy.sparse import coo_array

        clusters = segments if self.unit == "segment" else self._clusters[segments]
        size = len(self._clusters) if self.unit == "segment" else len(self._names)
        table = coo_array((values, (clusters, kinds)), shape=(size, count)).tocsr()
        drawn = (table.T @ self._weights.T).T
        return np.vstack([table.sum(axis=0)[None], drawn])

    @property
    def _nothing(self) -> Floats:
        return np.zeros((1 + self.resamples, 0))

    def _by_cluster(self, values: Floats) -> Floats:
        if self.unit == "segment":
            return values.astype(np.float64)
        order = np.argsort(self._clusters, kind="stable")
        starts = np.searchsorted(self._clusters[order], np.arange(len(self._names)))
        sums: Floats = np.add.reduceat(values[order].astype(np.float64), starts, axis=0)
        return sums

    def segment_weights(self) -> Floats:
        """How often each segment is in each resample, the sample as it is first; shape (1 + resamples, segments)."""
        weights = self._weights if self.unit == "segment" else self._weights[:, self._clusters]
        return np.vstack([np.ones((1, len(self._clusters))), weights])

    @cached_property
    def _weights(self) -> Floats:
        """How often each document or segment is drawn, shape (resamples, documents or segments)."""
        count = len(self._names) if self.unit == "document" else len(self._clusters)
        random = np.random.default_rng(self.seed)
        if not count:
            return np.zeros((self.resamples, 0))
        draws = random.integers(count, size=(self.resamples, count)) + count * np.arange(self.resamples)[:, None]
        weights = np.bincount(draws.ravel(), minlength=self.resamples * count).reshape(self.resamples, count)
        return weights.astype(np.float64)


def estimates(samples: Floats, *, n: int | Sequence[int], reason: str | Sequence[str]) -> list[Estimate]:
    """Figures with their percentile intervals.

    Args:
        samples: shape (1 + resamples, figures), NaN where undefined; first the figures as they are.
        n: how many units they rest on, for all or for each.
        reason: why a figure is undefined where it is, for all or for each.

    Returns:
        One estimate for each column. There is no interval where the figure is undefined in more than a tenth
        of the resamples.
    """
    lows, highs = _percentiles(samples[1:])
    count = samples.shape[1]
    numbers = [n] * count if isinstance(n, int) else n
    reasons = [reason] * count if isinstance(reason, str) else reason
    found = zip(samples[0].tolist(), lows.tolist(), highs.tolist(), numbers, reasons, strict=True)
    return [
        undefined(why, number)
        if np.isnan(value)
        else Estimate(value=value, low=_or_none(low), high=_or_none(high), n=number)
        for value, low, high, number, why in found
    ]


def estimate(samples: Floats, *, n: int, reason: str = "") -> Estimate:
    """One figure with its interval, from samples of shape (1 + resamples,); see :func:`estimates`."""
    (found,) = estimates(samples[:, None], n=n, reason=reason)
    return found


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, NaN where the denominator is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: Floats = np.where(denominator == 0, np.nan, numerator / np.where(denominator == 0, 1, denominator))
    return quotient


def _percentiles(resampled: Floats) -> tuple[Floats, Floats]:
    """Of the defined resamples, NaN where too few are."""
    ordered = np.sort(resampled, axis=0)
    defined = (~np.isnan(ordered)).sum(axis=0)
    low, high = ((1 - LEVEL) / 2, 1 - (1 - LEVEL) / 2)
    enough = (defined >= LEAST_DEFINED * len(resampled)) & (defined > 0)
    ends = [_quantile(ordered, defined, share) for share in (low, high)]
    return tuple(np.where(enough, end, np.nan) for end in ends)  # type: ignore[return-value] # two of them


def _quantile(ordered: Floats, defined: npt.NDArray[np.intp], share: float) -> Floats:
    """By linear interpolation, as numpy's default; NaN stands last in each column."""
    if not len(ordered):
        return np.full(ordered.shape[1], np.nan)
    position = share * np.maximum(defined - 1, 0)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(defined - 1, 0))
    columns = np.arange(ordered.shape[1])
    first, second = ordered[below, columns], ordered[above, columns]
    between: Floats = first + (position - below) * (second - first)
    return between


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
