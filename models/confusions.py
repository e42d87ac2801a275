"""Which code the machine applies where people apply another one."""

from typing import Any

import numpy as np

from models.judgements import Judged
from models.resampling import Floats

MOST_PAIRS = 20
MOST_REFERENCES = 5
# A larger matrix cannot be read.
MATRIX_CODES = 25
NONE = None


def confusion_pairs(judged: Judged) -> list[dict[str, Any]]:
    """The most frequent ``{"human", "machine", "segments", "references"}``, most frequent first.

    In each segment, every leaf that people applied and the machine missed is paired with every leaf that the machine
    applied and people did not; ``human`` or ``machine`` is None where there is no such leaf on that side.
    """
    missed, wrong = _sides(judged)
    counts = missed.T @ wrong
    leaves = (*judged.study.leaves, NONE)
    flat = np.argsort(-counts, axis=None, kind="stable")[:MOST_PAIRS]
    pairs = []
    for human, machine in zip(*np.unravel_index(flat, counts.shape), strict=True):
        if counts[human, machine] > 0:
            rows = np.flatnonzero(missed[:, human] * wrong[:, machine])
            pairs.append(
                {
                    "human": leaves[human],
                    "machine": leaves[machine],
                    "segments": int(counts[human, machine]),
                    "references": [judged.study.references[row] for row in rows[:MOST_REFERENCES]],
                }
            )
    return pairs


def confusion_matrix(judged: Judged) -> dict[str, Any]:
    """``{"codes", "counts", "left_out"}``: rows are what people applied, columns what the machine did, None last.

    On the diagonal stand the segments in which both applied a leaf, beside it the pairs of :func:`confusion_pairs`.
    With many leaves, only those that people applied most often.
    """
    missed, wrong = _sides(judged)
    counts = missed.T @ wrong
    both = (judged.study.applied & judged.machine_leaves).sum(axis=0)
    counts[: len(both), : len(both)][np.diag_indices(len(both))] += both
    often = np.argsort(-judged.study.applied.sum(axis=0), kind="stable")
    shown = np.sort(often[:MATRIX_CODES])
    kept = np.append(shown, len(both))
    return {
        "codes": [*(judged.study.leaves[column] for column in shown), NONE],
        "counts": counts[np.ix_(kept, kept)].astype(int).tolist(),
        "left_out": len(both) - len(shown),
    }


def _sides(judged: Judged) -> tuple[Floats, Floats]:
    """Of each segment, the leaves missed and those applied wrongly; the last column says that there is none."""
    human, machine = judged.study.applied, judged.machine_leaves
    sides = []
    for flags in (human & ~machine, machine & ~human):
        sides.append(np.column_stack([flags, ~flags.any(axis=1)]).astype(np.float64))
    missed, wrong = sides
    # Nothing missed and nothing wrong is no confusion.
    missed[:, -1] *= wrong[:, :-1].any(axis=1)
    wrong[:, -1] *= missed[:, :-1].any(axis=1)
    return missed, wrong
