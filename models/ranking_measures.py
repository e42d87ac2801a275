"""Whether the right codes are among the first suggestions."""

from collections.abc import Mapping

import numpy as np

from models.judgements import Judged
from models.resampling import Estimate, Floats, Resampling, estimate, ratio

AMONG = (1, 3, 5)
NO_LEAF = "None of the segments tested carries a code that can be suggested."


def ranking_names() -> tuple[str, ...]:
    """The names of the measures, in the order of the columns of :func:`ranking_values`."""
    return (*(f"hit@{k}" for k in AMONG), *(f"recall@{k}" for k in AMONG), "mrr")


def ranking_values(judged: Judged) -> Floats:
    """The measures of each segment, 0 for segments without a leaf; shape (segments, measures).

    hit@k: a right code is among the first k; recall@k: the share of the right codes that are; mrr: 1 divided by the
    rank of the first right code.
    """
    right = judged.ranked
    count = np.maximum(right.sum(axis=1), 1)
    hits = [right[:, :k].any(axis=1) for k in AMONG]
    recalls = [right[:, :k].sum(axis=1) / count for k in AMONG]
    first = right.argmax(axis=1) if right.shape[1] else np.zeros(len(right))
    reciprocal = np.where(judged.has_leaf, 1 / (first + 1), 0)
    return np.column_stack([*hits, *recalls, reciprocal]).astype(np.float64)


def ranking(judged: Judged, resampling: Resampling) -> Mapping[str, Estimate]:
    """The means of all measures over the segments that carry a leaf; ``n`` counts these."""
    values = np.column_stack([ranking_values(judged), judged.has_leaf])
    totals = resampling.totals(values)
    n = int(judged.has_leaf.sum())
    samples = ratio(totals[:, :-1], totals[:, -1:] + 0 * totals[:, :-1])
    return {name: estimate(samples[:, column], n=n, reason=NO_LEAF) for column, name in enumerate(ranking_names())}
