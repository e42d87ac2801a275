"""Precision, recall and F1 of the machine against people: per code, over codes, along the tree; and whole sets.

The unit is a pair of segment and code. Micro figures count all pairs alike; macro figures are the mean over the codes
that people applied (a code that the machine never applied has precision 0 there); weighted ones weigh these codes by
how often people applied them. Hierarchical figures (Kiritchenko et al. 2006) count every code with all codes above it,
so that the right theme counts although the leaf below it is another.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.codings import Flags
from models.resampling import Estimate, Floats, Resampling, estimate, estimates, figures_to_json, ratio

NO_HUMAN = "People applied it to none of the segments tested."
NO_MACHINE = "The machine applied it to none of the segments tested."
NO_CODE = "Neither people nor the machine applied any code."
NO_CODE_APPLIED = "People applied no code to the segments tested."
NO_CODE_SUGGESTED = "The machine applied no code to the segments tested."
NO_SEGMENT = "No segment was tested."

Figures = Mapping[str, Estimate]


def each_code(human: Flags, machine: Flags, resampling: Resampling) -> list[dict[str, Any]]:
    """``{"human", "machine", "both", "figures": {"precision", "recall", "f1"}}`` of each code; ``n`` counts segments.

    Args:
        human: shape (segments, codes).
        machine: the same shape.
        resampling: made for the documents of the segments.
    """
    both, of_human, of_machine = _sums(human, machine, resampling)
    columns = {
        "precision": (ratio(both, of_machine), of_machine[0], NO_MACHINE),
        "recall": (ratio(both, of_human), of_human[0], NO_HUMAN),
        "f1": (ratio(2 * both, of_human + of_machine), (of_human + of_machine - both)[0], NO_CODE),
    }
    found = {
        name: estimates(samples, n=counts.astype(int).tolist(), reason=reason)
        for name, (samples, counts, reason) in columns.items()
    }
    return [
        {
            "human": int(of_human[0, column]),
            "machine": int(of_machine[0, column]),
            "both": int(both[0, column]),
            "figures": figures_to_json({name: found[name][column] for name in columns}),
        }
        for column in range(human.shape[1])
    ]


def over_codes(human: Flags, machine: Flags, resampling: Resampling) -> dict[str, Figures]:
    """Precision, recall and F1 as ``micro``, ``macro`` and ``weighted``; ``n`` counts segments."""
    both, of_human, of_machine = _sums(human, machine, resampling)
    n = len(human)
    used = of_human > 0
    shares = {
        "precision": np.where(used, np.nan_to_num(ratio(both, of_machine)), 0),
        "recall": np.where(used, np.nan_to_num(ratio(both, of_human)), 0),
        "f1": np.where(used, np.nan_to_num(ratio(2 * both, of_human + of_machine)), 0),
    }
    count, total = used.sum(axis=1).astype(np.float64), of_human.sum(axis=1)
    macro = {name: ratio(values.sum(axis=1), count) for name, values in shares.items()}
    weighted = {name: ratio((values * of_human).sum(axis=1), total) for name, values in shares.items()}
    return {
        "micro": micro(*(part.sum(axis=1) for part in (both, of_human, of_machine)), n=n),
        "macro": {name: estimate(values, n=n, reason=NO_CODE_APPLIED) for name, values in macro.items()},
        "weighted": {name: estimate(values, n=n, reason=NO_CODE_APPLIED) for name, values in weighted.items()},
    }


def micro(both: Floats, of_human: Floats, of_machine: Floats, *, n: int) -> Figures:
    """Precision, recall and F1 from sums of shape (1 + resamples,)."""
    return {
        "precision": estimate(ratio(both, of_machine), n=n, reason=NO_CODE_SUGGESTED),
        "recall": estimate(ratio(both, of_human), n=n, reason=NO_CODE_APPLIED),
        "f1": estimate(ratio(2 * both, of_human + of_machine), n=n, reason=NO_CODE),
    }


def along_the_tree(human: Flags, machine: Flags, resampling: Resampling) -> Figures:
    """Hierarchical precision, recall and F1.

    Args:
        human: with a column for each code of the tree, a code counting with all below it, shape (segments, codes).
        machine: the same.
        resampling: made for the documents of the segments.
    """
    return micro(*(part.sum(axis=1) for part in _sums(human, machine, resampling)), n=len(human))


def whole_sets(human: Flags, machine: Flags, resampling: Resampling) -> Figures:
    """``exact``: the share of segments with just the same codes; ``jaccard``: the mean share of codes in common."""
    common, either = (human & machine).sum(axis=1), (human | machine).sum(axis=1)
    jaccard = np.where(either == 0, 1.0, common / np.maximum(either, 1))
    values = np.column_stack([(common == either).astype(np.float64), jaccard, np.ones(len(human))])
    totals = resampling.totals(values)
    exact, mean = ratio(totals[:, 0], totals[:, 2]), ratio(totals[:, 1], totals[:, 2])
    found = {"exact": exact, "jaccard": mean}
    return {name: estimate(samples, n=len(human), reason=NO_SEGMENT) for name, samples in found.items()}


def _sums(human: Flags, machine: Flags, resampling: Resampling) -> tuple[Floats, Floats, Floats]:
    """How often both, people, and the machine applied each code; each of shape (1 + resamples, codes)."""
    both, of_human, of_machine = (
        resampling.totals(flags.astype(np.float64)) for flags in (human & machine, human, machine)
    )
    return both, of_human, of_machine
