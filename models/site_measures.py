"""How the machine does at each site, and how far sites lie apart.

Each site is resampled for itself: its documents where it has five or more, else its segments.
"""

from typing import Any

import numpy as np

from models.code_measures import NO_CODE
from models.judgements import Judged
from models.protocols import Rows
from models.ranking_measures import NO_LEAF
from models.resampling import Estimate, Floats, Resampling, estimate, ratio, undefined

MEASURES = ("hit@1", "f1")
ONE_SITE = "There are no two sites at which it is defined."
REASONS = {"hit@1": NO_LEAF, "f1": NO_CODE}


def each_site(judged: Judged, *, seed: int, resamples: int) -> dict[str, Any]:
    """``{"sites", "gaps"}``; segments without a site are left out.

    ``sites``: ``{"site", "segments", "documents", "resampled", "figures"}`` of each. ``gaps``: for each measure
    ``{"best", "worst", "difference"}``, the difference between the site with the highest figure and the one with the
    lowest, with the interval of just this difference.
    """
    names = sorted({site for site in judged.study.sites if site is not None})
    samples: dict[str, dict[str, Floats]] = {}
    sites = []
    for number, name in enumerate(names):
        rows = np.array([row for row, site in enumerate(judged.study.sites) if site == name], dtype=np.intp)
        documents = [judged.study.truth.documents[row] for row in rows]
        # Another seed for each site, or sites of one size would be drawn alike.
        resampling = Resampling(documents=documents, seed=seed + number, resamples=resamples)
        samples[name] = _samples(judged, rows, resampling)
        n = {"hit@1": int(judged.has_leaf[rows].sum()), "f1": len(rows)}
        sites.append(
            {
                "site": name,
                "segments": len(rows),
                "documents": len(set(documents)),
                "resampled": resampling.unit,
                "figures": {
                    measure: estimate(samples[name][measure], n=n[measure], reason=REASONS[measure]).to_json()
                    for measure in MEASURES
                },
            }
        )
    return {"sites": sites, "gaps": {measure: _gap(samples, measure, len(judged.scores)) for measure in MEASURES}}


def _samples(judged: Judged, rows: Rows, resampling: Resampling) -> dict[str, Floats]:
    human, machine = judged.study.applied[rows], judged.machine_leaves[rows]
    parts = [judged.first_is_right[rows], judged.has_leaf[rows]]
    parts += [(human & machine).sum(axis=1), human.sum(axis=1) + machine.sum(axis=1)]
    totals = resampling.totals(np.column_stack(parts).astype(np.float64))
    return {"hit@1": ratio(totals[:, 0], totals[:, 1]), "f1": ratio(2 * totals[:, 2], totals[:, 3])}


def _gap(samples: dict[str, dict[str, Floats]], measure: str, n: int) -> dict[str, Any]:
    values = {site: float(found[measure][0]) for site, found in samples.items()}
    defined = {site: value for site, value in values.items() if not np.isnan(value)}
    if len(defined) < 2:
        return {"best": None, "worst": None, "difference": undefined(ONE_SITE, n).to_json()}
    best, worst = max(defined, key=lambda site: defined[site]), min(defined, key=lambda site: defined[site])
    difference: Estimate = estimate(samples[best][measure] - samples[worst][measure], n=n)
    return {"best": best, "worst": worst, "difference": difference.to_json()}
