"""The machine against human coding: all measures of some predictions, as one JSON object.

Everything but the learning curve counts each segment once, with what the machine said in the first draw in which it was
tested, at the largest number of shots.
"""

from collections.abc import Sequence
from itertools import combinations, groupby
from typing import Any

import numpy as np

from models.agreement import code_agreement, pooled_agreement
from models.code_measures import along_the_tree, each_code, over_codes, whole_sets
from models.code_set_agreement import set_agreement
from models.codings import CONSENSUS, Codings, codes_of_level, depth
from models.confusions import confusion_matrix, confusion_pairs
from models.judgements import Judged, Study
from models.learning_curve import Prediction, compare_settings, curve_point, first_judged
from models.ranking_measures import ranking
from models.resampling import RESAMPLES, Resampling, figures_to_json
from models.score_measures import abstention, calibration, coverage_curve
from models.site_measures import each_site

KAPPAS = ("kappa", "alpha", "ac1")


def evaluate(
    study: Study, predictions: Sequence[Prediction], *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """All measures.

    Args:
        study: whole.
        predictions: of all folds of a protocol, by number of shots; at least one.
        seed: of the resampling.
        resamples: how many for each interval.

    Returns:
        ``{"curve", "main", "gain"}``: a point of the learning curve for each number of shots; the measures of the last
        one; and how much better it is than the first one, on the segments that both tested, or None if there is but
        one.
    """
    settings = [list(group) for _, group in groupby(predictions, key=lambda one: one.fold.shots)]
    whole = Resampling(documents=study.truth.documents, seed=seed, resamples=resamples)
    _, judged = first_judged(study, settings[-1])
    return {
        "curve": [curve_point(study, setting, whole) for setting in settings],
        "main": {
            "shots": settings[-1][0].fold.shots,
            **measures(judged, seed=seed, resamples=resamples),
        },
        "gain": _gain(study, settings, seed, resamples) if len(settings) > 1 else None,
    }


def measures(judged: Judged, *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Any]:
    """All measures of segments that are judged once each; agreement also on segments without a truth."""
    known = judged.known
    study = known.study
    resampling = Resampling(documents=study.truth.documents, seed=seed, resamples=resamples)
    of_all = Resampling(documents=judged.study.truth.documents, seed=seed, resamples=resamples)
    everything = [code.id for code in study.codebook.codes]
    return {
        "segments": len(study.references),
        "segments_with_code": int(known.has_leaf.sum()),
        "documents": len(set(study.truth.documents)),
        "resampled": resampling.unit,
        "resamples": resamples,
        "seed": seed,
        "warnings": list(resampling.warnings),
        "ranking": figures_to_json(ranking(known, resampling)),
        "overall": _over(study.applied, known.machine_leaves, resampling),
        "hierarchical": figures_to_json(along_the_tree(*known.rolled_up(everything), resampling)),
        "sets": figures_to_json(whole_sets(study.applied, known.machine_leaves, resampling)),
        "levels": [_level(known, level, resampling) for level in range(1, depth(study.codebook) + 1)],
        "codes": _codes(known, _between_humans(judged.study, everything, of_all), resampling),
        "agreement": _agreement(judged, of_all),
        "calibration": calibration(known, resampling),
        "coverage": coverage_curve(known),
        "abstention": abstention(known, resampling),
        "confusions": confusion_pairs(known),
        "confusion_matrix": confusion_matrix(known),
        "sites": each_site(known, seed=seed, resamples=resamples),
    }


def _over(human: Any, machine: Any, resampling: Resampling) -> dict[str, Any]:
    return {name: figures_to_json(figures) for name, figures in over_codes(human, machine, resampling).items()}


def _level(judged: Judged, level: int, resampling: Resampling) -> dict[str, Any]:
    codes = [code.id for code in codes_of_level(judged.study.codebook, level)]
    human, machine = judged.rolled_up(codes)
    used = int((human | machine).any(axis=0).sum())
    return {"level": level, "codes": used, **_over(human, machine, resampling)}


def _codes(judged: Judged, between: Sequence[dict[str, Any]], resampling: Resampling) -> list[dict[str, Any]]:
    """Every code that people or the machine applied, a code counting with all below it, in the codebook's order."""
    study = judged.study
    codes = [code.id for code in study.codebook.codes]
    human, machine = judged.rolled_up(codes)
    truth_and_machine = study.truth.and_(judged.machine).rolled_up(study.codebook, codes)
    agreed = code_agreement(truth_and_machine, resampling)
    rows = []
    for column, row in enumerate(each_code(human, machine, resampling)):
        if row["human"] or row["machine"]:
            path = study.codebook.path(codes[column])
            figures = {name: agreed[column][name].to_json() for name in KAPPAS}
            rows.append(
                {
                    "code": codes[column],
                    "name": path[-1].name,
                    "path": [step.name for step in path],
                    "level": len(path),
                    **row,
                    "figures": row["figures"] | figures,
                    "between_humans": between[column] if between else None,
                }
            )
    return rows


def _between_humans(study: Study, codes: Sequence[str], resampling: Resampling) -> list[dict[str, Any]]:
    """Agreement of the human coders on the same segments; nothing if there is but one coder."""
    if len(study.humans.coders) < 2:
        return []
    figures = code_agreement(study.humans.rolled_up(study.codebook, codes), resampling)
    return [{name: row[name].to_json() for name in KAPPAS} for row in figures]


def _agreement(judged: Judged, resampling: Resampling) -> dict[str, Any]:
    """``{"machine", "humans"}``: the machine with each coder and the consensus, and human with human beside it."""
    study = judged.study
    humans = study.humans
    coders = [humans.of([coder]) for coder in humans.coders]
    if CONSENSUS not in humans.coders and len(coders) > 1:
        coders.append(humans.consensus())
    with_machine = [_pair(judged.machine.and_(coder), resampling) for coder in coders]
    between = [_pair(humans.of(pair), resampling) for pair in combinations(humans.coders, 2)]
    return {"machine": with_machine, "humans": between}


def _pair(codings: Codings, resampling: Resampling) -> dict[str, Any]:
    """Two coders: ``{"coders", "segments", "codes", "pooled", "sets"}``; codes that neither applied are left out."""
    used = codings.used()
    return {
        "coders": list(codings.coders),
        "segments": len(codings.compared),
        "codes": len(used.codes),
        "pooled": figures_to_json(pooled_agreement(used, resampling)),
        "sets": figures_to_json(set_agreement(used, resampling)),
    }


def _gain(study: Study, settings: Sequence[Sequence[Prediction]], seed: int, resamples: int) -> dict[str, Any]:
    (first_rows, first), (last_rows, last) = (first_judged(study, setting) for setting in (settings[0], settings[-1]))
    common = np.intersect1d(first_rows, last_rows)
    before, after = (
        judged.on(np.searchsorted(rows, common)).known for judged, rows in ((first, first_rows), (last, last_rows))
    )
    resampling = Resampling(documents=before.study.truth.documents, seed=seed, resamples=resamples)
    return {
        "from_shots": settings[0][0].fold.shots,
        "to_shots": settings[-1][0].fold.shots,
        "segments": len(before.scores),
        "figures": figures_to_json(compare_settings(before, after, resampling)),
    }
